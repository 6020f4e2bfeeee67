import CKernels

/// y = x Wᵀ + b: the affine map of every projection.
///
/// - Parameters:
///   - x: `[rows, inputs]`
///   - weight: `[outputs, inputs]`
///   - bias: `[outputs]`; nil: there is none
///   - y: becomes `[rows, outputs]`
package func linear(_ x: Matrix, weight: Matrix, bias: Matrix? = nil, into y: inout Matrix, on workers: Workers) {
    let (inputs, outputs) = (weight.columns, weight.rows)
    precondition(x.columns == inputs && bias?.count ?? outputs == outputs, "shapes do not agree")
    y.resize(rows: x.rows, columns: outputs)
    let (rows, x, weight, bias, y) = (x.rows, x.pointer, weight.pointer, bias?.pointer, y.mutablePointer())
    if workers.products == .openblas {
        return OpenBLAS.multiply(
            .rows(x, of: inputs), .rows(weight, of: inputs).transposed, shape: (rows, outputs, inputs),
            bias: bias, into: y, on: workers)
    }
    // yᵀ = W xᵀ + b, some rows of x at a time.
    let (tileRows, tileOutputs) = (64, 48)
    splitTiles(
        rows, outputs, byRows: rows > fewRows, scratch: tileRows * (inputs + tileOutputs), on: workers
    ) { rows, outputRange, columns in
        let tile = columns + tileRows * inputs
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: tileRows) {
            let count = min(tileRows, rows.upperBound - row)
            // Half vectors at least: what is beyond the rows is multiplied as well, and not used.
            let padded = (count + 7) / 8 * 8
            ck_transpose(count, inputs, x + row * inputs, inputs, columns, padded)
            for output in stride(from: outputRange.lowerBound, to: outputRange.upperBound, by: tileOutputs) {
                let width = min(tileOutputs, outputRange.upperBound - output)
                let weights = ck_matrix.rows(weight + output * inputs, of: inputs)
                ck_gemm(
                    width, padded, inputs, weights, columns, padded, bias == nil ? CK_NOTHING : CK_BIAS,
                    bias.map { $0 + output }, tile, padded)
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
    precondition(dy.columns == outputs, "shapes do not agree")
    dx.resize(rows: dy.rows, columns: inputs)
    let (rows, dy, weight, dx) = (dy.rows, dy.pointer, weight.pointer, dx.mutablePointer())
    if workers.products == .openblas {
        return OpenBLAS.multiply(
            .rows(dy, of: outputs), .rows(weight, of: inputs), shape: (rows, inputs, outputs), into: dx, on: workers)
    }
    // Some columns of W at a time.
    let tileInputs = 64
    splitTiles(
        rows, inputs, byRows: rows > fewRows, scratch: outputs * tileInputs, on: workers
    ) { rows, inputRange, columns in
        for input in stride(from: inputRange.lowerBound, to: inputRange.upperBound, by: tileInputs) {
            let width = min(tileInputs, inputRange.upperBound - input)
            ck_gather_columns(outputs, width, weight + input, inputs, columns)
            ck_gemm(
                rows.count, width, outputs, .rows(dy + rows.lowerBound * outputs, of: outputs), columns, width,
                CK_NOTHING, nil, dx + rows.lowerBound * inputs + input, inputs)
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
///   - bias: where db lies, `[outputs]`; nil: there is none
///   - adding: whether they are added to what is there
package func linearBackward(
    _ dy: Matrix, _ x: Matrix, weight: Block, bias: Block?, into gradients: inout FloatBuffer, adding: Bool,
    on workers: Workers
) {
    let (inputs, outputs) = (weight.columns, weight.rows)
    precondition(dy.columns == outputs && x.columns == inputs && bias?.count ?? outputs == outputs && x.rows == dy.rows)
    precondition(dy.rows > 0, "no rows")
    precondition(max(weight.range.upperBound, bias?.range.upperBound ?? 0) <= gradients.count, "block out of bounds")
    let (rows, dy, x, g) = (dy.rows, dy.pointer, x.pointer, gradients.mutablePointer())
    let dw = g + weight.offset
    if let bias { sumRows(dy, rows: rows, columns: outputs, into: g + bias.offset, adding: adding, on: workers) }
    if workers.products == .openblas {
        return OpenBLAS.multiply(
            .rows(dy, of: outputs).transposed, .rows(x, of: inputs), shape: (outputs, inputs, rows),
            adding: adding, into: dw, on: workers)
    }
    // Some rows at a time: dyᵀ of the outputs, and some columns of x.
    let (tileRows, tileInputs) = (512, 64)
    splitTiles(
        outputs, inputs, byRows: outputs >= inputs, scratch: oddLines(tileRows) * outputs + tileRows * tileInputs,
        on: workers
    ) { part, inputRange, dyT in
        let columns = dyT + oddLines(tileRows) * outputs
        for row in stride(from: 0, to: rows, by: tileRows) {
            let count = min(tileRows, rows - row)
            let dyTRow = oddLines(count)
            ck_transpose_into(count, part.count, dy + row * outputs + part.lowerBound, outputs, dyT, dyTRow)
            for input in stride(from: inputRange.lowerBound, to: inputRange.upperBound, by: tileInputs) {
                let width = min(tileInputs, inputRange.upperBound - input)
                ck_gather_columns(count, width, x + row * inputs + input, inputs, columns)
                ck_gemm(
                    part.count, width, count, .rows(dyT, of: dyTRow), columns, width,
                    adding || row > 0 ? CK_C : CK_NOTHING, nil, dw + part.lowerBound * inputs + input, inputs)
            }
        }
    }
}

/// Up to so many rows, reading the weights is most of the work, and what the threads have to share.
private let fewRows = 64

/// How far apart rows of so many numbers best are in memory: an odd number of cache lines, since a cache has few places for lines that are a
/// large power of two apart.
func oddLines(_ count: Int) -> Int { (count + 15) / 16 * 16 | 16 }

/// Splits the rows or the columns of a product of tiles among threads, and calls `body` with rows, columns, and memory for
/// `scratch` numbers.
///
/// One factor is read as it stands and the other is copied in tiles that stay in the cache, where OpenBLAS copies both in every
/// thread and at every call.
private func splitTiles(
    _ rows: Int, _ columns: Int, byRows: Bool, scratch: Int, on workers: Workers,
    _ body: (Range<Int>, Range<Int>, UnsafeMutablePointer<Float>) -> Void
) {
    // Aligned to cache lines, or every vector that is read would lie across two of them.
    let line = 64
    let size = (scratch * MemoryLayout<Float>.size + line - 1) / line * line
    withUnsafeTemporaryAllocation(byteCount: workers.count * size, alignment: line) { memory in
        workers.split(byRows ? rows : columns, grain: 16) { worker, part in
            body(
                byRows ? part : 0..<rows, byRows ? 0..<columns : part,
                (memory.baseAddress! + worker * size).bindMemory(to: Float.self, capacity: scratch))
        }
    }
}
