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

/// The mean over the rows of −log softmax(logits)[target].
///
/// - Parameters:
///   - logits: `[sequences, labels]`
///   - targets: one label id per row
/// - Returns: the loss in nats
package func crossEntropy(_ logits: Matrix, targets: [Int]) -> Double {
    precondition(targets.count == logits.rows && !targets.isEmpty, "one target per row")
    var sum = 0.0
    for (row, target) in targets.enumerated() {
        let z = logits.row(row)
        let largest = z.max()!
        // log Σ exp(z) by the largest element, in double: a loss near 0 keeps its digits.
        let logSum = Double(largest) + log(z.reduce(0.0) { $0 + exp(Double($1 - largest)) })
        sum += logSum - Double(z[target])
    }
    return sum / Double(targets.count)
}

/// The gradient of ``crossEntropy(_:targets:)``: (softmax(logits) − one-hot(target)) / rows.
package func crossEntropyBackward(_ logits: Matrix, targets: [Int]) -> Matrix {
    precondition(targets.count == logits.rows, "one target per row")
    precondition(targets.allSatisfy { $0 >= 0 && $0 < logits.columns }, "target out of range")
    var gradient = softmax(logits)
    let g = gradient.mutablePointer()
    for (row, target) in targets.enumerated() { g[row * logits.columns + target] -= 1 }
    ck_scale(gradient.count, 1 / Float(logits.rows), g)
    return gradient
}
