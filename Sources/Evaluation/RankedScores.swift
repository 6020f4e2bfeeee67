/// The scores of texts for one label, in order.
struct RankedScores {
    /// The scores of the texts that have the label, ascending.
    let positives: [Float]
    /// The scores of the texts that do not have it, ascending.
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

    /// The area under the ROC curve, see ``ProbabilityMetrics/rocAuc``; nil without positives or without negatives.
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

    /// The average precision, see ``ProbabilityMetrics/averagePrecision``; nil without positives.
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
