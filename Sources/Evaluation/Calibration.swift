import Inference
import Foundation
import Kernels

/// The temperature T for which softmax(z / T) fits the labels best: the one with the lowest mean cross-entropy, between 0.01
/// and 100; 1 if all are equally good. It changes the probabilities, and not which label is the most probable one.
///
/// Guo et al., *On Calibration of Modern Neural Networks*, 2017, section 4.2.
///
/// - Parameters:
///   - logits: z, `[texts, labels]`, finite; of texts that the model was not trained on
///   - targets: the right label's id of each text
package func temperature(fittedTo logits: Matrix, targets: [Int]) -> Double {
    precondition(targets.count == logits.rows, "one target per row")
    let (z, labels) = (logits.values, logits.columns)
    return temperature { β in
        // −log softmax(β z)[y] has the slope E[z] − z[y] and the curvature Var[z], both under softmax(β z).
        var (slope, curvature) = (0.0, 0.0)
        for (row, target) in targets.enumerated() {
            let first = row * labels
            var largest = z[first]
            for label in 1..<labels { largest = max(largest, z[first + label]) }
            var (sum, mean, square) = (0.0, 0.0, 0.0)
            for label in 0..<labels {
                // By the largest logit: nothing overflows, and equal logits give exactly 0.
                let d = Double(z[first + label]) - Double(largest)
                let weight = exp(β * d)
                sum += weight
                mean += weight * d
                square += weight * d * d
            }
            mean /= sum
            slope += mean - (Double(z[first + target]) - Double(largest))
            curvature += square / sum - mean * mean
        }
        return (slope, curvature)
    }
}

/// The same for texts with any number of labels each: that of σ(z / T), with the lowest mean binary cross-entropy over all
/// texts and labels.
///
/// - Parameters:
///   - logits: z, `[texts, labels]`, finite; of texts that the model was not trained on
///   - targets: the right labels' ids of each text
package func temperature(fittedTo logits: Matrix, targets: [[Int]]) -> Double {
    precondition(targets.count == logits.rows, "targets for each row")
    let (values, isTarget) = (logits.values, multiHot(targets, labels: logits.columns))
    return temperature { β in
        var (slope, curvature) = (0.0, 0.0)
        for (z, isTarget) in zip(values, isTarget) {
            let z = isTarget ? -Double(z) : Double(z)
            // The loss is log(1 + exp(β z)) with the sign of z turned for targets. 1 / (1 + ∞) is 0.
            let p = 1 / (1 + exp(-β * z))
            slope += z * p
            curvature += z * z * p * (1 - p)
        }
        return (slope, curvature)
    }
}

/// Where temperatures are looked for.
let temperatureRange = 0.01...100.0

/// 1 / β for the β at which a convex function is lowest: where its slope is 0, by Newton's method, or by
/// halving the range in which that must be, on a logarithmic scale, where Newton's step leads out of it or the last one did
/// little.
private func temperature(_ derivatives: (_ β: Double) -> (slope: Double, curvature: Double)) -> Double {
    var (low, high) = (1 / temperatureRange.upperBound, 1 / temperatureRange.lowerBound)
    let ends = (low: derivatives(low).slope, high: derivatives(high).slope)
    if ends.low == 0 && ends.high == 0 { return 1 }
    if ends.low >= 0 { return temperatureRange.upperBound }
    if ends.high <= 0 { return temperatureRange.lowerBound }
    var (β, last) = (1.0, Double.infinity)
    for _ in 0..<200 {
        let (slope, curvature) = derivatives(β)
        if slope > 0 { high = β } else { low = β }
        var next = β - slope / curvature
        if !(next >= low && next <= high) || abs(slope) > last / 2 { next = (low * high).squareRoot() }
        if abs(next - β) <= 1e-12 * β { break }
        (β, last) = (next, abs(slope))
    }
    return 1 / β
}
