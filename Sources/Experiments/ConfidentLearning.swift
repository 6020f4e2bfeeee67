import Training
import Kernels

/// Which labels are probably wrong, by probabilities of a model that has not seen the texts in training.
///
/// A text is confidently of label j if its probability of j is at least the mean one of the texts that are labelled j. If
/// several labels are such, it is of the most probable of them.
///
/// Northcutt, Jiang & Chuang, *Confident Learning: Estimating Uncertainty in Dataset Labels*, 2021, section 3.
package struct ConfidentLearning: Sendable, Equatable {
    /// How a text's label looks.
    package struct LabelIssue: Sendable, Equatable {
        /// The index of the text.
        package let index: Int
        /// The label that the text is confidently of, if that is another than the given one, else the most probable other
        /// one.
        package let suggested: Int
        /// The probability of the given label.
        package let confidence: Float
        /// Whether the text is confidently of another label than the given one.
        package let isOffDiagonal: Bool
    }

    /// All texts, those whose labels are the most probably wrong first: those off the diagonal of the confident joint, then the others,
    /// and both by the probability of the given label, from the lowest up. On data with labels changed on purpose, that found
    /// as many as the margin to the most probable other label, or more.
    package let issues: [LabelIssue]

    /// Examines labels.
    ///
    /// - Parameters:
    ///   - probabilities: `[texts, labels]`, of at least two labels; each row by a model that was trained without that text
    ///   - given: the label's id of each text
    /// - Complexity: O(*n* log *n*) in the number of texts
    package init(probabilities: Matrix, given: [Int]) {
        precondition(given.count == probabilities.rows && probabilities.columns > 1, "one label for each text")
        let (p, labels) = (probabilities.values, probabilities.columns)
        var (sums, counts) = ([Double](repeating: 0, count: labels), [Int](repeating: 0, count: labels))
        for (row, label) in given.enumerated() {
            sums[label] += Double(p[row * labels + label])
            counts[label] += 1
        }
        // Of a label that no text has, none is confidently. Equal probabilities reach their mean also if it was rounded up.
        let limits = zip(sums, counts).map { $1 == 0 ? .infinity : $0 / Double($1) - 1e-6 }
        var issues: [LabelIssue] = []
        issues.reserveCapacity(given.count)
        for (row, label) in given.enumerated() {
            let first = row * labels
            var (confident, other): (Int?, Int?)
            func isHigher(_ j: Int, than best: Int?) -> Bool { best.map { p[first + j] > p[first + $0] } ?? true }
            for j in 0..<labels {
                if Double(p[first + j]) >= limits[j], isHigher(j, than: confident) { confident = j }
                if j != label, isHigher(j, than: other) { other = j }
            }
            let better = confident == label ? nil : confident
            issues.append(
                LabelIssue(
                    index: row, suggested: better ?? other!, confidence: p[first + label], isOffDiagonal: better != nil)
            )
        }
        issues.sort {
            if $0.isOffDiagonal != $1.isOffDiagonal { return $0.isOffDiagonal }
            return ($0.confidence, $0.index) < ($1.confidence, $1.index)
        }
        self.issues = issues
    }
}
