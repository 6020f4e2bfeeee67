import Inference

extension ModelOptions {
    /// Opens the model for texts, as the options say.
    ///
    /// - Throws: an error that names the file and what is wrong with it, or the option that does not fit the model.
    func classifier(reading longTexts: LongTextOptions, _ inference: InferenceOptions) throws -> Classifier {
        let folder = try load()
        return Classifier(
            folder, longTexts: try longTexts.longTexts(self, of: folder), batchSize: inference.batchSize,
            on: inference.workers)
    }
}
