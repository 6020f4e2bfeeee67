import Kernels
import Testing

/// Products of 8 bits, against the same arithmetic one number after the other.
@Suite struct Int8ProductTests {
    typealias Shape = MatrixProductTests.Shape

    /// A row in bytes, by the formula: 255 steps from the smallest to the largest number, 0 being one of them.
    private static func bytes(_ x: [Float]) -> (q: [Int32], scale: Float, zero: Int32) {
        let (low, high) = (min(0, x.min()!), max(0, x.max()!))
        let steps: Float = high > low ? 255 / (high - low) : 0
        let zero = Int32((-low * steps).rounded(.toNearestOrEven))
        let q = x.map { max(0, min(255, Int32(($0 * steps).rounded(.toNearestOrEven)) + zero)) }
        return (q, (high - low) / 255, zero)
    }

    private static func weights(_ w: [Float]) -> (q: [Int32], scale: Float) {
        let largest = w.map(abs).max()!
        return (w.map { Int32(($0 * (127 / largest)).rounded(.toNearestOrEven)) }, largest / 127)
    }

    private static func expected(_ shape: Shape) -> [Float] {
        let rows = (0..<shape.rows).map { bytes(shape.x.row($0)) }
        let columns = (0..<shape.outputs).map { weights(shape.weight.row($0)) }
        return rows.flatMap { x in
            columns.enumerated().map { output, w in
                let sum = zip(x.q, w.q).reduce(Int32(0)) { $0 + ($1.0 - x.zero) * $1.1 }
                return Float(sum) * (x.scale * w.scale) + shape.bias.values[output]
            }
        }
    }

    /// To the last bit, whatever multiplies, and whatever the threads share.
    @Test(arguments: MatrixProductTests.shapes) func allInstructionsComputeTheSame(_ shape: Shape) {
        let weight = Int8Matrix(shape.weight)
        let expected = Self.expected(shape)
        for products in Int8Products.allCases where products.isAvailable {
            for threads in [1, 2, 5] {
                var y = Matrix()
                linear(
                    shape.x, weight: weight, bias: shape.bias, into: &y,
                    on: Workers(count: threads, int8Products: products))
                #expect(y.values == expected, "\(products) on \(threads)")
            }
        }
    }

    /// A layer whose weights were rounded for such inputs, of which some are large, and go together.
    private static func calibrated(_ shape: Shape, scalesInputs: Bool = true) -> (x: Matrix, weight: Int8Matrix) {
        var values = shape.x.values
        for row in 0..<shape.rows {
            for input in 1..<shape.inputs {
                values[row * shape.inputs + input] += values[row * shape.inputs + input - 1]
            }
            values[row * shape.inputs + shape.inputs / 2] *= 20
        }
        let x = Matrix(values, columns: shape.inputs)
        var statistics = InputStatistics(inputs: shape.inputs)
        statistics.add(x, on: Workers(count: 2))
        return (x, Int8Matrix(shape.weight, for: statistics, scalesInputs: scalesInputs))
    }

    private static func product(
        _ x: Matrix, _ weight: Int8Matrix, threads: Int = 2, by products: Int8Products = .plain
    ) -> [Float] {
        var y = Matrix()
        linear(x, weight: weight, into: &y, on: Workers(count: threads, int8Products: products))
        return y.values
    }

