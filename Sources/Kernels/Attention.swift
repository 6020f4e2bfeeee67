import CKernels

/// softmax(Q Kᵀ / √d) V for every sequence and every head (Vaswani et al., *Attention Is All You Need*, 2017, equation 1).
///
/// A token attends to the tokens of its own sequence only, because rows of other sequences are never touched; with a reach, to those
/// near to it (Beltagy, Peters & Cohan, *Longformer*, 2020, section 3.1), and so much is computed, in the units of a block. The
/// probabilities are not kept: the backward pass computes them again, as in Dao et al., *FlashAttention*, 2022, section 3.1, so
/// that memory grows with the tokens and not with the square of a sequence's length.
///
/// - Parameters:
///   - inputs: queries, keys and values
///   - scratch: overwritten
///   - context: becomes as many rows as there are queries
package func scaledDotProductAttention(
    _ inputs: Projections, _ shape: AttentionShape, scratch: inout Matrix, into context: inout Matrix,
    on workers: Workers
) {
    let plan = AttentionPlan(inputs, shape, panels: 2, squares: 1)
    context.resize(rows: inputs.queries.rows, columns: inputs.queries.columns)
    let memory = plan.prepare(&scratch, for: workers)
    let (q, k, c) = (inputs.queries.pointer, inputs.keysAndValues.pointer, context.mutablePointer())
    workers.share(plan.items) { item, worker in
        let keys = memory + worker * plan.scratchSize
        for block in plan.blocks(of: item) {
            let (values, p) = (keys + block.panel, keys + 2 * block.panel)
            if block.hasNewKeys {
                block.transpose(k + block.key, into: keys)
                block.gather(k + block.value, into: values)
            }
            block.probabilities(q, keys: keys, into: p)
            block.drop(p)
            block.combine(p, values, into: c + block.query)
        }
    }
}

/// The gradients of ``scaledDotProductAttention(_:_:scratch:into:on:)`` with respect to queries, keys and values.
///
/// With P the probabilities, D the dropout mask and C = (P ⊙ D) V: dV = (P ⊙ D)ᵀ dC, dP = (dC Vᵀ) ⊙ D,
/// dS = P ⊙ (dP − rowsum(dP ⊙ P)) / √d, dQ = dS K, dK = dSᵀ Q. With constant probabilities, dQ = 0 and dK = 0.
///
/// - Parameters:
///   - dContext: as many rows as there are queries
///   - inputs: as in the forward pass
///   - derivatives: whether the probabilities are taken for constants
///   - dInputs: becomes the gradients, of the same shapes
package func scaledDotProductAttentionBackward(
    _ dContext: Matrix, _ inputs: Projections, _ shape: AttentionShape, derivatives: Derivatives = .exact,
    scratch: inout Matrix, into dInputs: inout Projections, on workers: Workers
) {
    let plan = AttentionPlan(inputs, shape, panels: 3, squares: shape.dropout == nil ? 2 : 3)
    let (queries, keysAndValues) = (inputs.queries, inputs.keysAndValues)
    precondition(dContext.columns == queries.columns && dContext.rows == queries.rows, "shapes do not agree")
    dInputs.queries.resize(rows: queries.rows, columns: queries.columns)
    dInputs.keysAndValues.resize(rows: keysAndValues.rows, columns: keysAndValues.columns)
    if derivatives == .linearized {
        dInputs.queries.clear()
        dInputs.keysAndValues.clear()
    }
    let memory = plan.prepare(&scratch, for: workers)
    let (q, k, dc) = (queries.pointer, keysAndValues.pointer, dContext.pointer)
    let (dq, dk) = (dInputs.queries.mutablePointer(), dInputs.keysAndValues.mutablePointer())
    workers.share(plan.items) { item, worker in
        let keys = memory + worker * plan.scratchSize
        let blocks = plan.blocks(of: item)
        // Several blocks add to the gradients of the same keys, and a single one may not reach all of them.
        let isWhole = blocks.count == 1 && blocks[0].seesAll
        if !isWhole { blocks[0].clearSequence(of: dk) }
        let addend = isWhole ? CK_NOTHING : CK_C
        for block in blocks {
            let (rows, length, size, stride, panel) = (
                block.queries, block.length, block.size, block.stride, block.panel
            )
            let (gathered, values, p) = (keys + panel, keys + 2 * panel, keys + 3 * panel)
            let (dp, dropped) = (p + rows * stride, shape.dropout == nil ? p : p + 2 * rows * stride)
            if block.hasNewKeys {
                block.transpose(k + block.key, into: keys)
                block.gather(k + block.key, into: gathered)
                block.transpose(k + block.value, into: values)
            }
            block.probabilities(q, keys: keys, into: p)
            if dropped != p { dropped.update(from: p, count: rows * stride) }
            block.drop(dropped)
            // dV = (P ⊙ D)ᵀ dC
            ck_gemm(
                length, size, rows, .rows(dropped, of: stride).transposed, dc + block.query, block.hidden, addend,
                nil, dk + block.value, 2 * block.hidden)
            if derivatives == .linearized { continue }
            block.multiply(dc + block.query, values, into: dp)
            block.drop(dp)
            block.differentiate(p, dp)
            block.combine(dp, gathered, into: dq + block.query)
            ck_gemm(
                length, size, rows, .rows(dp, of: stride).transposed, q + block.query, block.hidden, addend, nil,
                dk + block.key, 2 * block.hidden)
        }
    }
}
