import Foundation
import Kernels
import Transformer

/// Temperature scaling: softmax(z / T) and σ(z / T) have the same ranking for every T, and some T fits them best to what is right.
///
/// Guo et al., *On Calibration of Modern Neural Networks*, 2017, section 4.2.
package enum Temperature {
    /// Where temperatures are looked for.
    static let range = 0.01...100.0

    /// The temperature for which the probabilities fit the labels best, between 0.01 and 100: softmax(z / T) with the lowest mean
    /// cross-entropy; where texts can have any number of labels, σ(z / T) with the lowest mean binary cross-entropy over all texts
    /// and labels. It is 1 if all temperatures are equally good. It changes the probabilities, and not which label is the most
    /// probable one.
    ///
    /// - Parameters:
    ///   - logits: z, `[texts, labels]`, finite; of texts that the model was not trained on
    ///   - targets: what is right for each text
    package static func fitted(to logits: Matrix, targets: Targets) -> Double {
        precondition(targets.count == logits.rows, "targets for each row")
        let (z, labels) = (logits.values, logits.columns)
        switch targets {
        case .one(let targets):
            return minimizing { β in
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
        case .several(let targets):
            let isTarget = multiHot(targets, labels: labels)
            return minimizing { β in
                var (slope, curvature) = (0.0, 0.0)
                for (z, isTarget) in zip(z, isTarget) {
                    let z = isTarget ? -Double(z) : Double(z)
                    // The loss is log(1 + exp(β z)) with the sign of z turned for targets. 1 / (1 + ∞) is 0.
                    let p = 1 / (1 + exp(-β * z))
                    slope += z * p
                    curvature += z * z * p * (1 - p)
                }
                return (slope, curvature)
            }
        case .numbers: return 1
        }
    }

    /// 1 / β for the β at which a convex function is lowest, that is, where its slope is 0: by Newton's method, or by halving the
    /// range in which it must lie, on a logarithmic scale, where Newton's step leads out of the range or the last step did little.
    private static func minimizing(_ derivatives: (_ β: Double) -> (slope: Double, curvature: Double)) -> Double {
        var (low, high) = (1 / range.upperBound, 1 / range.lowerBound)
        let ends = (low: derivatives(low).slope, high: derivatives(high).slope)
        if ends.low == 0 && ends.high == 0 { return 1 }
        if ends.low >= 0 { return range.upperBound }
        if ends.high <= 0 { return range.lowerBound }
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
}

/// A temperature, and what it did to the texts that it was fitted to.
package struct Calibration: Encodable, Sendable {
    package let temperature: Double
    package let logLossBefore: Double
    package let logLossAfter: Double
    package let eceBefore: Double
    package let eceAfter: Double
}

extension ModelFolder {
    /// Fits the temperature of the settings to labelled texts. It changes no answer.
    ///
    /// - Throws: ``ModelError`` if no temperature is the best, because every answer is right, for example.
    package mutating func calibrate(on computed: LabeledLogits) throws -> Calibration {
        let before = try EvaluationResult(computed, classifier.configuration, settings)
        let temperature = Temperature.fitted(to: computed.logits, targets: computed.targets)
        let range = Temperature.range
        guard temperature > range.lowerBound && temperature < range.upperBound else {
            let cause =
                temperature == range.lowerBound
                ? "the logits are right about all of them, so that more confidence always looks better"
                : "the logits are no better than chance"
            throw ModelError(
                "no temperature can be fitted to these \(computed.targets.count) texts: \(cause); give more labelled texts that"
                    + " the model has not seen")
        }
        settings.temperature = temperature
        let after = try EvaluationResult(computed, classifier.configuration, settings)
        return Calibration(
            temperature: temperature, logLossBefore: before.loss, logLossAfter: after.loss,
            eceBefore: before.probabilityMetrics.reliability.expectedError,
            eceAfter: after.probabilityMetrics.reliability.expectedError)
    }
}
