import Foundation
import Kernels
import Testing

@Suite struct CrossEntropyTests {
    @Test func confidentLogitsKeepTheirDigits() {
        let logits = Matrix([40, -40, 0, 0], columns: 2)
        #expect(abs(CrossEntropy().loss(logits, targets: .one([0, 1])) - log(2) / 2) < 1e-12)
        #expect(abs(CrossEntropy().loss(logits, targets: .one([1, 1])) - (80 + log(2)) / 2) < 1e-9)
    }

    /// What PyTorch's `BCEWithLogitsLoss` says of the same numbers in double precision, plain and smoothed by 0.2.
    @Test(arguments: [
        (
            0.0, 7.325478010079718,
            [-0.01986715367035295, 0.030404253967726058, -0.07297058318570032, 1.0 / 6, 0, -0.15876235447040554]
        ),
        (
            0.2, 7.337978010079719,
            [
                -0.0032004870036862845, 0.01373758730105939, -0.05630391651903366, 0.15, -1.0 / 60,
                -0.14209568780373888,
            ]
        ),
    ])
    func severalLabelsCostWhatPyTorchSays(_ smoothing: Double, loss: Double, gradient: [Double]) {
        let logits = Matrix([2, -1.5, 0.25, 40, -40, -3], columns: 3)
        let targets = Targets.several([[0, 2], [2]])
        let objective = CrossEntropy(labelSmoothing: smoothing)
        #expect(abs(objective.loss(logits, targets: targets) - loss) < 1e-12)
        let found = objective.gradient(logits, targets: targets).values
        #expect(zip(found, gradient).allSatisfy { abs(Double($0) - $1) < 1e-7 })
        // A batch in two parts.
        let parts = [0, 1].map { row in
            objective.loss(Matrix(logits.row(row), columns: 3), targets: targets.at([row]), total: 2)
        }
        #expect(abs(parts[0] + parts[1] - loss) < 1e-12)
    }

    /// The mean of (z − y)², and finite differences of it.
    @Test func numbersCostTheirSquaredErrors() {
        let (logits, numbers) = ([2, -1.5, 0.25] as [Float], [1.5, 2, 0.25])
        let targets = Targets.numbers(numbers)
        func loss(_ logits: [Float]) -> Double { CrossEntropy().loss(Matrix(logits, columns: 1), targets: targets) }
        #expect(abs(loss(logits) - (0.25 + 12.25) / 3) < 1e-12)
        let gradient = CrossEntropy().gradient(Matrix(logits, columns: 1), targets: targets).values
        for place in logits.indices {
            var (above, below) = (logits, logits)
            (above[place], below[place]) = (above[place] + 0.25, below[place] - 0.25)
            #expect(abs((loss(above) - loss(below)) / 0.5 - Double(gradient[place])) < 1e-6)
        }
        let parts = (0..<3).map {
            CrossEntropy().loss(Matrix([logits[$0]], columns: 1), targets: targets.at([$0]), total: 3)
        }
        #expect(abs(parts.reduce(0, +) - loss(logits)) < 1e-12)
        #expect(Targets(joining: [targets, targets]) == .numbers(numbers + numbers))
    }
}
