import CKernels
import Foundation

/// An element-wise function: between the two projections of a feed-forward sublayer, or after that of a pooler.
package enum Activation: Sendable, Equatable {
    /// x Φ(x), by the error function. Hendrycks & Gimpel, *Gaussian Error Linear Units*, 2016.
    case gelu
    /// The approximation of GELU by tanh, of the same paper.
    case geluTanh
    /// max(0, x).
    case relu
    /// tanh(x), of poolers.
    case tanh
}

/// y = f(x), element by element.
package func activate(_ f: Activation, _ x: Matrix, into y: inout Matrix, on workers: Workers) {
    y.resize(rows: x.rows, columns: x.columns)
    let (x, y, count) = (x.pointer, y.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in
        let (x, y) = (x + part.lowerBound, y + part.lowerBound)
        switch f {
        case .gelu: ck_gelu(part.count, x, y)
        case .geluTanh: ck_gelu_tanh(part.count, x, y)
        case .relu: ck_relu(part.count, x, y)
        case .tanh: for i in 0..<part.count { y[i] = tanh(x[i]) }
        }
    }
}

/// dy = dy ⊙ f'(x), in place: the gradient of ``activate(_:_:into:on:)`` with respect to its input. And y = f(x) again, so that
/// it need not be kept.
///
/// - Parameter derivatives: linearized: dy = dy ⊙ f(x) / x. Where x is 0, so is what it contributes, and dy becomes 0.
package func activateBackward(
    _ f: Activation, _ x: Matrix, _ dy: inout Matrix, derivatives: Derivatives = .exact, into y: inout Matrix,
    on workers: Workers
) {
    precondition(x.columns == dy.columns && x.rows == dy.rows, "shapes do not agree")
    if derivatives == .linearized {
        activate(f, x, into: &y, on: workers)
        let (x, dy, y, count) = (x.pointer, dy.mutablePointer(), y.pointer, x.count)
        return workers.split(count, grain: 4096) { part in
            for i in part { dy[i] *= x[i] == 0 ? 0 : y[i] / x[i] }
        }
    }
    y.resize(rows: x.rows, columns: x.columns)
    let (x, dy, y, count) = (x.pointer, dy.mutablePointer(), y.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in
        let (x, dy, y) = (x + part.lowerBound, dy + part.lowerBound, y + part.lowerBound)
        switch f {
        case .gelu: ck_gelu_backward(part.count, x, dy, y)
        case .geluTanh: ck_gelu_tanh_backward(part.count, x, dy, y)
        case .relu: ck_relu_backward(part.count, x, dy, y)
        case .tanh:
            for i in 0..<part.count {
                y[i] = tanh(x[i])
                dy[i] *= 1 - y[i] * y[i]
            }
        }
    }
}

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
