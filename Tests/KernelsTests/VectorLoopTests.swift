import CKernels
import Foundation
import Testing

/// The vector loops against plain Swift loops in double precision, at lengths that no vector width divides.
@Suite struct VectorLoopTests {
    static let x: [Float] = (0..<1003).map { Float($0) * 0.017 - 8.5 }
    static let dy: [Float] = x.map { sin(3 * $0) }

    /// The largest difference, relative to 1 or to the expected value if that is larger.
    static func error(_ found: [Float], _ expected: [Double]) -> Double {
        zip(found, expected).map { abs(Double($0) - $1) / max(1, abs($1)) }.max()!
    }

    static func run(_ body: (inout [Float]) -> Void) -> [Float] {
        var y = [Float](repeating: 0, count: x.count)
        body(&y)
        return y
    }

    static func cdf(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

    @Test func geluAndItsDerivativeFollowTheErrorFunction() {
        let y = Self.run { ck_gelu(Self.x.count, Self.x, &$0) }
        #expect(Self.error(y, Self.x.map { Double($0) * Self.cdf(Double($0)) }) < 1e-6)
        var (dx, again) = (Self.dy, y)
        ck_gelu_backward(Self.x.count, Self.x, &dx, &again)
        #expect(Self.error(again, y.map(Double.init)) < 1e-6)
        let expected = zip(Self.x, Self.dy).map { x, dy in
            let x = Double(x)
            return Double(dy) * (Self.cdf(x) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot())
        }
        #expect(Self.error(dx, expected) < 1e-6)
    }

    @Test func geluTanhAndItsDerivativeFollowTheFormula() {
        func inner(_ x: Double) -> Double { (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x) }
        let y = Self.run { ck_gelu_tanh(Self.x.count, Self.x, &$0) }
        #expect(Self.error(y, Self.x.map { 0.5 * Double($0) * (1 + tanh(inner(Double($0)))) }) < 1e-6)
        var (dx, again) = (Self.dy, y)
        ck_gelu_tanh_backward(Self.x.count, Self.x, &dx, &again)
        #expect(Self.error(again, y.map(Double.init)) < 1e-6)
        let expected = zip(Self.x, Self.dy).map { x, dy in
            let x = Double(x)
            let slope = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
            return Double(dy) * 0.5 * (1 + tanh(inner(x)) + x * slope / pow(cosh(inner(x)), 2))
        }
        #expect(Self.error(dx, expected) < 2e-6)
    }

    @Test func noActivationMakesANumberOfNaN() {
        let x = [Float](repeating: .nan, count: 33)
        for loop in [ck_gelu, ck_gelu_tanh, ck_relu] {
            let y = Self.run { loop(x.count, x, &$0) }
            #expect(y.prefix(33).count { $0.isNaN } == 33)
        }
    }

    @Test func reluAndItsDerivativeAreZeroBelowZero() {
        let y = Self.run { ck_relu(Self.x.count, Self.x, &$0) }
        #expect(y == Self.x.map { max(0, $0) })
        var (dx, again) = (Self.dy, Self.dy)
        ck_relu_backward(Self.x.count, Self.x, &dx, &again)
        #expect(again == y)
        #expect(dx == zip(Self.x, Self.dy).map { $0 > 0 ? $1 : 0 })
    }

    /// A row as long as any text, and one whose values overflow an exponential that is not shifted by the maximum.
    @Test(arguments: [1, 7, 23, 512]) func softmaxAndItsDerivativeFollowTheFormula(_ n: Int) {
        let scale: Float = 0.25
        let input = (0..<n).map { Float($0 % 13) * 200 - 1000 }
        var p = input
        ck_softmax(n, scale, &p)
        let exponentials = input.map { exp(Double(scale) * Double($0 - input.max()!)) }
        let expected = exponentials.map { $0 / exponentials.reduce(0, +) }
        #expect(Self.error(p, expected) < 1e-6)
        // Products would be slow with such numbers.
        #expect(p.allSatisfy { !$0.isSubnormal })

        let dp = Array(Self.dy.prefix(n))
        var dx = dp
        ck_softmax_backward(n, scale, p, &dx)
        let dot = zip(p, dp).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        #expect(Self.error(dx, zip(p, dp).map { Double(scale) * Double($0) * (Double($1) - dot) }) < 1e-6)
    }

    /// With a mean far from 0, a variance by one pass would lose all its digits.
    @Test(arguments: [Float(0), 1000]) func layerNormKeepsItsDigitsFarFromZero(_ offset: Float) {
        let n = 131
        let x = Self.x.prefix(n).map { $0 + offset }
        let (gain, bias) = (Array(Self.dy.prefix(n)), Array(Self.x.prefix(n)))
        var (y, statistics) = ([Float](repeating: 0, count: n), [Float](repeating: 0, count: 2))
        ck_layer_norm(n, 1e-5, x, gain, bias, &y, &statistics)
        let mean = x.reduce(0) { $0 + Double($1) } / Double(n)
        let variance = x.reduce(0) { $0 + pow(Double($1) - mean, 2) } / Double(n)
        let expected = (0..<n).map {
            (Double(x[$0]) - mean) / (variance + 1e-5).squareRoot() * Double(gain[$0]) + Double(bias[$0])
        }
        #expect(Self.error(y, expected) < (offset == 0 ? 1e-6 : 2e-4))
    }

    /// Every remainder of the tiles, and sums that are computed in two parts, with the first factor as it is and transposed, with and without a
    /// bias.
    @Test(arguments: 1...7, [1, 8, 16, 29, 32, 48, 93])
    func productsOfEveryRemainderOfTheTilesAreRight(_ m: Int, _ n: Int) {
        let (long, bias) = (1030, Array(Self.x.suffix(m)))
        let a = (0..<m * long).map { Self.dy[$0 % Self.dy.count] }
        let b = (0..<long * n).map { Self.dy[7 * $0 % Self.dy.count] }
        for (k, row, column, addend) in [
            (5, 5, 1, CK_NOTHING), (long, long, 1, CK_BIAS), (5, 1, m, CK_C), (long, 1, m, CK_C),
        ] {
            var c = [Float](repeating: 3, count: m * n)
            a.withUnsafeBufferPointer {
                ck_gemm(
                    m, n, k, ck_matrix(pointer: $0.baseAddress, row: row, column: column), b, n, addend, bias, &c, n)
            }
            let expected = (0..<m * n).map { index in
                (0..<k).reduce(addend == CK_C ? 3 : addend == CK_BIAS ? Double(bias[index / n]) : 0) {
                    $0 + Double(a[index / n * row + $1 * column]) * Double(b[$1 * n + index % n])
                }
            }
            #expect(Self.error(c, expected) < 2e-6 * Double(k))
        }
    }

    @Test(arguments: [1, 16, 35], [1, 16, 50]) func transposeExchangesRowsAndColumns(_ rows: Int, _ columns: Int) {
        let x = (0..<rows * columns).map(Float.init)
        var y = [Float](repeating: 0, count: x.count)
        ck_transpose(rows, columns, x, columns, &y, rows)
        #expect(y == (0..<columns).flatMap { column in (0..<rows).map { Float($0 * columns + column) } })
    }

    @Test func sumOfSquaresIsInDoublePrecision() {
        let expected = Self.x.reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(ck_sum_of_squares(Self.x.count, Self.x) - expected) < 1e-9 * expected)
    }

