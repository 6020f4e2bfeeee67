import CKernels

/// A weight matrix `[outputs, inputs]` in bfloat16, for products whose sums are made in Float32.
///
/// ### References
/// Kalamkar et al., *A Study of BFLOAT16 for Deep Learning Training*, 2019, section 2.
package struct BFloat16Matrix {
    /// W, for products over inputs.
    private(set) var panels: Panels
    /// Wᵀ, for products over outputs; nil: there are none.
    private(set) var transposed: Panels?

    /// Whether this processor has instructions for such products.
    package static var isAvailable: Bool { ck_has_bfloat16() != 0 }

    /// A matrix of zeros.
    ///
    /// - Parameter hasGradients: whether products over outputs are wanted, as the backward pass needs them
    package init(outputs: Int, inputs: Int, hasGradients: Bool) {
        panels = Panels(outputs: outputs, inputs: inputs, inputsPerGroup: 2)
        transposed = hasGradients ? Panels(outputs: inputs, inputs: outputs, inputsPerGroup: 2) : nil
    }

    /// Becomes the nearest numbers to `weight`.
    package mutating func replace(with weight: Matrix, on workers: Workers) {
        let (outputs, inputs) = (weight.rows, weight.columns)
        precondition(outputs == panels.outputs && inputs == panels.inputs, "shapes do not agree")
        let (count, size, target, weight) = (panels.count, panels.panelSize, panels.mutablePointer(), weight.pointer)
        workers.split(count) { part in
            withUnsafeTemporaryAllocation(byteCount: 4 * inputs * Panels.width, alignment: 64) { columns in
                let columns = columns.bindMemory(to: Float.self).baseAddress!
                for panel in part {
                    let first = panel * Panels.width
                    let rows = min(Panels.width, outputs - first)
                    ck_transpose(rows, inputs, weight + first * inputs, inputs, columns, Panels.width)
                    ck_pack_bfloat16(inputs, Panels.width, columns, Panels.width, target + panel * size)
                }
            }
        }
        guard transposed != nil else { return }
        packColumns(weight, rows: outputs, columns: inputs, into: transposed!.mutablePointer(), on: workers)
    }
}

/// Puts the columns of x, `[rows, columns]`, into panels, whose groups are pairs of its rows.
private func packColumns(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into panels: UnsafeMutablePointer<UInt32>, on workers: Workers
) {
    let size = (rows + 1) / 2 * Panels.width
    workers.split(Panels.count(columns)) { part in
        for panel in part {
            let first = panel * Panels.width
            ck_pack_bfloat16(rows, columns - first, x + first, columns, panels + panel * size)
        }
    }
}

/// y = x Wᵀ + b, of numbers in bfloat16 with sums in Float32.
///
/// - Parameters:
///   - x: `[rows, inputs]`
///   - weight: `[outputs, inputs]`
///   - bias: `[outputs]`; nil: there is none
///   - y: becomes `[rows, outputs]`
package func linear(
    _ x: Matrix, weight: BFloat16Matrix, bias: Matrix? = nil, into y: inout Matrix, on workers: Workers
) {
    precondition(bias?.count ?? weight.panels.outputs == weight.panels.outputs, "shapes do not agree")
    multiply(x, weight.panels, bias: bias, into: &y, on: workers)
}

/// dx = dy W, of numbers in bfloat16 with sums in Float32.
///
/// - Parameters:
///   - dy: `[rows, outputs]`
///   - weight: `[outputs, inputs]`, one that has gradients
///   - dx: becomes `[rows, inputs]`
package func linearBackward(_ dy: Matrix, weight: BFloat16Matrix, into dx: inout Matrix, on workers: Workers) {
    guard let transposed = weight.transposed else { preconditionFailure("a matrix without gradients") }
    multiply(dy, transposed, into: &dx, on: workers)
}

/// y = x Wᵀ + b for W in panels.
private func multiply(
    _ x: Matrix, _ weight: Panels, bias: Matrix? = nil, into y: inout Matrix, on workers: Workers
) {
    let (inputs, outputs) = (weight.inputs, weight.outputs)
    precondition(x.columns == inputs, "shapes do not agree")
    y.resize(rows: x.rows, columns: outputs)
    let (rows, x, y) = (x.rows, x.pointer, y.mutablePointer())
    withPadded(bias) { bias in
        splitPanels(rows: rows, of: weight, wordsPerRow: weight.groups, on: workers) { rows, part, groups in
            for (index, row) in rows.enumerated() {
                ck_to_bfloat16(inputs, x + row * inputs, groups + index * weight.groups)
            }
            let first = part.lowerBound * Panels.width
            ck_bfloat16_product(
                workers.emulatesBFloat16 ? 0 : 1, rows.count, min(part.upperBound * Panels.width, outputs) - first,
                weight.groups,
                ck_groups(pointer: groups, row: weight.groups, group: 1),
                weight.pointer + part.lowerBound * weight.panelSize, bias.map { $0 + first }, 0,
                y + rows.lowerBound * outputs + first, outputs)
        }
    }
}

/// dW = dyᵀ x, of numbers in bfloat16 with sums in Float32, and db = Σ dy over the rows in Float32.
///
/// - Parameters:
///   - x: `[rows, inputs]`
///   - dy: `[rows, outputs]`
///   - places: where dW lies in `gradients`, `[outputs, inputs]`, and where db does, `[outputs]`; nil: there is none
///   - adding: whether they are added to what is there
///   - scratch: overwritten
package func bfloat16LinearBackward(
    _ dy: Matrix, _ x: Matrix, at places: (weight: Block, bias: Block?), into gradients: inout FloatBuffer,
    adding: Bool, scratch: inout Matrix, on workers: Workers
) {
    let (weight, bias) = places
    let (inputs, outputs) = (weight.columns, weight.rows)
    precondition(dy.columns == outputs && x.columns == inputs && bias?.count ?? outputs == outputs && x.rows == dy.rows)
    precondition(dy.rows > 0, "no rows")
    precondition(max(weight.range.upperBound, bias?.range.upperBound ?? 0) <= gradients.count, "block out of bounds")
    let (rows, dy, x, g) = (dy.rows, dy.pointer, x.pointer, gradients.mutablePointer())
    if let bias { sumRows(dy, rows: rows, columns: outputs, into: g + bias.offset, adding: adding, on: workers) }
    let groups = (rows + 1) / 2
    let size = groups * Panels.width
    let (ofInputs, ofOutputs) = (Panels.count(inputs), Panels.count(outputs))
    scratch.resize(rows: ofInputs + ofOutputs, columns: size)
    let dw = g + weight.offset
    scratch.mutablePointer().withMemoryRebound(to: UInt32.self, capacity: scratch.count) { panelsOfX in
        let panelsOfY = panelsOfX + ofInputs * size
        packColumns(x, rows: rows, columns: inputs, into: panelsOfX, on: workers)
        packColumns(dy, rows: rows, columns: outputs, into: panelsOfY, on: workers)
        workers.split(ofOutputs) { part in
            for panel in part {
                let first = panel * Panels.width
                ck_bfloat16_product(
                    workers.emulatesBFloat16 ? 0 : 1, min(Panels.width, outputs - first), inputs, groups,
                    ck_groups(pointer: panelsOfY + panel * size, row: 1, group: Panels.width), panelsOfX, nil,
                    adding ? 1 : 0, dw + first * inputs, inputs)
            }
        }
    }
}