    @Test(arguments: MatrixProductTests.shapes) func someInputsAreExactWithAllInstructions(_ shape: Shape) {
        let (x, weight) = Self.calibrated(shape)
        #expect(weight.inputTreatment?.factors.values.contains(0) == true)
        let expected = Self.product(x, weight)
        for products in Int8Products.allCases where products.isAvailable {
            for threads in [1, 5] {
                #expect(
                    Self.product(x, weight, threads: threads, by: products) == expected, "\(products) on \(threads)")
            }
        }
    }

    /// The mean square of what is lost, beside that of the nearest numbers.
    @Test(arguments: [true, false]) func roundingThatKnowsTheInputsLosesLess(_ scalesInputs: Bool) {
        let shape = Shape(rows: 300, inputs: 100, outputs: 20)
        let (x, weight) = Self.calibrated(shape, scalesInputs: scalesInputs)
        var exact = Matrix()
        linear(x, weight: shape.weight, into: &exact, on: Workers(count: 2))
        func loss(_ weight: Int8Matrix) -> Float {
            zip(Self.product(x, weight), exact.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        #expect(loss(weight) < 0.1 * loss(Int8Matrix(shape.weight)))
    }

    @Test func inputsWithoutStatisticsAreRoundedToTheNearest() {
        let shape = Shape(rows: 3, inputs: 40, outputs: 20)
        var statistics = InputStatistics(inputs: 40)
        statistics.add(Matrix([Float](repeating: 3e30, count: 40), columns: 40), on: Workers(count: 1))
        let weight = Int8Matrix(shape.weight, for: statistics, scalesInputs: true)
        #expect(Self.product(shape.x, weight) == Self.product(shape.x, Int8Matrix(shape.weight)))
        // Inputs that were 0 may be something else in the next text.
        var zeros = InputStatistics(inputs: 40)
        zeros.add(Matrix(rows: 2, columns: 40), on: Workers(count: 1))
        let rounded = Int8Matrix(shape.weight, for: zeros, scalesInputs: true)
        #expect(Self.product(shape.x, rounded).allSatisfy { $0.isFinite })
    }

    @Test(arguments: [1, 20, 200]) func aFeedForwardSublayerIsItsThreeSteps(_ rows: Int) {
        for isGated in [false, true] {
            let (first, second) = (Shape(rows: rows, inputs: 24, outputs: 38), Shape(rows: 1, inputs: 19, outputs: 24))
            let up = Int8Linear(Int8Matrix(first.weight), bias: first.bias)
            let wide = Shape(rows: 1, inputs: isGated ? 19 : 38, outputs: 24)
            let down = Int8Linear(Int8Matrix(wide.weight), bias: second.bias)
            var (inner, activated, expected, y) = (Matrix(), Matrix(), Matrix(), Matrix())
            let workers = Workers(count: 2)
            linear(first.x, weight: Int8Matrix(first.weight), bias: first.bias, into: &inner, on: workers)
            if isGated {
                activateGated(.gelu, inner, into: &activated, on: workers)
            } else {
                activate(.gelu, inner, into: &activated, on: workers)
            }
            linear(activated, weight: Int8Matrix(wide.weight), bias: second.bias, into: &expected, on: workers)
            feedForward(first.x, up: up, .gelu, isGated: isGated, down: down, into: &y, on: workers)
            #expect(y.values == expected.values)
        }
    }

    /// What is no number, or infinite, must not become one.
    @Test(arguments: [Float.nan, .infinity, -.infinity]) func damageIsSeenInTheResult(_ value: Float) {
        let weight = Int8Matrix(Shape(rows: 1, inputs: 37, outputs: 20).weight)
        for place in [0, 20, 36] {
            var x = [Float](repeating: 1, count: 37)
            x[place] = value
            var y = Matrix()
            linear(Matrix(x, columns: 37), weight: weight, into: &y, on: Workers(count: 1))
            #expect(y.values.allSatisfy { !$0.isFinite })
        }
    }

    @Test func zerosStayZeros() {
        let weight = Int8Matrix(Matrix(rows: 3, columns: 5))
        var y = Matrix()
        linear(Matrix(rows: 2, columns: 5), weight: weight, into: &y, on: Workers(count: 1))
        #expect(y.values == [Float](repeating: 0, count: 6))
    }

    @Test func embeddingsAreReadFromTablesOfBytes() {
        let (tokens, positions) = (
            Shape(rows: 1, inputs: 6, outputs: 9).weight, Shape(rows: 1, inputs: 6, outputs: 4).weight
        )
        let segments = Matrix([Float](repeating: 0.25, count: 6), columns: 6)
        func row(_ table: Matrix, _ index: Int) -> [Float] {
            let (q, scale) = Self.weights(table.row(index))
            return q.map { scale * Float($0) }
        }
        var y = Matrix()
        sumEmbeddings(
            EmbeddingRows(ids: [8, 0, 3], places: [0, 1, 3]), tokens: Int8Table(tokens),
            positions: Int8Table(positions),
            segments: segments, into: &y, on: Workers(count: 2))
        let expected = zip([8, 0, 3], [0, 1, 3]).flatMap { id, place in
            zip(row(tokens, id), row(positions, place)).map { $0 + $1 + 0.25 }
        }
        #expect(y.values == expected)
    }
}
