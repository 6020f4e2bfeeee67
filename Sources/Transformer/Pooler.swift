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
        /// The first tokens' rows.
        var first: Matrix
        package var pooled: Matrix
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
            first: Matrix(columns: hidden), pooled: Matrix(columns: hidden), gradient: Matrix(columns: hidden))
    }

    /// - Parameters:
    ///   - x: `[tokens, hidden]`
    ///   - activations: `pooled` becomes the result, `[sequences, hidden]`
    package func forward(
        _ x: Matrix, keeping activations: inout Activations, _ parameters: FloatBuffer, _ pass: Pass
    ) {
        if let dense {
            firstRows(of: x, offsets: pass.offsets, into: &activations.first)
            dense.forward(activations.first, into: &activations.pooled, parameters, pass)
            tanhInPlace(&activations.pooled)
        } else {
            meanRows(of: x, offsets: pass.offsets, into: &activations.pooled)
        }
    }

    /// - Parameters:
    ///   - gradient: dy, `[sequences, hidden]`; overwritten
    ///   - dx: becomes `[tokens, hidden]`
    package func backward(
        _ gradient: inout Matrix, _ activations: inout Activations, into dx: inout Matrix, _ parameters: FloatBuffer,
        gradients: inout FloatBuffer, _ pass: Pass
    ) {
        if let dense {
            tanhBackward(activations.pooled, &gradient)
            dense.backward(
                gradient, activations.first, into: &activations.gradient, parameters, gradients: &gradients, pass)
            firstRowsBackward(activations.gradient, offsets: pass.offsets, into: &dx)
        } else {
            meanRowsBackward(gradient, offsets: pass.offsets, into: &dx)
        }
    }
}
