import Inference
import Kernels

/// How well probabilities agree with the truth: how they rank the texts, and whether they are as high as they should be.
///
/// ### References
/// Gorodkin, *Comparing Two K-Category Assignments by a K-Category Correlation Coefficient*, 2004; Guo et al., *On
/// Calibration of Modern Neural Networks*, 2017, section 2.
package struct ProbabilityMetrics: Sendable, Equatable {
    /// The area under the ROC curve: how probable it is that a text with the label has a higher probability of it than one
    /// without, equal ones counted half. Of two labels that of the second one; else the mean over the labels, each against
    /// the rest. Labels that all texts have or none has are left out; nil if no other is there.
    package let rocAuc: Double?
    /// Σ (Rₙ − Rₙ₋₁) Pₙ over the thresholds from the highest down, with recall R and precision P. Of two labels that of the
    /// second one; else the mean over the labels, each against the rest. Labels that no text has are left out; nil if no
    /// other is there.
    package let averagePrecision: Double?
    /// Matthews' correlation of predicted and actual labels, −1 … 1; 0 if all texts have one label or one is predicted for
    /// all; nil for several labels per text.
    package let mcc: Double?
    /// How often texts of like confidence are right: 15 bins of equal width.
    package let reliability: [ReliabilityBin]

    /// The expected calibration error: the mean of |accuracy − confidence| over the bins, weighted by their counts.
    package var ece: Double {
        let count = reliability.reduce(0) { $0 + $1.count }
        return reliability.reduce(0) { $0 + Double($1.count) * abs(($1.accuracy ?? 0) - ($1.confidence ?? 0)) }
            / Double(count)
    }

    /// Of texts with one label each. The confidence is the probability of the predicted label.
    ///
    /// - Parameters:
    ///   - probabilities: `[texts, labels]`, finite; not empty
    ///   - actual: the true label's id of each text
    ///   - predicted: the predicted id of each
    /// - Complexity: O(*n* log *n*) in the number of texts for each label; of two labels, only one is sorted.
    package init(probabilities: Matrix, actual: [Int], predicted: [Int]) {
        precondition(actual.count == probabilities.rows && predicted.count == actual.count, "one label for each text")
        let (values, labels) = (probabilities.values, probabilities.columns)
        (rocAuc, averagePrecision) = Self.ranking(values, labels: labels, of: labels == 2 ? 1..<2 : 0..<labels) {
            actual[$0] == $1
        }
        mcc = Self.correlation(actual, predicted, labels: labels)
        reliability = ReliabilityBin.bins(actual.count) { row in
            (values[row * labels + predicted[row]], actual[row] == predicted[row])
        }
    }

    /// Of texts with any number of labels each. Every pair of a text and a label is a decision; its confidence is the
    /// probability of the label, and it counts as right if the text has the label.
    ///
    /// - Parameters:
    ///   - probabilities: `[texts, labels]`, finite; not empty
    ///   - actual: the true labels' ids of each text
    ///   - predicted: the predicted ids of each
    /// - Complexity: O(*n* log *n*) in the number of texts for each label.
    package init(probabilities: Matrix, actual: [[Int]], predicted: [[Int]]) {
        precondition(actual.count == probabilities.rows && predicted.count == actual.count, "labels for each text")
        let (values, labels) = (probabilities.values, probabilities.columns)
        let isActual = multiHot(actual, labels: labels)
        (rocAuc, averagePrecision) = Self.ranking(values, labels: labels, of: 0..<labels) { isActual[$0 * labels + $1] }
        mcc = nil
        reliability = ReliabilityBin.bins(values.count) { (values[$0], isActual[$0]) }
    }

    /// The means of both areas over the labels in `range` that have one.
    private static func ranking(
        _ values: [Float], labels: Int, of range: Range<Int>, isActual: (_ row: Int, _ label: Int) -> Bool
    ) -> (rocAuc: Double?, averagePrecision: Double?) {
        let areas = range.map { label in
            let ranked = RankedScores(values.count / labels) { row in
                (values[row * labels + label], isActual(row, label))
            }
            return (ranked.rocAuc, ranked.averagePrecision)
        }
        func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }
        return (mean(areas.compactMap(\.0)), mean(areas.compactMap(\.1)))
    }

    /// (c s − Σ pₖ tₖ) / √((s² − Σ pₖ²) (s² − Σ tₖ²)) with s texts, c of them right, and label k predicted pₖ times and true
    /// tₖ times.
    private static func correlation(_ actual: [Int], _ predicted: [Int], labels: Int) -> Double {
        var (t, p) = ([Double](repeating: 0, count: labels), [Double](repeating: 0, count: labels))
        var right = 0.0
        for (actual, predicted) in zip(actual, predicted) {
            t[actual] += 1
            p[predicted] += 1
            if actual == predicted { right += 1 }
        }
        func covariance(_ a: [Double], _ b: [Double], sum: Double) -> Double {
            zip(a, b).reduce(sum * Double(actual.count)) { $0 - $1.0 * $1.1 }
        }
        let variances = covariance(p, p, sum: Double(actual.count)) * covariance(t, t, sum: Double(actual.count))
        return variances == 0 ? 0 : covariance(p, t, sum: right) / variances.squareRoot()
    }
}

