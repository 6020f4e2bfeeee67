import Foundation
import Kernels
import Statistics
import Testing

/// What `scripts/fixtures/significance_tests.py` has written.
private struct Fixtures: Decodable {
    struct Student: Decodable {
        let twoSided, quantiles: [[Double]]

        private enum CodingKeys: String, CodingKey { case twoSided = "two_sided", quantiles }
    }
    struct Mean: Decodable {
        let values: [Double]
        let mean, deviation, low, high: Double
    }
    struct Welch: Decodable {
        let a, b: [Double]
        let difference, low, high, p: Double
    }
    struct Holm: Decodable { let p, adjusted: [Double] }
    struct Case<Labels: Decodable>: Decodable {
        let labels: Int
        let actual, a, b: [Labels]
        let figures: Figures
    }
    struct Figures: Decodable {
        let accuracy, macroF1: Double
        let accuracyInterval, macroF1Interval, deviations: [Double]

        private enum CodingKeys: String, CodingKey {
            case accuracy, macroF1 = "macro_f1", accuracyInterval = "accuracy_interval"
            case macroF1Interval = "macro_f1_interval", deviations
        }
    }

    let mcnemar, tango, wilson, normal, differences, equivalences: [[Double]]
    let student: Student
    let means: [Mean]
    let welch: [Welch]
    let holm: [Holm]
    let single: [Case<Int>]
    let several: [Case<[Int]>]

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        self = try JSONDecoder().decode(
            Fixtures.self, from: Data(contentsOf: folder.appending(path: "statistics.json")))
    }
}

private func equal(_ a: Double?, _ b: Double, within tolerance: Double = 1e-11) -> Bool {
    a.map { abs($0 - b) <= tolerance } ?? false
}

/// Tests and intervals, against SciPy, statsmodels and numpy.
@Suite struct StatisticsTests {
    private let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    @Test func mcNemarsTestIsExact() {
        for row in fixtures.mcnemar {
            let p = mcNemarTest(onlyA: Int(row[0]), onlyB: Int(row[1]))
            #expect(equal(p, row[2], within: 1e-11 * row[2]), "\(row): \(p)")
        }
        #expect(mcNemarTest(onlyA: 0, onlyB: 0) == 1 && mcNemarTest(onlyA: 0, onlyB: 5000) == 0)
    }

    @Test func scoreIntervalsAreThoseOfStatsmodels() {
        for row in fixtures.tango {
            let interval = tangoInterval(onlyA: Int(row[0]), onlyB: Int(row[1]), of: Int(row[2]))
            #expect(equal(interval.low, row[3]) && equal(interval.high, row[4]), "\(row): \(interval)")
        }
        for (onlyA, end) in [(0, 1.0), (20, -1)] {
            let interval = tangoInterval(onlyA: onlyA, onlyB: 20 - onlyA, of: 20)
            // (n − z²) / (n + z²) = 0.7617
            #expect(interval.contains(end) && interval.contains(0.77 * end) && !interval.contains(0.76 * end))
        }
        for row in fixtures.wilson {
            let interval = wilsonInterval(Int(row[0]), of: Int(row[1]))
            #expect(equal(interval.low, row[2]) && equal(interval.high, row[3]), "\(row): \(interval)")
        }
    }

