import CKernels

/// y = (x − μ) / √(σ² + ε) · gain + bias, row by row (Ba et al., *Layer Normalization*, 2016, equation 4).
///
/// - Parameters:
///   - x: `[rows, hidden]`
///   - gain: `[hidden]`
///   - bias: `[hidden]`; nil: it is 0
///   - y: becomes `[rows, hidden]`
///   - statistics: becomes `[rows, 2]`: each row's μ and 1 / √(σ² + ε), for the backward pass
package func layerNorm(
    _ x: Matrix, gain: Matrix, bias: Matrix?, epsilon: Float, into y: inout Matrix, statistics: inout Matrix,
    on workers: Workers
) {
    let hidden = x.columns
    precondition(gain.count == hidden && bias?.count ?? hidden == hidden, "shapes do not agree")
    let shift = bias ?? Matrix(rows: 1, columns: hidden)
    y.resize(rows: x.rows, columns: hidden)
    statistics.resize(rows: x.rows, columns: 2)
    let (x0, gain, bias) = (x.pointer, gain.pointer, shift.pointer)
    let (y0, statistics) = (y.mutablePointer(), statistics.mutablePointer())
    workers.split(x.rows, grain: 16) { rows in
        for row in rows {
            ck_layer_norm(hidden, epsilon, x0 + row * hidden, gain, bias, y0 + row * hidden, statistics + 2 * row)
        }
    }
}

/// The gradient of ``layerNorm(_:gain:bias:epsilon:into:statistics:on:)`` with respect to its input.
///
/// With x̂ = (x − μ) / √(σ² + ε) and g = dy ⊙ gain, dx = (g − mean(g) − x̂ · mean(g ⊙ x̂)) / √(σ² + ε). With a constant deviation,
/// dx = (g − mean(g)) / √(σ² + ε).
///
/// - Parameters:
///   - dy: `[rows, hidden]`; becomes dx
///   - x: the input of the forward pass
///   - statistics: what the forward pass left
///   - gain: the parameter, `[hidden]`
///   - derivatives: whether the deviation is taken for a constant
package func layerNormBackward(
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
            case .exact: ck_layer_norm_backward(hidden, x0 + row * hidden, statistics + 2 * row, gain, dy)
            case .linearized:
                for i in 0..<hidden { dy[i] *= gain[i] * statistics[2 * row + 1] }
                let mean = (0..<hidden).reduce(0) { $0 + dy[$1] } / Float(hidden)
                for i in 0..<hidden { dy[i] -= mean }
            }
        }
    }
}

/// The gradients of ``layerNorm(_:gain:bias:epsilon:into:statistics:on:)`` with respect to its parameters: Σ dy ⊙ x̂ and, if there is
/// a bias, Σ dy over the rows.
///
/// - Parameters:
///   - dy: `[rows, hidden]`
///   - x: the input of the forward pass
///   - statistics: what the forward pass left
///   - places: where they lie in `gradients`
///   - adding: whether they are added to what is there
package func layerNormBackward(
    _ dy: Matrix, _ x: Matrix, statistics: Matrix, into gradients: inout FloatBuffer,
    at places: (gain: Block, bias: Block?), adding: Bool, on workers: Workers
) {
    let (hidden, rows, gain, bias) = (x.columns, x.rows, places.gain, places.bias)
    precondition(dy.columns == hidden && dy.rows == rows && statistics.rows == rows)
    precondition(gain.count == hidden && bias?.count ?? hidden == hidden)
    precondition(max(gain.range.upperBound, bias?.range.upperBound ?? 0) <= gradients.count)
    let (dy0, x0, statistics, g) = (dy.pointer, x.pointer, statistics.pointer, gradients.mutablePointer())
    // Where the gradient of a bias goes that is not there.
    var unused = Matrix(rows: 1, columns: bias == nil ? hidden : 0)
    let dbias0 = bias.map { g + $0.offset } ?? unused.mutablePointer()
    // Split over columns: every sum has one owner, and does not depend on the number of threads.
    workers.split(hidden, grain: 16) { part in
        let (dgain, dbias) = (g + gain.offset + part.lowerBound, dbias0 + part.lowerBound)
        if !adding {
            dgain.update(repeating: 0, count: part.count)
            dbias.update(repeating: 0, count: part.count)
        }
        for row in 0..<rows {
            let start = row * hidden + part.lowerBound
            ck_layer_norm_add_gradients(part.count, x0 + start, statistics + 2 * row, dy0 + start, dgain, dbias)
        }
    }
}
