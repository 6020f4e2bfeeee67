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
    let (rows, x, weight, bias, y) = (x.rows, x.pointer, weight.pointer, bias.pointer, y.mutablePointer())
    // yᵀ = W xᵀ + b, some rows of x at a time.
    let (tileRows, tileOutputs) = (64, 48)
    splitTiles(
        rows, outputs, scratch: tileRows * (inputs + tileOutputs), on: workers
    ) { rows, outputRange, columns in
        let tile = columns + tileRows * inputs
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: tileRows) {
            let count = min(tileRows, rows.upperBound - row)
            // Whole vectors: what is beyond the rows is multiplied as well, and not used.
            let padded = (count + 15) / 16 * 16
            ck_transpose(count, inputs, x + row * inputs, inputs, columns, padded)
            for output in stride(from: outputRange.lowerBound, to: outputRange.upperBound, by: tileOutputs) {
                let width = min(tileOutputs, outputRange.upperBound - output)
                let weights = ck_matrix(pointer: weight + output * inputs, row: inputs, column: 1)
                ck_gemm(width, padded, inputs, weights, columns, padded, bias + output, tile, padded)
                ck_transpose_into(width, count, tile, padded, y + row * outputs + output, outputs)
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
    let (rows, dy, weight, dx) = (dy.rows, dy.pointer, weight.pointer, dx.mutablePointer())
    // Some columns of W at a time.
    let tileInputs = 32
    splitTiles(rows, inputs, scratch: outputs * tileInputs, on: workers) { rows, inputRange, columns in
        for input in stride(from: inputRange.lowerBound, to: inputRange.upperBound, by: tileInputs) {
            let width = min(tileInputs, inputRange.upperBound - input)
            ck_gather_columns(outputs, width, weight + input, inputs, columns)
            let rowsOfDy = ck_matrix(pointer: dy + rows.lowerBound * outputs, row: outputs, column: 1)
            ck_gemm(
                rows.count, width, outputs, rowsOfDy, columns, width, nil, dx + rows.lowerBound * inputs + input, inputs)
        }
    }
}

/// Splits the rows and columns of a product with weights among threads: the rows, or if they are few the columns, because then
/// reading the weights is most of the work.
///
/// OpenBLAS rearranges the weights before it multiplies, in every thread and at every call. Here they are read as they stand:
/// between 1.05 times as fast, for hundreds of rows, and twice as fast, for a sentence.
///
/// - Parameters:
///   - scratch: how much memory each thread needs
///   - body: is given rows, columns and its memory
private func splitTiles(
    _ rows: Int, _ columns: Int, scratch: Int, on workers: Workers,
    _ body: (Range<Int>, Range<Int>, UnsafeMutablePointer<Float>) -> Void
) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: workers.count * scratch) { memory in
        let memory = memory.baseAddress!
        if rows > 64 {
            workers.split(rows) { worker, range in body(range, 0..<columns, memory + worker * scratch) }
        } else {
            workers.split(columns, grain: 16) { worker, range in body(0..<rows, range, memory + worker * scratch) }
        }
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
