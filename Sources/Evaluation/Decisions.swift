import Inference
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
        /// Of the probabilities as they are reported.
        package let threshold: Double
        package let before: Double
        package let after: Double
    }

    /// Fits the temperature. It changes no answer.
    ///
    /// - Throws: ``ModelError`` if no temperature is the best, because every answer is right, for example.
    package mutating func calibrate(on computed: LabeledLogits) throws -> Calibration {
        let before = try EvaluationResult(computed, classifier.configuration, settings)
        let temperature =
            switch computed.targets {
            case .one(let labels): Evaluation.temperature(fittedTo: computed.logits, targets: labels)
            case .several(let labels): Evaluation.temperature(fittedTo: computed.logits, targets: labels)
            }
        guard temperature > temperatureRange.lowerBound && temperature < temperatureRange.upperBound else {
            let cause =
                temperature == temperatureRange.lowerBound
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
            eceBefore: before.probabilityMetrics.ece, eceAfter: after.probabilityMetrics.ece)
    }

    /// Chooses the threshold at which a metric is largest.
    ///
    /// - Throws: ``ModelError`` if the model does not choose one of two labels, or all texts have the same.
    package mutating func tuneThreshold(
        for metric: ThresholdMetric, on computed: LabeledLogits
    ) throws -> TunedThreshold {
        try requireThreshold()
        guard case .one(let labels) = computed.targets else { preconditionFailure("one label for each text") }
        guard Set(labels).count == 2 else {
            throw ModelError("all texts have the same label: no threshold can be chosen by them; give texts of both")
        }
        let before = try EvaluationResult(computed, classifier.configuration, settings).predictions
        var plain = settings
        plain.temperature = 1
        let probabilities = try EvaluationResult(computed, classifier.configuration, plain).predictions.probabilities
        func count(_ label: Int, _ answer: Int) -> Int {
            zip(labels, before).count { $0 == label && $1.labels == [answer] }
        }
        let best = bestThreshold(
            for: metric, positive: (0..<labels.count).map { probabilities.row($0)[1] },
            isPositive: labels.map { $0 == 1 })
        settings.threshold = best.threshold
        return TunedThreshold(
            metric: metric.rawValue, threshold: settings.calibratedThreshold ?? best.threshold,
            before: metric.value(tp: count(1, 1), fp: count(0, 1), fn: count(1, 0), tn: count(0, 0)), after: best.value)
    }

    /// Checks that there can be a threshold.
    ///
    /// - Throws: ``ModelError`` if the model does not choose one of two labels.
    package func requireThreshold() throws {
        let configuration = classifier.configuration
        guard configuration.problemType == .singleLabel && configuration.labels.count == 2 else {
            throw ModelError(
                "a threshold is for models that choose one of two labels; this one has \(configuration.labels.count),"
                    + " and is for \(configuration.problemType.rawValue)")
        }
    }
}

extension InferenceSettings {
    /// The threshold as it is for the probabilities that are reported.
    package var calibratedThreshold: Double? {
        threshold.map { 1 / (1 + exp(-log($0 / (1 - $0)) / temperature)) }
    }
}
