import Kernels

/// 95 % confidence intervals of accuracy and macro F1: percentiles of what they are for texts drawn from these with replacement.
///
/// Where texts have one label each, they are drawn separately for each actual label, and macro F1 is the mean over the labels that
/// occur in `actual` or `predicted`. Where they can have any number, accuracy is the share of texts whose labels are all right,
/// macro F1 the mean over all labels, and texts are drawn from all, whatever their labels.
///
/// Efron & Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13. The result depends on the seed, not on the
/// number of threads.
///
/// - Parameters:
///   - actual: what is right for each text; not empty
///   - predicted: what is predicted for each, of the same kind
///   - labels: the number of labels
///   - resamples: how many times all texts are drawn
/// - Complexity: O(*n*) in the number of texts, for each of `resamples`
package func bootstrapIntervals(
    actual: Targets, predicted: Targets, labels: Int, seed: UInt64 = 0, resamples: Int = 1000, on workers: Workers
) -> (accuracy: Interval, macroF1: Interval) {
    precondition(actual.count == predicted.count && actual.count > 0, "one prediction for each text")
    precondition(resamples > 0, "at least one resample is needed")
    let outcomes: [(Outcome, count: Int)] =
        switch (actual, predicted) {
        case (.one(let actual), .one(let predicted)):
            tally(zip(actual, predicted).lazy.map { $0 * labels + $1 })
                .map { (Outcome(actual: [$0.key / labels], predicted: [[$0.key % labels]]), $0.count) }
        case (.several(let actual), .several(let predicted)):
            tally(zip(actual, predicted).lazy.map { Outcome(actual: Set($0).sorted(), predicted: [Set($1).sorted()]) })
                .map { ($0.key, $0.count) }
        default: preconditionFailure("targets of another kind than the predictions")
        }
    let figures = Sample(outcomes, oneLabelEach: !actual.areSeveral, labels: labels)
        .resampled(resamples, .macroF1, seed: seed, on: workers).map { $0[0] }
    return (interval(figures.map(\.accuracy)), interval(figures.map(\.macroF1)))
}

/// By how much a model B is better than a model A on the same texts.
package struct PairedDifference: Sendable {
    /// B minus A.
    package let accuracy, macroF1: Double
    /// 95 % intervals.
    package let accuracyInterval, macroF1Interval: Interval
    /// The figure that was asked for, B minus A, and its 95 % interval.
    package let figure: Double
    package let figureInterval: Interval
    /// How probable a difference at least as far from 0 is where there is none: twice the share of resamples on the other side of 0.
    package let figureP: Double
}

/// A figure that follows from how often which label was predicted for which.
package enum CountedFigure: Sendable, Equatable {
    case accuracy, macroF1, weightedF1
    /// Matthews' correlation, of texts with one label each.
    case mcc
    /// The F1 of one label, by its id.
    case f1(Int)
}

/// The differences of two models' accuracy and macro F1, with percentile intervals over 10,000 resamples of the texts, the same
/// ones for both models, drawn as by
/// ``bootstrapIntervals(actual:predicted:labels:seed:resamples:on:)`` (Efron & Tibshirani 1993, chapter 13).
///
/// - Parameters:
///   - outcomes: distinct ones with the answers of A and of B, and how many texts have each; not empty
///   - oneLabelEach: whether each text has one label. Texts are then drawn separately for each actual label, and a model's macro
///     F1 is the mean over the labels that are actual or predicted by it, else over all.
///   - labels: the number of labels
///   - figure: what is compared besides accuracy and macro F1
/// - Complexity: O(*n*) in the number of texts, for each time. With more than 5,000 texts there are so many times that 50 million
///   texts are drawn, but at least 1,000.
package func pairedBootstrap(
    _ outcomes: [(Outcome, count: Int)], oneLabelEach: Bool, labels: Int, _ figure: CountedFigure = .macroF1,
    on workers: Workers
) -> PairedDifference {
    precondition(!outcomes.isEmpty && outcomes.allSatisfy { $0.0.predicted.count == 2 && $0.count > 0 }, "two answers")
    let sample = Sample(outcomes, oneLabelEach: oneLabelEach, labels: labels)
    func difference(_ figures: [Sample.Figures]) -> Sample.Figures {
        (
            figures[1].accuracy - figures[0].accuracy, figures[1].macroF1 - figures[0].macroF1,
            figures[1].other - figures[0].other
        )
    }
    let observed = difference(sample.figures(outcomes.map(\.count), figure))
    let resamples = min(10_000, max(1000, 50_000_000 / sample.count))
    let differences = sample.resampled(resamples, figure, seed: 0, on: workers).map(difference)
    let others = differences.map(\.other)
    let sides = min(others.count { $0 <= 0 }, others.count { $0 >= 0 })
    return PairedDifference(
        accuracy: observed.accuracy, macroF1: observed.macroF1,
        accuracyInterval: interval(differences.map(\.accuracy)),
        macroF1Interval: interval(differences.map(\.macroF1)), figure: observed.other,
        figureInterval: interval(others), figureP: min(1, 2 * Double(sides + 1) / Double(resamples + 1)))
}

