import Kernels

/// logits = dropout(x) Wᵀ + b: the linear classifier on the pooled row of a text.
package struct ClassifierHead: Sendable {
    /// `[labels, hidden]`
    let linear: Linear
    let dropout: DropoutSite

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        /// The pooled rows after dropout, `[sequences, hidden]`.
        var dropped = Matrix()

        package init() {}
    }

    /// Asks `layout` for the parameters `name.weight` and `name.bias`.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let hidden = configuration.hiddenSize
        // ModernBERT's deviation of a new classifier is 1/√hidden, whatever that of the other weights.
        let initialization = configuration.initializerCutoff.map {
            (1 / Float(hidden).squareRoot() / configuration.initializerRange, $0)
        }
        linear = Linear(
            name, inputs: hidden, outputs: configuration.labels.count, initialization: initialization ?? (1, .infinity),
            in: &layout)
        dropout = layout.dropout(configuration.classifierDropout ?? configuration.dropout)
    }

    /// - Parameters:
    ///   - x: `[sequences, hidden]`
    ///   - logits: becomes `[sequences, labels]`
    package func forward(
        _ x: Matrix, into logits: inout Matrix, keeping activations: inout Activations, in pass: Pass
    ) {
        copyRows(x, to: &activations.dropped)
        applyDropout(pass.mask(dropout), to: &activations.dropped, on: pass.workers)
        linear.forward(activations.dropped, into: &logits, in: pass)
    }

    /// - Parameters:
    ///   - dy: the gradient of the logits, `[sequences, labels]`
    ///   - dx: becomes `[sequences, hidden]`
    package func backward(_ dy: Matrix, into dx: inout Matrix, kept activations: Activations, in pass: Pass) {
        linear.backward(dy, input: activations.dropped, into: &dx, in: pass)
        applyDropout(pass.mask(dropout), to: &dx, on: pass.workers)
    }
}
