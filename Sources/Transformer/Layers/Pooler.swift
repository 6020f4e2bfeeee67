import Kernels

/// One row for each sequence: `[tokens, hidden]` → `[sequences, hidden]`.
///
/// `cls`: tanh(x Wᵀ + b) of the first token's row, as in BERT. `mean`: the mean over the tokens' rows, without parameters,
/// as in Reimers & Gurevych, *Sentence-BERT*, 2019.
package struct Pooler: Sendable {
    /// Nil for `mean`.
    let dense: Linear?

    /// What the backward pass needs.
    package struct Activations {
        /// What is read of the encoder's output, the first or the mean row of each sequence: `[sequences, hidden]`. It depends
        /// on the encoder alone, and so stays the same as long as that is frozen.
        package var features: Matrix
        /// tanh(x Wᵀ + b) of the features; unused for `mean`.
        var transformed: Matrix
        var gradient: Matrix
    }

    /// Asks `layout` for the parameters `name.dense.weight` and `name.dense.bias`, if the pooling needs them.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let hidden = configuration.hiddenSize
        switch configuration.pooling {
        case .cls: dense = Linear("\(name).dense", inputs: hidden, outputs: hidden, in: &layout)
        case .mean: dense = nil
        }
    }

    /// Activations without memory, for rows of `hidden` elements.
    package func makeActivations(hidden: Int) -> Activations {
        Activations(
            features: Matrix(columns: hidden), transformed: Matrix(columns: hidden), gradient: Matrix(columns: hidden))
    }

    /// Whether only the first row of each sequence is read.
    package var readsFirstRowsOnly: Bool { dense != nil }

    /// Reads the features of `x`, the rows of the encoder's output that are read: `[tokens, hidden]`, or `[sequences, hidden]`.
    package func readFeatures(_ x: Matrix, keeping activations: inout Activations, _ pass: Pass) {
        if dense != nil {
            copy(x, to: &activations.features)
        } else {
            meanRows(of: x, offsets: pass.offsets, into: &activations.features, on: pass.workers)
        }
    }

    /// - Parameter dx: becomes the gradient of what ``readFeatures(_:keeping:_:)`` was given
    package func readFeaturesBackward(_ gradient: Matrix, into dx: inout Matrix, _ pass: Pass) {
        if dense != nil {
            copy(gradient, to: &dx)
        } else {
            meanRowsBackward(gradient, offsets: pass.offsets, into: &dx, on: pass.workers)
        }
    }

    /// - Parameter activations: of which `features` is the input, and ``output(_:)`` becomes the result
    package func forward(_ activations: inout Activations, _ parameters: FloatBuffer, _ pass: Pass) {
        guard let dense else { return }
        dense.forward(activations.features, into: &activations.transformed, parameters, pass)
        tanhInPlace(&activations.transformed)
    }

    /// What ``forward(_:_:_:)`` has made of the features, `[sequences, hidden]`.
    package func output(_ activations: Activations) -> Matrix {
        dense == nil ? activations.features : activations.transformed
    }

    /// - Parameter gradient: dy, `[sequences, hidden]`; becomes the gradient of the features
    package func backward(
        _ gradient: inout Matrix, _ activations: inout Activations, _ parameters: FloatBuffer,
        gradients: inout Gradients, _ pass: Pass
    ) {
        guard let dense else { return }
        if pass.isLinearized {
            dense.forward(activations.features, into: &activations.gradient, parameters, pass)
            scaleBackward(activations.gradient, activations.transformed, &gradient, on: pass.workers)
        } else {
            tanhBackward(activations.transformed, &gradient)
        }
        dense.backward(
            gradient, activations.features, into: &activations.gradient, parameters, gradients: &gradients, pass)
        copy(activations.gradient, to: &gradient)
    }
}
