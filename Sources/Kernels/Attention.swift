import CKernels

/// softmax(Q Kᵀ / √d) V for every sequence and every head (Vaswani et al., *Attention Is All You Need*, 2017, equation 1).
///
/// A token attends to the tokens of its own sequence only, because rows of other sequences are never touched. The
/// probabilities are not kept: the backward pass computes them again, as in Dao et al., *FlashAttention*, 2022, section 3.1, so
/// that memory grows with the tokens and not with the square of a sequence's length.
///
/// - Parameters:
///   - queries: `[tokens, hidden]`; or `[sequences, hidden]`, if only the first token of each sequence asks
///   - keysAndValues: side by side, `[tokens, 2 · hidden]`
///   - offsets: the first row of each sequence, then the number of rows
///   - heads: the number of heads; each has d = hidden / heads columns
///   - dropout: removes attention probabilities; its positions are those of one `[length, length]` matrix per sequence and head,
///     even if few tokens ask
///   - scratch: overwritten
///   - context: becomes as many rows as there are queries
package func scaledDotProductAttention(
    _ queries: Matrix, _ keysAndValues: Matrix, offsets: [Int], heads: Int, dropout: Dropout?, scratch: inout Matrix,
    into context: inout Matrix, on workers: Workers
) {
    let plan = AttentionPlan(queries, keysAndValues, offsets: offsets, heads: heads, dropout: dropout)
    precondition(context.columns == queries.columns, "shapes do not agree")
    context.resize(rows: queries.rows)
    let memory = plan.prepare(&scratch, squares: 1, for: workers)
    let (q, k, context) = (queries.pointer, keysAndValues.pointer, context.mutablePointer())
    workers.share(plan.items) { item, worker in
        let head = plan.head(item)
        let scratch = memory + worker * plan.scratchSize(squares: 1)
        let p = scratch + head.size * head.padded
        head.probabilities(q + head.query, k + head.key, transposed: scratch, into: p)
        head.drop(p)
        ck_gemm(
            head.queries, head.size, head.length, ck_matrix(pointer: p, row: head.padded, column: 1),
            k + head.value, 2 * head.hidden, CK_NOTHING, nil, context + head.query, head.hidden)
    }
}

/// The gradients of
/// ``scaledDotProductAttention(_:_:offsets:heads:dropout:scratch:into:on:)`` with respect to queries, keys and values.
///
/// With P the probabilities, D the dropout mask and C = (P ⊙ D) V: dV = (P ⊙ D)ᵀ dC, dP = (dC Vᵀ) ⊙ D,
/// dS = P ⊙ (dP − rowsum(dP ⊙ P)) / √d, dQ = dS K, dK = dSᵀ Q.
///
/// - Parameters:
///   - dContext: as many rows as there are queries
///   - queries: as in the forward pass, and so are the other inputs
///   - probabilitiesAreConstant: whether P is taken for a constant, so that queries and keys have gradients of 0
///   - dQueries: becomes as many rows as there are queries
///   - dKeysAndValues: becomes `[tokens, 2 · hidden]`
package func scaledDotProductAttentionBackward(
    _ dContext: Matrix, _ queries: Matrix, _ keysAndValues: Matrix, offsets: [Int], heads: Int, dropout: Dropout?,
    probabilitiesAreConstant: Bool = false, scratch: inout Matrix, into dQueries: inout Matrix,
    and dKeysAndValues: inout Matrix, on workers: Workers
) {
    let plan = AttentionPlan(queries, keysAndValues, offsets: offsets, heads: heads, dropout: dropout)
    precondition(dContext.columns == queries.columns && dContext.rows == queries.rows, "shapes do not agree")
    precondition(dQueries.columns == queries.columns && dKeysAndValues.columns == keysAndValues.columns)
    dQueries.resize(rows: queries.rows)
    dKeysAndValues.resize(rows: keysAndValues.rows)
    if probabilitiesAreConstant {
        dQueries.clear()
        dKeysAndValues.clear()
    }
    let memory = plan.prepare(&scratch, squares: 3, for: workers)
    let (q, k, dContext) = (queries.pointer, keysAndValues.pointer, dContext.pointer)
    let (dq, dk) = (dQueries.mutablePointer(), dKeysAndValues.mutablePointer())
    workers.share(plan.items) { item, worker in
        let head = plan.head(item)
        let (rows, length, size, padded) = (head.queries, head.length, head.size, head.padded)
        let transposed = memory + worker * plan.scratchSize(squares: 3)
        let p = transposed + size * padded
        let (dropped, dp) = (p + rows * padded, p + 2 * rows * padded)
        let dy = dContext + head.query
        head.probabilities(q + head.query, k + head.key, transposed: transposed, into: p)
        dropped.update(from: p, count: rows * padded)
        head.drop(dropped)
        ck_gemm(
            length, size, rows, ck_matrix(pointer: dropped, row: 1, column: padded), dy, head.hidden,
            CK_NOTHING, nil, dk + head.value, 2 * head.hidden)
        if probabilitiesAreConstant { return }
        head.transpose(k + head.value, into: transposed)
        ck_gemm(
            rows, padded, size, ck_matrix(pointer: dy, row: head.hidden, column: 1), transposed, padded, CK_NOTHING,
            nil, dp, padded)
        head.drop(dp)
        for row in 0..<rows { ck_softmax_backward(padded, head.scale, p + row * padded, dp + row * padded) }
        ck_gemm(
            rows, size, length, ck_matrix(pointer: dp, row: padded, column: 1), k + head.key, 2 * head.hidden,
            CK_NOTHING, nil, dq + head.query, head.hidden)
        ck_gemm(
            length, size, rows, ck_matrix(pointer: dp, row: 1, column: padded), q + head.query, head.hidden,
            CK_NOTHING, nil, dk + head.key, 2 * head.hidden)
    }
}

