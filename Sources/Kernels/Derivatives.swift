/// What a backward pass takes for the derivatives of the functions that are not linear.
package enum Derivatives: Sendable {
    /// What they are: the result is the gradient.
    case exact
    /// Everything that only scales is taken for a constant: the probabilities of attention, the deviations of LayerNorm, and
    /// f(x) / x of the activation functions.
    ///
    /// The result is then not the gradient of the model, but that of a network that gives the same output and is linear, but
    /// for its biases: gradient × input says what each part of the input adds to the output (Ali et al., *XAI for Transformers:
    /// Better Explanations through Conservative Propagation*, 2022; for the activation functions, Achtibat et al., *AttnLRP*,
    /// 2024).
    case linearized

    /// Of attention: ``scaledDotProductAttentionBackward(_:_:_:scratch:into:on:)``, or with constant probabilities
    /// dV = (P ⊙ D)ᵀ dC, dQ = 0 and dK = 0.
    package func attention(
        _ dContext: Matrix, _ inputs: Projections, _ shape: AttentionShape, scratch: inout Matrix,
        into dInputs: inout Projections, on workers: Workers
    ) {
        if self == .exact {
            return scaledDotProductAttentionBackward(
                dContext, inputs, shape, scratch: &scratch, into: &dInputs, on: workers)
        }
        let plan = AttentionPlan(inputs, shape)
        precondition(dContext.columns == plan.hidden && dContext.rows == inputs.queries.rows, "shapes do not agree")
        dInputs.queries.resize(rows: inputs.queries.rows, columns: plan.hidden)
        dInputs.keysAndValues.resize(rows: inputs.keysAndValues.rows, columns: 2 * plan.hidden)
        dInputs.queries.clear()
        dInputs.keysAndValues.clear()
        let memory = plan.prepare(&scratch, squares: 1, for: workers)
        let (q, k, dc) = (inputs.queries.pointer, inputs.keysAndValues.pointer, dContext.pointer)
        let dk = dInputs.keysAndValues.mutablePointer()
        workers.share(plan.items) { item, worker in
            let head = AttentionHead(item, of: plan)
            let transposed = memory + worker * plan.scratchSize(squares: 1)
            let p = transposed + head.size * head.padded
            head.probabilities(q, k, transposed: transposed, into: p)
            head.drop(p)
            head.valueGradient(p, dc, into: dk)
        }
    }

    /// Of LayerNorm: ``layerNormBackward(_:_:statistics:gain:on:)``, or with a constant deviation
    /// dx = (g − mean(g)) / √(σ² + ε), g = dy ⊙ gain.
    package func layerNorm(_ dy: inout Matrix, _ x: Matrix, statistics: Matrix, gain: Matrix, on workers: Workers) {
        if self == .exact { return layerNormBackward(&dy, x, statistics: statistics, gain: gain, on: workers) }
        let (hidden, rows) = (dy.columns, dy.rows)
        precondition(statistics.rows == rows && gain.count == hidden, "shapes do not agree")
        let (statistics, gain, dy) = (statistics.pointer, gain.pointer, dy.mutablePointer())
        workers.split(rows, grain: 16) { part in
            for row in part {
                let dy = dy + row * hidden
                for i in 0..<hidden { dy[i] *= gain[i] * statistics[2 * row + 1] }
                let mean = (0..<hidden).reduce(0) { $0 + dy[$1] } / Float(hidden)
                for i in 0..<hidden { dy[i] -= mean }
            }
        }
    }

    /// Of an activation function: ``activateBackward(_:_:_:into:on:)``, or dy = dy ⊙ f(x) / x. Where x is 0, so is what it
    /// contributes, and dy becomes 0.
    package func activation(
        _ f: Activation, _ x: Matrix, _ dy: inout Matrix, into y: inout Matrix, on workers: Workers
    ) {
        if self == .exact { return activateBackward(f, x, &dy, into: &y, on: workers) }
        precondition(x.columns == dy.columns && x.rows == dy.rows, "shapes do not agree")
        activate(f, x, into: &y, on: workers)
        let (x, y, dy, count) = (x.pointer, y.pointer, dy.mutablePointer(), dy.count)
        workers.split(count, grain: 4096) { part in
            for i in part { dy[i] *= x[i] == 0 ? 0 : y[i] / x[i] }
        }
    }
}
