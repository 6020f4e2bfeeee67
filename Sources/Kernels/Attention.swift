import CKernels
import COpenBLAS

/// softmax(Q Kᵀ / √d) V for every sequence and every head (Vaswani et al., *Attention Is All You Need*, 2017, equation 1).
///
/// A token attends to the tokens of its own sequence only, because rows of other sequences are never touched.
///
/// - Parameters:
///   - qkv: queries, keys and values side by side, `[tokens, 3 · hidden]`
///   - offsets: the first row of each sequence, then the number of rows
///   - heads: the number of heads; each has d = hidden / heads columns
///   - dropout: removes attention probabilities
///   - probabilities: becomes the softmax before dropout, one `[length, length]` matrix per sequence and head, for the
///     backward pass
///   - scratch: becomes the probabilities after dropout, laid out likewise
///   - context: becomes `[tokens, hidden]`
package func scaledDotProductAttention(
    _ qkv: Matrix, offsets: [Int], heads: Int, dropout: Dropout?, probabilities: inout Matrix, scratch: inout Matrix,
    into context: inout Matrix, on workers: Workers
) {
    let hidden = qkv.columns / 3
    precondition(qkv.columns == 3 * hidden && hidden % heads == 0 && context.columns == hidden)
    precondition(offsets.first == 0 && offsets.last == qkv.rows && probabilities.columns == 1 && scratch.columns == 1)
    let starts = probabilityOffsets(offsets, heads: heads)
    context.resize(rows: qkv.rows)
    probabilities.resize(rows: starts.last!)
    scratch.resize(rows: starts.last!)
    let (size, stride) = (hidden / heads, blasint(qkv.columns))
    let scale = 1 / Float(size).squareRoot()
    let qkv = qkv.pointer
    let (p0, scratch, context) = (probabilities.mutablePointer(), scratch.mutablePointer(), context.mutablePointer())
    workers.split((offsets.count - 1) * heads) { part in
        for index in part {
            let (sequence, head) = (index / heads, index % heads)
            let length = offsets[sequence + 1] - offsets[sequence]
            let first = starts[sequence] + head * length * length
            let (p, dropped) = (p0 + first, scratch + first)
            let q = qkv + offsets[sequence] * 3 * hidden + head * size
            let (k, v) = (q + hidden, q + 2 * hidden)
            let n = blasint(length)
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasTrans, n, n, blasint(size), 1, q, stride, k, stride, 0, p, n)
            for row in 0..<length { ck_softmax(length, scale, p + row * length) }
            var weights = p
            if let dropout, dropout.rate > 0 {
                dropped.update(from: p, count: length * length)
                dropout.apply(to: dropped, first: first, count: length * length)
                weights = dropped
            }
            let y = context + offsets[sequence] * hidden + head * size
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, n, blasint(size), n, 1, weights, n, v, stride, 0, y,
                blasint(hidden))
        }
    }
}

/// The gradient of
/// ``scaledDotProductAttention(_:offsets:heads:dropout:probabilities:scratch:into:on:)`` with respect to `qkv`.
///
/// With P the probabilities, D the dropout mask and C = (P ⊙ D) V: dV = (P ⊙ D)ᵀ dC, dP = (dC Vᵀ) ⊙ D,
/// dS = P ⊙ (dP − rowsum(dP ⊙ P)) / √d, dQ = dS K, dK = dSᵀ Q.
///
/// - Parameters:
///   - dContext: `[tokens, hidden]`
///   - qkv: the input of the forward pass, `[tokens, 3 · hidden]`
///   - probabilities: what the forward pass left there
///   - scratch: overwritten
///   - dqkv: becomes `[tokens, 3 · hidden]`
package func scaledDotProductAttentionBackward(
    _ dContext: Matrix, _ qkv: Matrix, offsets: [Int], heads: Int, dropout: Dropout?, probabilities: Matrix,
    scratch: inout Matrix, into dqkv: inout Matrix, on workers: Workers
) {
    let hidden = qkv.columns / 3
    precondition(dContext.columns == hidden && dContext.rows == qkv.rows && dqkv.columns == qkv.columns)
    let starts = probabilityOffsets(offsets, heads: heads)
    precondition(probabilities.count == starts.last! && offsets.last == qkv.rows, "shapes do not agree")
    dqkv.resize(rows: qkv.rows)
    scratch.resize(rows: starts.last!)
    let (size, stride) = (hidden / heads, blasint(qkv.columns))
    let scale = 1 / Float(size).squareRoot()
    let (qkv, p0, dContext) = (qkv.pointer, probabilities.pointer, dContext.pointer)
    let (scratch, dqkv) = (scratch.mutablePointer(), dqkv.mutablePointer())
    workers.split((offsets.count - 1) * heads) { part in
        for index in part {
            let (sequence, head) = (index / heads, index % heads)
            let length = offsets[sequence + 1] - offsets[sequence]
            let first = starts[sequence] + head * length * length
            let (p, s) = (p0 + first, scratch + first)
            let at = offsets[sequence] * 3 * hidden + head * size
            let (q, k, v) = (qkv + at, qkv + at + hidden, qkv + at + 2 * hidden)
            let (dq, dk, dv) = (dqkv + at, dqkv + at + hidden, dqkv + at + 2 * hidden)
            let dy = dContext + offsets[sequence] * hidden + head * size
            let (n, d, h) = (blasint(length), blasint(size), blasint(hidden))
            // dV needs the probabilities after dropout: the mask is applied anew to a copy.
            s.update(from: p, count: length * length)
            if let dropout, dropout.rate > 0 { dropout.apply(to: s, first: first, count: length * length) }
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, d, n, 1, s, n, dy, h, 0, dv, stride)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1, dy, h, v, stride, 0, s, n)
            if let dropout, dropout.rate > 0 { dropout.apply(to: s, first: first, count: length * length) }
            for row in 0..<length {
                ck_softmax_backward(length, scale, p + row * length, s + row * length)
            }
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, d, n, 1, s, n, k, stride, 0, dq, stride)
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, d, n, 1, s, n, q, stride, 0, dk, stride)
        }
    }
}

/// Where each sequence's probabilities begin: heads · length² of them, one after another.
private func probabilityOffsets(_ offsets: [Int], heads: Int) -> [Int] {
    var starts = [0]
    starts.reserveCapacity(offsets.count)
    for (start, end) in zip(offsets, offsets.dropFirst()) {
        starts.append(starts.last! + heads * (end - start) * (end - start))
    }
    return starts
}
