import Kernels

/// The residual connection and the norm around a sublayer F: the step that makes a deep encoder trainable.
///
/// In all its forms (``AddNormVariant``) it is y = after(s · x + a · dropout(onBranch(F(before(x))))), with three norms of which each may be
/// missing:
///
/// | form | before | on the branch | after | s | a |
/// | --- | --- | --- | --- | --- | --- |
/// | post | | | norm | 1 | 1 |
/// | pre | norm | | | 1 | 1 |
/// | sandwich | norm | norm | | 1 | 1 |
/// | none | | | | 1 | 1 |
/// | without residual | as the placement says | | | 0 | 1 |
/// | DeepNorm | | | norm | α | 1 |
/// | ReZero | | | | 1 | learned |
package struct AddNorm<Wrapped: Sublayer>: Sublayer {
    /// F; nil where it was taken away, and adds nothing.
    var sublayer: Wrapped?
    var before, onBranch, after: (any NormLayer)?
    /// s; nil where nothing goes past the sublayer.
    var residualFactor: Float?
    /// a; nil where it is 1.
    let branchFactor: Block?
    let dropout: DropoutSite

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        /// What the sum was made of.
        var terms = Terms()
        /// The input of the norm after the sum, if there is one.
        var sum = Matrix()
        var afterStatistics = Matrix()

        package init() {}
    }

    struct Terms {
        /// The sublayer's input, if a norm stands before it.
        var normed = Matrix()
        var beforeStatistics = Matrix()
        var sublayer = Wrapped.Activations()
        /// The sublayer's output, if it is normalised, or its factor is learned.
        var branch = Matrix()
        var branchStatistics = Matrix()
    }

    /// Wraps `sublayer`.
    ///
    /// - Parameters:
    ///   - name: what the names of the step's parameters begin with
    ///   - rate: of dropout on what `sublayer` returns
    ///   - normalizes: whether it has the norm that the configuration asks for
    package init(
        _ sublayer: Wrapped, _ name: String, _ configuration: Configuration, dropout rate: Float,
        normalizes: Bool = true, in layout: inout ParameterLayout
    ) {
        self.sublayer = sublayer
        let variant = configuration.addNorm
        let norm = normalizes ? variant.norm.layer("\(name).norm", configuration, in: &layout) : nil
        switch variant.placement {
        case .post: after = norm
        case .pre: before = norm
        case .sandwich:
            before = norm
            onBranch = variant.norm.layer("\(name).branchNorm", configuration, in: &layout)
        }
        residualFactor = variant.residual == .off ? nil : variant.residualFactor(layers: configuration.layers)
        branchFactor = variant.residual == .rezero ? layout.vector("\(name).residual.weight", 1, from: 0) : nil
        dropout = layout.dropout(rate)
    }

    // MARK: Forward

    package func forward(_ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass) {
        guard let after else { return sum(x, into: &y, keeping: &activations.terms, in: pass) }
        sum(x, into: &activations.sum, keeping: &activations.terms, in: pass)
        after.forward(activations.sum, into: &y, keeping: &activations.afterStatistics, in: pass)
    }

    /// s · x + a · dropout(onBranch(F(before(x))))
    private func sum(_ x: Matrix, into sum: inout Matrix, keeping terms: inout Terms, in pass: Pass) {
        guard let sublayer else { return skip(x, into: &sum, in: pass) }
        before?.forward(x, into: &terms.normed, keeping: &terms.beforeStatistics, in: pass)
        let input = before == nil ? x : terms.normed
        if onBranch == nil && branchFactor == nil {
            sublayer.forward(input, into: &sum, keeping: &terms.sublayer, in: pass)
        } else {
            sublayer.forward(input, into: &terms.branch, keeping: &terms.sublayer, in: pass)
            if let onBranch {
                onBranch.forward(terms.branch, into: &sum, keeping: &terms.branchStatistics, in: pass)
            } else {
                copyRows(terms.branch, to: &sum)
            }
        }
        if let residualFactor {
            addResidual(
                x, times: residualFactor, to: &sum, times: branchFactor.map { pass.parameters[$0.offset] } ?? 1,
                dropout: pass.mask(dropout), rows: pass.outputRows, on: pass.workers)
        } else {
            applyDropout(pass.mask(dropout), to: &sum, rows: pass.outputRows, on: pass.workers)
        }
    }

    /// s · x alone.
    private func skip(_ x: Matrix, into sum: inout Matrix, in pass: Pass) {
        if let rows = pass.outputRows, rows.count != x.rows {
            gatherRows(x, rows, into: &sum)
        } else {
            copyRows(x, to: &sum)
        }
        scale(&sum, by: residualFactor ?? 0, on: pass.workers)
    }

    // MARK: Backward

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept activations: Activations, in pass: Pass) {
        guard let sublayer else { preconditionFailure("a sublayer that was taken away has no gradient") }
        let terms = activations.terms
        after?.backward(&gradient, input: activations.sum, kept: activations.afterStatistics, in: pass)
        divide(&gradient, terms.branch, in: pass)
        onBranch?.backward(&gradient, input: terms.branch, kept: terms.branchStatistics, in: pass)
        sublayer.backward(
            &gradient, input: before == nil ? x : terms.normed, kept: terms.sublayer, in: pass)
        before?.backward(&gradient, input: x, kept: terms.beforeStatistics, in: pass)
        if residualFactor != nil {
            addRows(pass.scratch.residual, to: &gradient, rows: pass.outputRows, on: pass.workers)
        }
    }

    /// The gradient of the sum with respect to its second term, and that of a. What goes past the sublayer waits in the scratch to be
    /// added.
    private func divide(_ gradient: inout Matrix, _ branch: Matrix, in pass: Pass) {
        if let residualFactor {
            addResidualBackward(
                &gradient, residual: &pass.scratch.residual, times: residualFactor, dropout: pass.mask(dropout),
                rows: pass.outputRows, on: pass.workers)
        } else {
            applyDropout(pass.mask(dropout), to: &gradient, rows: pass.outputRows, on: pass.workers)
        }
        guard let branchFactor else { return }
        let gradients = pass.gradients
        if let place = gradients.block(of: branchFactor) {
            let sum = dotProduct(gradient, branch)
            gradients.values[place.offset] = gradients.isAdding ? gradients.values[place.offset] + sum : sum
        }
        scale(&gradient, by: pass.parameters[branchFactor.offset], on: pass.workers)
    }

    /// Takes over, after a step of training, what the norms have to remember of a batch.
    func remember(_ activations: Activations, in parameters: inout FloatBuffer) {
        before?.remember(activations.terms.beforeStatistics, in: &parameters)
        onBranch?.remember(activations.terms.branchStatistics, in: &parameters)
        after?.remember(activations.afterStatistics, in: &parameters)
    }
}

extension AddNormVariant.Norm {
    /// A norm of this kind; nil for none. Asks `layout` for its parameters.
    func layer(
        _ name: String, _ configuration: Configuration, in layout: inout ParameterLayout
    ) -> (any NormLayer)? {
        switch self {
        case .layerNorm: LayerNorm(name, configuration, in: &layout)
        case .rmsNorm: RMSNorm(name, configuration, in: &layout)
        case .dynamicTanh: DynamicTanh(name, configuration, in: &layout)
        case .batchNorm: BatchNorm(name, configuration, in: &layout)
        case .none: nil
        }
    }
}
