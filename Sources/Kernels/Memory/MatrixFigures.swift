import CKernels

// What is told of matrices to a person: one thread, in double.

extension Matrix {
    /// The Frobenius norm.
    package var norm: Double { ck_sum_of_squares(count, pointer).squareRoot() }

    /// The mean norm of a row; 0 without rows.
    package var meanRowNorm: Double {
        (0..<rows).reduce(0) { $0 + ck_sum_of_squares(columns, pointer + $1 * columns).squareRoot() }
            / Double(Swift.max(rows, 1))
    }

    /// The variance of the elements of a row, in the mean over rows.
    package var meanRowVariance: Double {
        let sum = (0..<rows).reduce(0.0) { sum, row in
            let values = UnsafeBufferPointer(start: pointer + row * columns, count: columns)
            let mean = values.reduce(0.0) { $0 + Double($1) } / Double(columns)
            return sum + values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(columns)
        }
        return sum / Double(Swift.max(rows, 1))
    }

    /// The mean cosine between two different rows of a sequence, over those sequences that have two; 0 if none has.
    ///
    /// With uᵢ the rows of length 1, the sum over pairs is (‖Σ uᵢ‖² − n) / 2.
    package func meanCosine(offsets: [Int]) -> Double {
        precondition(offsets.last == rows, "offsets do not match the rows")
        var (sum, sequences) = (0.0, 0)
        for (start, end) in zip(offsets, offsets.dropFirst()) where end - start > 1 {
            var total = [Double](repeating: 0, count: columns)
            var lengths = 0.0
            for row in start..<end {
                let x = pointer + row * columns
                let norm = ck_sum_of_squares(columns, x).squareRoot()
                if norm == 0 { continue }
                lengths += 1
                for column in 0..<columns { total[column] += Double(x[column]) / norm }
            }
            if lengths < 2 { continue }
            sequences += 1
            sum += (total.reduce(0) { $0 + $1 * $1 } - lengths) / (lengths * (lengths - 1))
        }
        return sequences == 0 ? 0 : sum / Double(sequences)
    }
}
