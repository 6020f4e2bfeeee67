import Kernels
import Tokenization
import Transformer

/// Makes vectors of texts, as sentence-transformers does: texts that are alike get vectors that are near to each other.
///
/// With h the rows of the encoder's output for the tokens of a text, special tokens included, its vector is h₁, the mean of h, or the largest
/// number of each column (Reimers & Gurevych, *Sentence-BERT*, 2019), divided by its length if the settings say so. No text depends on those that
/// it is run with, but for rounding.
///
/// It keeps the memory of its passes from call to call, so it serves one task at a time.
package struct TextEmbedder {
    private var classifier: Classifier
    private let settings: EmbeddingSettings
    private let pooling: EmbeddingPooling
    /// How many texts it was given.
    package private(set) var count = 0
    /// How many of them had more tokens than are read, and were cut off.
    package private(set) var countOfLonger = 0

    /// - Parameter batchSize: how many texts are run at a time; it affects speed and memory, and results only by rounding
    package init(_ model: EmbeddingModel, batchSize: Int = 32, on workers: Workers = Workers()) {
        let limit = model.folder.classifier.configuration.maximumLength
        let longTexts = LongTexts(maximumLength: min(limit, model.settings.maximumLength ?? limit))
        classifier = Classifier(model.folder, longTexts: longTexts, batchSize: batchSize, on: workers)
        (settings, pooling) = (model.settings, model.pooling)
    }

    /// The width of a vector.
    package var columns: Int { classifier.configuration.hiddenSize }
    /// The threads that share the work.
    package var workers: Workers { classifier.workers }

    /// The vectors of texts, in their order.
    ///
    /// - Parameter normalized: whether they have the length 1; nil: as the model's settings say
    /// - Returns: `[texts, hidden]`
    /// - Throws: ``ModelError`` if a text needs too much memory, or the model's numbers have overflowed; `CancellationError` if the task is cancelled.
    package mutating func embeddings(of texts: [String], normalized: Bool? = nil) throws -> Matrix {
        let prompt = settings.prompt
        let encoded = try classifier.encodeAny(texts.map { Text(prompt + $0) })
        let embeddings = try classifier.embeddings(of: encoded, by: pooling)
        count += encoded.count
        countOfLonger += encoded.countOfLonger
        return normalized ?? settings.normalizes ? embeddings.withRowsOfLengthOne : embeddings
    }

    /// What a user should know of the texts so far; nil if all were read to their end.
    package var notice: String? {
        guard countOfLonger > 0 else { return nil }
        return
            "\(countOfLonger) of \(count) texts have more than \(classifier.longTexts.maximumLength) tokens and were cut off"
    }
}
