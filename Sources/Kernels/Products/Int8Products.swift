import CKernels

/// A weight matrix `[outputs, inputs]` of 8 bits: W ≈ scale ⊙ q, with a scale for each output and q from −127 to 127.
///
/// ### References
/// Jacob et al., *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*, 2018, section 2; with a scale for each
/// output as in Krishnamoorthi, *Quantizing deep convolutional networks for efficient inference*, 2018, section 3.1.
package struct Int8Matrix {
    let panels: Panels
    /// One for each output, and 0 up to a whole number of panels.
    let scales: Matrix
    /// Nil: all inputs become bytes as they are.
    package let inputTreatment: Int8Inputs?
    /// The sums of q of each output.
    let sums: [Int32]

    /// The number of rows.
    package var outputs: Int { panels.outputs }
    /// The number of columns.
    package var inputs: Int { panels.inputs }

    /// More inputs could have sums beyond 32 bits.
    package static let mostInputs = Int(Int32.max) / (255 * 127)

    /// The shape of the panels' numbers: `[panels, groups of inputs, outputs of a panel, inputs of a group]`.
    package static func shape(outputs: Int, inputs: Int) -> [Int] {
        [Panels.count(outputs), (inputs + inputsPerGroup - 1) / inputsPerGroup, Panels.width, inputsPerGroup]
    }

    /// How many scales there are.
    package static func scaleCount(outputs: Int) -> Int { Panels.count(outputs) * Panels.width }

    private static let inputsPerGroup = 4

    /// Panels as they lie in a file.
    ///
    /// - Parameters:
    ///   - memory: the numbers of ``shape(outputs:inputs:)``, four in each element
    ///   - scales: ``scaleCount(outputs:)`` of them
    package init(
        outputs: Int, inputs: Int, in memory: FloatBuffer, scales: Matrix, inputTreatment: Int8Inputs? = nil
    ) {
        precondition(inputs <= Self.mostInputs, "sums would overflow")
        self.init(
            Panels(outputs: outputs, inputs: inputs, inputsPerGroup: Self.inputsPerGroup, in: memory), scales: scales,
            inputTreatment: inputTreatment)
    }

    private init(_ panels: Panels, scales: Matrix, inputTreatment: Int8Inputs?) {
        precondition(scales.count == panels.count * Panels.width, "a scale for each output")
        precondition(inputTreatment?.factors.count ?? panels.inputs == panels.inputs, "a factor for each input")
        (self.panels, self.scales, self.inputTreatment) = (panels, scales, inputTreatment)
        sums = [Int32](unsafeUninitializedCapacity: scales.count) { sums, count in
            ck_sum_int8(panels.count, panels.groups, panels.pointer, sums.baseAddress!)
            count = scales.count
        }
    }

    /// The nearest numbers of 8 bits, with the largest of each output as 127.
    package init(_ weight: Matrix) {
        self.init(outputs: weight.rows, inputs: weight.columns, inputTreatment: nil) { outputs, rows, scales in
            for row in 0..<outputs.count {
                ck_quantize_weights(
                    weight.columns, weight.pointer + (outputs.lowerBound + row) * weight.columns,
                    rows + row * weight.columns, scales + row)
            }
        }
    }

    /// Numbers of 8 bits that `round` makes of the weights of some outputs, 16 at most: their rows, and their scales.
    init(
        outputs: Int, inputs: Int, inputTreatment: Int8Inputs?,
        by round: (
            _ outputs: Range<Int>, _ rows: UnsafeMutablePointer<Int8>, _ scales: UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        precondition(inputs <= Self.mostInputs, "sums would overflow")
        var panels = Panels(outputs: outputs, inputs: inputs, inputsPerGroup: Self.inputsPerGroup)
        let pointer = panels.mutablePointer()
        var scales = [Float](repeating: 0, count: panels.count * Panels.width)
        withUnsafeTemporaryAllocation(of: Int8.self, capacity: Panels.width * inputs) { rows in
            for panel in 0..<panels.count {
                let part = panel * Panels.width..<min((panel + 1) * Panels.width, outputs)
                round(part, rows.baseAddress!, &scales[part.lowerBound])
                ck_pack_int8(part.count, inputs, rows.baseAddress!, inputs, pointer + panel * panels.panelSize)
            }
        }
        self.init(panels, scales: Matrix(scales, columns: scales.count), inputTreatment: inputTreatment)
    }

    /// The bytes of the panels, and of the scales.
    package func withUnsafeBytes(
        _ body: (_ numbers: UnsafeRawBufferPointer, _ scales: UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        try body(panels.bytes, UnsafeRawBufferPointer(UnsafeBufferPointer(start: scales.pointer, count: scales.count)))
    }
}

/// How the inputs of a layer of 8 bits become bytes, where texts have told which of them are large.
package struct Int8Inputs {
    /// What each input is multiplied with first, as its weights are divided by it; 0 for those that stay in Float32.
    package let factors: Matrix
    /// The weights of the inputs that stay in Float32, `[panels, inputs, outputs of a panel]`.
    package let weights: Matrix
    /// The inputs that stay in Float32, ascending.
    let exact: [UInt32]

    /// - Parameter weights: of ``shape(outputs:factors:)``
    package init(factors: Matrix, weights: Matrix) {
        (self.factors, self.weights) = (factors, weights)
        exact = Self.exact(factors)
    }

    /// The shape of the weights of the inputs that stay in Float32: those with factors of 0.
    package static func shape(outputs: Int, factors: Matrix) -> [Int] {
        [Panels.count(outputs), exact(factors).count, Panels.width]
    }

    private static func exact(_ factors: Matrix) -> [UInt32] {
        (0..<factors.count).filter { factors.pointer[$0] == 0 }.map(UInt32.init)
    }
}

extension Int8Matrix {
    private var exactCount: Int { inputTreatment?.exact.count ?? 0 }

    /// The words of a row of x in 8 bits: its groups, its scale, its zero, and its exact numbers.
    fileprivate var rowSize: Int { panels.groups + 2 + exactCount }

    /// Makes a row of x what ``multiply(rows:_:panels:bias:into:by:)`` reads.
    fileprivate func quantize(_ x: UnsafePointer<Float>, into row: UnsafeMutablePointer<UInt32>) {
        var treatment = ck_int8_inputs(factors: inputTreatment?.factors.pointer, exact: nil, count: exactCount)
        (inputTreatment?.exact ?? []).withUnsafeBufferPointer {
            treatment.exact = $0.baseAddress
            ck_quantize_row(inputs, x, &treatment, row)
        }
    }

    /// y = x Wᵀ + b, for some rows, and some panels of W.
    ///
    /// - Parameters:
    ///   - x: rows of 8 bits
    ///   - y: where the first of these rows begins
    fileprivate func multiply(
        rows: Int, _ x: UnsafePointer<UInt32>, panels part: Range<Int>, bias: UnsafePointer<Float>?,
        into y: UnsafeMutablePointer<Float>, by products: Int8Products
    ) {
        let first = part.lowerBound * Panels.width
        sums.withUnsafeBufferPointer { sums in
            let matrix = ck_int8_matrix(
                panels: panels.pointer + part.lowerBound * panels.panelSize, scales: scales.pointer + first,
                sums: sums.baseAddress! + first,
                exact: inputTreatment.map { $0.weights.pointer + first * exactCount }, exact_count: exactCount)
            ck_int8_product(
                products.path, rows, min(part.upperBound * Panels.width, outputs) - first, panels.groups, x, matrix,
                bias.map { $0 + first }, y + first, outputs)
        }
    }
}

/// y = x Wᵀ + b, with W in 8 bits. Each row of x becomes bytes with a scale of its own: x ≈ scale · (q − zero).
///
/// - Parameters:
///   - x: `[rows, inputs]`
///   - weight: `[outputs, inputs]`
///   - bias: `[outputs]`; nil: there is none
///   - y: becomes `[rows, outputs]`
package func linear(
    _ x: Matrix, weight: Int8Matrix, bias: Matrix? = nil, into y: inout Matrix, on workers: Workers
) {
    let (inputs, outputs) = (weight.inputs, weight.outputs)
    precondition(x.columns == inputs && bias?.count ?? outputs == outputs, "shapes do not agree")
    y.resize(rows: x.rows, columns: outputs)
    let (rows, x, y) = (x.rows, x.pointer, y.mutablePointer())
    withPadded(bias) { bias in
        splitPanels(rows: rows, of: weight.panels, wordsPerRow: weight.rowSize, on: workers) { rows, part, words in
            for (index, row) in rows.enumerated() {
                weight.quantize(x + row * inputs, into: words + index * weight.rowSize)
            }
            weight.multiply(
                rows: rows.count, words, panels: part, bias: bias, into: y + rows.lowerBound * outputs,
                by: workers.int8Products)
        }
    }
}

/// A linear layer of 8 bits.
package struct Int8Linear {
    let weight: Int8Matrix
    let bias: Matrix?

    /// - Parameters:
    ///   - weight: `[outputs, inputs]`
    ///   - bias: `[outputs]`; nil: there is none
    package init(_ weight: Int8Matrix, bias: Matrix?) { (self.weight, self.bias) = (weight, bias) }
}

/// y = down(f(up(x))), with both layers in 8 bits, or gated: f of the first half of what `up` returns, times the second half. What lies between is computed
/// for few rows at a time, and never leaves the cache. The result is that of the three functions one after the other.
///
/// - Parameters:
///   - x: `[rows, hidden]`
///   - y: becomes `[rows, hidden]`
package func feedForward(
    _ x: Matrix, up: Int8Linear, _ activation: Activation, isGated: Bool, down: Int8Linear, into y: inout Matrix,
    on workers: Workers
) {
    let (hidden, inner, middle) = (up.weight.inputs, up.weight.outputs, down.weight.inputs)
    precondition(x.columns == hidden && inner == (isGated ? 2 : 1) * middle, "shapes do not agree")
    y.resize(rows: x.rows, columns: down.weight.outputs)
    let (rows, x, y, outputs) = (x.rows, x.pointer, y.mutablePointer(), down.weight.outputs)
    let words = max(up.weight.rowSize, down.weight.rowSize)
    withPadded(up.bias) { upBias in
        withPadded(down.bias) { downBias in
            splitRows(rows, wordsPerRow: words + inner, more: middle, on: workers) { rows, memory in
                let innerRows = UnsafeMutableRawPointer(memory + rows.count * words).assumingMemoryBound(to: Float.self)
                let activated = innerRows + rows.count * inner
                for (index, row) in rows.enumerated() {
                    up.weight.quantize(x + row * hidden, into: memory + index * up.weight.rowSize)
                }
                up.weight.multiply(
                    rows: rows.count, memory, panels: 0..<up.weight.panels.count, bias: upBias, into: innerRows,
                    by: workers.int8Products)
                for index in 0..<rows.count {
                    activation.apply(middle, innerRows + index * inner, into: activated)
                    if isGated { ck_multiply(middle, innerRows + index * inner + middle, activated) }
                    down.weight.quantize(activated, into: memory + index * down.weight.rowSize)
                }
                down.weight.multiply(
                    rows: rows.count, memory, panels: 0..<down.weight.panels.count, bias: downBias,
                    into: y + rows.lowerBound * outputs, by: workers.int8Products)
            }
        }
    }
}

/// A table of rows of 8 bits, each with a scale of its own: row ≈ scale · q.
package struct Int8Table {
    /// The number of rows, and of the elements of each.
    package let (rows, columns): (Int, Int)
    /// Four numbers in each element; a row is filled up with 0.
    private var memory: FloatBuffer
    let scales: Matrix

    /// The shape of the numbers, of which each row has a multiple of four.
    package static func shape(rows: Int, columns: Int) -> [Int] { [rows, padded(columns)] }

    private static func padded(_ columns: Int) -> Int { (columns + 3) / 4 * 4 }

    /// A table as it lies in a file.
    ///
    /// - Parameters:
    ///   - memory: the numbers of ``shape(rows:columns:)``, four in each element
    ///   - scales: one for each row
    package init(rows: Int, columns: Int, in memory: FloatBuffer, scales: Matrix) {
        precondition(4 * memory.count == Self.shape(rows: rows, columns: columns).reduce(1, *) && scales.count == rows)
        (self.rows, self.columns, self.memory, self.scales) = (rows, columns, memory, scales)
    }

    /// The nearest numbers of 8 bits, with the largest of each row as 127.
    package init(_ table: Matrix) {
        let shape = Self.shape(rows: table.rows, columns: table.columns)
        memory = FloatBuffer(count: shape[0] * shape[1] / 4)
        var scales = [Float](repeating: 0, count: table.rows)
        let numbers = UnsafeMutableRawPointer(memory.mutablePointer()).assumingMemoryBound(to: Int8.self)
        for row in 0..<table.rows {
            ck_quantize_weights(
                table.columns, table.pointer + row * table.columns, numbers + row * shape[1], &scales[row])
        }
        (rows, columns, self.scales) = (table.rows, table.columns, Matrix(scales, columns: max(1, scales.count)))
    }

    /// y = the numbers of a row.
    func read(_ row: Int, into y: UnsafeMutablePointer<Float>) {
        let numbers = UnsafeRawPointer(memory.pointer).assumingMemoryBound(to: Int8.self)
        ck_dequantize(columns, scales.pointer[row], numbers + row * Self.padded(columns), y)
    }

    /// The bytes of the rows, and of the scales.
    package func withUnsafeBytes(
        _ body: (_ numbers: UnsafeRawBufferPointer, _ scales: UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        try body(
            UnsafeRawBufferPointer(start: memory.pointer, count: 4 * memory.count),
            UnsafeRawBufferPointer(UnsafeBufferPointer(start: scales.pointer, count: scales.count)))
    }
}
