import CKernels

/// y = tanh(α x) · gain + bias, element by element (Zhu et al., *Transformers without Normalization*, 2025, section 4).
///
/// - Parameters:
///   - x: `[rows, hidden]`
///   - gain: `[hidden]`
///   - bias: `[hidden]`
///   - y: becomes `[rows, hidden]`
package func dynamicTanh(
    _ x: Matrix, alpha: Float, gain: Matrix, bias: Matrix, into y: inout Matrix, on workers: Workers
) {
    let hidden = x.columns
    precondition(gain.count == hidden && bias.count == hidden, "shapes do not agree")
    y.resize(rows: x.rows, columns: hidden)
    let (x0, gain, bias, y0) = (x.pointer, gain.pointer, bias.pointer, y.mutablePointer())
    workers.split(x.rows, grain: 16) { rows in
        for row in rows { ck_dynamic_tanh(hidden, alpha, x0 + row * hidden, gain, bias, y0 + row * hidden) }
    }
}

/// The gradient of ``dynamicTanh(_:alpha:gain:bias:into:on:)`` with respect to its input: dx = dy ⊙ gain · α · (1 − tanh²(α x)).
///
/// - Parameters:
///   - dy: `[rows, hidden]`; becomes dx
///   - x: the input of the forward pass
///   - derivatives: whether tanh(α x) / x is taken for a constant. Where x is 0, so is what it contributes, and dx becomes 0
package func dynamicTanhBackward(
    _ dy: inout Matrix, _ x: Matrix, alpha: Float, gain: Matrix, derivatives: Derivatives = .exact,
    on workers: Workers
) {
    let hidden = x.columns
    precondition(dy.columns == hidden && dy.rows == x.rows && gain.count == hidden, "shapes do not agree")
    let (x0, gain, dy0) = (x.pointer, gain.pointer, dy.mutablePointer())
    workers.split(x.rows, grain: 16) { part in
        for row in part {
            let (x, dy) = (x0 + row * hidden, dy0 + row * hidden)
            switch derivatives {
            case .exact: ck_dynamic_tanh_backward(hidden, alpha, x, gain, dy)
            case .linearized: ck_dynamic_tanh_linearized(hidden, alpha, x, gain, dy)
            }
        }
    }
}

/// What the gradients of the parameters of ``dynamicTanh(_:alpha:gain:bias:into:on:)`` are made of, by column, over all rows: Σ dy ⊙ tanh, Σ dy,
/// and Σ dy ⊙ gain ⊙ (1 − tanh²) ⊙ x.
///
/// - Parameters:
///   - dy: `[rows, hidden]`
///   - x: the input of the forward pass
///   - sums: becomes `[3, hidden]`
package func dynamicTanhSums(
    _ dy: Matrix, _ x: Matrix, alpha: Float, gain: Matrix, into sums: inout Matrix, on workers: Workers
) {
    let (hidden, rows) = (x.columns, x.rows)
    precondition(dy.columns == hidden && dy.rows == rows && gain.count == hidden, "shapes do not agree")
    sums.resize(rows: 3, columns: hidden)
    sums.clear()
    let (dy0, x0, gain, sums) = (dy.pointer, x.pointer, gain.pointer, sums.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        let first = part.lowerBound
        for row in 0..<rows {
            let start = row * hidden + first
            ck_dynamic_tanh_add_gradients(
                part.count, alpha, x0 + start, gain + first, dy0 + start, sums + first, sums + hidden + first,
                sums + 2 * hidden + first)
        }
    }
}

/// The gradients of gain and bias, and that of α, for which the columns are summed too.
///
/// - Parameters:
///   - sums: what ``dynamicTanhSums(_:_:alpha:gain:into:on:)`` left
///   - places: where they lie in `gradients`
///   - adding: whether they are added to what is there
package func dynamicTanhBackward(
    sums: Matrix, into gradients: inout FloatBuffer, at places: (alpha: Block, gain: Block, bias: Block), adding: Bool
) {
    let ofAlpha = sums.row(2).reduce(0, +)
    gradients[places.alpha.offset] = adding ? gradients[places.alpha.offset] + ofAlpha : ofAlpha
    gradients.addRows(of: sums, to: [places.gain, places.bias], adding: adding)
}
