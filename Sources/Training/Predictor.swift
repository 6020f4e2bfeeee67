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

    /// Creates a predictor for classifiers of the same configuration as `classifier`.
    ///
    /// - Parameter batchSize: how many texts are run at a time; it affects speed and memory, and results only by rounding
    package init(for classifier: SequenceClassifier, batchSize: Int, workers: Workers) {
        (self.batchSize, self.workers) = (batchSize, workers)
        workspace = classifier.makeWorkspace(training: false)
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
        // Texts of like length together: the memory of a batch follows its longest texts.
        let order = sequences.indices.sorted { (sequences[$0].count, $0) < (sequences[$1].count, $1) }
        for start in stride(from: 0, to: order.count, by: batchSize) {
            let batch = order[start..<min(start + batchSize, order.count)]
            let logits = classifier.logits(Batch(batch.map { sequences[$0] }), &workspace, on: workers)
            let probabilities = softmax(logits)
            guard probabilities.values.allSatisfy(\.isFinite) else {
                throw TrainingError(
                    "the model's outputs are not numbers: its parameters are damaged, or training diverged")
            }
            for (row, index) in batch.enumerated() {
                let loss = targets.map {
                    crossEntropy(Matrix(logits.row(row), columns: logits.columns), targets: [$0[index]])
                }
                predictions[index] = Prediction(probabilities: probabilities.row(row), loss: loss)
            }
        }
        return predictions.map { $0! }
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
    /// - Throws: ``TrainingError`` if the model's numbers have overflowed.
    package init(
        of classifier: SequenceClassifier, on examples: EncodedExamples, _ predictor: inout Predictor
    ) throws {
        let start = ContinuousClock.now
        let predictions = try predictor.predict(classifier, examples.sequences, targets: examples.targets)
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
