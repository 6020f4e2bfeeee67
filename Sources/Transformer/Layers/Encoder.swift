import Kernels

/// A stack of ``EncoderLayer``s. Pre-norm encoders end with a LayerNorm of their own, since no layer has normalised the sum.
package struct Encoder: Sendable {
    let layers: [EncoderLayer]
    /// Pre-norm only.
    let finalNorm: LayerNorm?

    /// What the backward pass needs.
    package struct Activations {
        let trained: TrainedParts
        /// The inputs of the layers, `[tokens, hidden]` each, and the output of the last.
        ///
        /// Below the lowest layer that the backward pass visits nothing is kept: two matrices take turns, and all layers write
        /// to the same activations.
        fileprivate var inputs: [Matrix]
        fileprivate var layers: [EncoderLayer.Activations]
        fileprivate var statistics = Matrix()
        /// The final norm's output.
        fileprivate var normed = Matrix()

        /// Creates activations without memory that keep what is needed to train these parts of an encoder.
        fileprivate init(keepingFor trained: TrainedParts, layers: Int) {
            precondition((0...layers).contains(trained.firstLayer), "no such layer")
            self.trained = trained
            let kept = layers - trained.lowestLayer
            inputs = Array(repeating: Matrix(), count: kept + 2)
            self.layers = Array(repeating: EncoderLayer.Activations(), count: kept + 1)
        }

        /// The input of the first layer: what ``Encoder/forward(_:in:)`` reads.
        package var input: Matrix {
            get { inputs[inputIndex(ofLayer: 0)] }
            _modify { yield &inputs[inputIndex(ofLayer: 0)] }
        }

        /// The index in `inputs` of what a layer reads. Those that are kept have one of their own; the others take turns at 0
        /// and 1, so that the lowest kept layer reads what the one below it has written to 0.
        fileprivate func inputIndex(ofLayer layer: Int) -> Int {
            let above = layer - trained.lowestLayer
            return above > 0 ? above + 1 : -above % 2
        }

        /// The index in `layers` of a layer's activations: 0 if they are not kept.
        fileprivate func activationsIndex(ofLayer layer: Int) -> Int { max(0, layer - trained.lowestLayer + 1) }
    }

    /// Asks `layout` for the parameters `layers.0. …` and so on, and `finalNorm. …`.
    package init(_ configuration: Configuration, in layout: inout ParameterLayout) {
        var layers: [EncoderLayer] = []
        for index in 0..<configuration.layers {
            layout.part = .layer(index)
            layers.append(EncoderLayer("layers.\(index)", configuration, in: &layout))
        }
        self.layers = layers
        finalNorm = configuration.normPlacement == .pre ? LayerNorm("finalNorm", configuration, in: &layout) : nil
    }

    /// What is trained where nothing of the encoder is.
    var frozen: TrainedParts { TrainedParts(firstLayer: layers.count, embeddings: false) }

    /// Activations without memory, that keep what the backward pass needs.
    ///
    /// - Parameter trained: the parts that the backward pass has to reach
    package func makeActivations(for trained: TrainedParts) -> Activations {
        Activations(keepingFor: trained, layers: layers.count)
    }

    /// - Parameter activations: `input` is the input, `[tokens, hidden]`; ``output(_:)`` becomes the result
    package func forward(_ activations: inout Activations, in pass: Pass) {
        for (index, layer) in layers.enumerated() {
            let kept = activations.activationsIndex(ofLayer: index)
            layer.forward(
                activations.inputs[activations.inputIndex(ofLayer: index)],
                into: &activations.inputs[activations.inputIndex(ofLayer: index + 1)],
                keeping: &activations.layers[kept],
                in: self.pass(pass, throughLayer: index, trained: activations.trained))
        }
        finalNorm?.forward(
            lastOutput(activations), into: &activations.normed, keeping: &activations.statistics, in: pass)
    }

    /// All rows of a layer are read by the one above it, and frozen layers drop nothing.
    private func pass(_ pass: Pass, throughLayer index: Int, trained: TrainedParts) -> Pass {
        let pass = index < layers.count - 1 ? pass.with(\.outputRows, nil) : pass
        return index < trained.firstLayer ? pass.with(\.randomness, nil) : pass
    }

    /// What ``forward(_:in:)`` has made of the input: the rows that the pass asks for, `[rows, hidden]`.
    package func output(_ activations: Activations) -> Matrix {
        finalNorm == nil ? lastOutput(activations) : activations.normed
    }

    private func lastOutput(_ activations: Activations) -> Matrix {
        activations.inputs[activations.inputIndex(ofLayer: layers.count)]
    }

    /// The input of each layer and the encoder's output, of activations that were kept for all layers: what `transformers` calls
    /// the hidden states.
    func hiddenStates(_ activations: Activations) -> [Matrix] {
        precondition(activations.trained.lowestLayer == 0, "activations that were not kept")
        return layers.indices.map { activations.inputs[activations.inputIndex(ofLayer: $0)] } + [output(activations)]
    }

    /// Goes down to the lowest layer that is trained, or through all of them if the embeddings are.
    ///
    /// - Parameter gradient: dy, as many rows as the output; becomes the gradient of that layer's input, `[tokens, hidden]`
    package func backward(_ gradient: inout Matrix, kept activations: Activations, in pass: Pass) {
        finalNorm?.backward(&gradient, input: lastOutput(activations), kept: activations.statistics, in: pass)
        for index in (activations.trained.lowestLayer..<layers.count).reversed() {
            layers[index].backward(
                &gradient, input: activations.inputs[activations.inputIndex(ofLayer: index)],
                kept: activations.layers[activations.activationsIndex(ofLayer: index)],
                in: self.pass(pass, throughLayer: index, trained: activations.trained))
        }
    }
}
