import Kernels

/// f(x W₁ᵀ + b₁) W₂ᵀ + b₂, applied to each token alone. Of a gated one, the first projection is twice as wide, and its second half is a factor
/// of f.
///
/// ### References
/// Vaswani et al., *Attention Is All You Need*, 2017, section 3.3; with GELU for f as in BERT. Shazeer, *GLU Variants Improve Transformer*,
/// 2020, for the gates.
package struct FeedForward: Sublayer {
    /// `[intermediate, hidden]`, or `[2 · intermediate, hidden]`
    let up: Linear
    /// `[hidden, intermediate]`
    let down: Linear
    let activation: Activation
    let isGated: Bool
    /// Of what the activation returns; nil: nothing is dropped there.
    let dropout: DropoutSite?

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        /// x W₁ᵀ + b₁, `[tokens, intermediate]`, or `[tokens, 2 · intermediate]`
        var inner = Matrix()

        package init() {}
    }

    /// Asks `layout` for the parameters `name.up.weight` … `name.down.bias`.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
        let gain = configuration.addNorm.initialGain(layers: configuration.layers)
        let (lora, hasBias) = (configuration.lora, configuration.hasFeedForwardBias)
        isGated = configuration.isGated
        up = Linear(
            "\(name).up", inputs: hidden, outputs: isGated ? 2 * inner : inner, hasBias: hasBias,
            initialization: (gain, .infinity), lora: lora?.at(.intermediate), in: &layout)
        down = Linear(
            "\(name).down", inputs: inner, outputs: hidden, hasBias: hasBias, initialization: (gain, .infinity),
            lora: lora?.at(.ffnOutput), in: &layout)
        activation = configuration.activation
        dropout = configuration.innerDropout.map { layout.dropout($0) }
    }

    package func forward(_ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass) {
        // Of few rows the threads rather share the outputs of each layer.
        if let up = up.int8(in: pass), let down = down.int8(in: pass), pass.randomness == nil,
            x.rows >= pass.workers.fewRows
        {
            return Kernels.feedForward(
                x, up: up, activation, isGated: isGated, down: down, into: &y, on: pass.workers)
        }
        up.forward(x, into: &activations.inner, in: pass)
        let (inner, workers) = (activations.inner, pass.workers)
        if isGated {
            activateGated(activation, inner, into: &pass.scratch.activated, on: workers)
        } else {
            activate(activation, inner, into: &pass.scratch.activated, on: workers)
        }
        drop(&pass.scratch.activated, in: pass)
        down.forward(pass.scratch.activated, into: &y, in: pass)
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept activations: Activations, in pass: Pass) {
        let scratch = pass.scratch
        down.backward(gradient, into: &scratch.gradientOfInner, in: pass)
        drop(&scratch.gradientOfInner, in: pass)
        if isGated {
            activateGatedBackward(
                activation, activations.inner, scratch.gradientOfInner, derivatives: pass.derivatives,
                into: &scratch.gradientOfGates, activated: &scratch.activated, on: pass.workers)
        } else {
            activateBackward(
                activation, activations.inner, &scratch.gradientOfInner, derivatives: pass.derivatives,
                into: &scratch.activated, on: pass.workers)
        }
        drop(&scratch.activated, in: pass)
        down.backward(gradient, input: scratch.activated, in: pass)
        up.backward(isGated ? scratch.gradientOfGates : scratch.gradientOfInner, input: x, into: &gradient, in: pass)
    }

    private func drop(_ activated: inout Matrix, in pass: Pass) {
        guard let dropout else { return }
        applyDropout(pass.mask(dropout), to: &activated, rows: pass.outputRows, on: pass.workers)
    }
}
