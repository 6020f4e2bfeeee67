import Evaluation
import Foundation
import Inference
import Kernels
import Transformer

/// A classifier while it is trained: its parameters, their gradients and the optimizer.
///
/// The optimizer puts off the steps of those rows of the token table that no text reads (``AdamW``); until they are taken, the
/// parameters are not what they should be. Therefore nobody else has them: whoever asks for ``classifier``, ``optimizer`` or the
/// trained parameters gets them with all steps taken. It knows nothing of files, epochs or runs.
package struct Learner {
    /// The classifier and the optimizer, without the steps that were put off.
    private var unfinished: (classifier: SequenceClassifier, optimizer: AdamW)
    /// Whether no step was put off since all were taken.
    private var isUpToDate = true
    private let hyperparameters: Hyperparameters
    private let trained: TrainedParts
    private let groups: [ParameterGroup]
    private let objective: CrossEntropy
    private var workspace: SequenceClassifier.Workspace
    private let workers: Workers
    /// The tokens of a step's texts, each once.
    private var tokens: RowSet
    /// Where a batch's features are put together.
    private var batchFeatures: Matrix

    /// Prepares the training of a classifier.
    ///
    /// - Parameters:
    ///   - optimizer: its state after earlier steps; nil: there were none
    ///   - targets: of all training texts, for the weights of the classes
    /// - Throws: ``TrainingError`` if the hyper-parameters name layers or labels that do not exist.
    package init(
        _ classifier: SequenceClassifier, optimizer: AdamW? = nil, _ hyperparameters: Hyperparameters, targets: Targets,
        workers: Workers
    ) throws {
        let configuration = classifier.configuration
        trained = try hyperparameters.trainedParts(of: configuration)
        self.hyperparameters = hyperparameters
        self.workers = workers
        groups = classifier.layout.groups(
            trained, layers: configuration.layers, layerDecay: hyperparameters.layerDecay,
            weightDecay: hyperparameters.weightDecay)
        objective = CrossEntropy(
            labelSmoothing: hyperparameters.labelSmoothing,
            classWeights: try hyperparameters.classWeights.weights(labels: configuration.labels, targets: targets))
        workspace = classifier.makeWorkspace(for: .training(trained), on: workers)
        tokens = RowSet(count: configuration.vocabularySize)
        batchFeatures = Matrix(columns: configuration.hiddenSize)
        unfinished = (classifier, optimizer ?? AdamW(count: workspace.gradients.values.count))
        unfinished.classifier.convertMatrices(to: hyperparameters.precision, trained: trained, on: workers)
    }

    /// Takes one step of the optimizer, by the gradients of one batch, or of several in turn.
    ///
    /// - Parameters:
    ///   - sequences: which of those of `examples`
    ///   - features: what the head reads of the sequences, `[sequences, hidden]`, where nothing else is trained
    ///   - number: of this step in the whole training, from 0, for dropout
    /// - Returns: the mean loss of the sequences before the step, and the norm of the gradients before clipping. If one of them is not finite, nothing
    ///   has been updated, but for what BatchNorm remembers of batches whose loss was finite.
    package mutating func step(
        _ sequences: ArraySlice<Int>, of examples: EncodedExamples, features: Matrix?, number: Int, learningRate: Double
    ) -> (loss: Double, gradientNorm: Double) {
        // The head reads features, not tokens.
        beginStep(reading: features == nil ? sequences : [], of: examples)
        let total = objective.weight(of: examples.targets(ofSequences: sequences))
        var loss = 0.0
        let batchSize = hyperparameters.batchSize
        for (index, start) in stride(from: sequences.startIndex, to: sequences.endIndex, by: batchSize).enumerated() {
            let batch = sequences[start..<min(start + batchSize, sequences.endIndex)]
            let randomness = Pass.Randomness(
                seed: hyperparameters.seed, step: UInt64(number * hyperparameters.gradientAccumulation + index))
            let targets = examples.targets(ofSequences: batch)
            var objective = objective
            objective.teacher = examples.softTargets(ofSequences: batch)
            if let features { gatherRows(features, batch, into: &batchFeatures) }
            loss +=
                unfinished.classifier.loss(
                    features == nil ? .texts(Batch(batch.map { examples.sequences[$0] })) : .features(batchFeatures),
                    targets: targets, objective: objective, offset: examples.ngramLogits(ofSequences: batch),
                    total: total, randomness: randomness, in: &workspace
                ).loss
            if loss.isFinite { unfinished.classifier.rememberBatch(of: workspace) }
        }
        return (loss, endStep(loss: loss, learningRate: learningRate))
    }

    /// Takes one step of the optimizer, by the gradients of all pairs of texts of one batch.
    ///
    /// - Parameters:
    ///   - sequences: which of those of `examples`
    ///   - number: of this step, from 0, for dropout
    /// - Returns: the loss before the step, and the norm of the gradients before clipping. If one of them is not finite, nothing has been updated.
    package mutating func contrastiveStep(
        _ sequences: ArraySlice<Int>, of examples: EncodedExamples, number: Int, learningRate: Double
    ) -> (loss: Double, gradientNorm: Double) {
        beginStep(reading: sequences, of: examples)
        let loss = unfinished.classifier.contrastiveLoss(
            Batch(sequences.map { examples.sequences[$0] }), targets: examples.targets(ofSequences: sequences),
            randomness: Pass.Randomness(seed: hyperparameters.seed, step: UInt64(number)), in: &workspace)
        if loss.isFinite { unfinished.classifier.rememberBatch(of: workspace) }
        return (loss, endStep(loss: loss, learningRate: learningRate))
    }

    /// Makes the gradients ready for a new sum, and the rows of the token table that the sequences read up to date.
    private mutating func beginStep(reading sequences: ArraySlice<Int>, of examples: EncodedExamples) {
        isUpToDate = false
        gradients.clear()
        for index in sequences { tokens.insert(examples.sequences[index].ids) }
        unfinished.optimizer.catchUp(tokens.rows, of: &unfinished.classifier.parameters, groups: groups, on: workers)
        tokens.removeAll()
    }

    /// Updates the parameters, unless the loss or a gradient is not finite.
    ///
    /// - Returns: the norm of the gradients before clipping
    private mutating func endStep(loss: Double, learningRate: Double) -> Double {
        guard loss.isFinite else { return .nan }
        let norm = unfinished.optimizer.update(
            &unfinished.classifier.parameters, gradients: gradients.values, groups: groups,
            rows: gradients.tableRows.rows,
            learningRate: Float(learningRate), maximumNorm: Float(hyperparameters.maxGradNorm), on: workers)
        unfinished.classifier.convertMatrices(of: trained, on: workers)
        return Double(norm)
    }

    private var gradients: Gradients { workspace.gradients }

    /// The norm of the gradients of the last step in each part of the model that is trained, from the embeddings up.
    var gradientNorms: [(part: Part, norm: Double)] { gradients.norms(of: unfinished.classifier.layout) }

    /// Says where a step went wrong whose loss or gradients are not finite.
    ///
    /// - Parameter number: of the step, from 1
    func description(ofStep number: Int, loss: Double) -> String {
        let norms = gradientNorms.map { "\($0.part) \(String(format: "%.3g", $0.norm))" }
        return "the loss of step \(number) is \(String(format: "%.4g", loss)), with gradients of the norms "
            + norms.joined(separator: ", ")
    }

    /// The mean norm of a token's hidden state after each layer that is trained, in the last batch.
    var hiddenStateNorms: [(layer: Int, norm: Double)] { workspace.hiddenStateNorms }

    // MARK: What has been learned

    /// The classifier as it is after the last step. Who keeps it over the next one makes that copy all parameters.
    package var classifier: SequenceClassifier {
        mutating get {
            catchUp()
            return unfinished.classifier
        }
    }

    /// The optimizer after the last step. Who keeps it over the next one makes that copy its moments.
    package var optimizer: AdamW {
        mutating get {
            catchUp()
            return unfinished.optimizer
        }
    }

    /// How many parameters are trained.
    package var trainedCount: Int { gradients.values.count }

    /// Copies the parameters that are trained.
    package mutating func copyTrained(to copy: inout FloatBuffer) {
        catchUp()
        gradients.copyTrained(of: unfinished.classifier.parameters, to: &copy)
    }

    /// Does something with the classifier as it was when its trained parameters were copied. They are exchanged meanwhile: a
    /// second model would need as much memory again.
    ///
    /// - Parameter copy: made by ``copyTrained(to:)``; nil: the classifier as it is
    package mutating func withTrained(
        from copy: inout FloatBuffer?, _ body: (SequenceClassifier) throws -> Void
    ) rethrows {
        catchUp()
        guard var other = copy.take() else { return try body(unfinished.classifier) }
        exchangeTrained(with: &other)
        defer {
            exchangeTrained(with: &other)
            copy = other
        }
        try body(unfinished.classifier)
    }

    private mutating func exchangeTrained(with other: inout FloatBuffer) {
        gradients.exchangeTrained(of: &unfinished.classifier.parameters, with: &other)
        unfinished.classifier.convertMatrices(of: trained, on: workers)
    }

    /// Takes the steps that were put off. If there are none, memory that is shared need not be copied for that.
    private mutating func catchUp() {
        if isUpToDate { return }
        isUpToDate = true
        unfinished.optimizer.catchUp(of: &unfinished.classifier.parameters, groups: groups, on: workers)
    }
}

