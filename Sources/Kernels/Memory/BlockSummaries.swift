import CKernels

extension FloatBuffer {
    /// Whether no element of a block is infinite or not a number.
    package func isFinite(_ block: Block) -> Bool {
        precondition(block.range.upperBound <= count, "block out of bounds")
        return ck_all_finite(block.count, pointer + block.offset) != 0
    }

    /// Σ x² over a block, in double.
    package func sumOfSquares(_ block: Block) -> Double {
        precondition(block.range.upperBound <= count, "block out of bounds")
        return ck_sum_of_squares(block.count, pointer + block.offset)
    }
}
