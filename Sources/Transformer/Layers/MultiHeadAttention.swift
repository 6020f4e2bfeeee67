import Kernels

/// concat(head₁ … headₕ) Wᵒ + bᵒ with headᵢ = dropout(softmax(Qᵢ Kᵢᵀ / √d)) Vᵢ, d = hidden / heads, Q = x W_qᵀ + b_q, and so on.
///
/// Keys and values lie side by side in memory, so that they are one matrix product. Queries are a product of their own, because
/// the last layer may need those of few rows. With rotary positions, queries and keys are turned first, and a layer may see the neighbours only.
///
/// ### References
/// Vaswani et al., *Attention Is All You Need*, 2017, section 3.2; ``AlternatingAttention``.
package struct MultiHeadAttention: Sublayer {
    let query: Linear
    /// Key and value: `[2 · hidden, hidden]`
    let keyValue: Linear
    let output: Linear
    let heads: Int
    /// How many tokens to each side a token attends to; nil: to all.
    let reach: Int?
    /// The base of rotary positions; nil: queries and keys stay as they are.
    let rotaryBase: Double?
    let dropout: DropoutSite

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        /// The rows of x that have queries, if not all do.
        var queryRows = Matrix()
        var projections = Projections()
        /// The heads' results side by side, as many rows as there are queries.
        var context = Matrix()

        package init() {}
    }

    /// Asks `layout` for the parameters `name.query.weight` … `name.output.bias`.
    ///
    /// - Parameter layer: the number of its layer, from 0
    package init(
        _ name: String, _ configuration: Configuration, layer: Int = 0, in layout: inout ParameterLayout
    ) {
        let hidden = configuration.hiddenSize
        let gain = configuration.addNorm.initialGain(layers: configuration.layers)
        let weights = (
            layout.weight("\(name).query.weight", hidden, hidden),
            layout.weights(["\(name).key.weight": 1, "\(name).value.weight": gain], hidden, hidden)
        )
        let hasBias = configuration.hasAttentionBias
        let biases = (
            hasBias ? layout.bias("\(name).query.bias", hidden) : nil,
            hasBias ? layout.biases(["\(name).key.bias", "\(name).value.bias"], hidden) : nil
        )
        let lora = configuration.lora
        func update(_ target: LoRA.Target, from column: Int = 0) -> [LowRankUpdate] {
            guard let lora = lora?.at(target) else { return [] }
            let layer = "\(name).\(target.rawValue)"
            return [
                LowRankUpdate(layer, lora, inputs: hidden, outputs: hidden, firstColumn: column, in: &layout)
            ]
        }
        query = Linear(weight: weights.0, bias: biases.0, updates: update(.query))
        keyValue = Linear(weight: weights.1, bias: biases.1, updates: update(.key) + update(.value, from: hidden))
        output = Linear(
            "\(name).output", inputs: hidden, outputs: hidden, hasBias: hasBias, initialization: (gain, .infinity),
            lora: lora?.at(.output), in: &layout)
        heads = configuration.heads
        let isRotary = configuration.positions == .rotary
        reach = isRotary ? configuration.alternation.reach(ofLayer: layer) : nil
        rotaryBase = isRotary ? configuration.alternation.base(ofLayer: layer) : nil
        dropout = layout.dropout(configuration.attentionDropout)
    }

    package func forward(_ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass) {
        if let rows = pass.outputRows { gatherRows(x, rows, into: &activations.queryRows) }
        let queryRows = pass.outputRows == nil ? x : activations.queryRows
        query.forward(queryRows, into: &activations.projections.queries, in: pass)
        keyValue.forward(x, into: &activations.projections.keysAndValues, in: pass)
        turn(&activations.projections, in: pass)
        scaledDotProductAttention(
            activations.projections, shape(in: pass), scratch: &pass.scratch.attention, into: &activations.context,
            on: pass.workers)
        output.forward(activations.context, into: &y, in: pass)
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept activations: Activations, in pass: Pass) {
        let scratch = pass.scratch
        output.backward(gradient, input: activations.context, into: &scratch.gradientOfContext, in: pass)
        scaledDotProductAttentionBackward(
            scratch.gradientOfContext, activations.projections, shape(in: pass), derivatives: pass.derivatives,
            scratch: &scratch.attention, into: &scratch.gradientOfProjections, on: pass.workers)
        turn(&scratch.gradientOfProjections, backward: true, in: pass)
        let (dQueries, dKeysAndValues) = (
            scratch.gradientOfProjections.queries, scratch.gradientOfProjections.keysAndValues
        )
        let queryRows = pass.outputRows == nil ? x : activations.queryRows
        keyValue.backward(dKeysAndValues, input: x, into: &gradient, in: pass)
        query.backward(dQueries, input: queryRows, into: &scratch.gradientOfQueryRows, in: pass)
        addRows(scratch.gradientOfQueryRows, to: &gradient, rows: pass.outputRows, on: pass.workers)
    }

    private func shape(in pass: Pass) -> AttentionShape {
        AttentionShape(offsets: pass.offsets, heads: heads, reach: reach, dropout: pass.mask(dropout))
    }

    /// Turns queries and keys, or their gradients, by the angles of their places. The first token of a sequence is not turned.
    private func turn(_ projections: inout Projections, backward: Bool = false, in pass: Pass) {
        guard let rotaryBase else { return }
        let (hidden, scratch) = (projections.queries.columns, pass.scratch)
        var angles =
            scratch.rotaryPositions.removeValue(forKey: rotaryBase)
            ?? RotaryPositions(base: rotaryBase, size: hidden / heads)
        func turn(_ x: inout Matrix) {
            angles.turn(&x, columns: hidden, offsets: pass.offsets, backward: backward, on: pass.workers)
        }
        if pass.outputRows == nil { turn(&projections.queries) }
        turn(&projections.keysAndValues)
        scratch.rotaryPositions[rotaryBase] = angles
    }
}
