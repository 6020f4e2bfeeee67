import CKernels
import Foundation

/// The element-wise function between the two projections of a feed-forward sublayer.
package enum Activation: Sendable, Equatable {
    /// x Φ(x), by the error function. Hendrycks & Gimpel, *Gaussian Error Linear Units*, 2016.
    case gelu
    /// The approximation of GELU by tanh, of the same paper.
    case geluTanh
    /// max(0, x).
    case relu
}

/// y = f(x), element by element.
package func activate(_ f: Activation, _ x: Matrix, into y: inout Matrix, on workers: Workers) {
    precondition(x.columns == y.columns, "shapes do not agree")
    y.resize(rows: x.rows)
    let (x, y, count) = (x.pointer, y.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in
        let (x, y) = (x + part.lowerBound, y + part.lowerBound)
        switch f {
        case .gelu: ck_gelu(part.count, x, y)
        case .geluTanh: ck_gelu_tanh(part.count, x, y)
        case .relu: ck_relu(part.count, x, y)
        }
    }
}

/// dy = dy ⊙ f'(x), in place: the gradient of ``activate(_:_:into:on:)`` with respect to its input.
package func activateBackward(_ f: Activation, _ x: Matrix, _ dy: inout Matrix, on workers: Workers) {
    precondition(x.columns == dy.columns && x.rows == dy.rows, "shapes do not agree")
    let (x, dy, count) = (x.pointer, dy.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in
        let (x, dy) = (x + part.lowerBound, dy + part.lowerBound)
        switch f {
        case .gelu: ck_gelu_backward(part.count, x, dy)
        case .geluTanh: ck_gelu_tanh_backward(part.count, x, dy)
        case .relu: ck_relu_backward(part.count, x, dy)
        }
    }
}

/// y += x.
package func add(_ x: Matrix, to y: inout Matrix, on workers: Workers) {
    precondition(x.columns == y.columns && x.rows == y.rows, "shapes do not agree")
    let (x, y, count) = (x.pointer, y.mutablePointer(), x.count)
    workers.split(count, grain: 4096) { part in ck_add(part.count, x + part.lowerBound, y + part.lowerBound) }
}

/// x = tanh(x).
package func tanhInPlace(_ x: inout Matrix) {
    let (p, count) = (x.mutablePointer(), x.count)
    for i in 0..<count { p[i] = tanh(p[i]) }
}

/// dy = dy ⊙ (1 − y²), in place, with y = tanh(x).
package func tanhBackward(_ y: Matrix, _ dy: inout Matrix) {
    precondition(y.columns == dy.columns && y.rows == dy.rows, "shapes do not agree")
    let (y, dy, count) = (y.pointer, dy.mutablePointer(), y.count)
    for i in 0..<count { dy[i] *= 1 - y[i] * y[i] }
}

/// y = x, in the memory that y has already.
package func copy(_ x: Matrix, to y: inout Matrix) {
    precondition(x.columns == y.columns, "shapes do not agree")
    y.resize(rows: x.rows)
    y.mutablePointer().update(from: x.pointer, count: x.count)
}
