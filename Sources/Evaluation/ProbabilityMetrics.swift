import Kernels
import Statistics

/// How well probabilities agree with the truth: how they rank the texts, and whether they are as high as they should be.
///
/// ### References
/// Gorodkin, *Comparing Two K-Category Assignments by a K-Category Correlation Coefficient*, 2004; Guo et al., *On
/// Calibration of Modern Neural Networks*, 2017, section 2.
package struct ProbabilityMetrics: Sendable, Equatable {
    /// The area under the ROC curve: how probable it is that a text with the label has a higher probability of it than one
    /// without, equal ones counted half. Of two labels it is the area for the second one; else the mean over the labels,
    /// each against the rest. Labels that all texts have or none has are left out; nil if no other is there.
    package let rocAuc: Double?
    /// Σ (Rₙ − Rₙ₋₁) Pₙ over the thresholds from the highest down, with recall R and precision P. Of two labels it is
    /// the value for the second one; else the mean over the labels, each against the rest. Labels that no text has are left out; nil if no
    /// other is there.
    package let averagePrecision: Double?
    /// Matthews' correlation of predicted and actual labels, −1 … 1; 0 if all texts have one label or one is predicted for
    /// all; nil for several labels per text.
    package let mcc: Double?
    /// How often texts of like confidence are right.
    package let reliability: CalibrationBins

    /// Compares probabilities with what is right.
    ///
    /// Where texts have one label each, the confidence of a text is the probability of the predicted label. Where they can have any
    /// number, every pair of a text and a label is a decision; its confidence is the probability of the label, and it counts as
    /// right if the text has the label.
    ///
    /// - Parameters:
    ///   - probabilities: `[texts, labels]`, finite; not empty
    ///   - actual: what is right for each text
    ///   - predicted: what is predicted for each text, of the same kind
    /// - Complexity: O(*n* log *n*) in the number of texts for each label; of two labels of which a text has one, only one is
    ///   sorted.
    package init(probabilities: Matrix, actual: Targets, predicted: Targets) {
        precondition(actual.count == probabilities.rows && actual.count > 0, "probabilities for each text")
        precondition(actual.count == predicted.count, "one prediction for each text")
        let (values, labels) = (probabilities.values, probabilities.columns)
        switch (actual, predicted) {
        case (.one(let actual), .one(let predicted)):
            (rocAuc, averagePrecision) = Self.ranking(values, labels: labels, of: labels == 2 ? 1..<2 : 0..<labels) {
                actual[$0] == $1
            }
            mcc = Self.correlation(actual, predicted, labels: labels)
            reliability = CalibrationBins(
                actual.indices.lazy.map { row in
                    (Double(values[row * labels + predicted[row]]), actual[row] == predicted[row])
                })
        case (.several(let actual), .several):
            let isActual = multiHot(actual, labels: labels)
            (rocAuc, averagePrecision) = Self.ranking(values, labels: labels, of: 0..<labels) {
                isActual[$0 * labels + $1]
            }
            mcc = nil
            reliability = CalibrationBins(values.indices.lazy.map { (Double(values[$0]), isActual[$0]) })
        default: preconditionFailure("targets of another kind than the predictions")
        }
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

/// `[texts, labels]`, row after row: whether a text has a label.
func multiHot(_ ids: [[Int]], labels: Int) -> [Bool] {
    var hot = [Bool](repeating: false, count: ids.count * labels)
    for (row, ids) in ids.enumerated() { for id in ids { hot[row * labels + id] = true } }
    return hot
}
