import Kernels

/// logits = dropout(x) Wᵀ + b: the linear classifier on the pooled row of a text.
package struct ClassifierHead: Sendable {
    /// `[labels, hidden]`
    let linear: Linear
    let dropout: Float
    let site: UInt32

    /// What the backward pass needs.
    package struct Activations {
        /// The pooled rows after dropout, `[sequences, hidden]`.
        var dropped: Matrix
        /// `[sequences, labels]`
        package var logits: Matrix
    }

    /// Asks `layout` for the parameters `name.weight` and `name.bias`.
    ///
    /// - Parameter site: the head's place in the order of dropout
    package init(_ name: String, _ configuration: Configuration, site: UInt32, in layout: inout ParameterLayout) {
        linear = Linear(name, inputs: configuration.hiddenSize, outputs: configuration.labels.count, in: &layout)
        dropout = configuration.classifierDropout ?? configuration.dropout
        self.site = site
    }

    /// Activations without memory.
    package func makeActivations() -> Activations {
        Activations(dropped: Matrix(columns: linear.weight.columns), logits: Matrix(columns: linear.weight.rows))
    }

    /// - Parameters:
    ///   - x: `[sequences, hidden]`
    ///   - activations: `logits` becomes the result, `[sequences, labels]`
    package func forward(
        _ x: Matrix, keeping activations: inout Activations, _ parameters: FloatBuffer, _ pass: Pass
    ) {
        copy(x, to: &activations.dropped)
        applyDropout(pass.dropout(dropout, site: site), to: &activations.dropped, on: pass.workers)
        linear.forward(activations.dropped, into: &activations.logits, parameters, pass)
    }

    /// - Parameters:
    ///   - dy: the gradient of the logits, `[sequences, labels]`
    ///   - dx: becomes `[sequences, hidden]`
    package func backward(
        _ dy: Matrix, _ activations: Activations, into dx: inout Matrix, _ parameters: FloatBuffer,
        gradients: inout Gradients, _ pass: Pass
    ) {
        linear.backward(dy, activations.dropped, into: &dx, parameters, gradients: &gradients, pass)
        applyDropout(pass.dropout(dropout, site: site), to: &dx, on: pass.workers)
    }
}