    /// Three steps of AdamW by the formulas of the paper, in double.
    @Test func adamWFollowsThePaper() {
        let n = 37
        var (p, m, v) = (Array(Self.x.prefix(n)), [Float](repeating: 0, count: n), [Float](repeating: 0, count: n))
        var (p64, m64, v64) = (p.map(Double.init), m.map(Double.init), v.map(Double.init))
        for t in 1...3 {
            let g = (0..<n).map { sin(Float($0 * t)) }
            let step = ck_adamw_step(
                learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, gradient_scale: 0.5,
                correction1: 1 - Float(pow(0.9, Double(t))), correction2: 1 - Float(pow(0.999, Double(t))))
            ck_adamw(n, step, &p, g, &m, &v)
            for i in 0..<n {
                let gradient = 0.5 * Double(g[i])
                m64[i] = 0.9 * m64[i] + 0.1 * gradient
                v64[i] = 0.999 * v64[i] + 0.001 * gradient * gradient
                let (mean, square) = (m64[i] / (1 - pow(0.9, Double(t))), v64[i] / (1 - pow(0.999, Double(t))))
                p64[i] -= 0.01 * (mean / (square.squareRoot() + 1e-8) + 0.1 * p64[i])
            }
        }
        #expect(Self.error(p, p64) < 1e-6)
    }
}
