import CKernels

/// The queries, keys and values of a batch, or their gradients.
package struct Projections {
    /// `[tokens, hidden]`; or `[sequences, hidden]`, if only the first token of each sequence has a query.
    package var queries = Matrix()
    /// Side by side, `[tokens, 2 · hidden]`.
    package var keysAndValues = Matrix()

    /// Creates projections without memory.
    package init() {}
}

/// Which tokens attend to which, in how many heads.
package struct AttentionShape {
    let offsets: [Int]
    let heads: Int
    let reach: Int?
    let dropout: Dropout?

    /// - Parameters:
    ///   - offsets: the first row of each sequence, then the number of rows; a token attends to tokens of its own sequence
    ///   - heads: the number of heads; each has d = hidden / heads columns
    ///   - reach: how many tokens before it, and how many after it, a token attends to; nil: to all
    ///   - dropout: removes attention probabilities; its positions are those of one `[length, length]` matrix per sequence and
    ///     head, even if few tokens have queries
    package init(offsets: [Int], heads: Int, reach: Int? = nil, dropout: Dropout?) {
        (self.offsets, self.heads, self.reach) = (offsets, heads, reach)
        self.dropout = dropout?.rate == 0 ? nil : dropout
    }

    /// The most rows of probabilities that a thread has at a time of a sequence of so many tokens that sees all of itself: few enough for its cache,
    /// so that memory does not grow with the square of the length, and enough to pay for the keys and values that each block of rows reads.
    package static func mostRows(of length: Int) -> Int { max(fewestRows, 512 * 512 / max(1, length)) }

    private static let fewestRows = 64

    /// The same with this reach: hardly more is to be computed than what is seen.
    fileprivate func mostRows(of length: Int) -> Int { reach == nil ? Self.mostRows(of: length) : Self.fewestRows }
}

/// How the attention of a batch is cut into pieces: one for each sequence and head, and of a long sequence a ``AttentionBlock`` after the other.
struct AttentionPlan {
    let shape: AttentionShape
    let hidden: Int
    /// Whether only the first token of each sequence has a query.
    let queriesFirstOnly: Bool
    /// Where each sequence's dropout positions begin: heads · length² of them, one after another.
    let positions: [Int]
    /// What a worker needs.
    let scratchSize: Int

    /// - Parameters:
    ///   - panels: how many copies of a block's keys or values there are at a time
    ///   - squares: how many matrices of the shape of its probabilities
    init(_ inputs: Projections, _ shape: AttentionShape, panels: Int, squares: Int) {
        let (queries, keysAndValues, offsets) = (inputs.queries, inputs.keysAndValues, shape.offsets)
        precondition(offsets.first == 0 && offsets.last == keysAndValues.rows, "offsets do not match the rows")
        precondition(keysAndValues.columns == 2 * queries.columns && queries.columns % shape.heads == 0)
        queriesFirstOnly = queries.rows != keysAndValues.rows
        precondition(!queriesFirstOnly || queries.rows == offsets.count - 1, "one query per token or per sequence")
        self.shape = shape
        hidden = queries.columns
        let lengths = zip(offsets, offsets.dropFirst()).map { $1 - $0 }
        positions = lengths.reduce(into: [0]) { $0.append($0.last! + shape.heads * $1 * $1) }
        let (size, queriesFirstOnly) = (hidden / shape.heads, queriesFirstOnly)
        scratchSize =
            lengths.map { length in
                let rows = queriesFirstOnly ? 1 : min(length, shape.mostRows(of: length))
                let keys = shape.reach.map { min(length, rows + 2 * $0) } ?? length
                return (panels * size + squares * rows) * oddLines(keys)
            }.max() ?? 0
    }

    var items: Int { (shape.offsets.count - 1) * shape.heads }

    /// The keys that some rows of a sequence can see.
    private func keys(seenBy rows: Range<Int>, of length: Int) -> Range<Int> {
        guard let reach = shape.reach else { return 0..<length }
        return max(0, rows.lowerBound - reach)..<min(length, rows.upperBound + reach)
    }

    /// The blocks of an item, from the first row down.
    func blocks(of item: Int) -> [AttentionBlock] {
        let (sequence, head) = (item / shape.heads, item % shape.heads)
        let length = shape.offsets[sequence + 1] - shape.offsets[sequence]
        let count = queriesFirstOnly ? 1 : length
        let most = shape.mostRows(of: length)
        return stride(from: 0, to: count, by: most).map { first in
            let rows = first..<min(first + most, count)
            return AttentionBlock(
                rows, keys: keys(seenBy: rows, of: length), sequence: sequence, head: head, of: self)
        }
    }

    func prepare(_ scratch: inout Matrix, for workers: Workers) -> UnsafeMutablePointer<Float> {
        scratch.resize(rows: workers.count * scratchSize, columns: 1)
        return scratch.mutablePointer()
    }
}

