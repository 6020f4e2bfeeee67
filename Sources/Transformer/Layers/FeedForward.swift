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
    package struct Activations: LayerActivations {
        /// x W₁ᵀ + b₁, `[tokens, intermediate]`
        var inner = Matrix()

        package init() {}
    }

    /// Asks `layout` for the parameters `name.up.weight` … `name.down.bias`.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
        let gain = configuration.addNorm.initialGain(layers: configuration.layers)
        let lora = configuration.lora
        up = Linear(
            "\(name).up", inputs: hidden, outputs: inner, gain: gain, lora: lora?.at(.intermediate), in: &layout)
        down = Linear(
            "\(name).down", inputs: inner, outputs: hidden, gain: gain, lora: lora?.at(.ffnOutput), in: &layout)
        activation = configuration.activation
    }

    package func forward(_ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass) {
        up.forward(x, into: &activations.inner, in: pass)
        activate(activation, activations.inner, into: &pass.scratch.activated, on: pass.workers)
        down.forward(pass.scratch.activated, into: &y, in: pass)
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept activations: Activations, in pass: Pass) {
        let scratch = pass.scratch
        down.backward(gradient, into: &scratch.gradientOfInner, in: pass)
        activateBackward(
            activation, activations.inner, &scratch.gradientOfInner, derivatives: pass.derivatives,
            into: &scratch.activated, on: pass.workers)
        down.backward(gradient, input: scratch.activated, in: pass)
        up.backward(scratch.gradientOfInner, input: x, into: &gradient, in: pass)
    }
}
