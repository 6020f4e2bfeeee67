import CKernels

/// softmax(Q Kᵀ / √d) V for every sequence and every head (Vaswani et al., *Attention Is All You Need*, 2017, equation 1).
///
/// A token attends to the tokens of its own sequence only, because rows of other sequences are never touched. The
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
    let plan = AttentionPlan(inputs, shape)
    context.resize(rows: inputs.queries.rows, columns: inputs.queries.columns)
    let memory = plan.prepare(&scratch, squares: 1, for: workers)
    let (q, k, c) = (inputs.queries.pointer, inputs.keysAndValues.pointer, context.mutablePointer())
    workers.share(plan.items) { item, worker in
        let head = AttentionHead(item, of: plan)
        let scratch = memory + worker * plan.scratchSize(squares: 1)
        let p = scratch + head.size * head.padded
        head.probabilities(q, k, transposed: scratch, into: p)
        head.drop(p)
        ck_gemm(
            head.queries, head.size, head.length, .rows(p, of: head.padded), k + head.value, 2 * head.hidden,
            CK_NOTHING, nil, c + head.query, head.hidden)
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
    let plan = AttentionPlan(inputs, shape)
    let (queries, keysAndValues) = (inputs.queries, inputs.keysAndValues)
    precondition(dContext.columns == queries.columns && dContext.rows == queries.rows, "shapes do not agree")
    dInputs.queries.resize(rows: queries.rows, columns: queries.columns)
    dInputs.keysAndValues.resize(rows: keysAndValues.rows, columns: keysAndValues.columns)
    if derivatives == .linearized {
        dInputs.queries.clear()
        dInputs.keysAndValues.clear()
    }
    let memory = plan.prepare(&scratch, squares: 3, for: workers)
    let (q, k, dc) = (queries.pointer, keysAndValues.pointer, dContext.pointer)
    let (dq, dk) = (dInputs.queries.mutablePointer(), dInputs.keysAndValues.mutablePointer())
    workers.share(plan.items) { item, worker in
        let head = AttentionHead(item, of: plan)
        let (rows, length, size, padded) = (head.queries, head.length, head.size, head.padded)
        let transposed = memory + worker * plan.scratchSize(squares: 3)
        let p = transposed + size * padded
        let (dropped, dp) = (p + rows * padded, p + 2 * rows * padded)
        head.probabilities(q, k, transposed: transposed, into: p)
        dropped.update(from: p, count: rows * padded)
        head.drop(dropped)
        // dV = (P ⊙ D)ᵀ dC
        ck_gemm(
            length, size, rows, .rows(dropped, of: padded).transposed, dc + head.query, head.hidden, CK_NOTHING, nil,
            dk + head.value, 2 * head.hidden)
        if derivatives == .linearized { return }
        head.transpose(k + head.value, into: transposed)
        ck_gemm(
            rows, padded, size, .rows(dc + head.query, of: head.hidden), transposed, padded, CK_NOTHING, nil, dp, padded
        )
        head.drop(dp)
        for row in 0..<rows { ck_softmax_backward(padded, head.scale, p + row * padded, dp + row * padded) }
        ck_gemm(
            rows, size, length, .rows(dp, of: padded), k + head.key, 2 * head.hidden, CK_NOTHING, nil,
            dq + head.query, head.hidden)
        ck_gemm(
            length, size, rows, .rows(dp, of: padded).transposed, q + head.query, head.hidden, CK_NOTHING, nil,
            dk + head.key, 2 * head.hidden)
    }
}
