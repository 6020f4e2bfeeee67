import Evaluation
import Experiments
import Foundation
import Kernels
import Statistics
import Testing

/// What `scripts/fixtures/evaluation_figures.py` has written.
private struct Fixtures: Decodable {
    struct Case<Labels: Decodable, Figures: Decodable>: Decodable {
        let labels: Int
        let logits: [Float]
        let probabilities: [Float]
        let actual: [Labels]
        let predicted: [Labels]
        let figures: Figures

        var p: Matrix { Matrix(probabilities.map { $0 / 4096 }, columns: labels) }
        var z: Matrix { Matrix(logits.map { $0 / 8 }, columns: labels) }
    }

    struct Single: Decodable {
        let rocAuc, averagePrecision, mcc, temperature: Double
        let thresholds: [String: [Double]]
        let bootstrap: [Spread]
        let confidentLearning: Confident
        let reliability: Reliability
    }

    struct Several: Decodable {
        let rocAuc, averagePrecision, subsetAccuracy, hammingLoss, temperature: Double
        let labels, averages: [[Double]]
        let confusions: [[[Int]]]
        let bootstrap: [Spread]
        let reliability: Reliability
    }

    struct Reliability: Decodable {
        let ece: Double
        let counts: [Int]
        let accuracies, confidences: [Double?]
    }

    struct Spread: Decodable { let low, high, deviation: Double }

    struct Confident: Decodable {
        let offDiagonal: Int
        let order: [Int]
    }

    let single: [Case<Int, Single>]
    let several: [Case<[Int], Several>]

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Fixtures.self, from: Data(contentsOf: folder.appending(path: "metrics.json")))
    }
}

private func equal(_ a: Double?, _ b: Double?, within tolerance: Double = 1e-9) -> Bool {
    if let a, let b { return abs(a - b) <= tolerance }
    return a == nil && b == nil
}

/// Figures of probabilities and labels, against scikit-learn, scipy, cleanlab and numpy.
@Suite struct MetricsTests {
    private let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    private func check(_ metrics: ProbabilityMetrics, _ reliability: Fixtures.Reliability) {
        #expect(equal(metrics.reliability.expectedError, reliability.ece))
        #expect(metrics.reliability.bins.map(\.count) == reliability.counts)
        for (bin, (accuracy, confidence)) in zip(
            metrics.reliability.bins, zip(reliability.accuracies, reliability.confidences))
        {
            #expect(equal(bin.accuracy, accuracy) && equal(bin.confidence, confidence))
        }
    }

    @Test func areasCorrelationAndCalibrationAgreeWithScikitLearn() {
        #expect(!fixtures.single.isEmpty && !fixtures.several.isEmpty)
        for data in fixtures.single {
            let metrics = ProbabilityMetrics(
                probabilities: data.p, actual: .one(data.actual), predicted: .one(data.predicted))
            #expect(equal(metrics.rocAuc, data.figures.rocAuc))
            #expect(equal(metrics.averagePrecision, data.figures.averagePrecision))
            #expect(equal(metrics.mcc, data.figures.mcc))
            check(metrics, data.figures.reliability)
        }
        for data in fixtures.several {
            let metrics = ProbabilityMetrics(
                probabilities: data.p, actual: .several(data.actual), predicted: .several(data.predicted))
            #expect(equal(metrics.rocAuc, data.figures.rocAuc))
            #expect(equal(metrics.averagePrecision, data.figures.averagePrecision))
            #expect(metrics.mcc == nil)
            check(metrics, data.figures.reliability)
        }
    }

    @Test func reportsOnSeveralLabelsAgreeWithScikitLearn() {
        for data in fixtures.several {
            let names = (0..<data.labels).map(String.init)
            let report = ClassificationReport(
                actual: .several(data.actual), predicted: .several(data.predicted), names: names)
            for (label, figures) in zip(report.labels, data.figures.labels) {
                let ours = [label.precision, label.recall, label.f1, Double(label.support)]
                #expect(zip(ours, figures).allSatisfy { equal($0, $1) })
            }
            #expect(report.labels.map(\.label) == names)
            let averages = report.averages
            for (average, figures) in zip(
                [averages.micro, averages.macro, averages.weighted, averages.samples], data.figures.averages)
            {
                let ours = [average?.precision, average?.recall, average?.f1]
                #expect(zip(ours, figures).allSatisfy { equal($0, $1) })
            }
            #expect(report.confusion == .ofEachLabel(data.figures.confusions))
            #expect(equal(report.accuracy, data.figures.subsetAccuracy))
            #expect(equal(report.hammingLoss, data.figures.hammingLoss))
        }
    }