/// How the attention of a batch is cut into pieces: one for each sequence and head.
private struct AttentionPlan {
    let offsets: [Int]
    let heads: Int
    let hidden: Int
    let dropout: Dropout?
    /// Whether only the first token of each sequence asks.
    let asksFirstOnly: Bool
    /// Where each sequence's dropout positions begin: heads · length² of them, one after another.
    let positions: [Int]
    private let longest: Int

    init(_ queries: Matrix, _ keysAndValues: Matrix, offsets: [Int], heads: Int, dropout: Dropout?) {
        precondition(offsets.first == 0 && offsets.last == keysAndValues.rows, "offsets do not match the rows")
        precondition(keysAndValues.columns == 2 * queries.columns && queries.columns % heads == 0)
        asksFirstOnly = queries.rows != keysAndValues.rows
        precondition(!asksFirstOnly || queries.rows == offsets.count - 1, "one query per token or per sequence")
        (self.offsets, self.heads, self.hidden, self.dropout) = (offsets, heads, queries.columns, dropout)
        let lengths = zip(offsets, offsets.dropFirst()).map { $1 - $0 }
        positions = lengths.reduce(into: [0]) { $0.append($0.last! + heads * $1 * $1) }
        longest = lengths.max() ?? 0
    }

    var items: Int { (offsets.count - 1) * heads }

    func head(_ item: Int) -> AttentionHead {
        let (sequence, head) = (item / heads, item % heads)
        let (first, length) = (offsets[sequence], offsets[sequence + 1] - offsets[sequence])
        let column = head * hidden / heads
        return AttentionHead(
            queries: asksFirstOnly ? 1 : length, length: length, size: hidden / heads, hidden: hidden,
            query: (asksFirstOnly ? sequence : first) * hidden + column, key: first * 2 * hidden + column,
            dropout: dropout, position: positions[sequence] + head * length * length)
    }

    /// What a worker needs: keys or values transposed, and `squares` matrices of the shape of the probabilities.
    func scratchSize(squares: Int) -> Int {
        let padded = AttentionHead.padded(longest)
        return (hidden / heads + squares * (asksFirstOnly ? 1 : longest)) * padded
    }

    func prepare(_ scratch: inout Matrix, squares: Int, for workers: Workers) -> UnsafeMutablePointer<Float> {
        precondition(scratch.columns == 1)
        scratch.resize(rows: workers.count * scratchSize(squares: squares))
        return scratch.mutablePointer()
    }
}

/// One head of one sequence: where its numbers are.
private struct AttentionHead {
    /// The number of rows that ask, and of those that they ask.
    let (queries, length): (Int, Int)
    /// The columns of this head, d, and of all heads.
    let (size, hidden): (Int, Int)
    /// Where its queries begin, and its keys.
    let (query, key): (Int, Int)
    let dropout: Dropout?
    /// Of its first probability, for dropout.
    let position: Int

    /// The values stand beside the keys.
    var value: Int { key + hidden }
    var scale: Float { 1 / Float(size).squareRoot() }
    /// The columns of a row of probabilities in memory: whole vectors, so that no loop has a remainder.
    var padded: Int { Self.padded(length) }
    static func padded(_ length: Int) -> Int { (length + 15) / 16 * 16 }

    init(
        queries: Int, length: Int, size: Int, hidden: Int, query: Int, key: Int, dropout: Dropout?, position: Int
    ) {
        (self.queries, self.length, self.size, self.hidden) = (queries, length, size, hidden)
        (self.query, self.key, self.dropout, self.position) = (query, key, dropout, position)
    }

    /// p = softmax(q kᵀ / √d), with what is beyond the length next to 0.
    func probabilities(
        _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, transposed: UnsafeMutablePointer<Float>,
        into p: UnsafeMutablePointer<Float>
    ) {
        transpose(k, into: transposed)
        ck_gemm(
            queries, padded, size, ck_matrix(pointer: q, row: hidden, column: 1), transposed, padded, CK_NOTHING, nil,
            p, padded)
        for row in 0..<queries {
            let p = p + row * padded
            (p + length).update(repeating: -.infinity, count: padded - length)
            ck_softmax(padded, scale, p)
        }
    }

    /// The keys or values as columns: `[d, padded length]`, with zeros beyond the length.
    func transpose(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
        ck_transpose(length, size, x, 2 * hidden, y, padded)
    }

    func drop(_ p: UnsafeMutablePointer<Float>) {
        dropout?.apply(to: p, first: position, rows: queries, count: length, row: padded)
    }
}
