import CKernels
import COpenBLAS

/// y = x Wᵀ + b: the affine map of every projection.
///
/// - Parameters:
///   - x: `[rows, inputs]`
///   - weight: `[outputs, inputs]`
///   - bias: `[outputs]`
///   - y: becomes `[rows, outputs]`
package func linear(_ x: Matrix, weight: Matrix, bias: Matrix, into y: inout Matrix, on workers: Workers) {
    let (inputs, outputs) = (weight.columns, weight.rows)
    precondition(x.columns == inputs && bias.count == outputs && y.columns == outputs, "shapes do not agree")
    y.resize(rows: x.rows)
    let rows = x.rows
    let tiles = LinearTiles(
        inputs: inputs, outputs: outputs, x: x.pointer, weight: weight.pointer, bias: bias.pointer,
        y: y.mutablePointer())
    withUnsafeTemporaryAllocation(of: Float.self, capacity: workers.count * tiles.scratchSize) { scratch in
        let scratch = scratch.baseAddress!
        if rows > LinearTiles.rows {
            workers.split(rows) { worker, range in
                tiles.compute(range, 0..<outputs, scratch + worker * tiles.scratchSize)
            }
        } else {
            // With few rows, reading the weights is most of the work: that is what the threads have to share.
            workers.split(outputs, grain: 16) { worker, range in
                tiles.compute(0..<rows, range, scratch + worker * tiles.scratchSize)
            }
        }
    }
}

/// Computes parts of y = x Wᵀ + b as yᵀ = W xᵀ + b: some rows of x become columns, and the weights are read as they stand in
/// memory, once for all of these rows. OpenBLAS rearranges the weights before it multiplies, which for few rows takes longer than
/// the product.
private struct LinearTiles {
    let (inputs, outputs): (Int, Int)
    let x: UnsafePointer<Float>
    let weight: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>

    /// How many rows of x and y make a tile, and how many columns of y.
    static let (rows, columns) = (64, 48)

    /// What a thread needs.
    var scratchSize: Int { Self.rows * (inputs + Self.columns) }

    func compute(_ rows: Range<Int>, _ outputs: Range<Int>, _ columns: UnsafeMutablePointer<Float>) {
        let tile = columns + Self.rows * inputs
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: Self.rows) {
            let count = min(Self.rows, rows.upperBound - row)
            // Whole vectors; what is beyond the rows is multiplied as well, and not used.
            let padded = (count + 15) / 16 * 16
            if padded > count { columns.update(repeating: 0, count: padded * inputs) }
            ck_transpose(count, inputs, x + row * inputs, inputs, columns, padded)
            for output in stride(from: outputs.lowerBound, to: outputs.upperBound, by: Self.columns) {
                let width = min(Self.columns, outputs.upperBound - output)
                ck_gemm(
                    width, padded, inputs, ck_matrix(pointer: weight + output * inputs, row: inputs, column: 1),
                    columns, padded, bias + output, tile, padded)
                ck_transpose(width, count, tile, padded, y + row * self.outputs + output, self.outputs)
            }
        }
    }
}

/// dx = dy W: the gradient of ``linear(_:weight:bias:into:on:)`` with respect to its input.
///
/// - Parameters:
///   - dy: `[rows, outputs]`
///   - weight: `[outputs, inputs]`
///   - dx: becomes `[rows, inputs]`
package func linearBackward(_ dy: Matrix, weight: Matrix, into dx: inout Matrix, on workers: Workers) {
    let (inputs, outputs) = (weight.columns, weight.rows)
    precondition(dy.columns == outputs && dx.columns == inputs, "shapes do not agree")
    dx.resize(rows: dy.rows)
    let (dy0, w, dx0) = (dy.pointer, weight.pointer, dx.mutablePointer())
    workers.split(dy.rows) { rows in
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows.count), blasint(inputs), blasint(outputs),
            1, dy0 + rows.lowerBound * outputs, blasint(outputs), w, blasint(inputs),
            0, dx0 + rows.lowerBound * inputs, blasint(inputs))
    }
}

/// dW = dyᵀ x and db = Σ dy over the rows: the gradients of ``linear(_:weight:bias:into:on:)`` with respect to its
/// parameters. The work is split over output rows, so that no two threads write to one gradient.
///
/// - Parameters:
///   - x: `[rows, inputs]`
///   - dy: `[rows, outputs]`
///   - weight: where dW lies in `gradients`, `[outputs, inputs]`
///   - bias: where db lies, `[outputs]`
///   - adding: whether they are added to what is there
package func linearBackward(
    _ dy: Matrix, _ x: Matrix, weight: Block, bias: Block, into gradients: inout FloatBuffer, adding: Bool,
    on workers: Workers
) {
    let (inputs, outputs) = (weight.columns, weight.rows)
    precondition(dy.columns == outputs && x.columns == inputs && bias.count == outputs && x.rows == dy.rows)
    precondition(max(weight.range.upperBound, bias.range.upperBound) <= gradients.count, "block out of bounds")
    let (dy0, x0, g, rows) = (dy.pointer, x.pointer, gradients.mutablePointer(), dy.rows)
    workers.split(outputs) { part in
        let dy = dy0 + part.lowerBound
        cblas_sgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, blasint(part.count), blasint(inputs), blasint(rows),
            1, dy, blasint(outputs), x0, blasint(inputs),
            adding ? 1 : 0, g + weight.offset + part.lowerBound * inputs, blasint(inputs))
        let db = g + bias.offset + part.lowerBound
        if !adding { db.update(repeating: 0, count: part.count) }
        for row in 0..<rows { ck_add(part.count, dy + row * outputs, db) }
    }
}
