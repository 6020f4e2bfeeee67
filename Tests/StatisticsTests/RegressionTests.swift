import Foundation
import Kernels
import Statistics
import Testing

/// Against scikit-learn and SciPy; `scripts/fixtures/regression.py` has written the file.
@Suite struct RegressionTests {
    struct Fixtures: Decodable {
        struct Case: Decodable {
            let actual, predicted: [Double]
            let mse, mae: Double
            let pearson, spearman: Double?

            var pairs: NumberPairs { NumberPairs(actual: actual, predicted: predicted) }
        }
        struct Counted: Decodable {
            let `case`: Int
            let counts: [Int]
            let mse, mae, pearson, spearman: Double
        }
        let cases: [Case]
        let counted: Counted
    }

    static func fixtures() throws -> Fixtures {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/regression.json")
        return try JSONDecoder().decode(Fixtures.self, from: Data(contentsOf: file))
    }

    static func agree(_ found: RegressionFigures, _ expected: [Double?]) -> Bool {
        zip(found.values, expected).allSatisfy { found, expected in
            guard let found, let expected else { return found == nil && expected == nil }
            return abs(found - expected) <= 1e-9 * max(1, abs(expected))
        }
    }

    @Test func figuresAreThoseOfScikitLearnAndSciPy() throws {
        let fixtures = try Self.fixtures()
        for (number, one) in fixtures.cases.enumerated() {
            let found = one.pairs.figures()
            #expect(Self.agree(found, [one.mse, one.mae, one.pearson, one.spearman]), "\(number): \(found)")
        }
        let counted = fixtures.counted
        let found = fixtures.cases[counted.case].pairs.figures(counted.counts)
        #expect(Self.agree(found, [counted.mse, counted.mae, counted.pearson, counted.spearman]), "\(found)")
    }

    /// About as wide as two standard errors to each side; the same whatever the number of threads.
    @Test func intervalsHoldTheFigures() throws {
        let pairs = try Self.fixtures().cases[6].pairs
        let (found, figures) = (bootstrapIntervals(of: pairs, on: Workers(count: 2)), pairs.figures())
        #expect(found == bootstrapIntervals(of: pairs, on: Workers(count: 1)))
        #expect(found.mse.contains(figures.mse) && found.mae.contains(figures.mae))
        #expect(try found.pearson?.contains(#require(figures.pearson)) == true)
        let errors = zip(pairs.actual, pairs.predicted).map { abs($0 - $1) }
        let spread =
            (errors.reduce(0) { $0 + ($1 - figures.mae) * ($1 - figures.mae) } / 40).squareRoot() / 40.0.squareRoot()
        #expect(abs((found.mae.high - found.mae.low) / (2 * 1.96 * spread) - 1) < 0.1)
        // Draws of one number alone have no correlation.
        #expect(
            bootstrapIntervals(of: NumberPairs(actual: [1, 2], predicted: [1, 3]), on: Workers(count: 1)).pearson == nil
        )
    }

    @Test func twoRegressionsDifferByWhatTheyDo() throws {
        let pairs = try Self.fixtures().cases[7].pairs
        let worse = NumberPairs(actual: pairs.actual, predicted: pairs.predicted.map { $0 + 2 })
        let found = pairedBootstrap(pairs, worse, on: Workers(count: 2))
        let (mse, pearson) = (try #require(found[0]), try #require(found[2]))
        #expect(mse.interval.low > 0 && mse.p < 0.001)
        #expect(abs(mse.difference - (worse.figures().mse - pairs.figures().mse)) < 1e-12)
        // A shift changes no correlation.
        #expect(abs(pearson.difference) < 1e-9)
        #expect(pairedBootstrap(pairs, pairs, on: Workers(count: 2))[1]?.p == 1)
    }
}
