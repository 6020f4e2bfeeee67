import Kernels

/// A stack of ``EncoderLayer``s. Where a layer does not normalise the sum, as with pre-norm, the encoder ends with a norm of its own.
package struct Encoder: Sendable {
    var layers: [EncoderLayer]
    var finalNorm: (any NormLayer)?
    /// Whether the norms look at all rows of a batch, also in the last layer.
    let needsAllRows: Bool

    /// What the backward pass needs. Of layers below the lowest one that it visits nothing is kept: they take turns with two
    /// matrices, and all write to the same activations.
    package struct Activations {
        let trained: TrainedParts
        /// The inputs of the layers that are kept, `[tokens, hidden]` each, and the output of the last.
        fileprivate var inputs: [Matrix]
        fileprivate var layers: [EncoderLayer.Activations]
        fileprivate var statistics = Matrix()
        /// The final norm's output.
        fileprivate var normed = Matrix()
        fileprivate var unkeptOutput = Matrix()
        fileprivate var unkept = EncoderLayer.Activations()

        /// The input of the first layer: what ``Encoder/forward(_:in:)`` reads.
        package var input: Matrix {
            get { inputs[0] }
            _modify { yield &inputs[0] }
        }

        /// What each layer that is kept has returned.
        var outputs: [Matrix] { Array(inputs.dropFirst()) }
    }

    /// Asks `layout` for the parameters `layers.0. …` and so on, and `finalNorm. …`.
    package init(_ configuration: Configuration, in layout: inout ParameterLayout) {
        var layers: [EncoderLayer] = []
        for index in 0..<configuration.layers {
            layout.part = .layer(index)
            layers.append(EncoderLayer("layers.\(index)", configuration, number: index, in: &layout))
        }
        self.layers = layers
        let variant = configuration.addNorm
        finalNorm = variant.hasFinalNorm ? variant.norm.layer("finalNorm", configuration, in: &layout) : nil
        needsAllRows = variant.norm == .batchNorm
    }

    /// What is trained where nothing of the encoder is.
    var frozen: TrainedParts { TrainedParts(firstLayer: layers.count, embeddings: false) }

    /// Activations without memory, that keep what the backward pass needs.
    ///
    /// - Parameter trained: the parts that the backward pass has to reach
    package func makeActivations(for trained: TrainedParts) -> Activations {
        precondition((0...layers.count).contains(trained.firstLayer), "no such layer")
        let kept = layers.count - trained.lowestLayer
        return Activations(
            trained: trained, inputs: Array(repeating: Matrix(), count: kept + 1),
            layers: Array(repeating: EncoderLayer.Activations(), count: kept))
    }

    /// - Parameter activations: `input` is the input, `[tokens, hidden]`, overwritten unless it is kept; ``output(_:)`` becomes the
    ///   result
    package func forward(_ activations: inout Activations, in pass: Pass) {
        for (index, layer) in layers.enumerated() {
            let pass = self.pass(pass, throughLayer: index, trained: activations.trained)
            let kept = index - activations.trained.lowestLayer
            if kept >= 0 {
                layer.forward(
                    activations.inputs[kept], into: &activations.inputs[kept + 1],
                    keeping: &activations.layers[kept], in: pass)
            } else {
                layer.forward(
                    activations.input, into: &activations.unkeptOutput, keeping: &activations.unkept, in: pass)
                swap(&activations.inputs[0], &activations.unkeptOutput)
            }
        }
        finalNorm?.forward(
            activations.inputs[activations.layers.count], into: &activations.normed,
            keeping: &activations.statistics,
            in: self.pass(pass, throughLayer: layers.count - 1, trained: activations.trained))
    }

    /// All rows of a layer are read by the one above it, and frozen layers drop nothing. The final norm is a part of the last layer.
    private func pass(_ pass: Pass, throughLayer index: Int, trained: TrainedParts) -> Pass {
        let pass = index < layers.count - 1 ? pass.with(\.outputRows, nil) : pass
        return index < trained.firstLayer ? pass.with(\.randomness, nil) : pass
    }

    /// What ``forward(_:in:)`` has made of the input: the rows that the pass asks for, `[rows, hidden]`.
    package func output(_ activations: Activations) -> Matrix {
        finalNorm == nil ? activations.inputs[activations.layers.count] : activations.normed
    }

    /// The input of each layer and the encoder's output, of activations that were kept for all layers: what `transformers` calls
    /// the hidden states.
    func hiddenStates(_ activations: Activations) -> [Matrix] {
        precondition(activations.layers.count == layers.count, "activations that were not kept")
        return activations.inputs.dropLast() + [output(activations)]
    }

    /// Goes down to the lowest layer that is trained, or through all of them if the embeddings are.
    ///
    /// - Parameters:
    ///   - gradient: dy, as many rows as the output; becomes the gradient of that layer's input, `[tokens, hidden]`
    ///   - visit: is shown the gradient of each layer's output, the last layer's first
    package func backward(
        _ gradient: inout Matrix, kept activations: Activations, in pass: Pass, visit: (Matrix) -> Void = { _ in }
    ) {
        let lowest = activations.trained.lowestLayer
        finalNorm?.backward(
            &gradient, input: activations.inputs[activations.layers.count], kept: activations.statistics,
            in: self.pass(pass, throughLayer: layers.count - 1, trained: activations.trained))
        for index in (lowest..<layers.count).reversed() {
            visit(gradient)
            layers[index].backward(
                &gradient, input: activations.inputs[index - lowest], kept: activations.layers[index - lowest],
                in: self.pass(pass, throughLayer: index, trained: activations.trained))
        }
    }

    /// Takes over, after a step of training, what the norms of trained layers have to remember of a batch.
    func remember(_ activations: Activations, in parameters: inout FloatBuffer) {
        guard activations.trained.firstLayer < layers.count else { return }
        for index in activations.trained.firstLayer..<layers.count {
            layers[index].remember(activations.layers[index - activations.trained.lowestLayer], in: &parameters)
        }
        finalNorm?.remember(activations.statistics, in: &parameters)
    }
}
