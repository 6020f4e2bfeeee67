import Foundation
import Kernels
import Tokenization
import Transformer

/// A model on text: texts go in; answers, embeddings and explanations come out.
///
/// It keeps the memory of its passes from call to call, so it serves one task at a time. Where work is done in a `Task` that is
/// cancelled, it ends after the batch that is being run, by `CancellationError`.
package struct Classifier {
    /// The model, its tokenizer, and how its logits become answers.
    package var model: ModelFolder
    /// What is read of long texts.
    package let longTexts: LongTexts
    /// The threads that share the work.
    package let workers: Workers
    private var predictor: Predictor
    /// What explaining needs; nil until something is explained.
    var explaining: SequenceClassifier.Workspace?

    /// - Parameters:
    ///   - longTexts: nil: texts are read as the model was trained to, else as far as it can
    ///   - batchSize: how many texts are run at a time; it affects speed and memory, and results only by rounding
    package init(
        _ model: ModelFolder, longTexts: LongTexts? = nil, batchSize: Int = 32, on workers: Workers = Workers()
    ) {
        (self.model, self.workers) = (model, workers)
        self.longTexts =
            longTexts ?? model.settings.longTexts
            ?? LongTexts(maximumLength: model.classifier.configuration.maximumLength)
        predictor = Predictor(for: model.classifier, batchSize: batchSize, workers: workers)
    }

    /// The shape of the model, with the names of its labels.
    package var configuration: Configuration { model.classifier.configuration }

    /// Texts as the model reads them.
    ///
    /// - Throws: ``ModelError`` if a text, or what is made of it, needs too much memory, or if the model reads pairs of texts and one has no second.
    package func encode(_ texts: [Text]) throws -> EncodedTexts {
        try model.requirePairs(in: texts)
        return try encodeAny(texts)
    }

    /// The same, whether or not the model's answers to such texts mean anything.
    func encodeAny(_ texts: [Text]) throws -> EncodedTexts {
        let encoded = try EncodedTexts(texts, for: model, longTexts, on: workers)
        try configuration.requireMemory(for: encoded.sequences, on: workers)
        return encoded
    }

    /// The answers for texts, in their order.
    ///
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package mutating func classify(_ texts: [Text]) throws -> Predictions { try classify(try encode(texts)) }

    /// The answers for encoded texts, in their order.
    ///
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package mutating func classify(_ texts: EncodedTexts) throws -> Predictions { try answers(logits(of: texts)) }

    /// The numbers that a regression predicts for encoded texts, in their order.
    ///
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package mutating func numbers(of texts: EncodedTexts) throws -> [Float] {
        let numbers = try logits(of: texts)
        guard numbers.allFinite else { throw ModelError.overflow }
        return numbers.values
    }

    /// The logits of sequences of token ids by the encoder alone, `[sequences, labels]`.
    mutating func logits(of sequences: [TokenSequence]) throws -> Matrix { try logits(of: TokenSequences(sequences)) }

    /// What n-grams say of them, `[sequences, labels]`; nil if there are none.
    func ngramLogits(of sequences: [TokenSequence]) -> Matrix? {
        model.ngrams.map { Matrix(rows: $0.logits(of: sequences.map(\.ids), on: workers)) }
    }

    func answers(_ logits: Matrix) throws -> Predictions {
        try Predictions(logits: logits, problemType: configuration.problemType, model.settings)
    }

    /// What the model computes of encoded texts, before its settings make answers of that.
    ///
    /// - Returns: `[texts, labels]`
    package mutating func logits(of texts: EncodedTexts) throws -> Matrix {
        texts.logits(ofSequences: try logits(of: texts.sequences))
    }

    private mutating func logits(of sequences: TokenSequences) throws -> Matrix {
        try predictor.logits(model.classifier, sequences, afterBatch: { try Task.checkCancellation() })
    }

    /// What the model's head reads of each text: the first row of the encoder's output, or the mean row, as its pooling says; of
    /// texts that are read in windows, the mean over these.
    ///
    /// - Returns: `[texts, hidden]`
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package mutating func embeddings(of texts: [Text]) throws -> Matrix { try embeddings(of: encodeAny(texts)) }

    /// The same of encoded texts.
    ///
    /// - Parameter pooling: what is read in place of what the head reads; nil: that. `cls` and `mean` are for heads that read the same
    package mutating func embeddings(of encoded: EncodedTexts, by pooling: EmbeddingPooling? = nil) throws -> Matrix {
        let features = try predictor.features(model.classifier, encoded.sequences, by: pooling) { _ in
            !Task.isCancelled
        }
        guard let features else { throw CancellationError() }
        guard features.allFinite else { throw ModelError.overflow }
        return encoded.means(ofSequences: features)
    }
}
