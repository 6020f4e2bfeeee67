import ArgumentParser
import Inference
import Transformer

/// Whose vectors texts become.
struct EmbeddingOptions: ParsableArguments {
    @OptionGroup
    var model: ModelOptions

    @Option(help: "How tokens become one vector: the first one, or their mean. (default: as the model says, else mean)")
    var pooling: Configuration.Pooling?

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    /// Opens the model.
    ///
    /// - Returns: the model, and whether its folder asks for vectors of length 1
    /// - Throws: an error that names the file and what is wrong with it.
    func open() throws -> (classifier: Classifier, normalizes: Bool) {
        let folder = try ModelFolder(embeddingIn: model.url, base: model.base, pooling: pooling)
        let settings = try EmbeddingSettings(of: model.base ?? model.url)
        let limit = try model.maximumLength(limit: folder.classifier.configuration.maximumLength)
        let length = model.maxLength ?? min(limit, settings.maximumLength ?? limit)
        let classifier = Classifier(
            folder, longTexts: LongTexts(maximumLength: length), batchSize: inference.batchSize, on: inference.workers)
        return (classifier, settings.normalizes)
    }
}
