import CKernels
import Foundation

// Ioffe & Szegedy, *Batch Normalization*, 2015. Statistics are matrices of three rows: each column's mean, 1 / √(variance + ε), and the
// variance as it is remembered, with rows − 1 for the divisor. Everything is split over columns, each of which has one owner.

/// The statistics of the columns of `x`, `[rows, hidden]`.
///
/// - Parameter statistics: becomes `[3, hidden]`
package func batchStatistics(of x: Matrix, epsilon: Float, into statistics: inout Matrix, on workers: Workers) {
    let (rows, hidden) = (x.rows, x.columns)
    statistics.resize(rows: 3, columns: hidden)
    statistics.clear()
    let (x0, s) = (x.pointer, statistics.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        let (mean, scale) = (s + part.lowerBound, s + hidden + part.lowerBound)
        let unbiased = s + 2 * hidden + part.lowerBound
        for row in 0..<rows { ck_add(part.count, x0 + row * hidden + part.lowerBound, mean) }
        ck_scale(part.count, 1 / Float(rows), mean)
        for row in 0..<rows {
            ck_add_square_deviations(part.count, x0 + row * hidden + part.lowerBound, mean, unbiased)
        }
        for column in 0..<part.count {
            scale[column] = 1 / (unbiased[column] / Float(rows) + epsilon).squareRoot()
            unbiased[column] /= Float(max(rows - 1, 1))
        }
    }
}

/// Statistics that were remembered, in place of those of a batch: `[2, hidden]`.
package func runningStatistics(means: Matrix, variances: Matrix, epsilon: Float, into statistics: inout Matrix) {
    precondition(means.count == variances.count, "shapes do not agree")
    statistics.resize(rows: 2, columns: means.count)
    let (p, variances) = (statistics.mutablePointer(), variances.pointer)
    for column in 0..<means.count {
        p[column] = means.pointer[column]
        p[means.count + column] = 1 / (variances[column] + epsilon).squareRoot()
    }
}

/// y = (x − mean) · scale · gain + bias, by statistics of the columns.
package func batchNorm(
    _ x: Matrix, statistics: Matrix, gain: Matrix, bias: Matrix, into y: inout Matrix, on workers: Workers
) {
    let hidden = x.columns
    precondition(statistics.columns == hidden && gain.count == hidden && bias.count == hidden, "shapes do not agree")
    y.resize(rows: x.rows, columns: hidden)
    let (x0, s, gain, bias, y0) = (
        x.pointer, statistics.pointer, gain.pointer, bias.pointer, y.mutablePointer()
    )
    workers.split(x.rows, grain: 16) { part in
        for row in part { ck_batch_norm(hidden, x0 + row * hidden, s, s + hidden, gain, bias, y0 + row * hidden) }
    }
}

/// Σ dy ⊙ x̂ and Σ dy over the rows, with x̂ = (x − mean) · scale: the gradients of gain and bias, which that of x needs too.
///
/// - Parameter sums: becomes `[2, hidden]`
package func batchNormSums(
    _ dy: Matrix, _ x: Matrix, statistics: Matrix, into sums: inout Matrix, on workers: Workers
) {
    let (rows, hidden) = (x.rows, x.columns)
    precondition(dy.rows == rows && dy.columns == hidden && statistics.columns == hidden, "shapes do not agree")
    sums.resize(rows: 2, columns: hidden)
    sums.clear()
    let (dy0, x0, s, sums) = (dy.pointer, x.pointer, statistics.pointer, sums.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        let first = part.lowerBound
        for row in 0..<rows {
            let start = row * hidden + first
            ck_batch_norm_add_sums(
                part.count, x0 + start, s + first, s + hidden + first, dy0 + start, sums + first,
                sums + hidden + first)
        }
    }
}

/// The gradients of gain and bias.
///
/// - Parameters:
///   - sums: what ``batchNormSums(_:_:statistics:into:on:)`` left
///   - places: where they lie in `gradients`
///   - adding: whether they are added to what is there
package func batchNormBackward(
    sums: Matrix, into gradients: inout FloatBuffer, at places: (gain: Block, bias: Block), adding: Bool
) {
    gradients.addRows(of: sums, to: [places.gain, places.bias], adding: adding)
}

extension FloatBuffer {
    /// Puts the first rows of a matrix in some places each, or adds them to what is there.
    mutating func addRows(of matrix: Matrix, to places: [Block], adding: Bool) {
        precondition(places.count <= matrix.rows && places.allSatisfy { $0.count == matrix.columns })
        for (row, place) in places.enumerated() {
            let p = mutablePointer(to: place)
            if !adding { p.update(repeating: 0, count: place.count) }
            ck_add(place.count, matrix.pointer + row * matrix.columns, p)
        }
    }
}

/// The gradient of ``batchNorm(_:statistics:gain:bias:into:on:)`` with respect to x: with statistics of the batch itself, dx = gain · scale ·
/// (dy − mean(dy) − x̂ · mean(dy ⊙ x̂)); else gain · scale · dy.
///
/// - Parameters:
///   - dy: `[rows, hidden]`; becomes dx
///   - sums: what ``batchNormSums(_:_:statistics:into:on:)`` left; nil if the statistics are not those of x
package func batchNormBackward(
    _ dy: inout Matrix, _ x: Matrix, statistics: Matrix, gain: Matrix, sums: Matrix?, on workers: Workers
) {
    let (rows, hidden) = (x.rows, x.columns)
    precondition(dy.rows == rows && dy.columns == hidden && statistics.columns == hidden && gain.count == hidden)
    precondition(sums.map { $0.rows == 2 && $0.columns == hidden } ?? true, "shapes do not agree")
    let (dy0, x0, s, gain, sums) = (dy.mutablePointer(), x.pointer, statistics.pointer, gain.pointer, sums?.pointer)
    workers.split(rows, grain: 16) { part in
        for row in part {
            let (x, dy) = (x0 + row * hidden, dy0 + row * hidden)
            if let sums {
                ck_batch_norm_backward(hidden, rows, x, s, s + hidden, gain, sums, sums + hidden, dy)
            } else {
                for i in 0..<hidden { dy[i] *= gain[i] * s[hidden + i] }
            }
        }
    }
}
