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
        embedding = Embedding("bert.embeddings", configuration, in: &layout)
        encoder = Encoder("bert.encoder", configuration, site: 1, in: &layout)
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

    /// Changes the dropout of hidden states and attention probabilities; the parameters stay.
    ///
    /// - Throws: ``ModelError`` unless the rate is at least 0 and below 1.
    package mutating func setDropout(_ rate: Float) throws {
        var configuration = configuration
        configuration.dropout = rate
        configuration.attentionDropout = rate
        self = try SequenceClassifier(configuration) { _ in parameters }
    }

    /// A workspace without memory.
    ///
    /// - Parameter training: whether it will be used for gradients, which need the activations of every layer
    package func makeWorkspace(training: Bool) -> Workspace {
        let hidden = configuration.hiddenSize
        return Workspace(
            embedding: embedding.makeActivations(),
            encoder: encoder.makeActivations(training: training),
            pooler: pooler.makeActivations(hidden: hidden),
            head: head.makeActivations(),
            pooledGradient: Matrix(columns: hidden),
            gradient: Matrix(columns: hidden))
    }

    /// The logits of each sequence, without dropout.
    ///
    /// - Returns: `[sequences, labels]`
    package func logits(_ batch: Batch, _ workspace: inout Workspace, on workers: Workers) -> Matrix {
        forward(batch, &workspace, Pass(offsets: batch.offsets, workers: workers))
        return workspace.head.logits
    }

    /// The mean loss of a batch and its gradients: one training step, but for the optimizer.
    ///
    /// - Parameters:
    ///   - batch: the texts
    ///   - targets: the id of each text's label
    ///   - gradients: becomes the gradient of the loss, laid out like ``parameters``
    ///   - workspace: one made for training
    ///   - randomness: decides what dropout removes; nil: nothing
    /// - Returns: the cross-entropy in nats, and the logits, `[sequences, labels]`
    package func loss(
        _ batch: Batch, targets: [Int], gradients: inout FloatBuffer, _ workspace: inout Workspace,
        randomness: Pass.Randomness?, on workers: Workers
    ) -> (loss: Double, logits: Matrix) {
        let pass = Pass(offsets: batch.offsets, randomness: randomness, workers: workers)
        forward(batch, &workspace, pass)
        let logits = workspace.head.logits
        let gradientOfLogits = crossEntropyBackward(logits, targets: targets)
        gradients.clear()
        head.backward(
            gradientOfLogits, workspace.head, into: &workspace.pooledGradient, parameters, gradients: &gradients, pass)
        pooler.backward(
            &workspace.pooledGradient, &workspace.pooler, into: &workspace.gradient, parameters,
            gradients: &gradients, pass)
        encoder.backward(&workspace.gradient, &workspace.encoder, parameters, gradients: &gradients, pass)
        embedding.backward(
            &workspace.gradient, ids: batch.ids, workspace.embedding, parameters, gradients: &gradients, pass)
        return (crossEntropy(logits, targets: targets), logits)
    }

    private func forward(_ batch: Batch, _ workspace: inout Workspace, _ pass: Pass) {
        embedding.forward(
            ids: batch.ids, into: &workspace.encoder.rows[0], keeping: &workspace.embedding, parameters, pass)
        encoder.forward(&workspace.encoder, parameters, pass)
        pooler.forward(encoder.output(workspace.encoder), keeping: &workspace.pooler, parameters, pass)
        head.forward(workspace.pooler.pooled, keeping: &workspace.head, parameters, pass)
    }
}

/// Why a model cannot be built, read or written.
package struct ModelError: LocalizedError, CustomStringConvertible {
    /// The file where there is one, the cause and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}