/// The difference of a figure of two models on the same texts, B minus A, with a percentile interval over resamples and *p*, as
/// ``pairedBootstrap(_:oneLabelEach:labels:_:on:)`` has them.
///
/// - Parameters:
///   - strata: texts are drawn separately for each of these numbers
///   - difference: of the texts, each so many times
package func pairedBootstrap(
    strata: [Int], on workers: Workers, _ difference: @Sendable (_ counts: [Int]) -> Double
) -> (difference: Double, interval: Interval, p: Double) {
    let groups = Dictionary(grouping: strata.indices) { strata[$0] }.sorted { $0.key < $1.key }
        .map { $0.value.map(Int32.init) }
    let resamples = min(10_000, max(1000, 50_000_000 / max(1, strata.count)))
    let differences = workers.map(resamples) { resample in
        var random = RandomNumbers(seed: 0, stream: .bootstrap, step: UInt64(resample))
        var counts = [Int](repeating: 0, count: strata.count)
        for group in groups { random.resample(group, into: &counts) }
        return difference(counts)
    }
    let sides = min(differences.count { $0 <= 0 }, differences.count { $0 >= 0 })
    return (
        difference([Int](repeating: 1, count: strata.count)), interval(differences),
        min(1, 2 * Double(sides + 1) / Double(resamples + 1))
    )
}

/// The area under the ROC curve of scores of which each counts so many times.
package struct CountedArea: Sendable {
    /// The texts by ascending score, those of equal scores together.
    private let groups: [[Int]]
    private let isPositive: [Bool]

    package init(scores: [Double], isPositive: [Bool]) {
        self.isPositive = isPositive
        var groups: [[Int]] = []
        for text in scores.indices.sorted(by: { scores[$0] < scores[$1] }) {
            if let last = groups.last?.last, scores[last] == scores[text] {
                groups[groups.count - 1].append(text)
            } else {
                groups.append([text])
            }
        }
        self.groups = groups
    }

    /// The area; 0.5 if there are texts of one kind alone.
    package func area(_ counts: [Int]) -> Double {
        var (below, area, positives) = (0.0, 0.0, 0.0)
        for group in groups {
            var (positive, negative) = (0.0, 0.0)
            for text in group {
                if isPositive[text] { positive += Double(counts[text]) } else { negative += Double(counts[text]) }
            }
            area += positive * (below + negative / 2)
            below += negative
            positives += positive
        }
        return positives * below == 0 ? 0.5 : area / (positives * below)
    }
}

/// What is counted of a text: its labels, and those that each model gave it, in ascending order.
package struct Outcome: Hashable, Sendable {
    package let actual: [Int]
    package let predicted: [[Int]]

    package init(actual: [Int], predicted: [[Int]]) { (self.actual, self.predicted) = (actual, predicted) }
}

/// How often each key occurs, in the order in which they come first.
private func tally<Key: Hashable>(_ keys: some Sequence<Key>) -> [(key: Key, count: Int)] {
    var places: [Key: Int] = [:]
    var counts: [(key: Key, count: Int)] = []
    for key in keys {
        if let place = places[key] {
            counts[place].count += 1
        } else {
            places[key] = counts.count
            counts.append((key, 1))
        }
    }
    return counts
}

/// The texts that were seen, and that others are drawn from.
private struct Sample {
    typealias Figures = (accuracy: Double, macroF1: Double, other: Double)

