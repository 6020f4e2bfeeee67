import Foundation

/// The log-odds of one label, log(p / (1 − p)), in nats: z[label] − log Σ exp z[c], summed over the other labels; where a text can
/// have several labels, z[label] itself.
///
/// Unlike p they are not saturated where a classifier is sure; of two labels they are the difference of the logits. Of a label
/// without others they are 0.
///
/// - Parameter logits: `[labels]`, of one text
package func logOdds(
    of label: Int, _ logits: [Float], _ problemType: Configuration.ProblemType = .singleLabel
) -> Double {
    if problemType == .multiLabel { return Double(logits[label]) }
    let others = logOddsTerms(label, logits)
    if others.values.isEmpty { return 0 }
    return Double(logits[label]) - others.largest - log(others.values.reduce(0, +))
}

/// The gradient of ``logOdds(of:_:_:)`` with respect to the logits: 1 for the label; −softmax of the others for them, or 0 where a
/// text can have several labels.
func logOddsGradient(of label: Int, _ logits: [Float], _ problemType: Configuration.ProblemType) -> [Float] {
    if problemType == .multiLabel { return logits.indices.map { $0 == label ? 1 : 0 } }
    var others = logOddsTerms(label, logits).values
    if others.isEmpty { return [0] }
    let sum = others.reduce(0, +)
    others.insert(-sum, at: label)
    return others.map { Float(-$0 / sum) }
}

/// exp(z[c] − largest) of the other labels, in their order.
private func logOddsTerms(_ label: Int, _ logits: [Float]) -> (largest: Double, values: [Double]) {
    var others = logits.map(Double.init)
    others.remove(at: label)
    let largest = others.max() ?? 0
    return (largest, others.map { exp($0 - largest) })
}
