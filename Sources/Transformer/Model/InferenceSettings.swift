/// How a classifier's logits become answers, and how much of a text it reads.
///
/// `config.json` keeps what differs from the defaults under keys of this package: `transformers` computes the same logits
/// with and without them.
package struct InferenceSettings: Sendable, Equatable {
    /// T: what the logits are divided by before they become probabilities. Guo et al., *On Calibration of Modern Neural
    /// Networks*, 2017, section 4.2.
    package var temperature: Double = 1
    /// Of a classifier with two labels: the least probability of the second one at which it is the answer, by logits that are not
    /// divided by the temperature, so that another temperature changes no answer. Nil: the more probable label is.
    package var threshold: Double?
    /// Nil: texts are cut off at the model's limit.
    package var longTexts: LongTexts?

    /// Whether the model was trained with pairs of texts, and so can do nothing with single ones. Nil: nothing is known of it, of a folder that others have made.
    package var readsPairs: Bool? = false

    /// Settings that change nothing.
    package init() {}

    /// Checks values that come from a file.
    ///
    /// - Throws: ``ModelError`` that names the value.
    func validate(for configuration: Configuration) throws {
        guard (1e-4...1e4).contains(temperature) else {
            throw ModelError("calibration_temperature is \(temperature); it must lie between 0.0001 and 10,000")
        }
        if let threshold {
            guard (0...1).contains(threshold) else {
                throw ModelError("decision_threshold is \(threshold); it must lie between 0 and 1")
            }
            guard configuration.labels.count == 2 && configuration.problemType == .singleLabel else {
                throw ModelError("decision_threshold is for classifiers that choose one of two labels")
            }
        }
        if let longTexts {
            guard (2...configuration.maximumLength).contains(longTexts.maximumLength) else {
                throw ModelError(
                    "long_texts_max_length is \(longTexts.maximumLength); it must lie between 2 and the model's limit,"
                        + " \(configuration.maximumLength)")
            }
            guard longTexts.stride ?? 1 >= 1 else {
                throw ModelError("long_texts_stride is \(longTexts.stride ?? 0); it must be at least 1")
            }
        }
    }
}
