import CKernels

/// Which elements dropout removes (Srivastava et al., 2014): recomputed from the position in the backward pass instead of
/// being stored.
package struct Dropout: Sendable {
    let rate: Float
    let seed: UInt64
    let stream: RandomStream
    let step: UInt64

    /// - Parameters:
    ///   - rate: the probability that an element is removed, in `0 ..< 1`
    ///   - seed: of the training
    ///   - stream: of the place in the model, ``RandomStream/dropout(_:)``
    ///   - step: of the training
    package init(rate: Float, seed: UInt64, stream: RandomStream, step: UInt64) {
        precondition(rate >= 0 && rate < 1, "a dropout rate lies in 0 ..< 1")
        (self.rate, self.seed, self.stream, self.step) = (rate, seed, stream, step)
    }

    /// Drops elements of rows of `count` elements that begin `row` elements after each other. Their positions in the stream follow
    /// each other from `first` on.
    func apply(to x: UnsafeMutablePointer<Float>, first: Int, rows: Int = 1, count: Int, row: Int = 0) {
        if rate > 0 { ck_dropout(rows, count, row, rate, seed, stream.number, step, first, x) }
    }

    /// Drops elements of the rows in `part` of a matrix that begins at `x`.
    ///
    /// - Parameter rows: which rows of the batch the rows of the matrix are, so that a row loses the same elements whether or not
    ///   the others are there; nil: all of them
    func apply(to x: UnsafeMutablePointer<Float>, _ part: Range<Int>, columns: Int, rows: [Int]?) {
        if let rows {
            for row in part { apply(to: x + row * columns, first: rows[row] * columns, count: columns) }
        } else {
            apply(to: x + part.lowerBound * columns, first: part.lowerBound * columns, count: part.count * columns)
        }
    }
}

/// x = x ⊙ mask / (1 − rate), in place; the backward pass is the same function of the gradient. Nothing happens without
/// dropout.
///
/// - Parameter rows: which rows of the batch those of the matrix are; nil: all
package func applyDropout(_ dropout: Dropout?, to x: inout Matrix, rows: [Int]? = nil, on workers: Workers) {
    guard let dropout, dropout.rate > 0 else { return }
    let (p, columns) = (x.mutablePointer(), x.columns)
    workers.split(x.rows, grain: 8) { part in dropout.apply(to: p, part, columns: columns, rows: rows) }
}
