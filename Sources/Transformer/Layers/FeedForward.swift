import Kernels

/// f(x W₁ᵀ + b₁) W₂ᵀ + b₂, applied to each token alone.
///
/// ### References
/// Vaswani et al., *Attention Is All You Need*, 2017, section 3.3; with GELU for f as in BERT.
package struct FeedForward: Sublayer {
    /// `[intermediate, hidden]`
    let up: Linear
    /// `[hidden, intermediate]`
    let down: Linear
    let activation: Activation

    /// What the backward pass needs.
    package struct Activations {
        /// x W₁ᵀ + b₁, `[tokens, intermediate]`
        var inner: Matrix
    }

    /// Memory that all layers share.
    package struct Scratch {
        /// f of the inner rows: cheaper to compute again than to keep.
        var activated: Matrix
        var gradient: Matrix
    }

    /// Asks `layout` for the parameters `name.intermediate.dense.weight` … `name.output.dense.bias`.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
        up = Linear("\(name).intermediate.dense", inputs: hidden, outputs: inner, in: &layout)
        down = Linear("\(name).output.dense", inputs: inner, outputs: hidden, in: &layout)
        activation = configuration.activation
    }

    /// Activations without memory.
    package func makeActivations() -> Activations {
        Activations(inner: Matrix(columns: up.weight.rows))
    }

    /// Scratch without memory.
    package func makeScratch() -> Scratch {
        Scratch(activated: Matrix(columns: up.weight.rows), gradient: Matrix(columns: up.weight.rows))
    }

    package func forward(
        _ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, _ pass: Pass
    ) {
        up.forward(x, into: &activations.inner, parameters, pass)
        activate(activation, activations.inner, into: &scratch.activated, on: pass.workers)
        down.forward(scratch.activated, into: &y, parameters, pass)
    }

    package func backward(
        _ gradient: inout Matrix, _ x: Matrix, _ activations: Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, gradients: inout Gradients, _ pass: Pass
    ) {
        down.backward(gradient, into: &scratch.gradient, parameters, pass)
        if pass.isLinearized {
            activate(activation, activations.inner, into: &scratch.activated, on: pass.workers)
            scaleBackward(activations.inner, scratch.activated, &scratch.gradient, on: pass.workers)
        } else {
            activateBackward(
                activation, activations.inner, &scratch.gradient, into: &scratch.activated, on: pass.workers)
        }
        down.backward(gradient, scratch.activated, gradients: &gradients, pass)
        up.backward(scratch.gradient, x, into: &gradient, parameters, gradients: &gradients, pass)
    }
}
