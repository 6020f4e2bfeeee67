import Foundation
import Kernels
import Transformer

/// Runs a classifier over many texts, without dropout.
package struct Predictor {
    /// What a classifier says of one text.
    package struct Prediction: Sendable, Equatable {
        /// Of each label, by id; they sum to 1.
        package let probabilities: [Float]
        /// −log of the probability of the right label, in nats, where it was given.
        package let loss: Double?

        /// The id of the most probable label; of equally probable ones, the first.
        package var label: Int { probabilities.firstIndex(of: probabilities.max()!) ?? 0 }
        /// The probability of ``label``.
        package var confidence: Float { probabilities.max()! }
    }

    private let batchSize: Int
    private let workers: Workers
    private var workspace: SequenceClassifier.Workspace

    /// 512 MB: features that need more bytes are kept in a file instead of in memory.
    package static let largestFeaturesInMemory = 1 << 29

    /// Creates a predictor for classifiers of the same configuration as `classifier`.
    ///
    /// - Parameter batchSize: how many texts are run at a time; it affects speed and memory, and results only by rounding
    package init(for classifier: SequenceClassifier, batchSize: Int, workers: Workers) {
        (self.batchSize, self.workers) = (batchSize, workers)
        workspace = classifier.makeWorkspace(training: nil)
    }

    /// Classifies sequences of token ids; the answers come in their order.
    ///
    /// - Parameters:
    ///   - sequences: `[texts]`, special tokens included
    ///   - targets: the right label's id of each text, for the loss
    /// - Throws: ``TrainingError`` if the model's numbers have overflowed.
    package mutating func predict(
        _ classifier: SequenceClassifier, _ sequences: [[Int]], targets: [Int]? = nil
    ) throws -> [Prediction] {
        var predictions = [Prediction?](repeating: nil, count: sequences.count)
        for batch in batches(of: sequences) {
            let logits = classifier.logits(Batch(batch.map { sequences[$0] }), &workspace, on: workers)
            for (index, prediction) in zip(
                batch, try Self.predictions(logits, targets: targets.map { t in batch.map { t[$0] } }))
            {
                predictions[index] = prediction
            }
        }
        return predictions.map { $0! }
    }

    /// Classifies texts whose features are known.
    ///
    /// - Parameter features: `[texts, hidden]`
    mutating func predict(_ classifier: SequenceClassifier, features: Matrix, targets: [Int]) throws -> [Prediction] {
        var predictions: [Prediction] = []
        var rows = Matrix(columns: features.columns)
        for start in stride(from: 0, to: features.rows, by: Self.featuresAtATime) {
            let batch = start..<min(start + Self.featuresAtATime, features.rows)
            gatherRows(features, batch, into: &rows)
            predictions += try Self.predictions(
                classifier.logits(features: rows, &workspace, on: workers), targets: Array(targets[batch]))
        }
        return predictions
    }

    private static let featuresAtATime = 1024

    /// What the head reads of each text.
    ///
    /// - Parameters:
    ///   - largestInMemory: features that need more bytes are kept in a temporary file
    ///   - report: is told how many texts are done; returns whether to go on
    /// - Returns: `[texts, hidden]`; nil if `report` said no
    /// - Throws: ``TrainingError`` if there is no room for so many.
    package mutating func features(
        _ classifier: SequenceClassifier, _ sequences: [[Int]], largestInMemory: Int = largestFeaturesInMemory,
        report: (Int) -> Bool
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
                throw TrainingError(
                    "\(FileManager.default.temporaryDirectory.path): no room for the \(4 * count / 1_000_000) MB of the texts'"
                        + " features: \(error.localizedDescription)")
            }
        }
        var done = 0
        for batch in batches(of: sequences) {
            let rows = classifier.features(Batch(batch.map { sequences[$0] }), &workspace, on: workers)
            for (row, index) in batch.enumerated() { features.copy(rows, row: row, to: index * hidden) }
            done += batch.count
            guard report(done) else { return nil }
        }
        return features[Block(offset: 0, rows: sequences.count, columns: hidden)]
    }

    /// The indices of the sequences of each batch. Those of like length are together, and a batch has no more tokens than are
    /// worth while, so that memory depends neither on the number of texts nor, up to that, on their lengths.
    private func batches(of sequences: [[Int]]) -> [ArraySlice<Int>] {
        let order = sequences.indices.sorted { (sequences[$0].count, $0) < (sequences[$1].count, $1) }
        var batches: [ArraySlice<Int>] = []
        var rest = order[...]
        while !rest.isEmpty {
            var tokens = 0
            let batch = rest.prefix(batchSize).prefix { index in
                tokens += sequences[index].count
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

    private static func predictions(_ logits: Matrix, targets: [Int]?) throws -> [Prediction] {
        let probabilities = softmax(logits)
        guard probabilities.values.allSatisfy(\.isFinite) else {
            throw TrainingError("the model's outputs are not numbers: its parameters are damaged, or training diverged")
        }
        return (0..<logits.rows).map { row in
            let loss = targets.map {
                CrossEntropy().loss(Matrix(logits.row(row), columns: logits.columns), targets: [$0[row]])
            }
            return Prediction(probabilities: probabilities.row(row), loss: loss)
        }
    }
}

/// A classifier's result on labelled examples.
package struct EvaluationResult: Sendable {
    /// One for each example.
    package let predictions: [Predictor.Prediction]
    /// The right label's id of each example.
    package let targets: [Int]
    /// Of ``predictions`` against ``targets``.
    package let report: ClassificationReport
    /// The mean cross-entropy, in nats.
    package let loss: Double
    /// The number of tokens that were run.
    package let tokens: Int
    package let seconds: Double

    /// Puts results on several files together.
    package init(joining results: [EvaluationResult], names: [String]) {
        self.init(
            predictions: results.flatMap(\.predictions), targets: results.flatMap(\.targets), names: names,
            tokens: results.reduce(0) { $0 + $1.tokens }, seconds: results.reduce(0) { $0 + $1.seconds })
    }

    /// Runs `classifier` over labelled sequences.
    ///
    /// - Parameter features: of the sequences, if they are known: then only the head is run
    /// - Throws: ``TrainingError`` if the model's numbers have overflowed.
    package init(
        of classifier: SequenceClassifier, on examples: EncodedExamples, features: Matrix? = nil,
        _ predictor: inout Predictor
    ) throws {
        let start = ContinuousClock.now
        let predictions =
            if let features {
                try predictor.predict(classifier, features: features, targets: examples.targets)
            } else {
                try predictor.predict(classifier, examples.sequences, targets: examples.targets)
            }
        self.init(
            predictions: predictions, targets: examples.targets, names: classifier.configuration.labels,
            tokens: examples.tokens, seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    private init(
        predictions: [Predictor.Prediction], targets: [Int], names: [String], tokens: Int, seconds: Double
    ) {
        (self.predictions, self.targets, self.tokens, self.seconds) = (predictions, targets, tokens, seconds)
        report = ClassificationReport(actual: targets, predicted: predictions.map(\.label), names: names)
        loss = predictions.reduce(0) { $0 + ($1.loss ?? 0) } / Double(predictions.count)
    }
}
