import Foundation
import Kernels
import Transformer

/// Runs a classifier's arithmetic over many texts, in batches and without dropout. The classifier is given with each call: while
/// one is trained, it changes between them.
package struct Predictor {
    private let batchSize: Int
    private var workspace: SequenceClassifier.Workspace

    /// 512 MB: features that need more bytes are kept in a file instead of in memory.
    package static let largestFeaturesInMemory = 1 << 29

    /// Creates a predictor for classifiers of the same configuration as `classifier`.
    ///
    /// - Parameters:
    ///   - purpose: what its passes are for: inference, or calibration
    ///   - batchSize: how many texts are run at a time; it affects speed and memory, and results only by rounding
    package init(
        for classifier: SequenceClassifier, _ purpose: SequenceClassifier.Purpose = .inference, batchSize: Int,
        workers: Workers
    ) {
        self.batchSize = batchSize
        workspace = classifier.makeWorkspace(for: purpose, on: workers)
    }

    /// The logits of texts; of one that is read in windows, the mean over these.
    ///
    /// - Parameter features: of the texts' sequences, `[sequences, hidden]`, if they are known: then only the head is run
    /// - Returns: `[texts, labels]`
    package mutating func logits(
        _ classifier: SequenceClassifier, _ texts: EncodedTexts, features: Matrix? = nil
    ) -> Matrix {
        texts.logits(
            ofSequences: features.map { logits(classifier, features: $0) }
                ?? logits(classifier, texts.sequences, afterBatch: {}))
    }

    /// The logits of sequences.
    ///
    /// - Parameter afterBatch: is called after each batch, and can end the work by an error
    /// - Returns: `[sequences, labels]`
    mutating func logits(
        _ classifier: SequenceClassifier, _ sequences: TokenSequences, afterBatch: () throws -> Void
    ) rethrows -> Matrix {
        let labels = classifier.configuration.labels.count
        var values = FloatBuffer(count: sequences.count * labels)
        for batch in batches(of: sequences) {
            let logits = classifier.logits(.texts(Batch(batch.map { sequences[$0] })), in: &workspace)
            for (row, sequence) in batch.enumerated() { values.copy(logits, row: row, to: sequence * labels) }
            try afterBatch()
        }
        return values[Block(offset: 0, rows: sequences.count, columns: labels)]
    }

    private mutating func logits(_ classifier: SequenceClassifier, features: Matrix) -> Matrix {
        var values: [Float] = []
        var rows = Matrix(columns: features.columns)
        for start in stride(from: 0, to: features.rows, by: Self.featuresAtATime) {
            gatherRows(features, start..<min(start + Self.featuresAtATime, features.rows), into: &rows)
            values += classifier.logits(.features(rows), in: &workspace).values
        }
        return Matrix(values, columns: classifier.configuration.labels.count)
    }

    private static let featuresAtATime = 1024

    /// What the head reads of each sequence.
    ///
    /// - Parameters:
    ///   - pooling: what is read in its place; nil: what the head reads. `cls` and `mean` are for heads that read the same
    ///   - largestInMemory: features that need more bytes are kept in a temporary file
    ///   - report: is told how many sequences are done, and returns whether to go on
    /// - Returns: `[sequences, hidden]`; nil if `report` said no
    /// - Throws: ``ModelError`` if there is no room for so many.
    package mutating func features(
        _ classifier: SequenceClassifier, _ sequences: TokenSequences, by pooling: EmbeddingPooling? = nil,
        largestInMemory: Int = largestFeaturesInMemory, report: (Int) -> Bool
    ) throws -> Matrix? {
        let hidden = classifier.configuration.hiddenSize
        let count = sequences.count * hidden
        var features: FloatBuffer
        if 4 * count <= largestInMemory {
            features = FloatBuffer(count: count)
        } else {
            do {
                features = FloatBuffer(try MappedMemory(temporaryBytes: 4 * count), offset: 0, count: count)
            } catch {
                throw ModelError(
                    "\(FileManager.default.temporaryDirectory.path): no room for the \(4 * count / 1_000_000) MB of the texts'"
                        + " features: \(error.localizedDescription)")
            }
        }
        var done = 0
        for batch in batches(of: sequences) {
            let batchOfSequences = Batch(batch.map { sequences[$0] })
            let rows =
                pooling == .max
                ? classifier.largestFeatures(batchOfSequences, in: &workspace)
                : classifier.features(batchOfSequences, in: &workspace)
            for (row, index) in batch.enumerated() { features.copy(rows, row: row, to: index * hidden) }
            done += batch.count
            guard report(done) else { return nil }
        }
        return features[Block(offset: 0, rows: sequences.count, columns: hidden)]
    }

    /// The indices of the sequences of each batch. Sequences of like length are together, and a batch has no more tokens than
    /// ``mostTokens``, so that memory depends neither on the number of texts nor, up to that, on their lengths.
    private func batches(of sequences: TokenSequences) -> [ArraySlice<Int>] {
        let order = sequences.indices.sorted { (sequences.length($0), $0) < (sequences.length($1), $1) }
        var batches: [ArraySlice<Int>] = []
        var rest = order[...]
        while !rest.isEmpty {
            var tokens = 0
            let batch = rest.prefix(batchSize).prefix { index in
                tokens += sequences.length(index)
                return tokens <= Self.mostTokens
            }
            // A text that is longer is a batch by itself.
            batches.append(rest.prefix(max(1, batch.count)))
            rest = rest.dropFirst(max(1, batch.count))
        }
        return batches
    }

    /// Larger batches are not faster: they would take more memory than the caches have.
    private static let mostTokens = 512
}
