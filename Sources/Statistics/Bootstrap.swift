import Kernels

/// A range of values, both ends included.
package struct Interval: Sendable, Equatable, Encodable {
    package let low: Double
    package let high: Double
}

/// 95 % confidence intervals of accuracy and macro F1: percentiles of what they are for texts drawn from these with
/// replacement, of each actual label as many as have it. Macro F1 is the mean over the labels that occur in `actual` or
/// `predicted`.
///
/// Efron & Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13. The result depends on the seed, not on the
/// number of threads.
///
/// - Parameters:
///   - actual: the true label's id of each text; not empty
///   - predicted: the predicted id of each
///   - labels: the number of labels
///   - resamples: how many times all texts are drawn
/// - Complexity: O(*n*) in the number of texts, for each of `resamples`
package func bootstrapIntervals(
    actual: [Int], predicted: [Int], labels: Int, seed: UInt64 = 0, resamples: Int = 1000, on workers: Workers
) -> (accuracy: Interval, macroF1: Interval) {
    precondition(actual.count == predicted.count && !actual.isEmpty, "one prediction for each text")
    let cells = tally(zip(actual, predicted).lazy.map { $0 * labels + $1 })
    let outcomes = cells.map { (Outcome(actual: [$0.key / labels], predicted: [$0.key % labels]), $0.count) }
    return intervals(
        outcomes, isStratified: true, labels: labels, averaged: Set(actual).union(predicted).count, seed: seed,
        resamples: resamples, on: workers)
}

/// The same for texts with any number of labels each. Accuracy is the share of texts whose labels are all right, macro F1 the
/// mean over all labels, and texts are drawn from all, whatever their labels.
///
/// - Parameters:
///   - actual: the true labels' ids of each text; not empty
///   - predicted: the predicted ids of each
package func bootstrapIntervals(
    actual: [[Int]], predicted: [[Int]], labels: Int, seed: UInt64 = 0, resamples: Int = 1000, on workers: Workers
) -> (accuracy: Interval, macroF1: Interval) {
    precondition(actual.count == predicted.count && !actual.isEmpty, "a prediction for each text")
    let outcomes = tally(
        zip(actual, predicted).lazy.map { Outcome(actual: Set($0).sorted(), predicted: Set($1).sorted()) })
    return intervals(
        outcomes.map { ($0.key, $0.count) }, isStratified: false, labels: labels, averaged: labels, seed: seed,
        resamples: resamples, on: workers)
}

/// What there is to count of a text: its labels, in ascending order.
private struct Outcome: Hashable {
    let actual: [Int]
    let predicted: [Int]
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

/// - Parameters:
///   - outcomes: distinct ones, and how many texts have each
///   - isStratified: whether texts are drawn separately for each `actual`
///   - averaged: the number of labels that macro F1 is the mean of
private func intervals(
    _ outcomes: [(Outcome, count: Int)], isStratified: Bool, labels: Int, averaged: Int, seed: UInt64, resamples: Int,
    on workers: Workers
) -> (accuracy: Interval, macroF1: Interval) {
    precondition(resamples > 0, "at least one resample is needed")
    // The texts of each stratum, each by the place of its outcome.
    let strata = Dictionary(grouping: outcomes.indices) { isStratified ? outcomes[$0].0.actual : [] }
        .values.sorted { $0[0] < $1[0] }
        .map { $0.flatMap { [Int32](repeating: Int32($0), count: outcomes[$0].count) } }
    let texts = strata.reduce(0) { $0 + $1.count }
    let shared = outcomes.map { outcome, _ in outcome.actual.filter(outcome.predicted.contains) }

    let figures = workers.map(resamples) { resample in
        var random = RandomNumbers(seed: seed, site: RandomSite.bootstrap, step: UInt64(resample))
        var counts = [Int](repeating: 0, count: outcomes.count)
        for stratum in strata { random.resample(stratum, into: &counts) }
        // F1 = 2 · true positives / (actual + predicted)
        var right = 0
        var (hits, sizes) = ([Int](repeating: 0, count: labels), [Int](repeating: 0, count: labels))
        for (place, count) in counts.enumerated() where count > 0 {
            let outcome = outcomes[place].0
            if outcome.actual == outcome.predicted { right += count }
            for label in shared[place] { hits[label] += 2 * count }
            for label in outcome.actual { sizes[label] += count }
            for label in outcome.predicted { sizes[label] += count }
        }
        let f1 = zip(hits, sizes).reduce(0.0) { $1.1 == 0 ? $0 : $0 + Double($1.0) / Double($1.1) }
        return (accuracy: Double(right) / Double(texts), macroF1: f1 / Double(averaged))
    }
    return (interval(figures.map(\.accuracy)), interval(figures.map(\.macroF1)))
}

/// The percentiles 2.5 and 97.5, between the values in proportion.
private func interval(_ values: [Double]) -> Interval {
    let values = values.sorted()
    func percentile(_ share: Double) -> Double {
        let position = share * Double(values.count - 1)
        let below = Int(position)
        let above = min(below + 1, values.count - 1)
        return values[below] + (position - Double(below)) * (values[above] - values[below])
    }
    return Interval(low: percentile(0.025), high: percentile(0.975))
}
