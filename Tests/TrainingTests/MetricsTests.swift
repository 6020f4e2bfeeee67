import Foundation
import Kernels
import Statistics
import Testing
import Evaluation
import Experiments
import Inference
import Training

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
        #expect(equal(metrics.ece, reliability.ece))
        #expect(metrics.reliability.map(\.count) == reliability.counts)
        for (bin, (accuracy, confidence)) in zip(
            metrics.reliability, zip(reliability.accuracies, reliability.confidences))
        {
            #expect(equal(bin.accuracy, accuracy) && equal(bin.confidence, confidence))
        }
    }

    @Test func probabilityMetrics() {
        #expect(!fixtures.single.isEmpty && !fixtures.several.isEmpty)
        for data in fixtures.single {
            let metrics = ProbabilityMetrics(
                probabilities: data.p, actual: data.actual, predicted: data.predicted)
            #expect(equal(metrics.rocAuc, data.figures.rocAuc))
            #expect(equal(metrics.averagePrecision, data.figures.averagePrecision))
            #expect(equal(metrics.mcc, data.figures.mcc))
            check(metrics, data.figures.reliability)
        }
        for data in fixtures.several {
            let metrics = ProbabilityMetrics(
                probabilities: data.p, actual: data.actual, predicted: data.predicted)
            #expect(equal(metrics.rocAuc, data.figures.rocAuc))
            #expect(equal(metrics.averagePrecision, data.figures.averagePrecision))
            #expect(metrics.mcc == nil)
            check(metrics, data.figures.reliability)
        }
    }

    @Test func multiLabelReport() {
        for data in fixtures.several {
            let names = (0..<data.labels).map(String.init)
            let report = MultiLabelReport(actual: data.actual, predicted: data.predicted, names: names)
            for (label, figures) in zip(report.labels, data.figures.labels) {
                let ours = [label.precision, label.recall, label.f1, Double(label.support)]
                #expect(zip(ours, figures).allSatisfy { equal($0, $1) })
            }
            #expect(report.labels.map(\.label) == names)
            for (average, figures) in zip(
                [report.micro, report.macro, report.weighted, report.samples], data.figures.averages)
            {
                #expect(zip([average.precision, average.recall, average.f1], figures).allSatisfy { equal($0, $1) })
            }
            #expect(report.confusions == data.figures.confusions)
            #expect(equal(report.subsetAccuracy, data.figures.subsetAccuracy))
            #expect(equal(report.hammingLoss, data.figures.hammingLoss))
        }
    }

    @Test func temperatures() {
        for data in fixtures.single {
            #expect(equal(temperature(fittedTo: data.z, targets: data.actual), data.figures.temperature, within: 1e-6))
        }
        for data in fixtures.several {
            #expect(equal(temperature(fittedTo: data.z, targets: data.actual), data.figures.temperature, within: 1e-6))
        }
        // Logits divided by 3 want a third of the temperature.
        let (data, third) = (fixtures.single[0], fixtures.single[0].logits.map { $0 / 24 })
        let scaled = temperature(fittedTo: Matrix(third, columns: data.labels), targets: data.actual)
        #expect(equal(3 * scaled, data.figures.temperature, within: 1e-6))
    }

    @Test(arguments: ThresholdMetric.allCases) func thresholds(_ metric: ThresholdMetric) throws {
        for data in fixtures.single where data.labels == 2 {
            let p = (0..<data.p.rows).map { data.p.row($0)[1] }
            let best = bestThreshold(for: metric, positive: p, isPositive: data.actual.map { $0 == 1 })
            let expected = try #require(data.figures.thresholds[metric.rawValue])
            #expect(equal(best.threshold, expected[0]) && equal(best.value, expected[1]))
        }
    }

    /// Two bootstraps differ by chance: their percentiles by some hundredths of a standard deviation, and accuracy by the share
    /// of one text.
    @Test func bootstrap() {
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
                actual: data.actual, predicted: data.predicted, labels: data.labels, resamples: 20_000, on: workers)
            check(ours, data.figures.bootstrap, texts: data.actual.count)
        }
        for data in fixtures.several {
            let ours = bootstrapIntervals(
                actual: data.actual, predicted: data.predicted, labels: data.labels, resamples: 20_000, on: workers)
            check(ours, data.figures.bootstrap, texts: data.actual.count)
        }
    }

    /// Of many texts, the interval of accuracy is ±1.96 √(Σ nₖ aₖ (1 − aₖ)) / n with aₖ the accuracy of the nₖ texts of label k.
    @Test func bootstrapOfManyTextsIsNormal() {
        let (counts, right) = ([6000, 2000], [5400, 1000])
        let actual = [Int](repeating: 0, count: counts[0]) + [Int](repeating: 1, count: counts[1])
        let predicted = actual.indices.map { row in
            actual[row] == 0 ? (row < right[0] ? 0 : 1) : (row - counts[0] < right[1] ? 1 : 0)
        }
        func interval(seed: UInt64, threads: Int) -> Interval {
            bootstrapIntervals(
                actual: actual, predicted: predicted, labels: 2, seed: seed, on: Workers(count: threads)
            ).accuracy
        }
        let ours = interval(seed: 1, threads: 2)
        let deviation = (6000 * 0.9 * 0.1 + 2000 * 0.5 * 0.5).squareRoot() / 8000
        #expect(equal(ours.low, 0.8 - 1.96 * deviation, within: 0.3 * deviation))
        #expect(equal(ours.high, 0.8 + 1.96 * deviation, within: 0.3 * deviation))
        #expect(interval(seed: 1, threads: 1) == ours)
        #expect(interval(seed: 2, threads: 2) != ours)
    }

    @Test func confidentLearning() {
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

    /// Numbers come out of what has no spread at all.
    @Test func edgeCases() {
        let workers = Workers(count: 2)
        for (values, actual, predicted, accuracy) in [
            ([0.25, 0.75], [1], [1], 1), ([0.25, 0.75], [0], [1], 0),
            ([0.5, 0.5, 0.5, 0.5], [0, 1], [0, 0], 0.5), ([1, 0, 0, 1], [0, 1], [0, 1], 1),
            ([1, 0, 0, 1], [1, 0], [0, 1], 0),
        ] as [([Float], [Int], [Int], Double)] {
            let p = Matrix(values, columns: 2)
            let (all, none) = (actual.map { [$0] }, actual.map { _ in [Int]() })
            let metrics = [
                ProbabilityMetrics(probabilities: p, actual: actual, predicted: predicted),
                ProbabilityMetrics(probabilities: p, actual: all, predicted: none),
                ProbabilityMetrics(probabilities: p, actual: none, predicted: all),
            ]
            for metrics in metrics {
                let figures = [metrics.rocAuc, metrics.averagePrecision, metrics.mcc, metrics.ece]
                #expect(figures.compactMap { $0 }.allSatisfy { $0.isFinite })
            }
            #expect((metrics[0].rocAuc == nil) == (actual.count == 1))
            #expect(metrics[2].averagePrecision == nil)
            let intervals = bootstrapIntervals(actual: actual, predicted: predicted, labels: 2, on: workers)
            if accuracy != 0.5 { #expect(intervals.accuracy.low == accuracy && intervals.accuracy.high == accuracy) }
            #expect(bootstrapIntervals(actual: all, predicted: none, labels: 2, on: workers).macroF1.high == 0)
            let empty = MultiLabelReport(actual: none, predicted: none, names: ["a", "b"])
            #expect(empty.subsetAccuracy == 1 && empty.micro.f1 == 0 && empty.weighted.f1 == 0 && empty.samples.f1 == 0)
            for metric in ThresholdMetric.allCases {
                let best = bestThreshold(
                    for: metric, positive: actual.indices.map { p.row($0)[1] }, isPositive: actual.map { $0 == 1 })
                #expect((0...1).contains(best.threshold) && best.value.isFinite)
            }
            let bounds = 0.01...100
            #expect(bounds.contains(temperature(fittedTo: p, targets: actual)))
            #expect(bounds.contains(temperature(fittedTo: p, targets: all)))
            let result = ConfidentLearning(probabilities: p, given: actual)
            #expect(result.issues.map(\.index).sorted() == Array(actual.indices))
        }
        let (right, wrong) = (Matrix([0, 900, 900, 0], columns: 2), Matrix([900, 0, 0, 900], columns: 2))
        #expect(temperature(fittedTo: right, targets: [1, 0]) == 0.01)
        #expect(temperature(fittedTo: wrong, targets: [1, 0]) == 100)
        #expect(temperature(fittedTo: Matrix([7, 7, 7, 7], columns: 2), targets: [1, 0]) == 1)
        // All perfect, and perfectly wrong.
        let p = Matrix([0, 1, 1, 0], columns: 2)
        #expect(ProbabilityMetrics(probabilities: p, actual: [1, 0], predicted: [1, 0]).rocAuc == 1)
        #expect(ProbabilityMetrics(probabilities: p, actual: [0, 1], predicted: [1, 0]).mcc == -1)
        #expect(ProbabilityMetrics(probabilities: p, actual: [0, 1], predicted: [1, 0]).ece == 1)
    }
}
