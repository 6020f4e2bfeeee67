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
    let plan = AttentionPlan(inputs, shape)
    context.resize(rows: inputs.queries.rows, columns: inputs.queries.columns)
    let memory = plan.prepare(&scratch, squares: 1, for: workers)
    let (q, k, c) = (inputs.queries.pointer, inputs.keysAndValues.pointer, context.mutablePointer())
    workers.share(plan.items) { item, worker in
        let scratch = memory + worker * plan.scratchSize(squares: 1)
        for block in plan.blocks(of: item) {
            let p = scratch + block.size * block.padded
            block.probabilities(q, k, transposed: scratch, into: p)
            block.drop(p)
            ck_gemm(
                block.queries, block.size, block.length, .rows(p, of: block.padded), k + block.value,
                2 * block.hidden, CK_NOTHING, nil, c + block.query, block.hidden)
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
        let memory = memory + worker * plan.scratchSize(squares: 3)
        let blocks = plan.blocks(of: item)
        // Several blocks add to the gradients of the same keys, and a single one may not reach all of them.
        let isWhole = blocks.count == 1 && blocks[0].seesAll
        if !isWhole { blocks[0].clearSequence(of: dk) }
        let addend = isWhole ? CK_NOTHING : CK_C
        for block in blocks {
            let (rows, length, size, padded) = (block.queries, block.length, block.size, block.padded)
            let (transposed, p) = (memory, memory + size * padded)
            let (dropped, dp) = (p + rows * padded, p + 2 * rows * padded)
            block.probabilities(q, k, transposed: transposed, into: p)
            dropped.update(from: p, count: rows * padded)
            block.drop(dropped)
            // dV = (P ⊙ D)ᵀ dC
            ck_gemm(
                length, size, rows, .rows(dropped, of: padded).transposed, dc + block.query, block.hidden, addend,
                nil, dk + block.value, 2 * block.hidden)
            if derivatives == .linearized { continue }
            block.transpose(k + block.value, into: transposed)
            ck_gemm(
                rows, padded, size, .rows(dc + block.query, of: block.hidden), transposed, padded, CK_NOTHING, nil,
                dp, padded)
            block.drop(dp)
            for row in 0..<rows { ck_softmax_backward(padded, block.scale, p + row * padded, dp + row * padded) }
            ck_gemm(
                rows, size, length, .rows(dp, of: padded), k + block.key, 2 * block.hidden, CK_NOTHING, nil,
                dq + block.query, block.hidden)
            ck_gemm(
                length, size, rows, .rows(dp, of: padded).transposed, q + block.query, block.hidden, addend, nil,
                dk + block.key, 2 * block.hidden)
        }
    }
}
