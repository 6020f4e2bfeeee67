import CKernels

/// y = x / √(mean(x²) + ε) · gain, row by row (Zhang & Sennrich, *Root Mean Square Layer Normalization*, 2019, equation 4).
///
/// - Parameters:
///   - x: `[rows, hidden]`
///   - gain: `[hidden]`
///   - y: becomes `[rows, hidden]`
///   - statistics: becomes `[rows, 1]`: each row's 1 / √(mean(x²) + ε), for the backward pass
package func rmsNorm(
    _ x: Matrix, gain: Matrix, epsilon: Float, into y: inout Matrix, statistics: inout Matrix, on workers: Workers
) {
    let hidden = x.columns
    precondition(gain.count == hidden, "shapes do not agree")
    y.resize(rows: x.rows, columns: hidden)
    statistics.resize(rows: x.rows, columns: 1)
    let (x0, gain, y0, statistics) = (x.pointer, gain.pointer, y.mutablePointer(), statistics.mutablePointer())
    workers.split(x.rows, grain: 16) { rows in
        for row in rows {
            ck_rms_norm(hidden, epsilon, x0 + row * hidden, gain, y0 + row * hidden, statistics + row)
        }
    }
}

/// The gradient of ``rmsNorm(_:gain:epsilon:into:statistics:on:)`` with respect to its input.
///
/// With x̂ = x / √(mean(x²) + ε) and g = dy ⊙ gain, dx = (g − x̂ · mean(g ⊙ x̂)) / √(mean(x²) + ε). With a constant root, dx is g divided by it.
///
/// - Parameters:
///   - dy: `[rows, hidden]`; becomes dx
///   - x: the input of the forward pass
///   - statistics: what the forward pass left
///   - gain: the parameter, `[hidden]`
///   - derivatives: whether the root is taken for a constant
package func rmsNormBackward(
    _ dy: inout Matrix, _ x: Matrix, statistics: Matrix, gain: Matrix, derivatives: Derivatives = .exact,
    on workers: Workers
) {
    let (hidden, rows) = (x.columns, x.rows)
    precondition(dy.columns == hidden && dy.rows == rows && statistics.rows == rows && gain.count == hidden)
    let (x0, statistics, gain, dy0) = (x.pointer, statistics.pointer, gain.pointer, dy.mutablePointer())
    workers.split(rows, grain: 16) { part in
        for row in part {
            let dy = dy0 + row * hidden
            switch derivatives {
            case .exact: ck_rms_norm_backward(hidden, x0 + row * hidden, statistics[row], gain, dy)
            case .linearized: for i in 0..<hidden { dy[i] *= gain[i] * statistics[row] }
            }
        }
    }
}

/// The gradient of ``rmsNorm(_:gain:epsilon:into:statistics:on:)`` with respect to its gain: Σ dy ⊙ x̂ over the rows.
///
/// - Parameters:
///   - dy: `[rows, hidden]`
///   - x: the input of the forward pass
///   - statistics: what the forward pass left
///   - place: where it lies in `gradients`
///   - adding: whether it is added to what is there
package func rmsNormBackward(
    _ dy: Matrix, _ x: Matrix, statistics: Matrix, into gradients: inout FloatBuffer, at place: Block, adding: Bool,
    on workers: Workers
) {
    let (hidden, rows) = (x.columns, x.rows)
    precondition(dy.columns == hidden && dy.rows == rows && statistics.rows == rows && place.count == hidden)
    precondition(place.range.upperBound <= gradients.count)
    let (dy0, x0, statistics, g) = (dy.pointer, x.pointer, statistics.pointer, gradients.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        let dgain = g + place.offset + part.lowerBound
        if !adding { dgain.update(repeating: 0, count: part.count) }
        for row in 0..<rows {
            let start = row * hidden + part.lowerBound
            ck_add_products(part.count, statistics[row], x0 + start, dy0 + start, dgain)
        }
    }
}