    private let outcomes: [Outcome]
    /// Groups of texts that replace each other when texts are drawn, each text as the place of its outcome.
    private let strata: [[Int32]]
    private let labels: Int
    /// For each model the number of labels that its macro F1 is the mean of.
    private let averaged: [Int]
    /// For each outcome and model the labels that are rightly predicted.
    private let shared: [[[Int]]]
    let count: Int

    /// - Parameter outcomes: distinct ones, and how many texts have each
    init(_ outcomes: [(Outcome, count: Int)], oneLabelEach: Bool, labels: Int) {
        self.outcomes = outcomes.map(\.0)
        self.labels = labels
        strata = Dictionary(grouping: outcomes.indices) { oneLabelEach ? outcomes[$0].0.actual : [] }
            .values.sorted { $0[0] < $1[0] }
            .map { $0.flatMap { [Int32](repeating: Int32($0), count: outcomes[$0].count) } }
        averaged = outcomes[0].0.predicted.indices.map { model in
            oneLabelEach ? Set(outcomes.flatMap { $0.0.actual + $0.0.predicted[model] }).count : labels
        }
        shared = outcomes.map { outcome, _ in outcome.predicted.map { outcome.actual.filter($0.contains) } }
        count = strata.reduce(0) { $0 + $1.count }
    }

    /// The figures of each model, for each of some resamples.
    func resampled(_ resamples: Int, _ figure: CountedFigure, seed: UInt64, on workers: Workers) -> [[Figures]] {
        workers.map(resamples) { resample in
            var random = RandomNumbers(seed: seed, stream: .bootstrap, step: UInt64(resample))
            var counts = [Int](repeating: 0, count: outcomes.count)
            for stratum in strata { random.resample(stratum, into: &counts) }
            return figures(counts, figure)
        }
    }

    /// The figures of each model if the outcomes have these counts.
    func figures(_ counts: [Int], _ figure: CountedFigure) -> [Figures] {
        averaged.indices.map { model in
            // F1 = 2 · true positives / (actual + predicted)
            var right = 0
            let none = [Int](repeating: 0, count: labels)
            // Twice the true positives, how often a label is actual, and how often predicted.
            var (hits, support, found) = (none, none, none)
            for (place, count) in counts.enumerated() where count > 0 {
                let (actual, predicted) = (outcomes[place].actual, outcomes[place].predicted[model])
                if actual == predicted { right += count }
                for label in shared[place][model] { hits[label] += 2 * count }
                for label in actual { support[label] += count }
                for label in predicted { found[label] += count }
            }
            func f1(_ label: Int) -> Double {
                let size = support[label] + found[label]
                return size == 0 ? 0 : Double(hits[label]) / Double(size)
            }
            let accuracy = Double(right) / Double(count)
            let macroF1 = (0..<labels).reduce(0.0) { $0 + f1($1) } / Double(averaged[model])
            let other =
                switch figure {
                case .accuracy: accuracy
                case .macroF1: macroF1
                case .weightedF1:
                    (0..<labels).reduce(0.0) { $0 + Double(support[$1]) * f1($1) }
                        / Double(max(1, support.reduce(0, +)))
                case .f1(let label): f1(label)
                case .mcc: Self.correlation(right: right, support, found)
                }
            return (accuracy, macroF1, other)
        }
    }
}

extension Sample {
    /// Matthews' correlation (Gorodkin 2004).
    private static func correlation(right: Int, _ support: [Int], _ found: [Int]) -> Double {
        let total = Double(support.reduce(0, +))
        func covariance(_ a: [Int], _ b: [Int], _ sum: Double) -> Double {
            zip(a, b).reduce(sum * total) { $0 - Double($1.0) * Double($1.1) }
        }
        let variances = covariance(found, found, total) * covariance(support, support, total)
        return variances <= 0 ? 0 : covariance(found, support, Double(right)) / variances.squareRoot()
    }
}

/// The percentiles that leave out 2.5 % at each end, between the values in proportion.
func interval(_ values: [Double]) -> Interval {
    let values = values.sorted()
    func percentile(_ share: Double) -> Double {
        let position = share * Double(values.count - 1)
        let below = Int(position)
        let above = min(below + 1, values.count - 1)
        return values[below] + (position - Double(below)) * (values[above] - values[below])
    }
    return Interval(low: percentile(0.025), high: percentile(0.975))
}
