import ArgumentParser
import Inference
import Transformer

/// Whose vectors texts become.
struct EmbeddingOptions: ParsableArguments {
    @OptionGroup
    var model: ModelOptions

    @Option(
        help: """
            How tokens become one vector: the first one (cls), their mean, or the largest number of each column (max). (default: as \
            the model says, else mean)
            """)
    var pooling: EmbeddingPooling?

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    /// Opens the model.
    ///
    /// - Throws: an error that names the file and what is wrong with it.
    func open() throws -> TextEmbedder {
        var embedding = try EmbeddingModel(contentsOf: model.url, base: model.base, pooling: pooling)
        let limit = embedding.folder.classifier.configuration.maximumLength
        // What is asked for goes before what the folder says.
        _ = try model.maximumLength(limit: limit)
        embedding.settings.maximumLength = model.maxLength ?? embedding.settings.maximumLength
        return TextEmbedder(embedding, batchSize: inference.batchSize, on: inference.workers)
    }
}

extension EmbeddingPooling: ExpressibleByArgument {}

extension TextEmbedder {
    /// How many texts are embedded at a time, so that their vectors need a bounded memory.
    var textsAtATime: Int { max(1, 4_000_000 / columns) }
}

extension NumPyRows {
    /// Opens the vectors that 'addnorm embed' has made before.
    ///
    /// - Throws: `ValidationError` if they cannot be those of the model.
    init(_ path: String, madeBy embedder: TextEmbedder) throws {
        try self.init(path: path)
        if columns != embedder.columns {
            throw ValidationError(
                "The vectors of --embeddings have \(columns) numbers, and those of the model \(embedder.columns).")
        }
    }
}