/// The texts (or decisions) whose confidence lies in `(lower, upper]`; 0 lies in the first bin.
package struct ReliabilityBin: Sendable, Equatable, Encodable {
    package let lower: Double
    package let upper: Double
    package let count: Int
    /// The mean; nil if there are none.
    package let confidence: Double?
    /// The share of those that are right; nil if there are none.
    package let accuracy: Double?

    /// Puts `count` decisions into 15 bins.
    fileprivate static func bins(
        _ count: Int, of decision: (Int) -> (confidence: Float, isRight: Bool)
    ) -> [ReliabilityBin] {
        precondition(count > 0, "nothing to put into bins")
        let bins = 15
        var sums = [(count: Int, confidence: Double, right: Int)](repeating: (0, 0, 0), count: bins)
        for index in 0..<count {
            let (confidence, isRight) = decision(index)
            // No Float32 but 0 and 1 is a multiple of 1 / 15: the product is never rounded over a limit.
            let bin = min(max(Int((Double(confidence) * Double(bins)).rounded(.up)) - 1, 0), bins - 1)
            sums[bin].count += 1
            sums[bin].confidence += Double(confidence)
            if isRight { sums[bin].right += 1 }
        }
        return sums.enumerated().map { bin, sum in
            func mean(_ sum: Double, _ count: Int) -> Double? { count == 0 ? nil : sum / Double(count) }
            return ReliabilityBin(
                lower: Double(bin) / Double(bins), upper: Double(bin + 1) / Double(bins), count: sum.count,
                confidence: mean(sum.confidence, sum.count), accuracy: mean(Double(sum.right), sum.count))
        }
    }
}

/// `[texts, labels]`, row after row: whether a text has a label.
func multiHot(_ ids: [[Int]], labels: Int) -> [Bool] {
    var hot = [Bool](repeating: false, count: ids.count * labels)
    for (row, ids) in ids.enumerated() { for id in ids { hot[row * labels + id] = true } }
    return hot
}

/// The scores of texts for one label, in order.
struct RankedScores {
    /// Of the texts that have the label, ascending.
    let positives: [Float]
    /// Of those that do not, ascending.
    let negatives: [Float]

    /// - Complexity: O(*n* log *n*)
    init(_ count: Int, of text: (Int) -> (score: Float, isPositive: Bool)) {
        var (positives, negatives): ([Float], [Float]) = ([], [])
        for index in 0..<count {
            let (score, isPositive) = text(index)
            precondition(score.isFinite, "scores are numbers")
            if isPositive { positives.append(score) } else { negatives.append(score) }
        }
        positives.sort()
        negatives.sort()
        (self.positives, self.negatives) = (positives, negatives)
    }

    /// Calls `body` with each distinct score, from the highest down, and how many positives and negatives have it.
    func descend(_ body: (_ score: Float, _ positives: Int, _ negatives: Int) -> Void) {
        var (p, n) = (positives.count, negatives.count)
        while p > 0 || n > 0 {
            let score = max(p > 0 ? positives[p - 1] : -.infinity, n > 0 ? negatives[n - 1] : -.infinity)
            let (p0, n0) = (p, n)
            while p > 0 && positives[p - 1] == score { p -= 1 }
            while n > 0 && negatives[n - 1] == score { n -= 1 }
            body(score, p0 - p, n0 - n)
        }
    }

    /// See ``ProbabilityMetrics/rocAuc``; nil without positives or without negatives.
    var rocAuc: Double? {
        if positives.isEmpty || negatives.isEmpty { return nil }
        // Twice the number of pairs in the right order; an integer, so nothing is rounded.
        var (above, ordered) = (0, 0)
        descend { _, positives, negatives in
            ordered += negatives * (2 * above + positives)
            above += positives
        }
        return Double(ordered) / (2 * Double(positives.count) * Double(negatives.count))
    }

    /// See ``ProbabilityMetrics/averagePrecision``; nil without positives.
    var averagePrecision: Double? {
        if positives.isEmpty { return nil }
        var (right, found, sum) = (0, 0, 0.0)
        descend { _, positives, negatives in
            right += positives
            found += positives + negatives
            sum += Double(positives) * Double(right) / Double(found)
        }
        return sum / Double(positives.count)
    }
}
