import Foundation
import Kernels

/// A Transformer encoder with a classifier on top: ids → embedding → encoder → pooler → head → logits.
///
/// The layers hold no numbers, only places in the flat buffers; ``parameters`` holds the numbers.
package struct SequenceClassifier {
    /// The shape.
    package let configuration: Configuration
    /// Where each parameter lies.
    package let layout: ParameterLayout
    /// All parameters.
    package var parameters: FloatBuffer
    /// What is multiplied in place of some of them.
    package internal(set) var narrow = NarrowWeights()

    let embedding: Embedding
    var encoder: Encoder
    let pooler: Pooler
    let head: ClassifierHead

    /// Creates a classifier with weights from Normal(0, initializer range), biases 0 and LayerNorm gains 1.
    ///
    /// - Throws: ``ModelError`` if no model can have this configuration.
    package init(_ configuration: Configuration, seed: UInt64) throws {
        self = try SequenceClassifier(configuration) {
            $0.initialValues(standardDeviation: configuration.initializerRange, seed: seed)
        }
    }

    /// Creates a classifier with the parameters that `values` makes for its layout.
    ///
    /// - Parameter empty: a layout without parameters
    init(
        _ configuration: Configuration, in empty: ParameterLayout = ParameterLayout(),
        values: (ParameterLayout) throws -> FloatBuffer
    ) throws {
        try configuration.validate()
        var layout = empty
        layout.part = .embeddings
        embedding = Embedding("embeddings", configuration, in: &layout)
        encoder = Encoder(configuration, in: &layout)
        layout.part = .head
        layout.isAdapter = configuration.lora?.hasPooler ?? false
        pooler = Pooler("pooler", configuration, in: &layout)
        layout.isAdapter = configuration.lora != nil
        head = ClassifierHead("classifier", configuration, in: &layout)
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

    /// The layout of a classifier, without one.
    ///
    /// - Throws: ``ModelError`` if no model can have this configuration.
    package static func layout(of configuration: Configuration) throws -> ParameterLayout {
        try empty(configuration).layout
    }

    /// A classifier whose parameters are all 0, which takes no memory until they are written to.
    static func empty(_ configuration: Configuration) throws -> SequenceClassifier {
        try SequenceClassifier(configuration) { FloatBuffer(count: $0.count) }
    }

    /// Changes all dropout rates; the parameters stay.
    ///
    /// - Throws: ``ModelError`` unless the rate is at least 0 and below 1.
    package mutating func setDropout(_ rate: Float) throws {
        var configuration = configuration
        configuration.dropout = rate
        configuration.attentionDropout = rate
        configuration.classifierDropout = nil
        if configuration.innerDropout != nil { configuration.innerDropout = rate }
        self = try SequenceClassifier(configuration, in: layout.emptied) { _ in parameters }
    }

    // MARK: Memory

    /// The threads and the memory of forward and backward passes. The memory grows to the largest batch that it sees and is then
    /// reused.
    package struct Workspace {
        /// What the backward pass leaves, for the parts that are trained.
        package let gradients: Gradients
        let workers: Workers
        let scratch = Scratch()
        /// The parts that the backward pass can reach.
        let reach: TrainedParts
        /// Where linear layers note what they are given; nil: nowhere.
        var inputs: RecordedInputs?
        var embedding = Embedding.Activations()
        var encoder: Encoder.Activations
        var pooler = Pooler.Activations()
        var head = ClassifierHead.Activations()
        var pooled = Matrix()
        var logits = Matrix()
        var pooledGradient = Matrix()
        var gradient = Matrix()
    }

    /// What a workspace is for: which activations the forward pass keeps, and which gradients there are.
    package enum Purpose {
        /// Nothing is kept.
        case inference
        /// Nothing is kept, but the linear layers note what they are given.
        case calibration(RecordedInputs)
        /// What the gradients of these parts need is kept.
        case training(TrainedParts)
        /// All activations are kept; the parameters have no gradients.
        case explanation
    }

    /// A workspace without memory.
    package func makeWorkspace(for purpose: Purpose, on workers: Workers) -> Workspace {
        let (reach, gradients) =
            switch purpose {
            case .inference, .calibration: (encoder.frozen, Gradients())
            case .training(let trained): (trained, Gradients(trained, of: layout))
            case .explanation: (TrainedParts.all, Gradients())
            }
        // Answers in 8 bits are the same on every processor, and so is what of them is computed in Float32.
        var workspace = Workspace(
            gradients: gradients, workers: hasInt8 ? workers.with(.tiles) : workers, reach: reach,
            encoder: encoder.makeActivations(for: reach))
        if case .calibration(let inputs) = purpose { workspace.inputs = inputs }
        return workspace
    }

    // MARK: Forward

    /// What a classifier can begin with.
    package enum Input {
        case texts(Batch)
        /// What ``SequenceClassifier/features(_:in:)`` has returned for sequences: only pooler and head are left to run.
        case features(Matrix)
    }

    /// The logits of each sequence, without dropout.
    ///
    /// - Returns: `[sequences, labels]`
    package func logits(_ input: Input, in workspace: inout Workspace) -> Matrix {
        forward(input, in: pass(over: input, in: workspace), &workspace)
        return workspace.logits
    }

    /// What the head reads of each sequence, without dropout: the first row of the encoder's output, or the mean row.
    ///
    /// - Returns: `[sequences, hidden]`
    package func features(_ batch: Batch, in workspace: inout Workspace) -> Matrix {
        readFeatures(of: batch, in: pass(over: .texts(batch), in: workspace), &workspace)
        return workspace.pooler.features
    }

    /// The largest number of each column in the encoder's output for each sequence, without dropout.
    ///
    /// - Returns: `[sequences, hidden]`
    package func largestFeatures(_ batch: Batch, in workspace: inout Workspace) -> Matrix {
        readFeatures(of: batch, in: pass(over: .texts(batch), in: workspace).with(\.outputRows, nil), &workspace)
        var largest = Matrix()
        largestRows(
            of: encoder.output(workspace.encoder), offsets: batch.offsets, into: &largest, on: workspace.workers)
        return largest
    }

    /// The sum of the embeddings and the output of every layer: what `transformers` calls the hidden states.
    ///
    /// - Parameter randomness: of a step of training; nil: at inference, without dropout
    /// - Returns: one more than there are layers, `[tokens, hidden]` each
    package func hiddenStates(
        _ batch: Batch, randomness: Pass.Randomness? = nil, on workers: Workers
    ) -> [Matrix] {
        var workspace = makeWorkspace(for: .explanation, on: workers)
        let pass = pass(over: .texts(batch), randomness, in: workspace).with(\.outputRows, nil)
        readFeatures(of: batch, in: pass, &workspace)
        return encoder.hiddenStates(workspace.encoder)
    }

    /// A pass in which the encoder's last layer computes the rows that the pooler reads.
    func pass(over input: Input, _ randomness: Pass.Randomness? = nil, in workspace: Workspace) -> Pass {
        let offsets = if case .texts(let batch) = input { batch.offsets } else { [Int]() }
        var pass = Pass(
            parameters: parameters, narrow: narrow, gradients: workspace.gradients, scratch: workspace.scratch,
            offsets: offsets,
            on: workspace.workers)
        (pass.randomness, pass.inputs) = (randomness, workspace.inputs)
        if pooler.readsFirstRowsOnly && !encoder.needsAllRows { pass.outputRows = offsets.dropLast() }
        return pass
    }

    /// From the input to the logits.
    func forward(_ input: Input, in pass: Pass, _ workspace: inout Workspace) {
        switch input {
        case .texts(let batch): readFeatures(of: batch, in: pass, &workspace)
        case .features(let features): copyRows(features, to: &workspace.pooler.features)
        }
        pooler.forward(&workspace.pooler, into: &workspace.pooled, in: pass)
        head.forward(workspace.pooled, into: &workspace.logits, keeping: &workspace.head, in: pass)
    }

    private func readFeatures(of batch: Batch, in pass: Pass, _ workspace: inout Workspace) {
        embedding.forward(
            batch, into: &workspace.encoder.input, keeping: &workspace.embedding,
            in: workspace.reach.embeddings ? pass : pass.with(\.randomness, nil))
        encoder.forward(&workspace.encoder, in: pass)
        pooler.readFeatures(encoder.output(workspace.encoder), keeping: &workspace.pooler, in: pass)
    }

    // MARK: Backward

    /// The loss of texts and its gradients: one training step, but for the optimizer. What is frozen runs without dropout,
    /// and the backward pass ends at the lowest part that is trained; features have gradients of pooler and head alone.
    ///
    /// - Parameters:
    ///   - targets: the right labels
    ///   - objective: the loss
    ///   - offset: is added to the logits first, `[sequences, labels]`; nil: nothing is
    ///   - total: what its sum over texts is divided by; nil: the weight of these texts, for their mean
    ///   - randomness: decides what dropout removes; nil: nothing
    ///   - workspace: one made for training, to whose gradients those of the loss are added; after ``Gradients/clear()`` they
    ///     replace what is there
    /// - Returns: the loss in nats, and the logits, `[sequences, labels]`
    package func loss(
        _ input: Input, targets: Targets, objective: CrossEntropy = CrossEntropy(), offset: Matrix? = nil,
        total: Double? = nil, randomness: Pass.Randomness?, in workspace: inout Workspace
    ) -> (loss: Double, logits: Matrix) {
        let pass = pass(over: input, randomness, in: workspace)
        forward(input, in: pass, &workspace)
        if let offset { workspace.logits.add(offset) }
        let logits = workspace.logits
        backward(objective.gradient(logits, targets: targets, total: total), input: input, in: pass, &workspace)
        if case .texts(let batch) = input, workspace.reach.embeddings {
            embedding.backward(&workspace.gradient, input: batch, kept: workspace.embedding, in: pass)
        }
        pass.gradients.finishPass()
        return (objective.loss(logits, targets: targets, total: total), logits)
    }

    /// The loss of all pairs of texts by what the head reads of them, and its gradients: one step of contrastive tuning, but for the optimizer.
    ///
    /// - Parameters:
    ///   - targets: the labels of the texts
    ///   - randomness: decides what dropout removes
    ///   - workspace: one made for training everything; the head's gradients stay as they are
    /// - Returns: the loss, as ``cosineSimilarityLoss(_:targets:into:on:)`` has it
    package func contrastiveLoss(
        _ batch: Batch, targets: Targets, randomness: Pass.Randomness?, in workspace: inout Workspace
    ) -> Double {
        let pass = pass(over: .texts(batch), randomness, in: workspace)
        readFeatures(of: batch, in: pass, &workspace)
        let loss = cosineSimilarityLoss(
            workspace.pooler.features, targets: targets, into: &workspace.pooledGradient, on: workspace.workers)
        pooler.readFeaturesBackward(workspace.pooledGradient, into: &workspace.gradient, in: pass)
        encoder.backward(&workspace.gradient, kept: workspace.encoder, in: pass)
        embedding.backward(&workspace.gradient, input: batch, kept: workspace.embedding, in: pass)
        pass.gradients.finishPass()
        return loss
    }

    /// The backward pass from the logits to the lowest layer that the workspace reaches: `workspace.gradient` becomes the gradient
    /// of that layer's input.
    ///
    /// - Parameters:
    ///   - dLogits: the gradient of the logits, `[sequences, labels]`
    ///   - visit: is shown the gradient of the output of each of these layers, the last layer's first
    func backward(
        _ dLogits: Matrix, input: Input, in pass: Pass, _ workspace: inout Workspace,
        visit: (Matrix) -> Void = { _ in }
    ) {
        head.backward(dLogits, into: &workspace.pooledGradient, kept: workspace.head, in: pass)
        pooler.backward(&workspace.pooledGradient, kept: workspace.pooler, in: pass)
        guard case .texts = input, workspace.reach.lowestLayer < encoder.layers.count else { return }
        pooler.readFeaturesBackward(workspace.pooledGradient, into: &workspace.gradient, in: pass)
        encoder.backward(&workspace.gradient, kept: workspace.encoder, in: pass, visit: visit)
    }

    /// Takes over what the norms have to remember of the batch of the last ``loss(_:targets:objective:total:randomness:in:)``: the running
    /// statistics of ``BatchNorm``.
    package mutating func rememberBatch(of workspace: Workspace) {
        guard encoder.needsAllRows else { return }
        encoder.remember(workspace.encoder, in: &parameters)
    }
}
