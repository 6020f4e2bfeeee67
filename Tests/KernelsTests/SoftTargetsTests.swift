import Foundation
import Kernels
import Testing

/// A teacher beside the labels.
@Suite struct SoftTargetsTests {
    static let student: [Float] = [0.5, -1.25, 2, -0.25, 0.75, 0.125]
    static let teacher: [[Float]] = [[2, 0.5, -1], [-0.5, 1.5, 0.25]]

    static func objective(_ shares: [Float], temperature: Double = 2, smoothing: Double = 0) -> CrossEntropy {
        var objective = CrossEntropy(labelSmoothing: smoothing, classWeights: [1, 2, 0.5])
        objective.teacher = SoftTargets(logits: teacher, shares: shares, temperature: temperature)
        return objective
    }

    /// The formula, written out for plain probabilities.
    @Test func costsWhatTheFormulaSays() {
        let (z, t) = (Self.student.map { exp(Double($0) / 2) }, Self.teacher.joined().map { exp(Double($0) / 2) })
        var expected = 0.0
        for row in [0, 3] {
            let (zSum, tSum) = (z[row..<row + 3].reduce(0, +), t[row..<row + 3].reduce(0, +))
            let divergence = (row..<row + 3).reduce(0) { $0 + t[$1] / tSum * log(t[$1] / tSum / (z[$1] / zSum)) }
            expected += 4 * divergence * (row == 0 ? 0.25 : 1)
        }
        let plain = CrossEntropy(classWeights: [1, 2, 0.5])
        expected += 0.75 * plain.loss(Matrix(Array(Self.student[..<3]), columns: 3), targets: .one([2]), total: 1)
        let loss = Self.objective([0.25, 1]).loss(Matrix(Self.student, columns: 3), targets: .one([2, 1]), total: 1)
        #expect(abs(loss - expected) < 1e-12)
    }

    @Test(arguments: [0.5, 1, 4])
    func theGradientIsThatOfTheLoss(_ temperature: Double) {
        let objective = Self.objective([0.25, 1], temperature: temperature, smoothing: 0.1)
        let targets = Targets.one([2, 1])
        let gradient = objective.gradient(Matrix(Self.student, columns: 3), targets: targets).values
        for index in Self.student.indices {
            func loss(_ change: Float) -> Double {
                var logits = Self.student
                logits[index] += change
                return objective.loss(Matrix(logits, columns: 3), targets: targets)
            }
            // Exact in binary, so that the difference is that of the numbers.
            let step: Float = 1 / 1024
            let difference = (loss(step) - loss(-step)) / Double(2 * step)
            #expect(abs(Double(gradient[index]) - difference) < 1e-5, "logit \(index)")
        }
    }

    @Test func aShareOf0IsNoTeacher() {
        let (logits, targets) = (Matrix(Self.student, columns: 3), Targets.one([2, 1]))
        let (taught, plain) = (Self.objective([0, 0]), CrossEntropy(classWeights: [1, 2, 0.5]))
        #expect(taught.loss(logits, targets: targets) == plain.loss(logits, targets: targets))
        #expect(taught.gradient(logits, targets: targets).values == plain.gradient(logits, targets: targets).values)
    }
}
