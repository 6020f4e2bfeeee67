import Kernels

/// One row for each sequence: `[tokens, hidden]` → `[sequences, hidden]`.
///
/// What is read of the tokens is the first one's row for `cls`, and for `mean` the mean row, as in Reimers & Gurevych, *Sentence-BERT*, 2019. The
/// first then goes through f(x Wᵀ + b), with tanh for f as in BERT; families differ in f, in a dropout before it, in a LayerNorm behind it, and in whether the
/// mean goes through it, too.
package struct Pooler: Sendable {
    /// Nil: what is read stays as it is.
    let dense: Linear?
    let activation: Activation
    let norm: LayerNorm?
    /// Of what the dense layer reads; nil: nothing is dropped there.
    let dropout: DropoutSite?
    private let pooling: Configuration.Pooling

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        /// What is read of the encoder's output, the first or the mean row of each sequence: `[sequences, hidden]`. It depends
        /// on the encoder alone, and so stays the same as long as that is frozen.
        package var features = Matrix()
        /// The features after dropout, if there is one.
        var dropped = Matrix()
        /// x Wᵀ + b of the features; unused without dense layer.
        var inner = Matrix()
        /// The norm's input, if there is one.
        var activated = Matrix()
        var statistics = Matrix()

        package init() {}
    }

    /// Asks `layout` for the parameters `name.weight`, `name.bias` and `name.norm. …`, if the pooling needs them.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let (hidden, shape) = (configuration.hiddenSize, configuration.pooler)
        (pooling, activation) = (configuration.pooling, shape.activation)
        guard configuration.hasPooler else {
            (dense, norm, dropout) = (nil, nil, nil)
            return
        }
        // ModernBERT's deviation of what leads out of a stack of layers.
        let initialization = configuration.initializerCutoff.map {
            (1 / Float(2 * configuration.layers).squareRoot(), $0)
        }
        dense = Linear(
            name, inputs: hidden, outputs: hidden, hasBias: shape.hasBias,
            initialization: initialization ?? (1, .infinity), lora: configuration.lora?.at(.pooler), in: &layout)
        norm = shape.hasNorm ? LayerNorm("\(name).norm", configuration, in: &layout) : nil
        dropout =
            shape.dropsInput ? layout.dropout(configuration.classifierDropout ?? configuration.dropout) : nil
    }

    /// Whether only the first row of each sequence is read.
    package var readsFirstRowsOnly: Bool { pooling == .cls }

    /// Reads the features of `x`, the encoder's output, or those of its rows that are read: `[tokens, hidden]`, or `[sequences, hidden]`.
    package func readFeatures(_ x: Matrix, keeping activations: inout Activations, in pass: Pass) {
        if !readsFirstRowsOnly {
            meanRows(of: x, offsets: pass.offsets, into: &activations.features, on: pass.workers)
        } else if x.rows > pass.offsets.count - 1 {
            gatherRows(x, pass.offsets.dropLast(), into: &activations.features)
        } else {
            copyRows(x, to: &activations.features)
        }
    }

    /// - Parameter dx: becomes the gradient of what ``readFeatures(_:keeping:in:)`` was given
    package func readFeaturesBackward(_ gradient: Matrix, into dx: inout Matrix, in pass: Pass) {
        if !readsFirstRowsOnly {
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
        if let dropout {
            copyRows(activations.features, to: &activations.dropped)
            applyDropout(pass.mask(dropout), to: &activations.dropped, on: pass.workers)
        }
        dense.forward(input(activations), into: &activations.inner, in: pass)
        guard let norm else { return activate(activation, activations.inner, into: &y, on: pass.workers) }
        activate(activation, activations.inner, into: &activations.activated, on: pass.workers)
        norm.forward(activations.activated, into: &y, keeping: &activations.statistics, in: pass)
    }

    /// - Parameter gradient: dy, `[sequences, hidden]`; becomes the gradient of the features
    package func backward(_ gradient: inout Matrix, kept activations: Activations, in pass: Pass) {
        guard let dense else { return }
        norm?.backward(&gradient, input: activations.activated, kept: activations.statistics, in: pass)
        activateBackward(
            activation, activations.inner, &gradient, derivatives: pass.derivatives, into: &pass.scratch.activated,
            on: pass.workers)
        copyRows(gradient, to: &pass.scratch.gradientOfInner)
        dense.backward(pass.scratch.gradientOfInner, input: input(activations), into: &gradient, in: pass)
        if let dropout { applyDropout(pass.mask(dropout), to: &gradient, on: pass.workers) }
    }

    /// What the dense layer reads.
    private func input(_ activations: Activations) -> Matrix {
        dropout == nil ? activations.features : activations.dropped
    }
}