    @Test func distributionsAreThoseOfSciPy() {
        for row in fixtures.student.twoSided {
            #expect(equal(StudentT(degreesOfFreedom: row[0]).twoSided(row[1]), row[2], within: 2e-10), "\(row)")
        }
        for row in fixtures.student.quantiles {
            let t = StudentT(degreesOfFreedom: row[0]).quantile(row[1])
            #expect(equal(t, row[2], within: 1e-9 * max(1, abs(row[2]))), "\(row): \(t)")
        }
        for row in fixtures.normal { #expect(equal(Normal.quantile(row[0]), row[1]), "\(row)") }
    }

    @Test func meansHaveStudentsIntervals() {
        for row in fixtures.means {
            let ours = MeanInterval(row.values)
            #expect(equal(ours.mean, row.mean) && equal(ours.standardDeviation, row.deviation))
            #expect(equal(ours.interval?.low, row.low) && equal(ours.interval?.high, row.high))
        }
        let (one, same) = (MeanInterval([0.5]), MeanInterval([0.1, 0.1, 0.1]))
        #expect(one.standardDeviation == nil && one.interval == nil)
        let cut = MeanInterval([0.6, 1], limits: 0...1)
        #expect(cut.mean == 0.8 && cut.interval == Interval(low: 0, high: 1))
        #expect(same.mean == 0.1 && same.standardDeviation == 0 && same.interval == Interval(low: 0.1, high: 0.1))
    }

    @Test func welchsTestIsThatOfSciPy() {
        for row in fixtures.welch {
            let test = WelchTest(MeanInterval(row.a), MeanInterval(row.b))
            #expect(equal(test.difference, row.difference) && equal(test.p, row.p))
            #expect(equal(test.interval?.low, row.low) && equal(test.interval?.high, row.high))
        }
    }

    @Test func welchsTestHasNoAnswerWhereNothingVaries() {
        let (one, same) = (MeanInterval([0.5]), MeanInterval([0.1, 0.1, 0.1]))
        let (dust, wild) = (MeanInterval([1e-200, 3e-200]), MeanInterval([.infinity, 0]))
        for (a, b) in [(one, same), (same, one), (same, same), (same, dust)] {
            let test = WelchTest(a, b)
            #expect(test.difference == b.mean - a.mean && test.interval == nil && test.p == nil)
        }
        #expect(WelchTest(wild, same).p == nil)
    }

    @Test func holmsCorrectionIsThatOfStatsmodels() {
        for row in fixtures.holm {
            #expect(zip(holm(row.p), row.adjusted).allSatisfy { equal($0, $1) } && holm(row.p).count == row.p.count)
        }
    }

    @Test func sampleSizesAreTheLeastThatSuffice() {
        for row in fixtures.differences {
            #expect(SampleSize.difference(row[0], discordant: row[1], level: row[2]) == row[3])
        }
        for row in fixtures.equivalences {
            #expect(SampleSize.equivalence(within: row[0], difference: row[1], discordant: row[2]) == row[3])
        }
        #expect(SampleSize.difference(0, discordant: 0.1, level: 0.05) == nil)
        #expect(SampleSize.equivalence(within: 0.01, difference: -0.01, discordant: 0.1) == nil)
        // The least number of texts that can show it.
        #expect(SampleSize.equivalence(within: 0.01, difference: 0, discordant: 0) == 268)
        #expect(tangoInterval(onlyA: 0, onlyB: 0, of: 268).isWithin(0.01))
        #expect(!tangoInterval(onlyA: 0, onlyB: 0, of: 267).isWithin(0.01))
        // Between neighbours of a number so large there is none to try.
        #expect(SampleSize.equivalence(within: 0.01.nextUp, difference: 0.01, discordant: 0.1) ?? 0 > 1e30)
    }

    /// Two bootstraps differ by chance: their percentiles by some hundredths of a standard deviation, and accuracy by the share
    /// of one text.
    @Test func pairedBootstrapsAgreeWithNumpy() {
        func check(_ ours: PairedDifference, _ theirs: Fixtures.Figures, texts: Int) {
            #expect(equal(ours.accuracy, theirs.accuracy) && equal(ours.macroF1, theirs.macroF1))
            for (ours, theirs, tolerance) in [
                (
                    ours.accuracyInterval, theirs.accuracyInterval,
                    0.1 * theirs.deviations[0] + 1 / Double(texts)
                ),
                (ours.macroF1Interval, theirs.macroF1Interval, 0.1 * theirs.deviations[1]),
            ] {
                #expect(equal(ours.low, theirs[0], within: tolerance))
                #expect(equal(ours.high, theirs[1], within: tolerance))
            }
        }
        let workers = Workers(count: 2)
        for data in fixtures.single {
            let outcomes = zip(data.actual, zip(data.a, data.b)).map {
                Outcome(actual: [$0], predicted: [[$1.0], [$1.1]])
            }
            let counted = Dictionary(grouping: outcomes) { $0 }.map { ($0.key, count: $0.value.count) }
            check(
                pairedBootstrap(counted, oneLabelEach: true, labels: data.labels, on: workers), data.figures,
                texts: outcomes.count)
        }
        for data in fixtures.several {
            let outcomes = zip(data.actual, zip(data.a, data.b)).map { Outcome(actual: $0, predicted: [$1.0, $1.1]) }
            check(
                pairedBootstrap(outcomes.map { ($0, 1) }, oneLabelEach: false, labels: data.labels, on: workers),
                data.figures, texts: outcomes.count)
        }
        let alike = pairedBootstrap(
            [(Outcome(actual: [0], predicted: [[1], [1]]), 3)], oneLabelEach: true, labels: 2, on: workers)
        #expect(alike.accuracyInterval == Interval(low: 0, high: 0))
    }

    /// By the definition: how often a text with the label has a higher score than one without, equal ones counted half.
    @Test func areasOfCountedTextsAreThoseOfAllPairs() {
        let (scores, isPositive) = (
            [0.1, 0.4, 0.4, 0.4, 0.8, 0.8, 0.9], [false, true, false, false, true, false, true]
        )
        let area = CountedArea(scores: scores, isPositive: isPositive)
        for counts in [[1, 1, 1, 1, 1, 1, 1], [2, 0, 1, 3, 1, 0, 2], [0, 1, 0, 2, 2, 5, 1]] {
            var (sum, pairs) = (0.0, 0.0)
            for positive in scores.indices where isPositive[positive] {
                for negative in scores.indices where !isPositive[negative] {
                    let weight = Double(counts[positive] * counts[negative])
                    let (high, low) = (scores[positive], scores[negative])
                    sum += weight * (high > low ? 1 : high == low ? 0.5 : 0)
                    pairs += weight
                }
            }
            #expect(abs(area.area(counts) - sum / pairs) < 1e-12)
        }
    }

    /// The same figure by either way of drawing the same texts.
    @Test func differencesOfMeansHaveTheIntervalsOfAccuracies() {
        let right = (0..<200).map { ($0 % 3 == 0, $0 % 5 != 0) }
        let outcomes = right.map { Outcome(actual: [0], predicted: [[$0.0 ? 0 : 1], [$0.1 ? 0 : 1]]) }
        let workers = Workers(count: 2)
        let counted = pairedBootstrap(outcomes.map { ($0, 1) }, oneLabelEach: true, labels: 2, .accuracy, on: workers)
        let gains = right.map { a, b in (b ? 1.0 : 0) - (a ? 1.0 : 0) }
        let scored = pairedBootstrap(strata: gains.map { _ in 0 }, on: workers) { counts in
            var sum = 0.0
            for (count, gain) in zip(counts, gains) { sum += Double(count) * gain }
            return sum / 200
        }
        #expect(abs(scored.difference - counted.accuracy) < 1e-12)
        #expect(abs(scored.interval.low - counted.accuracyInterval.low) < 0.01)
        #expect(abs(scored.interval.high - counted.accuracyInterval.high) < 0.01 && scored.p < 0.05)
        #expect(counted.figure == counted.accuracy && counted.figureP < 0.05)
    }
}