extension Hyperparameters {
    /// Refuses what cannot fit, before it is tried: the least that a step needs is parameters, gradients and moments, what the backward pass
    /// reads of the largest batch, and the attention probabilities of a head for each thread.
    ///
    /// - Throws: ``ModelError`` that says how much is needed.
    func checkMemory(for classifier: SequenceClassifier, _ sequences: TokenSequences, on workers: Workers) throws {
        let configuration = classifier.configuration
        let trained = try trainedParts(of: configuration)
        let lengths = sequences.indices.map { sequences.length($0) }.sorted(by: >)
        let tokens = lengths.prefix(self.batchSize).reduce(0, +)
        let perToken = try floatsKeptOfToken(of: configuration)
        // W and its transpose in 16 bits take as much as W.
        let narrow = self.precision == .bfloat16 ? classifier.narrowPlaces.filter { !$0.isTable } : []
        try Configuration.requireMemory(
            floats: Double(classifier.layout.count + narrow.reduce(0) { $0 + $1.block.count })
                + 3 * Double(Gradients.count(trained, of: classifier.layout))
                + Double(tokens) * Double(perToken) + 3
                * configuration.floats(forLongest: lengths.first ?? 0, on: workers),
            for: "a training step", "lower --batch-size, --max-length, --hidden-size or --layers")
    }
}
