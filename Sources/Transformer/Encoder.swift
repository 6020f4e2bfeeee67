import Kernels

/// A stack of ``EncoderLayer``s. Pre-norm encoders end with a LayerNorm of their own, since no layer has normalised the sum.
package struct Encoder: Sendable {
    let layers: [EncoderLayer]
    /// Pre-norm only.
    let finalNorm: LayerNorm?

    /// What the backward pass needs.
    package struct Activations {
        /// The input of each layer, then the output of the last: `[tokens, hidden]` each.
        ///
        /// At inference nothing is kept: two matrices take turns, and all layers write to the same activations.
        package var rows: [Matrix]
        var layers: [EncoderLayer.Activations]
        var statistics = Matrix(columns: 2)
        /// The final norm's output.
        var normed: Matrix
        var scratch: EncoderLayer.Scratch
    }

    /// Asks `layout` for the parameters `name.layer.0. …` and so on.
    ///
    /// - Parameter site: the encoder's first place in the order of dropout
    package init(_ name: String, _ configuration: Configuration, site: UInt32, in layout: inout ParameterLayout) {
        layers = (0..<configuration.layers).map { index in
            EncoderLayer(
                "\(name).layer.\(index)", configuration, site: site + UInt32(index) * EncoderLayer.sites, in: &layout)
        }
        finalNorm =
            configuration.normPlacement == .pre ? LayerNorm("\(name).LayerNorm", configuration, in: &layout) : nil
    }

    /// Activations without memory; those for training keep what the backward pass needs of every layer.
    package func makeActivations(training: Bool) -> Activations {
        let kept = training ? layers.count : 1
        let hidden = layers[0].attention.norm.gain.columns
        return Activations(
            rows: (0...kept).map { _ in Matrix(columns: hidden) },
            layers: layers.prefix(kept).map { $0.makeActivations() },
            normed: Matrix(columns: hidden),
            scratch: layers[0].makeScratch())
    }

    /// - Parameter activations: `rows[0]` is the input, `[tokens, hidden]`; ``output(_:)`` is the result
    package func forward(_ activations: inout Activations, _ parameters: FloatBuffer, _ pass: Pass) {
        let kept = activations.layers.count
        for (index, layer) in layers.enumerated() {
            let (from, to) = (index % (kept + 1), (index + 1) % (kept + 1))
            layer.forward(
                activations.rows[from], into: &activations.rows[to], keeping: &activations.layers[index % kept],
                &activations.scratch, parameters, pass)
        }
        finalNorm?.forward(
            lastRows(activations), into: &activations.normed, statistics: &activations.statistics, parameters, pass)
    }

    /// What ``forward(_:_:_:)`` has made of the input, `[tokens, hidden]`.
    package func output(_ activations: Activations) -> Matrix {
        finalNorm == nil ? lastRows(activations) : activations.normed
    }

    /// The output of the last layer.
    private func lastRows(_ activations: Activations) -> Matrix {
        activations.rows[layers.count % activations.rows.count]
    }

    /// - Parameter gradient: dy, `[tokens, hidden]`; becomes the gradient of the encoder's input
    package func backward(
        _ gradient: inout Matrix, _ activations: inout Activations, _ parameters: FloatBuffer,
        gradients: inout FloatBuffer, _ pass: Pass
    ) {
        precondition(activations.layers.count == layers.count, "activations that were not kept for training")
        finalNorm?.backward(
            &gradient, lastRows(activations), statistics: activations.statistics, parameters, gradients: &gradients,
            pass)
        for (index, layer) in layers.enumerated().reversed() {
            layer.backward(
                &gradient, activations.rows[index], activations.layers[index], &activations.scratch, parameters,
                gradients: &gradients, pass)
        }
    }
}
