import Foundation
import Kernels

/// BERT with a classifier on top: ids → embedding → encoder → pooler → head → logits.
///
/// The layers hold no numbers, only places in the flat buffers; ``parameters`` holds the numbers.
package struct SequenceClassifier {
    /// The shape.
    package let configuration: Configuration
    /// Where each parameter lies.
    package let layout: ParameterLayout
    /// All parameters.
    package var parameters: FloatBuffer

    let embedding: Embedding
    let encoder: Encoder
    let pooler: Pooler
    let head: ClassifierHead

    /// The memory of forward and backward passes. It grows to the largest batch that it sees and is then reused.
    package struct Workspace {
        fileprivate let trained: TrainedParts
        fileprivate var embedding: Embedding.Activations
        fileprivate var encoder: Encoder.Activations
        fileprivate var pooler: Pooler.Activations
        fileprivate var head: ClassifierHead.Activations
        fileprivate var pooledGradient: Matrix
        fileprivate var gradient: Matrix
    }

    /// Creates a classifier with weights from Normal(0, initializer range), biases 0 and LayerNorm gains 1.
    ///
    /// - Throws: ``ModelError`` if no model can have this configuration.
    package init(_ configuration: Configuration, seed: UInt64) throws {
        self = try SequenceClassifier(configuration) {
            $0.initialValues(standardDeviation: configuration.initializerRange, seed: seed)
        }
    }

    /// Creates a classifier with the parameters that `values` makes for its layout.
    init(_ configuration: Configuration, values: (ParameterLayout) throws -> FloatBuffer) throws {
        try configuration.validate()
        var layout = ParameterLayout()
        layout.part = .embeddings
        embedding = Embedding("bert.embeddings", configuration, in: &layout)
        encoder = Encoder("bert.encoder", configuration, site: 1, in: &layout)
        layout.part = .head
        pooler = Pooler("bert.pooler", configuration, in: &layout)
        head = ClassifierHead(
            "classifier", configuration, site: 1 + UInt32(configuration.layers) * EncoderLayer.sites, in: &layout)
        self.configuration = configuration
        self.layout = layout
        let (bytes, memory) = (4 * Double(layout.count), Double(ProcessInfo.processInfo.physicalMemory))
        guard bytes <= memory else {
            throw ModelError(
                String(
                    format:
                        "a model of this shape needs %.0f GB for its parameters; this machine has %.0f GB of memory",
                    bytes / 1e9, memory / 1e9))
        }
        parameters = try values(layout)
        precondition(parameters.count == layout.count, "parameters that do not match the layout")
    }

    /// Changes all dropout rates; the parameters stay.
    ///
    /// - Throws: ``ModelError`` unless the rate is at least 0 and below 1.
    package mutating func setDropout(_ rate: Float) throws {
        var configuration = configuration
        configuration.dropout = rate
        configuration.attentionDropout = rate
        configuration.classifierDropout = nil
        self = try SequenceClassifier(configuration) { _ in parameters }
    }

    /// A workspace without memory.
    ///
    /// - Parameter trained: what it will be used to train: the activations that its gradients need are kept. Nil at inference
    package func makeWorkspace(training trained: TrainedParts?) -> Workspace {
        let hidden = configuration.hiddenSize
        return Workspace(
            trained: trained ?? encoder.frozen,
            embedding: embedding.makeActivations(),
            encoder: encoder.makeActivations(training: trained),
            pooler: pooler.makeActivations(hidden: hidden),
            head: head.makeActivations(),
            pooledGradient: Matrix(columns: hidden),
            gradient: Matrix(columns: hidden))
    }

    // MARK: Inference

    /// The logits of each sequence, without dropout.
    ///
    /// - Returns: `[sequences, labels]`
    package func logits(_ batch: Batch, _ workspace: inout Workspace, on workers: Workers) -> Matrix {
        let pass = pass(over: batch, on: workers)
        readFeatures(batch, &workspace, pass)
        classify(&workspace, pass)
        return workspace.head.logits
    }

    /// What the head reads of each sequence, without dropout: the first row of the encoder's output, or the mean row.
    ///
    /// - Returns: `[sequences, hidden]`
    package func features(_ batch: Batch, _ workspace: inout Workspace, on workers: Workers) -> Matrix {
        readFeatures(batch, &workspace, pass(over: batch, on: workers))
        return workspace.pooler.features
    }

    /// The logits of sequences whose features are known.
    ///
    /// - Parameter features: `[sequences, hidden]`
    /// - Returns: `[sequences, labels]`
    package func logits(features: Matrix, _ workspace: inout Workspace, on workers: Workers) -> Matrix {
        copy(features, to: &workspace.pooler.features)
        classify(&workspace, Pass(offsets: [], workers: workers))
        return workspace.head.logits
    }

    /// The sum of the embeddings and the output of every layer, without dropout: what `transformers` calls the hidden states.
    ///
    /// - Returns: one more than there are layers, `[tokens, hidden]` each
    package func hiddenStates(_ batch: Batch, on workers: Workers) -> [Matrix] {
        var workspace = makeWorkspace(training: .all)
        encode(batch, &workspace, Pass(offsets: batch.offsets, workers: workers))
        return encoder.hiddenStates(workspace.encoder)
    }

    private func pass(over batch: Batch, _ randomness: Pass.Randomness? = nil, on workers: Workers) -> Pass {
        Pass(
            offsets: batch.offsets, firstRowsOnly: pooler.readsFirstRowsOnly, randomness: randomness, workers: workers)
    }

    private func encode(_ batch: Batch, _ workspace: inout Workspace, _ pass: Pass) {
        embedding.forward(
            ids: batch.ids, into: &workspace.encoder.input, keeping: &workspace.embedding, parameters,
            workspace.trained.embeddings ? pass : pass.withoutDropout)
        encoder.forward(&workspace.encoder, parameters, pass)
    }

    private func readFeatures(_ batch: Batch, _ workspace: inout Workspace, _ pass: Pass) {
        encode(batch, &workspace, pass)
        pooler.readFeatures(encoder.output(workspace.encoder), keeping: &workspace.pooler, pass)
    }

    private func classify(_ workspace: inout Workspace, _ pass: Pass) {
        pooler.forward(&workspace.pooler, parameters, pass)
        head.forward(pooler.output(workspace.pooler), keeping: &workspace.head, parameters, pass)
    }

    // MARK: Training

    /// The loss of a batch and its gradients: one training step, but for the optimizer. What is frozen runs without dropout,
    /// and the backward pass ends at the lowest part that is trained.
    ///
    /// - Parameters:
    ///   - batch: the texts
    ///   - targets: the right labels
    ///   - objective: the loss
    ///   - total: what its sum over texts is divided by; nil: the weight of these texts, for their mean
    ///   - gradients: to which those of the loss are added, for the parts that the workspace was made for; after
    ///     ``Gradients/clear()`` they replace what is there
    ///   - workspace: one made for training
    ///   - randomness: decides what dropout removes; nil: nothing
    /// - Returns: the loss in nats, and the logits, `[sequences, labels]`
    package func loss(
        _ batch: Batch, targets: Targets, objective: CrossEntropy = CrossEntropy(), total: Double? = nil,
        gradients: inout Gradients, _ workspace: inout Workspace, randomness: Pass.Randomness?, on workers: Workers
    ) -> (loss: Double, logits: Matrix) {
        let pass = pass(over: batch, randomness, on: workers)
        defer { gradients.finishPass() }
        readFeatures(batch, &workspace, pass)
        let loss = loss(targets, objective, total, gradients: &gradients, &workspace, pass)
        let trained = workspace.trained
        if trained.lowestLayer == encoder.layers.count { return (loss, workspace.head.logits) }
        pooler.readFeaturesBackward(workspace.pooledGradient, into: &workspace.gradient, pass)
        encoder.backward(&workspace.gradient, &workspace.encoder, parameters, gradients: &gradients, pass)
        if trained.embeddings {
            embedding.backward(
                &workspace.gradient, ids: batch.ids, workspace.embedding, parameters, gradients: &gradients, pass)
        }
        return (loss, workspace.head.logits)
    }

    /// The loss of texts whose features are known, and the gradients of the head.
    ///
    /// - Parameter features: `[sequences, hidden]`
    package func loss(
        features: Matrix, targets: Targets, objective: CrossEntropy = CrossEntropy(), total: Double? = nil,
        gradients: inout Gradients, _ workspace: inout Workspace, randomness: Pass.Randomness?, on workers: Workers
    ) -> (loss: Double, logits: Matrix) {
        copy(features, to: &workspace.pooler.features)
        defer { gradients.finishPass() }
        let pass = Pass(offsets: [], randomness: randomness, workers: workers)
        let loss = loss(targets, objective, total, gradients: &gradients, &workspace, pass)
        return (loss, workspace.head.logits)
    }

    /// Forward and backward through pooler and head; leaves the gradient of the features.
    private func loss(
        _ targets: Targets, _ objective: CrossEntropy, _ total: Double?, gradients: inout Gradients,
        _ workspace: inout Workspace, _ pass: Pass
    ) -> Double {
        classify(&workspace, pass)
        let logits = workspace.head.logits
        head.backward(
            objective.gradient(logits, targets: targets, total: total), workspace.head,
            into: &workspace.pooledGradient, parameters, gradients: &gradients, pass)
        pooler.backward(
            &workspace.pooledGradient, &workspace.pooler, parameters, gradients: &gradients, pass)
        return objective.loss(logits, targets: targets, total: total)
    }
}