/// Some rows of one head of one sequence: where its numbers are.
struct AttentionBlock {
    /// The number of rows with queries, and of those with keys and values.
    let (queries, length): (Int, Int)
    /// The columns of this head, d, and of all heads.
    let (size, hidden): (Int, Int)
    /// Where its queries begin, and its keys.
    let (query, key): (Int, Int)
    /// Where the keys of the whole sequence begin, and how many there are.
    private let (firstKey, sequenceLength): (Int, Int)
    private let reach: Int?
    private let dropout: Dropout?
    /// Of its first probability, for dropout.
    private let position: Int
    /// The place of the first query among the keys.
    private let place: Int

    /// The values stand beside the keys.
    var value: Int { key + hidden }
    var scale: Float { 1 / Float(size).squareRoot() }
    /// The columns of a row of probabilities that are computed: whole vectors, so that no loop has a remainder.
    private var padded: Int { (length + 15) / 16 * 16 }
    /// How far apart such rows are in memory.
    var stride: Int { oddLines(length) }
    /// The numbers of a copy of the keys or values.
    var panel: Int { size * stride }
    /// Whether it has all keys of its sequence.
    var seesAll: Bool { length == sequenceLength }
    /// Whether the block before it had other keys.
    let hasNewKeys: Bool

    /// - Parameters:
    ///   - rows: of the sequence, those with queries
    ///   - keys: of the sequence, those that they see
    init(_ rows: Range<Int>, keys: Range<Int>, sequence: Int, head: Int, of plan: AttentionPlan) {
        let shape = plan.shape
        let first = shape.offsets[sequence]
        sequenceLength = shape.offsets[sequence + 1] - first
        (queries, length) = (rows.count, keys.count)
        hidden = plan.hidden
        size = hidden / shape.heads
        query = ((plan.queriesFirstOnly ? sequence : first) + rows.lowerBound) * hidden + head * size
        firstKey = first * 2 * hidden + head * size
        key = firstKey + keys.lowerBound * 2 * hidden
        (reach, dropout) = (shape.reach, shape.dropout)
        let square = plan.positions[sequence] + head * sequenceLength * sequenceLength
        position = square + rows.lowerBound * sequenceLength + keys.lowerBound
        place = rows.lowerBound - keys.lowerBound
        hasNewKeys = rows.lowerBound == 0 || reach != nil
    }

    /// p = softmax(q kᵀ / √d), with 0 for what is out of reach, and beyond the length.
    func probabilities(
        _ q: UnsafePointer<Float>, keys: UnsafePointer<Float>, into p: UnsafeMutablePointer<Float>
    ) {
        multiply(q + query, keys, into: p)
        for row in 0..<queries {
            let p = p + row * stride
            let seen = reach.map { max(0, place + row - $0)..<min(length, place + row + $0 + 1) } ?? 0..<length
            p.update(repeating: -.infinity, count: seen.lowerBound)
            (p + seen.upperBound).update(repeating: -.infinity, count: padded - seen.upperBound)
            ck_softmax(padded, scale, p)
        }
    }

    /// dp becomes the gradient of what the probabilities are the softmax of, q kᵀ.
    func differentiate(_ p: UnsafePointer<Float>, _ dp: UnsafeMutablePointer<Float>) {
        for row in 0..<queries { ck_softmax_backward(padded, scale, p + row * stride, dp + row * stride) }
    }

    /// y = x mᵀ of each query with each key.
    ///
    /// - Parameters:
    ///   - x: `[queries, d]`, of rows as wide as all heads
    ///   - panel: mᵀ, as of ``transpose(_:into:)``
    func multiply(
        _ x: UnsafePointer<Float>, _ panel: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
    ) {
        ck_gemm(queries, padded, size, .rows(x, of: hidden), panel, stride, CK_NOTHING, nil, y, stride)
    }

    /// y = x m, summed over the keys.
    func combine(_ x: UnsafePointer<Float>, _ panel: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
        ck_gemm(queries, size, length, .rows(x, of: stride), panel, size, CK_NOTHING, nil, y, hidden)
    }

    /// The keys or values as columns: `[d, stride]`, with zeros beyond the length.
    func transpose(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
        ck_transpose(length, size, x, 2 * hidden, y, stride)
    }

    /// The keys or values one after another: `[length, d]`.
    func gather(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
        ck_gather_columns(length, size, x, 2 * hidden, y)
    }

    /// Sets the gradients of the keys and values of the whole sequence to 0.
    func clearSequence(of gradients: UnsafeMutablePointer<Float>) {
        for row in 0..<sequenceLength {
            let key = gradients + firstKey + row * 2 * hidden
            key.update(repeating: 0, count: size)
            (key + hidden).update(repeating: 0, count: size)
        }
    }

    /// Drops probabilities, or their gradients.
    func drop(_ p: UnsafeMutablePointer<Float>) {
        guard let dropout else { return }
        if seesAll {
            return dropout.apply(to: p, first: position, rows: queries, count: length, row: stride)
        }
        for row in 0..<queries {
            dropout.apply(to: p + row * stride, first: position + row * sequenceLength, count: length)
        }
    }
}
