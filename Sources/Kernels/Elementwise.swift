import CKernels

/// y = a · dropout(y) + s · x: a residual connection.
///
/// - Parameters:
///   - x: as many rows as `y`, or all rows of the batch
///   - s: the factor of x
///   - a: the factor of y
///   - rows: of the batch, which those of `y` are; nil: all
package func addResidual(
    _ x: Matrix, times s: Float = 1, to y: inout Matrix, times a: Float = 1, dropout: Dropout?, rows: [Int]?,
    on workers: Workers
) {
    let from = x.rows == y.rows ? nil : rows
    precondition(x.columns == y.columns && from?.count ?? x.rows == y.rows, "shapes do not agree")
    precondition(from?.allSatisfy { $0 >= 0 && $0 < x.rows } ?? true, "row out of range")
    let (x, y0, columns) = (x.pointer, y.mutablePointer(), y.columns)
    workers.split(y.rows, grain: 8) { part in
        dropout?.apply(to: y0, part, columns: columns, rows: rows)
        for row in part { ck_combine(columns, s, x + (from?[row] ?? row) * columns, a, y0 + row * columns) }
    }
}

/// The gradient of ``addResidual(_:times:to:times:dropout:rows:on:)`` with respect to `y`, but for the factor a.
///
/// - Parameters:
///   - gradient: dy; becomes dropout(dy)
///   - residual: becomes s · dy, which is the gradient with respect to `x`: ``addRows(_:to:rows:on:)`` brings it there
package func addResidualBackward(
    _ gradient: inout Matrix, residual: inout Matrix, times s: Float = 1, dropout: Dropout?, rows: [Int]?,
    on workers: Workers
) {
    residual.resize(rows: gradient.rows, columns: gradient.columns)
    let (dy, residual, columns) = (gradient.mutablePointer(), residual.mutablePointer(), gradient.columns)
    workers.split(gradient.rows, grain: 8) { part in
        let (first, count) = (part.lowerBound * columns, part.count * columns)
        (residual + first).update(from: dy + first, count: count)
        if s != 1 { ck_scale(count, s, residual + first) }
        dropout?.apply(to: dy, part, columns: columns, rows: rows)
    }
}

/// x = factor · x.
package func scale(_ x: inout Matrix, by factor: Float, on workers: Workers) {
    let (p, count) = (x.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in ck_scale(part.count, factor, p + part.lowerBound) }
}

/// Σ x ⊙ y, in double on one thread.
package func dotProduct(_ x: Matrix, _ y: Matrix) -> Float {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes do not agree")
    return Float(ck_dot(x.count, x.pointer, y.pointer))
}

/// y[rows[i]] += x[i].
///
/// - Parameter rows: all different; nil, or if `x` has as many rows as `y`: all
package func addRows(_ x: Matrix, to y: inout Matrix, rows: [Int]?, on workers: Workers) {
    let to = x.rows == y.rows ? nil : rows
    precondition(x.columns == y.columns && to?.count ?? y.rows == x.rows, "shapes do not agree")
    precondition(to?.allSatisfy { [count = y.rows] in $0 >= 0 && $0 < count } ?? true, "row out of range")
    let (x0, y, columns) = (x.pointer, y.mutablePointer(), y.columns)
    workers.split(x.rows, grain: 8) { part in
        for row in part { ck_add(columns, x0 + row * columns, y + (to?[row] ?? row) * columns) }
    }
}

/// y = x, in the memory that y has already.
package func copyRows(_ x: Matrix, to y: inout Matrix) {
    y.resize(rows: x.rows, columns: x.columns)
    y.mutablePointer().update(from: x.pointer, count: x.count)
}
