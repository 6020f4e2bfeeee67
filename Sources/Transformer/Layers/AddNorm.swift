import Kernels

/// The residual connection and the norm around a sublayer: the step that makes a deep encoder trainable.
///
/// Post-norm: y = norm(x + dropout(sublayer(x))). Pre-norm: y = x + dropout(sublayer(norm(x))).
///
/// ### References
/// - He, Zhang, Ren & Sun, *Deep Residual Learning for Image Recognition*, 2016.
/// - Vaswani et al., *Attention Is All You Need*, 2017, section 3.1 (post-norm).
/// - Xiong et al., *On Layer Normalization in the Transformer Architecture*, 2020 (pre-norm).
package struct AddNorm<Wrapped: Sublayer>: Sublayer {
    let sublayer: Wrapped
    let norm: LayerNorm
    let placement: Configuration.NormPlacement
    let residual: Configuration.Residual
    let dropout: DropoutSite

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        /// Post-norm: the norm's input, x + dropout(sublayer(x)). Pre-norm: its output, the sublayer's input.
        var inner = Matrix()
        var statistics = Matrix()
        var sublayer = Wrapped.Activations()

        package init() {}
    }

    /// Wraps `sublayer`.
    ///
    /// - Parameter name: of the norm's parameters
    package init(
        _ sublayer: Wrapped, norm name: String, _ configuration: Configuration, in layout: inout ParameterLayout
    ) {
        self.sublayer = sublayer
        switch configuration.norm {
        case .layerNorm: norm = LayerNorm(name, configuration, in: &layout)
        }
        placement = configuration.normPlacement
        residual = configuration.residual
        dropout = layout.dropout(configuration.dropout)
    }

    package func forward(_ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass) {
        switch placement {
        case .post:
            sublayer.forward(x, into: &activations.inner, keeping: &activations.sublayer, in: pass)
            join(x, to: &activations.inner, in: pass)
            norm.forward(activations.inner, into: &y, keeping: &activations.statistics, in: pass)
        case .pre:
            norm.forward(x, into: &activations.inner, keeping: &activations.statistics, in: pass)
            sublayer.forward(activations.inner, into: &y, keeping: &activations.sublayer, in: pass)
            join(x, to: &y, in: pass)
        }
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept activations: Activations, in pass: Pass) {
        switch placement {
        case .post:
            norm.backward(&gradient, input: activations.inner, kept: activations.statistics, in: pass)
            fork(&gradient, in: pass)
            sublayer.backward(&gradient, input: x, kept: activations.sublayer, in: pass)
        case .pre:
            fork(&gradient, in: pass)
            sublayer.backward(&gradient, input: activations.inner, kept: activations.sublayer, in: pass)
            norm.backward(&gradient, input: x, kept: activations.statistics, in: pass)
        }
        addRows(pass.scratch.residual, to: &gradient, rows: pass.outputRows, on: pass.workers)
    }

    /// y = x + dropout(y).
    private func join(_ x: Matrix, to y: inout Matrix, in pass: Pass) {
        switch residual {
        case .identity:
            addResidual(x, to: &y, dropout: pass.mask(dropout), rows: pass.outputRows, on: pass.workers)
        }
    }

    /// The gradient of ``join(_:to:in:)``; what goes past the sublayer waits in the scratch to be added.
    private func fork(_ gradient: inout Matrix, in pass: Pass) {
        switch residual {
        case .identity:
            addResidualBackward(
                &gradient, residual: &pass.scratch.residual, dropout: pass.mask(dropout), rows: pass.outputRows,
                on: pass.workers)
        }
    }
}
