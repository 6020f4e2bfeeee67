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
    let (x0, w, b, y0) = (x.pointer, weight.pointer, bias.pointer, y.mutablePointer())
    workers.split(x.rows) { rows in
        let (x, y) = (x0 + rows.lowerBound * inputs, y0 + rows.lowerBound * outputs)
        for row in 0..<rows.count { (y + row * outputs).update(from: b, count: outputs) }
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows.count), blasint(outputs), blasint(inputs),
            1, x, blasint(inputs), w, blasint(inputs), 1, y, blasint(outputs))
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
