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
    let dropout: Dropout?

    /// - Parameters:
    ///   - offsets: the first row of each sequence, then the number of rows; a token attends to the tokens of its own sequence
    ///   - heads: the number of heads; each has d = hidden / heads columns
    ///   - dropout: removes attention probabilities; its positions are those of one `[length, length]` matrix per sequence and
    ///     head, even if few tokens have queries
    package init(offsets: [Int], heads: Int, dropout: Dropout?) {
        (self.offsets, self.heads, self.dropout) = (offsets, heads, dropout)
    }
}

/// How the attention of a batch is cut into pieces: one for each sequence and head.
struct AttentionPlan {
    let shape: AttentionShape
    let hidden: Int
    /// Whether only the first token of each sequence has a query.
    let queriesFirstOnly: Bool
    /// Where each sequence's dropout positions begin: heads · length² of them, one after another.
    let positions: [Int]
    private let longest: Int

    init(_ inputs: Projections, _ shape: AttentionShape) {
        let (queries, keysAndValues, offsets) = (inputs.queries, inputs.keysAndValues, shape.offsets)
        precondition(offsets.first == 0 && offsets.last == keysAndValues.rows, "offsets do not match the rows")
        precondition(keysAndValues.columns == 2 * queries.columns && queries.columns % shape.heads == 0)
        queriesFirstOnly = queries.rows != keysAndValues.rows
        precondition(!queriesFirstOnly || queries.rows == offsets.count - 1, "one query per token or per sequence")
        self.shape = shape
        hidden = queries.columns
        let lengths = zip(offsets, offsets.dropFirst()).map { $1 - $0 }
        positions = lengths.reduce(into: [0]) { $0.append($0.last! + shape.heads * $1 * $1) }
        longest = lengths.max() ?? 0
    }

    var items: Int { (shape.offsets.count - 1) * shape.heads }

    /// What a worker needs: keys or values transposed, and `squares` matrices of the shape of the probabilities.
    func scratchSize(squares: Int) -> Int {
        let padded = AttentionHead.padded(longest)
        return (hidden / shape.heads + squares * (queriesFirstOnly ? 1 : longest)) * padded
    }

    func prepare(_ scratch: inout Matrix, squares: Int, for workers: Workers) -> UnsafeMutablePointer<Float> {
        scratch.resize(rows: workers.count * scratchSize(squares: squares), columns: 1)
        return scratch.mutablePointer()
    }
}

/// One head of one sequence: where its numbers are.
struct AttentionHead {
    /// The number of rows with queries, and of those with keys and values.
    let (queries, length): (Int, Int)
    /// The columns of this head, d, and of all heads.
    let (size, hidden): (Int, Int)
    /// Where its queries begin, and its keys.
    let (query, key): (Int, Int)
    private let dropout: Dropout?
    /// Of its first probability, for dropout.
    private let position: Int

    /// The values stand beside the keys.
    var value: Int { key + hidden }
    var scale: Float { 1 / Float(size).squareRoot() }
    /// The columns of a row of probabilities in memory: whole vectors, so that no loop has a remainder.
    var padded: Int { Self.padded(length) }
    static func padded(_ length: Int) -> Int { (length + 15) / 16 * 16 }

    init(_ item: Int, of plan: AttentionPlan) {
        let shape = plan.shape
        let (sequence, head) = (item / shape.heads, item % shape.heads)
        let first = shape.offsets[sequence]
        length = shape.offsets[sequence + 1] - first
        queries = plan.queriesFirstOnly ? 1 : length
        hidden = plan.hidden
        size = hidden / shape.heads
        query = (plan.queriesFirstOnly ? sequence : first) * hidden + head * size
        key = first * 2 * hidden + head * size
        dropout = shape.dropout
        position = plan.positions[sequence] + head * length * length
    }

    /// p = softmax(q kᵀ / √d), with what is beyond the length next to 0.
    func probabilities(
        _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, transposed: UnsafeMutablePointer<Float>,
        into p: UnsafeMutablePointer<Float>
    ) {
        transpose(k + key, into: transposed)
        ck_gemm(
            queries, padded, size, .rows(q + query, of: hidden), transposed, padded, CK_NOTHING, nil, p, padded)
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

    /// Drops probabilities, or their gradients.
    func drop(_ p: UnsafeMutablePointer<Float>) {
        dropout?.apply(to: p, first: position, rows: queries, count: length, row: padded)
    }
}
