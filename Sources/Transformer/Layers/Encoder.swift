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
        fileprivate var rows: [Matrix]
        fileprivate var layers: [EncoderLayer.Activations]
        fileprivate var statistics = Matrix(columns: 2)
        /// The final norm's output.
        fileprivate var normed: Matrix
        fileprivate var scratch: EncoderLayer.Scratch

        /// The input of the first layer: what ``Encoder/forward(_:_:_:)`` reads.
        package var input: Matrix {
            get { rows[place(ofRows: 0)] }
            set { rows[place(ofRows: 0)] = newValue }
            _modify { yield &rows[place(ofRows: 0)] }
        }

        /// Where the input of layer `index` is. The kept ones have a place of their own, from 0 on.
        fileprivate func place(ofRows index: Int) -> Int {
            let above = index - trained.lowestLayer
            return above >= 0 ? (above == 0 ? 0 : above + 1) : -above % 2
        }

        /// Where the activations of layer `index` are: at 0 if they are not kept.
        fileprivate func place(ofLayer index: Int) -> Int { max(0, index - trained.lowestLayer + 1) }
    }

    /// Asks `layout` for the parameters `name.layer.0. …` and so on.
    ///
    /// - Parameter site: the encoder's first place in the order of dropout
    package init(_ name: String, _ configuration: Configuration, site: UInt32, in layout: inout ParameterLayout) {
        var layers: [EncoderLayer] = []
        for index in 0..<configuration.layers {
            layout.part = .layer(index)
            layers.append(
                EncoderLayer(
                    "\(name).layer.\(index)", configuration, site: site + UInt32(index) * EncoderLayer.sites,
                    in: &layout))
        }
        self.layers = layers
        finalNorm =
            configuration.normPlacement == .pre ? LayerNorm("\(name).LayerNorm", configuration, in: &layout) : nil
    }

    /// What is trained where nothing of the encoder is.
    var frozen: TrainedParts { TrainedParts(firstLayer: layers.count, embeddings: false) }

    /// Activations without memory; those for training keep what the backward pass needs.
    ///
    /// - Parameter trained: nil at inference
    package func makeActivations(training trained: TrainedParts?) -> Activations {
        let trained = trained ?? frozen
        precondition((0...layers.count).contains(trained.firstLayer), "no such layer")
        let kept = layers.count - trained.lowestLayer
        let hidden = layers[0].attention.norm.gain.columns
        return Activations(
            trained: trained,
            rows: (0..<kept + 2).map { _ in Matrix(columns: hidden) },
            layers: (0..<kept + 1).map { _ in layers[0].makeActivations() },
            normed: Matrix(columns: hidden),
            scratch: layers[0].makeScratch())
    }

    /// - Parameter activations: `input` is the input, `[tokens, hidden]`; ``output(_:)`` becomes the result
    package func forward(_ activations: inout Activations, _ parameters: FloatBuffer, _ pass: Pass) {
        for (index, layer) in layers.enumerated() {
            let (from, to) = (activations.place(ofRows: index), activations.place(ofRows: index + 1))
            let place = activations.place(ofLayer: index)
            let pass = self.pass(pass, through: index, activations)
            layer.forward(
                activations.rows[from], into: &activations.rows[to], keeping: &activations.layers[place],
                &activations.scratch, parameters, pass)
        }
        finalNorm?.forward(
            lastRows(activations), into: &activations.normed, statistics: &activations.statistics, parameters, pass)
    }

    /// All rows of a layer are read by the one above it, and frozen layers drop nothing.
    private func pass(_ pass: Pass, through index: Int, _ activations: Activations) -> Pass {
        let pass = index < layers.count - 1 ? pass.withAllRows : pass
        return index < activations.trained.firstLayer ? pass.withoutDropout : pass
    }

    /// What ``forward(_:_:_:)`` has made of the input: the rows that the pass asks for, `[rows, hidden]`.
    package func output(_ activations: Activations) -> Matrix {
        finalNorm == nil ? lastRows(activations) : activations.normed
    }

    /// The output of the last layer.
    private func lastRows(_ activations: Activations) -> Matrix {
        activations.rows[activations.place(ofRows: layers.count)]
    }

    /// The input of each layer and the encoder's output, of activations that were kept for all layers: what `transformers` calls
    /// the hidden states.
    func hiddenStates(_ activations: Activations) -> [Matrix] {
        precondition(activations.trained.lowestLayer == 0, "activations that were not kept")
        return layers.indices.map { activations.rows[activations.place(ofRows: $0)] } + [output(activations)]
    }

    /// Goes down to the lowest layer that is trained, or through all of them if the embeddings are.
    ///
    /// - Parameter gradient: dy, as many rows as the output; becomes the gradient of that layer's input, `[tokens, hidden]`
    package func backward(
        _ gradient: inout Matrix, _ activations: inout Activations, _ parameters: FloatBuffer,
        gradients: inout Gradients, _ pass: Pass
    ) {
        finalNorm?.backward(
            &gradient, lastRows(activations), statistics: activations.statistics, parameters, gradients: &gradients,
            pass)
        for index in (activations.trained.lowestLayer..<layers.count).reversed() {
            let pass = self.pass(pass, through: index, activations)
            layers[index].backward(
                &gradient, activations.rows[activations.place(ofRows: index)],
                activations.layers[activations.place(ofLayer: index)], &activations.scratch, parameters,
                gradients: &gradients, pass)
        }
    }
}
