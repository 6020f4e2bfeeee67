import Kernels
import Testing

/// What a linear layer multiplies in 16 bits, bit for bit.
@Suite struct BFloat16ProductTests {
    typealias Shape = MatrixProductTests.Shape

    static let shapes = MatrixProductTests.shapes.filter { $0.inputs * $0.outputs < 10_000 }

    // MARK: What is computed

    /// The number in bfloat16 that is nearest to x, or the even one of two, as a product reads it: without subnormals.
    static func rounded(_ x: Float) -> Float {
        if x.isNaN { return .nan }
        let bits = x.bitPattern
        return flushed(Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000))
    }

    static func flushed(_ x: Float) -> Float { x.isSubnormal ? Float(sign: x.sign, exponent: 0, significand: 0) : x }

    /// start + Σ a(k) b(k) for k below `depth`: of each two products the second one is added first, and an odd one is filled up with 0.
    static func sum(_ depth: Int, from start: Float, _ a: (Int) -> Float, _ b: (Int) -> Float) -> Float {
        stride(from: 0, to: depth, by: 2).flatMap { [$0 + 1, $0] }.reduce(start) { sum, k in
            let (x, w) = k < depth ? (rounded(a(k)), rounded(b(k))) : (0, 0)
            return flushed(flushed(sum).addingProduct(x, w))
        }
    }

    /// Whether numbers have the same bits; one that is none may be any such.
    static func areSame(_ a: [Float], _ b: [Float]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
    }

    /// With numbers among them that are too small for a float's usual form, or for a product, and in some rows with such as are infinite, would be, or are none.
    static func hard(_ matrix: Matrix) -> Matrix {
        let (small, large): ([Float], [Float]) = (
            [1e-40, -3e-39, 1e-20, -0.0, 1.1755e-38], [.infinity, -.infinity, .nan, 3.4e38, .signalingNaN]
        )
        var values = matrix.values
        for index in values.indices where index % 3 == 1 {
            values[index] = small[index / 3 % small.count]
            if index / matrix.columns % 4 == 3 && index % 2 == 0 { values[index] = large[index / 6 % large.count] }
        }
        return Matrix(values, columns: matrix.columns)
    }

    /// What the three functions of a linear layer make of a shape's numbers.
    struct Results {
        var (y, dx) = (Matrix(), Matrix())
        /// Gradients that replace what was there, and that are added to 7.
        var (gradients, added): (FloatBuffer, FloatBuffer)
        let (weight, bias): (Block, Block)

        init(_ shape: Shape, hard: Bool, on workers: Workers) {
            func numbers(_ matrix: Matrix) -> Matrix { hard ? BFloat16ProductTests.hard(matrix) : matrix }
            let (x, dy) = (numbers(shape.x), numbers(shape.dy))
            var narrow = BFloat16Matrix(outputs: shape.outputs, inputs: shape.inputs, hasGradients: true)
            narrow.replace(with: numbers(shape.weight), on: workers)
            linear(x, weight: narrow, bias: shape.bias, into: &y, on: workers)
            linearBackward(dy, weight: narrow, into: &dx, on: workers)
            // Something lies before, between and behind the two gradients.
            weight = Block(offset: 1, rows: shape.outputs, columns: shape.inputs)
            bias = Block(offset: weight.range.upperBound + 1, columns: shape.outputs)
            gradients = FloatBuffer([Float](repeating: 7, count: bias.range.upperBound + 1))
            added = gradients
            var scratch = Matrix()
            bfloat16LinearBackward(
                dy, x, at: (weight, bias), into: &gradients, adding: false, scratch: &scratch, on: workers)
            bfloat16LinearBackward(
                dy, x, at: (weight, bias), into: &added, adding: true, scratch: &scratch, on: workers)
        }
    }

    // MARK: Promises

    @Test(arguments: shapes, [false, true]) func emulatedProductsAreThoseOfAPlainLoop(_ shape: Shape, _ isHard: Bool) {
        let (inputs, outputs) = (shape.inputs, shape.outputs)
        func numbers(_ matrix: Matrix) -> [Float] { (isHard ? Self.hard(matrix) : matrix).values }
        let (x, dy, weight) = (numbers(shape.x), numbers(shape.dy), numbers(shape.weight))
        let bias = shape.bias.values
        func each(_ rows: Int, _ columns: Int, _ sum: (Int, Int) -> Float) -> [Float] {
            (0..<rows * columns).map { sum($0 / columns, $0 % columns) }
        }
        let y = each(shape.rows, outputs) { row, output in
            Self.sum(inputs, from: bias[output], { x[row * inputs + $0] }, { weight[output * inputs + $0] })
        }
        let dx = each(shape.rows, inputs) { row, input in
            Self.sum(outputs, from: 0, { dy[row * outputs + $0] }, { weight[$0 * inputs + input] })
        }
        func dw(from start: Float) -> [Float] {
            each(outputs, inputs) { output, input in
                Self.sum(shape.rows, from: start, { dy[$0 * outputs + output] }, { x[$0 * inputs + input] })
            }
        }
        for threads in [1, 2, 5] {
            let found = Results(shape, hard: isHard, on: Workers(count: threads, emulatesBFloat16: true))
            #expect(Self.areSame(found.y.values, y))
            #expect(Self.areSame(found.dx.values, dx))
            #expect(Self.areSame(found.gradients[found.weight].values, dw(from: 0)))
            #expect(Self.areSame(found.added[found.weight].values, dw(from: 7)))
            for gradients in [found.gradients, found.added] {
                #expect([0, found.bias.offset - 1, found.bias.range.upperBound].allSatisfy { gradients[$0] == 7 })
            }
        }
    }

    /// The gradient of a bias is a sum of Float32.
    @Test func theGradientOfTheBiasIsThatOfFloat32() {
        let (shape, workers) = (Shape(rows: 65, inputs: 20, outputs: 33), Workers(count: 2))
        let found = Results(shape, hard: false, on: workers)
        var gradients = found.gradients
        linearBackward(
            shape.dy, shape.x, weight: found.weight, bias: found.bias, into: &gradients, adding: false, on: workers)
        #expect(gradients[found.bias].values == found.gradients[found.bias].values)
        #expect(gradients[found.weight].values != found.gradients[found.weight].values)
    }

    @Test(
        .enabled(if: BFloat16Matrix.isAvailable, "this processor has no AVX512-BF16"), arguments: shapes, [false, true])
    func theProcessorsOwnInstructionGivesTheSameBits(_ shape: Shape, _ isHard: Bool) {
        for threads in [1, 3] {
            let native = Results(shape, hard: isHard, on: Workers(count: threads))
            let emulated = Results(shape, hard: isHard, on: Workers(count: threads, emulatesBFloat16: true))
            #expect(Self.areSame(native.y.values, emulated.y.values))
            #expect(Self.areSame(native.dx.values, emulated.dx.values))
            #expect(Self.areSame(native.gradients[native.weight].values, emulated.gradients[native.weight].values))
            #expect(Self.areSame(native.added[native.weight].values, emulated.added[native.weight].values))
        }
    }

    @Test func noRowsGiveNoRows() {
        let workers = Workers(count: 2, emulatesBFloat16: true)
        let weight = BFloat16Matrix(outputs: 2, inputs: 3, hasGradients: true)
        var (y, dx) = (Matrix(rows: 1, columns: 2), Matrix(rows: 1, columns: 3))
        linear(Matrix(columns: 3), weight: weight, into: &y, on: workers)
        linearBackward(Matrix(columns: 2), weight: weight, into: &dx, on: workers)
        #expect(y.rows == 0 && dx.rows == 0)
    }
}