    @Test func temperaturesAreThoseOfTheLowestLoss() {
        for data in fixtures.single {
            let fitted = Temperature.fitted(to: data.z, targets: .one(data.actual))
            #expect(equal(fitted, data.figures.temperature, within: 1e-6))
        }
        for data in fixtures.several {
            let fitted = Temperature.fitted(to: data.z, targets: .several(data.actual))
            #expect(equal(fitted, data.figures.temperature, within: 1e-6))
        }
    }

    @Test func logitsDividedByThreeWantAThirdOfTheTemperature() {
        let (data, third) = (fixtures.single[0], fixtures.single[0].logits.map { $0 / 24 })
        let scaled = Temperature.fitted(to: Matrix(third, columns: data.labels), targets: .one(data.actual))
        #expect(equal(3 * scaled, data.figures.temperature, within: 1e-6))
    }

    @Test(arguments: ThresholdMetric.allCases) func thresholdsAreThoseOfABruteForce(_ metric: ThresholdMetric) throws {
        for data in fixtures.single where data.labels == 2 {
            let p = (0..<data.p.rows).map { data.p.row($0)[1] }
            let best = metric.bestThreshold(positive: p, isPositive: data.actual.map { $0 == 1 })
            let expected = try #require(data.figures.thresholds[metric.rawValue])
            #expect(equal(best.threshold, expected[0]) && equal(best.value, expected[1]))
        }
    }

    /// Two bootstraps differ by chance: their percentiles by some hundredths of a standard deviation, and accuracy by the share
    /// of one text.
    @Test func intervalsAgreeWithNumpysBootstrap() {
        func check(_ ours: (accuracy: Interval, macroF1: Interval), _ theirs: [Fixtures.Spread], texts: Int) {
            for (ours, theirs) in zip([ours.accuracy, ours.macroF1], theirs) {
                let tolerance = 0.1 * theirs.deviation + 1 / Double(texts)
                #expect(equal(ours.low, theirs.low, within: tolerance))
                #expect(equal(ours.high, theirs.high, within: tolerance))
            }
        }
        let workers = Workers(count: 3)
        for data in fixtures.single {
            let ours = bootstrapIntervals(
                actual: .one(data.actual), predicted: .one(data.predicted), labels: data.labels, resamples: 20_000,
                on: workers)
            check(ours, data.figures.bootstrap, texts: data.actual.count)
        }
        for data in fixtures.several {
            let ours = bootstrapIntervals(
                actual: .several(data.actual), predicted: .several(data.predicted), labels: data.labels,
                resamples: 20_000, on: workers)
            check(ours, data.figures.bootstrap, texts: data.actual.count)
        }
    }

    /// Of many texts, the interval of accuracy is ±1.96 √(Σ nₖ aₖ (1 − aₖ)) / n with aₖ the accuracy of the nₖ texts of label k.
    @Test func theIntervalOfManyTextsIsNormal() {
        let (counts, right) = ([6000, 2000], [5400, 1000])
        let actual = [Int](repeating: 0, count: counts[0]) + [Int](repeating: 1, count: counts[1])
        let predicted = actual.indices.map { row in
            actual[row] == 0 ? (row < right[0] ? 0 : 1) : (row - counts[0] < right[1] ? 1 : 0)
        }
        func interval(seed: UInt64, threads: Int) -> Interval {
            bootstrapIntervals(
                actual: .one(actual), predicted: .one(predicted), labels: 2, seed: seed, on: Workers(count: threads)
            ).accuracy
        }
        let ours = interval(seed: 1, threads: 2)
        let deviation = (6000 * 0.9 * 0.1 + 2000 * 0.5 * 0.5).squareRoot() / 8000
        #expect(equal(ours.low, 0.8 - 1.96 * deviation, within: 0.3 * deviation))
        #expect(equal(ours.high, 0.8 + 1.96 * deviation, within: 0.3 * deviation))
        #expect(interval(seed: 1, threads: 1) == ours)
        #expect(interval(seed: 2, threads: 2) != ours)
    }

    @Test func suspectsAreThoseOfCleanlab() {
        for data in fixtures.single {
            let result = ConfidentLearning(probabilities: data.p, given: data.actual)
            let expected = data.figures.confidentLearning
            #expect(result.issues.map(\.index) == expected.order)
            #expect(result.issues.count { $0.isOffDiagonal } == expected.offDiagonal)
            #expect(result.issues.prefix(expected.offDiagonal).allSatisfy { $0.isOffDiagonal })
            for issue in result.issues {
                let (p, given) = (data.p.row(issue.index), data.actual[issue.index])
                #expect(issue.confidence == p[given] && issue.suggested != given)
            }
        }
    }

