import CKernels

extension FloatBuffer {
    /// Whether no element of each of some blocks is infinite or not a number.
    package func areFinite(_ blocks: [Block], on workers: Workers) -> [Bool] {
        precondition(blocks.allSatisfy { $0.range.upperBound <= count }, "block out of bounds")
        let piece = 1 << 18
        let pieces = blocks.enumerated().flatMap { index, block in
            stride(from: 0, to: block.count, by: piece).map { start in
                (block: index, start: block.offset + start, count: min(piece, block.count - start))
            }
        }
        let p = pointer
        var results = [Bool](repeating: true, count: pieces.count)
        results.withUnsafeMutableBufferPointer { results in
            workers.share(pieces.count) { index, _ in
                results[index] = ck_all_finite(pieces[index].count, p + pieces[index].start) != 0
            }
        }
        var areFinite = [Bool](repeating: true, count: blocks.count)
        for (piece, isFinite) in zip(pieces, results) where !isFinite { areFinite[piece.block] = false }
        return areFinite
    }

    /// Σ x² over a block, in double.
    package func sumOfSquares(_ block: Block) -> Double {
        precondition(block.range.upperBound <= count, "block out of bounds")
        return ck_sum_of_squares(block.count, pointer + block.offset)
    }
}
