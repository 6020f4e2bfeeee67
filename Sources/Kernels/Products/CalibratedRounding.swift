import CKernels

/// What the inputs of a linear layer are, over many rows: by it, rounding its weights loses little of what the layer computes.
package struct InputStatistics {
    /// Σ xᵀ x, `[inputs, inputs]`.
    private var products: FloatBuffer
    /// The largest |x| of each input.
    private(set) var largest: [Float]

    package init(inputs: Int) {
        (products, largest) = (FloatBuffer(count: inputs * inputs), [Float](repeating: 0, count: inputs))
    }

    private var inputs: Int { largest.count }

    /// Adds rows.
    ///
    /// - Parameter x: `[rows, inputs]`, with at least one row
    package mutating func add(_ x: Matrix, on workers: Workers) {
        linearBackward(
            x, x, weight: Block(offset: 0, rows: inputs, columns: inputs), bias: nil, into: &products, adding: true,
            on: workers)
        for row in 0..<x.rows {
            for input in 0..<inputs { largest[input] = max(largest[input], abs(x.pointer[row * inputs + input])) }
        }
    }

    /// H = Σ xᵀ x of some inputs in this order, times factors, with a hundredth of its mean diagonal added to it, as L of H = L Lᵀ; nil if there is none,
    /// for the inputs overflow.
    fileprivate func cholesky(order: [Int], factors: [Float]) -> [Float]? {
        let count = order.count
        var h = [Double](repeating: 0, count: count * count)
        for (row, i) in order.enumerated() {
            for (column, j) in order[...row].enumerated() {
                h[row * count + column] = Double(products.pointer[i * inputs + j]) * Double(factors[i] * factors[j])
            }
        }
        let diagonal = stride(from: 0, to: h.count, by: count + 1)
        let damping = 0.01 * diagonal.reduce(0) { $0 + h[$1] } / Double(count)
        // Of inputs that were never anything but 0, nothing is known.
        for place in diagonal { h[place] += damping > 0 ? damping : 1 }
        return ck_cholesky(count, &h) != 0 ? h.map(Float.init) : nil
    }

    /// The mean square of each input, but for a factor that all have.
    fileprivate var squares: [Float] { (0..<inputs).map { products.pointer[$0 * (inputs + 1)] } }
}

extension Int8Matrix {
    /// One of so many inputs stays in Float32: the largest ones, which would make the steps of all others coarse.
    private static let inputsPerExactOne = 96

    /// Numbers of 8 bits that give nearly the same products with such inputs: each weight makes up for what rounding the others of its output has changed.
    /// Of all inputs, a few stay in Float32. If the statistics have overflowed, they are the nearest numbers.
    ///
    /// - Parameters:
    ///   - weight: `[outputs, inputs]`
    ///   - scalesInputs: whether the others are scaled, each to be as large as its weights: nothing is gained by it where large inputs meet large weights
    /// - Complexity: O(*inputs*² · (*inputs* + *outputs*))
    ///
    /// ### References
    /// Frantar et al., *GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers*, 2023, section 3, in the form of a nearest plane: Chen
    /// et al., *The Geometry of LLM Quantization*, 2025. Xiao et al., *SmoothQuant*, 2023, section 4, for the factors. Dettmers et al., *LLM.int8()*, 2022,
    /// section 3.2, for the inputs that stay in Float32.
    package init(_ weight: Matrix, for inputs: InputStatistics, scalesInputs: Bool) {
        let (outputs, count, width) = (weight.rows, weight.columns, Panels.width)
        precondition(inputs.largest.count == count, "shapes do not agree")
        var factors = scalesInputs ? Self.balance(weight, inputs) : [Float](repeating: 1, count: count)
        let bySize = (0..<count).sorted { (inputs.largest[$0], $1) > (inputs.largest[$1], $0) }
        let exact = bySize.prefix((count + Self.inputsPerExactOne - 1) / Self.inputsPerExactOne).sorted()
        for input in exact { factors[input] = 0 }
        // The largest come last, and are rounded first.
        let squares = zip(inputs.squares, factors).map { $0 * $1 * $1 }
        let order = (0..<count).filter { factors[$0] != 0 }.sorted { (squares[$0], $0) < (squares[$1], $1) }
        guard let l = inputs.cholesky(order: order, factors: factors) else {
            self.init(weight)
            return
        }
        var exactWeights = Matrix(rows: Panels.count(outputs) * exact.count, columns: width)
        let exactPointer = exactWeights.mutablePointer()
        for output in 0..<outputs {
            for (place, input) in exact.enumerated() {
                let row = output / width * exact.count + place
                exactPointer[row * width + output % width] = weight.pointer[output * count + input]
            }
        }
        self.init(
            outputs: outputs, inputs: count,
            inputTreatment: Int8Inputs(factors: Matrix(factors, columns: count), weights: exactWeights)
        ) { outputs, rows, scales in
            var columns = [Float](repeating: 0, count: order.count * width)
            var steps = [Float](repeating: 0, count: width)
            for (lane, output) in outputs.enumerated() {
                for (place, input) in order.enumerated() {
                    let value = weight.pointer[output * count + input] / factors[input]
                    columns[place * width + lane] = value
                    steps[lane] = max(steps[lane], abs(value) / 127)
                }
                scales[lane] = steps[lane]
            }
            var sums = [Float](repeating: 0, count: columns.count)
            var rounded = [Int8](repeating: 0, count: columns.count)
            ck_round_weights(order.count, l, columns, steps, &sums, &rounded)
            rows.update(repeating: 0, count: outputs.count * count)
            for lane in 0..<outputs.count {
                for (place, input) in order.enumerated() { rows[lane * count + input] = rounded[place * width + lane] }
            }
        }
    }

    /// The factors √(w / x), with the largest of both, that make inputs and their weights equally large.
    private static func balance(_ weight: Matrix, _ inputs: InputStatistics) -> [Float] {
        var weights = [Float](repeating: 0, count: weight.columns)
        for output in 0..<weight.rows {
            for input in 0..<weight.columns {
                weights[input] = max(weights[input], abs(weight.pointer[output * weight.columns + input]))
            }
        }
        /// No number is much smaller than the others: an input that was 0 may be another one in the next text.
        func bounded(_ values: [Float]) -> [Float] {
            let least = 0.1 * values.reduce(0, +) / Float(values.count)
            return values.map { least > 0 ? max(least, $0) : 1 }
        }
        return zip(bounded(weights), bounded(inputs.largest)).map { ($0 / $1).squareRoot() }
    }
}
