import CKernels
import Foundation

/// The probabilities softmax(logits), row by row.
///
/// - Parameter logits: `[sequences, labels]`
package func softmax(_ logits: Matrix) -> Matrix {
    var probabilities = logits
    let p = probabilities.mutablePointer()
    for row in 0..<logits.rows { ck_softmax(logits.columns, 1, p + row * logits.columns) }
    return probabilities
}

/// The loss of a classifier: the mean over texts of −log softmax(logits)[target], with weights for the classes and smoothed
/// labels as options.
///
/// With p = softmax(logits), C classes, w their weights, y the target and ε the smoothing, a text costs
/// (1 − ε) w[y] (−log p[y]) + ε / C · Σ w[c] (−log p[c]), and the sum over texts is divided by that of w[y]: as in PyTorch's
/// `CrossEntropyLoss`.
///
/// ### References
/// Szegedy et al., *Rethinking the Inception Architecture for Computer Vision*, 2016, section 7 (label smoothing).
package struct CrossEntropy: Sendable {
    /// ε
    let labelSmoothing: Double
    /// w; nil: 1 for every class.
    let classWeights: [Double]?

    /// Creates a loss, by default the plain one.
    package init(labelSmoothing: Double = 0, classWeights: [Double]? = nil) {
        precondition((0..<1).contains(labelSmoothing), "label smoothing lies in 0 ..< 1")
        (self.labelSmoothing, self.classWeights) = (labelSmoothing, classWeights)
    }

    /// What the sum over `targets` is divided by: that of their classes' weights.
    package func weight(of targets: some Sequence<Int>) -> Double {
        targets.reduce(0) { $0 + weight($1) }
    }

    private func weight(_ label: Int) -> Double { classWeights?[label] ?? 1 }

    /// The loss in nats.
    ///
    /// - Parameters:
    ///   - logits: `[sequences, labels]`
    ///   - targets: one label id per row
    ///   - total: what the sum is divided by; nil: ``weight(of:)`` of the targets
    package func loss(_ logits: Matrix, targets: [Int], total: Double? = nil) -> Double {
        precondition(targets.count == logits.rows && !targets.isEmpty, "one target per row")
        let share = labelSmoothing / Double(logits.columns)
        var sum = 0.0
        for (row, target) in targets.enumerated() {
            let z = logits.row(row)
            let largest = z.max()!
            // log Σ exp(z) by the largest element, in double: a loss near 0 keeps its digits.
            let logSum = Double(largest) + log(z.reduce(0.0) { $0 + exp(Double($1 - largest)) })
            sum += (1 - labelSmoothing) * weight(target) * (logSum - Double(z[target]))
            if share > 0 { for (label, z) in z.enumerated() { sum += share * weight(label) * (logSum - Double(z)) } }
        }
        return sum / (total ?? weight(of: targets))
    }

    /// The gradient of ``loss(_:targets:total:)`` with respect to the logits.
    package func gradient(_ logits: Matrix, targets: [Int], total: Double? = nil) -> Matrix {
        precondition(targets.count == logits.rows, "one target per row")
        precondition(targets.allSatisfy { $0 >= 0 && $0 < logits.columns }, "target out of range")
        let labels = logits.columns
        let share = labelSmoothing / Double(labels)
        let smoothed = (0..<labels).map { Float(share * weight($0)) }
        let factor = Float(1 / (total ?? weight(of: targets)))
        var gradient = softmax(logits)
        let g = gradient.mutablePointer()
        for (row, target) in targets.enumerated() {
            let g = g + row * labels
            let sharp = Float((1 - labelSmoothing) * weight(target))
            ck_scale(labels, sharp + smoothed.reduce(0, +), g)
            g[target] -= sharp
            if share > 0 { for label in 0..<labels { g[label] -= smoothed[label] } }
        }
        ck_scale(gradient.count, factor, g)
        return gradient
    }
}
