import Foundation
import Kernels
import Testing

/// What a linear layer multiplies, by everything that multiplies, against sums in double precision.
@Suite struct MatrixProductTests {
    /// One row and column, few and many rows, more workers than either, and sizes that no vector or tile divides.
    static let shapes = [
        (1, 1, 1), (1, 40, 3), (3, 1, 40), (5, 17, 1), (24, 64, 96), (64, 33, 50), (65, 20, 200), (600, 35, 19),
    ].map { Shape(rows: $0, inputs: $1, outputs: $2) }

    struct Shape {
        let (rows, inputs, outputs): (Int, Int, Int)

        init(rows: Int, inputs: Int, outputs: Int) {
            (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
        }

        var x: Matrix { numbers(rows, inputs) }
        var dy: Matrix { numbers(rows, outputs) }
        var weight: Matrix { numbers(outputs, inputs) }
        var bias: Matrix { numbers(1, outputs) }

        private func numbers(_ rows: Int, _ columns: Int) -> Matrix {
            var random = RandomNumbers(seed: 1, stream: RandomStream(number: UInt32(rows)), step: UInt64(columns))
            return Matrix((0..<rows * columns).map { _ in random.nextNormal(standardDeviation: 1) }, columns: columns)
        }
    }

    /// Σ a(k) b(k), in double precision, for k below `depth`.
    static func sum(_ depth: Int, _ a: (Int) -> Float, _ b: (Int) -> Float) -> Double {
        (0..<depth).reduce(0) { $0 + Double(a($1)) * Double(b($1)) }
    }

    static func agree(_ found: [Float], _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-4 }
    }

    @Test(arguments: Products.allCases, shapes) func forwardIsXTimesWTransposedPlusB(
        _ products: Products, _ shape: Shape
    ) {
        let (inputs, outputs) = (shape.inputs, shape.outputs)
        let (x, weight, bias) = (shape.x.values, shape.weight.values, shape.bias.values)
        let expected = (0..<shape.rows * outputs).map { index in
            let (row, output) = (index / outputs, index % outputs)
            return Double(bias[output]) + Self.sum(inputs, { x[row * inputs + $0] }, { weight[output * inputs + $0] })
        }
        for threads in [1, 2, 5] {
            var y = Matrix(columns: outputs)
            linear(
                shape.x, weight: shape.weight, bias: shape.bias, into: &y,
                on: Workers(count: threads, products: products))
            #expect(Self.agree(y.values, expected))
        }
    }

    @Test(arguments: Products.allCases, shapes) func gradientOfInputIsDyTimesW(_ products: Products, _ shape: Shape) {
        let (inputs, outputs) = (shape.inputs, shape.outputs)
        let (dy, weight) = (shape.dy.values, shape.weight.values)
        let expected = (0..<shape.rows * inputs).map { index in
            let (row, input) = (index / inputs, index % inputs)
            return Self.sum(outputs, { dy[row * outputs + $0] }, { weight[$0 * inputs + input] })
        }
        for threads in [1, 2, 5] {
            var dx = Matrix(columns: inputs)
            linearBackward(
                shape.dy, weight: shape.weight, into: &dx, on: Workers(count: threads, products: products))
            #expect(Self.agree(dx.values, expected))
        }
    }

    @Test(arguments: Products.allCases, shapes) func gradientsOfParametersReplaceOrAdd(
        _ products: Products, _ shape: Shape
    ) {
        let (inputs, outputs) = (shape.inputs, shape.outputs)
        let (dy, x) = (shape.dy.values, shape.x.values)
        let weights = (0..<outputs * inputs).map { index in
            let (output, input) = (index / inputs, index % inputs)
            return Self.sum(shape.rows, { dy[$0 * outputs + output] }, { x[$0 * inputs + input] })
        }
        let biases = (0..<outputs).map { output in Self.sum(shape.rows, { dy[$0 * outputs + output] }, { _ in 1 }) }
        // Something lies before, between and behind the two gradients.
        let weight = Block(offset: 1, rows: outputs, columns: inputs)
        let bias = Block(offset: weight.range.upperBound + 1, columns: outputs)
        for threads in [1, 2, 5] {
            for adding in [false, true] {
                var gradients = FloatBuffer([Float](repeating: 7, count: bias.range.upperBound + 1))
                linearBackward(
                    shape.dy, shape.x, weight: weight, bias: bias, into: &gradients, adding: adding,
                    on: Workers(count: threads, products: products))
                let before = adding ? 7.0 : 0
                #expect(Self.agree(gradients[weight].values, weights.map { before + $0 }))
                #expect(Self.agree(gradients[bias].values, biases.map { before + $0 }))
                #expect([0, bias.offset - 1, bias.range.upperBound].allSatisfy { gradients[$0] == 7 })
            }
        }
    }

    @Test(arguments: Products.allCases) func noRowsGiveNoRows(_ products: Products) {
        let shape = Shape(rows: 1, inputs: 3, outputs: 2)
        var (y, dx) = (Matrix(rows: 1, columns: 2), Matrix(rows: 1, columns: 3))
        let workers = Workers(count: 2, products: products)
        linear(Matrix(columns: 3), weight: shape.weight, bias: shape.bias, into: &y, on: workers)
        linearBackward(Matrix(columns: 2), weight: shape.weight, into: &dx, on: workers)
        #expect(y.rows == 0 && dx.rows == 0)
    }

    /// OpenBLAS has memory for some hundred calls at a time.
    @Test(arguments: Products.allCases) func moreThreadsThanAnyMachineHasAreNoHarm(_ products: Products) {
        let shape = Shape(rows: 24, inputs: 50, outputs: 20_000)
        var (few, many) = (Matrix(columns: shape.outputs), Matrix(columns: shape.outputs))
        for threads in [2, 1000] {
            linear(
                shape.x, weight: shape.weight, bias: shape.bias, into: &many,
                on: Workers(count: threads, products: products))
            if threads == 2 { few = many }
        }
        #expect(zip(few.values, many.values).allSatisfy { abs($0 - $1) < 1e-3 })
    }

    @Test(arguments: Products.allCases) func sameNumbersAgainAreTheSameToTheLastBit(_ products: Products) {
        let shape = Shape(rows: 150, inputs: 96, outputs: 70)
        let results = (0..<20).map { _ in
            var y = Matrix(columns: shape.outputs)
            linear(
                shape.x, weight: shape.weight, bias: shape.bias, into: &y, on: Workers(count: 3, products: products))
            return y.values
        }
        #expect(Set(results).count == 1)
    }

    @Test func environmentForcesProducts() throws {
        #expect(try DemandedProducts(of: [:]).float32 == nil)
        #expect(try DemandedProducts(of: ["ADDNORM_PRODUCTS": ""]).int8 == nil)
        #expect(try DemandedProducts(of: ["ADDNORM_PRODUCTS": "openblas"]).float32 == .openblas)
        #expect(try DemandedProducts(of: ["ADDNORM_PRODUCTS": "tiles"]).float32 == .tiles)
        let error = #expect(throws: UnknownProducts.self) {
            try DemandedProducts(of: ["ADDNORM_PRODUCTS": "OpenBLAS"])
        }
        #expect(
            error?.description
                == "The environment variable ADDNORM_PRODUCTS is 'OpenBLAS', but must be one of tiles, openblas, vnni, avx512, avx2, plain. "
                + "Without it, products are chosen for the processor.")
    }
}
