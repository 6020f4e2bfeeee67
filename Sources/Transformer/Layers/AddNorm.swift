import Kernels

/// A function from `[tokens, hidden]` to `[tokens, hidden]` that ``AddNorm`` can wrap. Attention returns only those rows that
/// the pass asks for.
package protocol Sublayer: Sendable {
    /// What the forward pass leaves for the backward pass; one for each layer.
    associatedtype Activations
    /// Memory that means nothing between two calls; one for all layers.
    associatedtype Scratch

    func makeActivations() -> Activations
    func makeScratch() -> Scratch

    /// - Parameters:
    ///   - x: `[tokens, hidden]`
    ///   - y: becomes `[tokens, hidden]`
    func forward(
        _ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, _ pass: Pass)

    /// - Parameters:
    ///   - gradient: dy, `[tokens, hidden]`; becomes dx
    ///   - x: what the forward pass was given
    func backward(
        _ gradient: inout Matrix, _ x: Matrix, _ activations: Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, gradients: inout Gradients, _ pass: Pass)
}

/// The residual connection and the LayerNorm around a sublayer: the step that makes a deep encoder trainable.
///
/// Post-norm: y = LayerNorm(x + dropout(sublayer(x))). Pre-norm: y = x + dropout(sublayer(LayerNorm(x))).
///
/// ### References
/// - He, Zhang, Ren & Sun, *Deep Residual Learning for Image Recognition*, 2016.
/// - Vaswani et al., *Attention Is All You Need*, 2017, section 3.1 (post-norm).
/// - Xiong et al., *On Layer Normalization in the Transformer Architecture*, 2020 (pre-norm).
package struct AddNorm<Wrapped: Sublayer>: Sendable {
    let sublayer: Wrapped
    let norm: LayerNorm
    let placement: Configuration.NormPlacement
    let dropout: Float
    let site: UInt32

    /// What the backward pass needs.
    package struct Activations {
        /// Post-norm: the norm's input, x + dropout(sublayer(x)). Pre-norm: its output, the sublayer's input.
        var inner: Matrix
        var statistics = Matrix(columns: 2)
        var sublayer: Wrapped.Activations
    }

    /// Memory that all layers share.
    package struct Scratch {
        var residual: Matrix
        var sublayer: Wrapped.Scratch
    }

    /// Wraps `sublayer`.
    ///
    /// - Parameters:
    ///   - name: of the norm's parameters
    ///   - site: this wrapper's place in the order of dropout
    package init(
        _ sublayer: Wrapped, norm name: String, _ configuration: Configuration, site: UInt32,
        in layout: inout ParameterLayout
    ) {
        self.sublayer = sublayer
        norm = LayerNorm(name, configuration, in: &layout)
        placement = configuration.normPlacement
        dropout = configuration.dropout
        self.site = site
    }

    /// Activations without memory.
    package func makeActivations() -> Activations {
        Activations(inner: Matrix(columns: norm.gain.columns), sublayer: sublayer.makeActivations())
    }

    /// Scratch without memory.
    package func makeScratch() -> Scratch {
        Scratch(residual: Matrix(columns: norm.gain.columns), sublayer: sublayer.makeScratch())
    }

    /// - Parameters:
    ///   - x: `[tokens, hidden]`
    ///   - y: becomes `[tokens, hidden]`
    package func forward(
        _ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, _ pass: Pass
    ) {
        let mask = pass.dropout(dropout, site: site)
        switch placement {
        case .post:
            sublayer.forward(
                x, into: &activations.inner, keeping: &activations.sublayer, &scratch.sublayer, parameters, pass)
            addResidual(x, to: &activations.inner, dropout: mask, rows: pass.outputRows, on: pass.workers)
            norm.forward(activations.inner, into: &y, statistics: &activations.statistics, parameters, pass)
        case .pre:
            norm.forward(x, into: &activations.inner, statistics: &activations.statistics, parameters, pass)
            sublayer.forward(
                activations.inner, into: &y, keeping: &activations.sublayer, &scratch.sublayer, parameters, pass)
            addResidual(x, to: &y, dropout: mask, rows: pass.outputRows, on: pass.workers)
        }
    }

    /// - Parameters:
    ///   - gradient: dy, as many rows as y; becomes dx, as many as x
    ///   - x: what ``forward(_:into:keeping:_:_:_:)`` was given
    package func backward(
        _ gradient: inout Matrix, _ x: Matrix, _ activations: Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, gradients: inout Gradients, _ pass: Pass
    ) {
        let mask = pass.dropout(dropout, site: site)
        switch placement {
        case .post:
            norm.backward(
                &gradient, activations.inner, statistics: activations.statistics, parameters, gradients: &gradients,
                pass)
            addResidualBackward(
                &gradient, residual: &scratch.residual, dropout: mask, rows: pass.outputRows, on: pass.workers)
            sublayer.backward(
                &gradient, x, activations.sublayer, &scratch.sublayer, parameters, gradients: &gradients, pass)
        case .pre:
            addResidualBackward(
                &gradient, residual: &scratch.residual, dropout: mask, rows: pass.outputRows, on: pass.workers)
            sublayer.backward(
                &gradient, activations.inner, activations.sublayer, &scratch.sublayer, parameters,
                gradients: &gradients, pass)
            norm.backward(
                &gradient, x, statistics: activations.statistics, parameters, gradients: &gradients, pass)
        }
        add(scratch.residual, to: &gradient, rows: pass.outputRows, on: pass.workers)
    }
}
