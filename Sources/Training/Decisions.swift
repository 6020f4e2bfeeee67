import Foundation
import Kernels
import Transformer

extension ModelFolder {
    /// A temperature, and what it did to the texts that it was fitted to.
    package struct Calibration: Encodable, Sendable {
        package let temperature: Double
        package let logLossBefore: Double
        package let logLossAfter: Double
        package let eceBefore: Double
        package let eceAfter: Double
    }

    /// A threshold, and what it did to the texts that it was chosen for.
    package struct TunedThreshold: Encodable, Sendable {
        package let metric: String
        package let threshold: Double
        package let before: Double
        package let after: Double
    }

    /// Fits the temperature. A threshold moves with it, so that answers stay the same.
    ///
    /// - Throws: ``TrainingError`` if the model's numbers have overflowed.
    package mutating func calibrate(on computed: LabeledLogits) throws -> Calibration {
        let old = settings.temperature
        let before = try EvaluationResult(computed, classifier.configuration, settings)
        let temperature =
            switch computed.targets {
            case .one(let labels): Training.temperature(fittedTo: computed.logits, targets: labels)
            case .several(let labels): Training.temperature(fittedTo: computed.logits, targets: labels)
            }
        settings.temperature = temperature
        // p = σ((z₁ − z₀) / T) ≥ t is z₁ − z₀ ≥ T log(t / (1 − t)).
        settings.threshold = settings.threshold.map { 1 / (1 + exp(-log($0 / (1 - $0)) * old / temperature)) }
        let after = try EvaluationResult(computed, classifier.configuration, settings)
        return Calibration(
            temperature: temperature, logLossBefore: before.loss, logLossAfter: after.loss,
            eceBefore: before.probabilityMetrics.ece, eceAfter: after.probabilityMetrics.ece)
    }

    /// Chooses the threshold at which a metric is largest.
    ///
    /// - Throws: ``TrainingError`` if the model does not choose one of two labels, or its numbers have overflowed.
    package mutating func tuneThreshold(
        for metric: ThresholdMetric, on computed: LabeledLogits
    ) throws -> TunedThreshold {
        try requireThreshold()
        guard case .one(let labels) = computed.targets else { preconditionFailure("one label for each text") }
        let before = try EvaluationResult(computed, classifier.configuration, settings).predictions
        func count(_ label: Int, _ answer: Int) -> Int {
            zip(labels, before).count { $0 == label && $1.labels == [answer] }
        }
        let best = bestThreshold(
            for: metric, positive: before.map { $0.probabilities[1] }, isPositive: labels.map { $0 == 1 })
        settings.threshold = best.threshold
        return TunedThreshold(
            metric: metric.rawValue, threshold: best.threshold,
            before: metric.value(tp: count(1, 1), fp: count(0, 1), fn: count(1, 0), tn: count(0, 0)), after: best.value)
    }

    /// Checks that there can be a threshold.
    ///
    /// - Throws: ``TrainingError`` if the model does not choose one of two labels.
    package func requireThreshold() throws {
        let configuration = classifier.configuration
        guard configuration.problemType == .singleLabel && configuration.labels.count == 2 else {
            throw TrainingError(
                "a threshold is for models that choose one of two labels; this one has \(configuration.labels.count),"
                    + " and is for \(configuration.problemType.rawValue)")
        }
    }
}