    /// One text, one label for all, and probabilities of 0 and 1.
    @Test(arguments: [
        Degenerate([0.25, 0.75], actual: [1], predicted: [1], accuracy: 1),
        Degenerate([0.25, 0.75], actual: [0], predicted: [1], accuracy: 0),
        Degenerate([0.5, 0.5, 0.5, 0.5], actual: [0, 1], predicted: [0, 0], accuracy: 0.5),
        Degenerate([1, 0, 0, 1], actual: [0, 1], predicted: [0, 1], accuracy: 1),
        Degenerate([1, 0, 0, 1], actual: [1, 0], predicted: [0, 1], accuracy: 0),
    ])
    fileprivate func whatHasNoSpreadHasFigures(_ data: Degenerate) {
        let (p, actual, predicted, workers) = (data.probabilities, data.actual, data.predicted, Workers(count: 2))
        let (all, none) = (actual.map { [$0] }, actual.map { _ in [Int]() })
        let metrics = [
            ProbabilityMetrics(probabilities: p, actual: .one(actual), predicted: .one(predicted)),
            ProbabilityMetrics(probabilities: p, actual: .several(all), predicted: .several(none)),
            ProbabilityMetrics(probabilities: p, actual: .several(none), predicted: .several(all)),
        ]
        for metrics in metrics {
            let figures = [
                metrics.rocAuc, metrics.averagePrecision, metrics.mcc, metrics.reliability.expectedError,
            ]
            #expect(figures.compactMap { $0 }.allSatisfy { $0.isFinite })
        }
        #expect((metrics[0].rocAuc == nil) == (actual.count == 1))
        #expect(metrics[2].averagePrecision == nil)
        let intervals = bootstrapIntervals(
            actual: .one(actual), predicted: .one(predicted), labels: 2, on: workers)
        if data.accuracy != 0.5 {
            #expect(intervals.accuracy.low == data.accuracy && intervals.accuracy.high == data.accuracy)
        }
        let wrong = bootstrapIntervals(actual: .several(all), predicted: .several(none), labels: 2, on: workers)
        #expect(wrong.macroF1.high == 0)
        let empty = ClassificationReport(actual: .several(none), predicted: .several(none), names: ["a", "b"])
        let averages = [empty.averages.micro?.f1, empty.averages.weighted.f1, empty.averages.samples?.f1]
        #expect(empty.accuracy == 1 && averages == [0, 0, 0])
        for metric in ThresholdMetric.allCases {
            let best = metric.bestThreshold(
                positive: actual.indices.map { p.row($0)[1] }, isPositive: actual.map { $0 == 1 })
            #expect((0...1).contains(best.threshold) && best.value.isFinite)
        }
        for targets in [Targets.one(actual), .several(all)] {
            #expect((0.01...100).contains(Temperature.fitted(to: p, targets: targets)))
        }
        let result = ConfidentLearning(probabilities: p, given: actual)
        #expect(result.issues.map(\.index).sorted() == Array(actual.indices))
    }

    /// Where every answer is right, more confidence is always better; where every one is wrong, less.
    @Test func temperaturesEndWhereTheSearchDoes() {
        func fitted(_ logits: [Float]) -> Double {
            Temperature.fitted(to: Matrix(logits, columns: 2), targets: .one([1, 0]))
        }
        #expect(fitted([0, 900, 900, 0]) == 0.01)
        #expect(fitted([900, 0, 0, 900]) == 100)
        #expect(fitted([7, 7, 7, 7]) == 1)
    }

    @Test func allRightAndAllWrongAreTheEndsOfTheScales() {
        func metrics(_ actual: [Int]) -> ProbabilityMetrics {
            ProbabilityMetrics(
                probabilities: Matrix([0, 1, 1, 0], columns: 2), actual: .one(actual), predicted: .one([1, 0]))
        }
        #expect(metrics([1, 0]).rocAuc == 1 && metrics([1, 0]).mcc == 1 && metrics([0, 1]).mcc == -1)
        #expect(metrics([1, 0]).reliability.expectedError == 0 && metrics([0, 1]).reliability.expectedError == 1)
    }
}

/// A few texts with two labels, and answers to them.
private struct Degenerate: Sendable, CustomTestStringConvertible {
    let values: [Float]
    let actual: [Int]
    let predicted: [Int]
    let accuracy: Double

    init(_ values: [Float], actual: [Int], predicted: [Int], accuracy: Double) {
        (self.values, self.actual, self.predicted, self.accuracy) = (values, actual, predicted, accuracy)
    }

    var probabilities: Matrix { Matrix(values, columns: 2) }
    var testDescription: String { "\(values), actual \(actual), predicted \(predicted)" }
}
