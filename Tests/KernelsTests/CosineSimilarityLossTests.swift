import Kernels
import TestSupport
import Testing

/// The loss of pairs of texts, against the formula in double precision and its finite differences.
@Suite struct CosineSimilarityLossTests {
    static let workers = Workers(count: 2)
    static let columns = 5

    static func vectors(_ count: Int) -> [Float] {
        var random = RandomNumbers(seed: 3, stream: RandomStream(number: 77))
        return (0..<count * columns).map { _ in random.nextNormal(standardDeviation: 2) }
    }

    @Test(arguments: [
        Targets.one([0, 1, 0, 2, 1, 0, 2]), .one([1, 1, 1]), .one([0, 1, 2]), .one([4]),
        .several([[0], [0, 1], [], [1, 2], [], [0, 1], [2]]),
    ])
    func lossAndGradientAreThoseOfTheFormula(_ targets: Targets) {
        let values = Self.vectors(targets.count)
        func plain(_ values: [Double]) -> Double {
            let rows = (0..<targets.count).map { Array(values[$0 * Self.columns..<($0 + 1) * Self.columns]) }
            return plainCosineSimilarityLoss(rows, labels: (0..<targets.count).map { Set(targets[$0]) })
        }
        var gradient = Matrix()
        let loss = cosineSimilarityLoss(
            Matrix(values, columns: Self.columns), targets: targets, into: &gradient, on: Self.workers)
        let exact = values.map(Double.init)
        #expect(abs(loss - plain(exact)) < 1e-6)
        for (index, found) in gradient.values.enumerated() {
            func changed(_ step: Double) -> Double {
                var values = exact
                values[index] += step
                return plain(values)
            }
            #expect(abs(Double(found) - (changed(1e-5) - changed(-1e-5)) / 2e-5) < 1e-6, "\(index)")
        }
    }

    /// Such a text has no direction, and pairs with it are those of vectors at a right angle.
    @Test func aVectorOfZerosIsNoTrouble() {
        var gradient = Matrix()
        let loss = cosineSimilarityLoss(
            Matrix([0, 0, 1, 2], columns: 2), targets: .one([0, 0]), into: &gradient, on: Self.workers)
        #expect(loss == 1 && gradient.allFinite)
    }
}
