import Kernels

/// One row for each sequence: `[tokens, hidden]` → `[sequences, hidden]`.
///
/// `cls`: tanh(x Wᵀ + b) of the first token's row, as in BERT. `mean`: the mean over the tokens' rows, without parameters,
/// as in Reimers & Gurevych, *Sentence-BERT*, 2019.
package struct Pooler: Sendable {
    /// Nil for `mean`.
    let dense: Linear?

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        /// What is read of the encoder's output, the first or the mean row of each sequence: `[sequences, hidden]`. It depends
        /// on the encoder alone, and so stays the same as long as that is frozen.
        package var features = Matrix()
        /// x Wᵀ + b of the features; unused for `mean`.
        var inner = Matrix()

        package init() {}
    }

    /// Asks `layout` for the parameters `name.weight` and `name.bias`, if the pooling needs them.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let hidden = configuration.hiddenSize
        switch configuration.pooling {
        case .cls:
            dense = Linear(
                name, inputs: hidden, outputs: hidden, lora: configuration.lora?.at(.pooler), in: &layout)
        case .mean: dense = nil
        }
    }

    /// Whether only the first row of each sequence is read.
    package var readsFirstRowsOnly: Bool { dense != nil }

    /// Reads the features of `x`, the encoder's output, or those of its rows that are read: `[tokens, hidden]`, or `[sequences, hidden]`.
    package func readFeatures(_ x: Matrix, keeping activations: inout Activations, in pass: Pass) {
        if dense == nil {
            meanRows(of: x, offsets: pass.offsets, into: &activations.features, on: pass.workers)
        } else if x.rows > pass.offsets.count - 1 {
            gatherRows(x, pass.offsets.dropLast(), into: &activations.features)
        } else {
            copyRows(x, to: &activations.features)
        }
    }

    /// - Parameter dx: becomes the gradient of what ``readFeatures(_:keeping:in:)`` was given
    package func readFeaturesBackward(_ gradient: Matrix, into dx: inout Matrix, in pass: Pass) {
        if dense == nil {
            meanRowsBackward(gradient, offsets: pass.offsets, into: &dx, on: pass.workers)
        } else if pass.outputRows == nil {
            scatterRows(gradient, pass.offsets.dropLast(), of: pass.offsets.last!, into: &dx)
        } else {
            copyRows(gradient, to: &dx)
        }
    }

    /// - Parameters:
    ///   - activations: of which `features` is the input
    ///   - y: becomes `[sequences, hidden]`
    package func forward(_ activations: inout Activations, into y: inout Matrix, in pass: Pass) {
        guard let dense else { return copyRows(activations.features, to: &y) }
        dense.forward(activations.features, into: &activations.inner, in: pass)
        activate(.tanh, activations.inner, into: &y, on: pass.workers)
    }

    /// - Parameter gradient: dy, `[sequences, hidden]`; becomes the gradient of the features
    package func backward(_ gradient: inout Matrix, kept activations: Activations, in pass: Pass) {
        guard let dense else { return }
        activateBackward(
            .tanh, activations.inner, &gradient, derivatives: pass.derivatives, into: &pass.scratch.activated,
            on: pass.workers)
        copyRows(gradient, to: &pass.scratch.gradientOfInner)
        dense.backward(pass.scratch.gradientOfInner, input: activations.features, into: &gradient, in: pass)
    }
}
