import Evaluation
import Inference
import Kernels
import Transformer

/// A step of a training, and what is kept from one to the next: the gradients of some texts, clipped, then AdamW.
///
/// It knows nothing of files, epochs or runs; ``Trainer`` does.
package struct TrainingStep {
    /// Of the parts that are trained.
    package var gradients: Gradients { workspace.gradients }
    private let hyperparameters: Hyperparameters
    private let groups: [ParameterGroup]
    private let objective: CrossEntropy
    private var workspace: SequenceClassifier.Workspace
    private let workers: Workers
    /// The tokens of a step's texts, each once.
    private var tokens: RowSet
    /// Where a batch's features are put together.
    private var batchFeatures: Matrix

    /// Prepares steps for one model.
    ///
    /// - Parameter targets: of all training texts, for the weights of the classes
    /// - Throws: ``TrainingError`` if the hyper-parameters name layers or labels that do not exist.
    package init(
        for classifier: SequenceClassifier, _ hyperparameters: Hyperparameters, targets: Targets, workers: Workers
    ) throws {
        let configuration = classifier.configuration
        let trained = try hyperparameters.trainedParts(layers: configuration.layers)
        self.hyperparameters = hyperparameters
        self.workers = workers
        groups = classifier.layout.groups(
            trained, layers: configuration.layers, layerDecay: hyperparameters.layerDecay,
            weightDecay: hyperparameters.weightDecay)
        objective = CrossEntropy(
            labelSmoothing: hyperparameters.labelSmoothing,
            classWeights: try hyperparameters.weights(labels: configuration.labels, targets: targets))
        workspace = classifier.makeWorkspace(for: .training(trained), on: workers)
        tokens = RowSet(count: configuration.vocabularySize)
        batchFeatures = Matrix(columns: configuration.hiddenSize)
    }

    /// Takes one step: the gradients of one batch, or of several in turn.
    ///
    /// - Parameters:
    ///   - sequences: which of those of `examples`
    ///   - features: what the head reads of the sequences, `[sequences, hidden]`, where nothing else is trained
    ///   - number: of this step in the whole training, from 0, for dropout
    /// - Returns: the mean loss of the sequences before the step, and the norm of the gradients before clipping
    package mutating func take(
        _ sequences: ArraySlice<Int>, of examples: EncodedExamples, features: Matrix?, number: Int,
        learningRate: Double,
        _ classifier: inout SequenceClassifier, _ optimizer: inout AdamW
    ) -> (loss: Double, gradientNorm: Double) {
        gradients.clear()
        // The head reads features, not tokens.
        if features == nil {
            for index in sequences { for token in examples.sequences[index] { tokens.insert(token) } }
        }
        optimizer.catchUp(tokens.rows, of: &classifier.parameters, groups: groups, on: workers)
        tokens.removeAll()
        let total = objective.weight(of: examples.targets(ofSequences: sequences))
        var loss = 0.0
        for (index, start) in stride(
            from: sequences.startIndex, to: sequences.endIndex, by: hyperparameters.batchSize
        )
        .enumerated() {
            let batch = sequences[start..<min(start + hyperparameters.batchSize, sequences.endIndex)]
            let randomness = Pass.Randomness(
                seed: hyperparameters.seed, step: UInt64(number * hyperparameters.gradientAccumulation + index))
            let targets = examples.targets(ofSequences: batch)
            if let features {
                gatherRows(features, batch, into: &batchFeatures)
                loss +=
                    classifier.loss(
                        features: batchFeatures, targets: targets, objective: objective, total: total,
                        randomness: randomness, in: &workspace
                    ).loss
            } else {
                loss +=
                    classifier.loss(
                        Batch(batch.map { examples.sequences[$0] }), targets: targets, objective: objective,
                        total: total, randomness: randomness, in: &workspace
                    ).loss
            }
        }
        let norm = optimizer.update(
            &classifier.parameters, gradients: gradients.values, groups: groups, rows: gradients.tableRows.rows,
            learningRate: Float(learningRate), maximumNorm: Float(hyperparameters.maxGradNorm), on: workers)
        return (loss, Double(norm))
    }

    /// Brings all embeddings up to date: those that no text has read since they were due. Before anything else reads the
    /// parameters, this has to be done.
    package func finish(_ classifier: inout SequenceClassifier, _ optimizer: inout AdamW) {
        optimizer.catchUp(of: &classifier.parameters, groups: groups, on: workers)
    }
}