extension SequenceClassifier {
    // MARK: Attribution

    /// How much each token speaks for a label: gradient × input, without dropout.
    ///
    /// With x the embeddings that the encoder reads, after their LayerNorm, and f the ``logOdds(of:_:_:)`` of the label, token t
    /// scores Σ ∂f/∂x[t, h] · x[t, h], summed over the hidden size. The derivative takes for constants what ``Pass/isLinearized``
    /// names: with the model's own gradient, scores hardly agree with what leaving words out does.
    ///
    /// ### References
    /// Simonyan, Vedaldi & Zisserman, *Deep Inside Convolutional Networks*, 2014, section 3 (the gradient); Shrikumar, Greenside,
    /// Shcherbina & Kundaje, *Not Just a Black Box*, 2016 (times the input); Ali et al., *XAI for Transformers: Better Explanations
    /// through Conservative Propagation*, 2022 (the constants).
    ///
    /// - Parameters:
    ///   - labels: the id of each text's label
    ///   - temperature: what the logits are divided by
    ///   - workspace: one made for training all parts
    /// - Returns: the scores in nats, `[tokens]`
    package func gradientTimesInput(
        _ batch: Batch, labels: [Int], temperature: Double = 1, _ workspace: inout Workspace, on workers: Workers
    ) -> [Double] {
        precondition(workspace.trained == .all, "a workspace that keeps no embeddings")
        let pass = pass(over: batch, on: workers).linearized
        // No gradients of the encoder's parameters: nobody wants them.
        var gradients = Gradients(encoder.frozen, of: layout)
        readFeatures(batch, &workspace, pass)
        classify(&workspace, pass)
        let logits = workspace.head.logits.scaled(by: Float(1 / temperature))
        let gradient = labels.enumerated().flatMap { text, label in
            logOddsGradient(of: label, logits.row(text), configuration.problemType)
        }
        head.backward(
            Matrix(gradient, columns: logits.columns).scaled(by: Float(1 / temperature)), workspace.head,
            into: &workspace.pooledGradient, parameters, gradients: &gradients, pass)
        pooler.backward(&workspace.pooledGradient, &workspace.pooler, parameters, gradients: &gradients, pass)
        pooler.readFeaturesBackward(workspace.pooledGradient, into: &workspace.gradient, pass)
        encoder.backward(&workspace.gradient, &workspace.encoder, parameters, gradients: &gradients, pass)
        let (input, inputGradient) = (workspace.encoder.input, workspace.gradient)
        return batch.ids.indices.map { token in
            zip(input.row(token), inputGradient.row(token)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
    }
}
