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

    /// y = f(x).
    func apply(_ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
        switch self {
        case .gelu: ck_gelu(count, x, y)
        case .geluTanh: ck_gelu_tanh(count, x, y)
        case .relu: ck_relu(count, x, y)
        case .tanh: for i in 0..<count { y[i] = hyperbolicTangent(x[i]) }
        }
    }

    /// dy = dy ⊙ f'(x), and y = f(x).
    fileprivate func applyBackward(
        _ count: Int, _ x: UnsafePointer<Float>, gradient dy: UnsafeMutablePointer<Float>, derivatives: Derivatives,
        into y: UnsafeMutablePointer<Float>
    ) {
        if derivatives == .linearized {
            apply(count, x, into: y)
            for i in 0..<count { dy[i] *= x[i] == 0 ? 0 : y[i] / x[i] }
            return
        }
        switch self {
        case .gelu: ck_gelu_backward(count, x, dy, y)
        case .geluTanh: ck_gelu_tanh_backward(count, x, dy, y)
        case .relu: ck_relu_backward(count, x, dy, y)
        case .tanh:
            for i in 0..<count {
                y[i] = hyperbolicTangent(x[i])
                dy[i] *= 1 - y[i] * y[i]
            }
        }
    }
}

/// In double, so that nothing is seen of how a system's library rounds.
private func hyperbolicTangent(_ x: Float) -> Float { Float(tanh(Double(x))) }

/// y = f(x), element by element.
package func activate(_ f: Activation, _ x: Matrix, into y: inout Matrix, on workers: Workers) {
    y.resize(rows: x.rows, columns: x.columns)
    let (x, y, count) = (x.pointer, y.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in
        f.apply(part.count, x + part.lowerBound, into: y + part.lowerBound)
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
    y.resize(rows: x.rows, columns: x.columns)
    let (x, dy, y, count) = (x.pointer, dy.mutablePointer(), y.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in
        let first = part.lowerBound
        f.applyBackward(part.count, x + first, gradient: dy + first, derivatives: derivatives, into: y + first)
    }
}

/// y = f(a) ⊙ b, with a and b the two halves of each row of x: a gated linear unit (Shazeer, *GLU Variants Improve Transformer*, 2020,
/// equation 5).
///
/// - Parameters:
///   - x: `[rows, 2 · columns]`
///   - y: becomes `[rows, columns]`
package func activateGated(_ f: Activation, _ x: Matrix, into y: inout Matrix, on workers: Workers) {
    precondition(x.columns % 2 == 0, "two halves")
    let columns = x.columns / 2
    y.resize(rows: x.rows, columns: columns)
    let (x0, y0) = (x.pointer, y.mutablePointer())
    workers.split(x.rows, grain: 4) { part in
        for row in part {
            let (a, y) = (x0 + 2 * row * columns, y0 + row * columns)
            f.apply(columns, a, into: y)
            ck_multiply(columns, a + columns, y)
        }
    }
}

/// The gradient of ``activateGated(_:_:into:on:)`` with respect to its input, da = dy ⊙ b ⊙ f'(a) and db = dy ⊙ f(a); and y again.
///
/// - Parameters:
///   - dy: `[rows, columns]`
///   - derivatives: linearized: f(a) / a for f'(a), and half of each gradient, so that the product is shared between its factors (Achtibat et al.,
///     *AttnLRP*, 2024, equation 15)
///   - dx: becomes `[rows, 2 · columns]`
///   - y: becomes what the forward pass has returned
package func activateGatedBackward(
    _ f: Activation, _ x: Matrix, _ dy: Matrix, derivatives: Derivatives = .exact, into dx: inout Matrix,
    activated y: inout Matrix, on workers: Workers
) {
    let columns = dy.columns
    precondition(x.columns == 2 * columns && x.rows == dy.rows, "shapes do not agree")
    dx.resize(rows: x.rows, columns: x.columns)
    y.resize(rows: x.rows, columns: columns)
    let (x0, dy0, dx0, y0) = (x.pointer, dy.pointer, dx.mutablePointer(), y.mutablePointer())
    workers.split(x.rows, grain: 4) { part in
        for row in part {
            let (a, b) = (x0 + 2 * row * columns, x0 + (2 * row + 1) * columns)
            let (da, db) = (dx0 + 2 * row * columns, dx0 + (2 * row + 1) * columns)
            let (dy, y) = (dy0 + row * columns, y0 + row * columns)
            da.update(from: dy, count: columns)
            ck_multiply(columns, b, da)
            f.applyBackward(columns, a, gradient: da, derivatives: derivatives, into: y)
            db.update(from: dy, count: columns)
            ck_multiply(columns, y, db)
            ck_multiply(columns, b, y)
            if derivatives == .linearized { ck_scale(2 * columns, 0.5, da) }
        }
    }
}
