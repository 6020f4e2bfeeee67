import Foundation
import Kernels
import Testing

/// The norms besides LayerNorm, against their formulas in double precision; their gradients have finite differences in `GradientTests`.
@Suite struct NormTests {
    static let (rows, columns) = (37, 50)
    static var x: Matrix {
        Matrix((0..<rows * columns).map { 2 * sin(Float($0) * 0.37) + Float($0 % columns) * 0.1 }, columns: columns)
    }
    static var gain: Matrix { Matrix((0..<columns).map { 1 + Float($0) * 0.02 }, columns: columns) }
    static var bias: Matrix { Matrix((0..<columns).map { Float($0) * 0.01 - 0.2 }, columns: columns) }

    static func error(_ found: Matrix, _ expected: (_ row: Int, _ column: Int) -> Double) -> Double {
        (0..<rows).flatMap { row in
            found.row(row).enumerated().map { abs(Double($1) - expected(row, $0)) }
        }.max()!
    }

    static func value(_ row: Int, _ column: Int) -> Double { Double(x.row(row)[column]) }

    @Test func rmsNormDividesByTheRootOfTheMeanSquare() {
        var (y, statistics) = (Matrix(), Matrix())
        rmsNorm(Self.x, gain: Self.gain, epsilon: 1e-6, into: &y, statistics: &statistics, on: Workers(count: 2))
        let error = Self.error(y) { row, column in
            let squares = Self.x.row(row).reduce(0.0) { $0 + Double($1) * Double($1) }
            return Self.value(row, column) / (squares / Double(Self.columns) + 1e-6).squareRoot()
                * Double(Self.gain.values[column])
        }
        #expect(error < 1e-5)
    }

    @Test func dynamicTanhFollowsItsFormula() {
        var y = Matrix()
        dynamicTanh(Self.x, alpha: 0.7, gain: Self.gain, bias: Self.bias, into: &y, on: Workers(count: 2))
        let error = Self.error(y) {
            tanh(0.7 * Self.value($0, $1)) * Double(Self.gain.values[$1]) + Double(Self.bias.values[$1])
        }
        #expect(error < 1e-6)
    }

    @Test func batchNormNormalisesColumnsAndDoesNotDependOnThreads() {
        func run(_ threads: Int) -> (y: Matrix, dx: Matrix, sums: Matrix) {
            let workers = Workers(count: threads)
            var (y, statistics, sums, dx) = (Matrix(), Matrix(), Matrix(), Self.x)
            batchStatistics(of: Self.x, epsilon: 1e-5, into: &statistics, on: workers)
            batchNorm(Self.x, statistics: statistics, gain: Self.gain, bias: Self.bias, into: &y, on: workers)
            batchNormSums(dx, Self.x, statistics: statistics, into: &sums, on: workers)
            batchNormBackward(&dx, Self.x, statistics: statistics, gain: Self.gain, sums: sums, on: workers)
            return (y, dx, sums)
        }
        let (one, three) = (run(1), run(3))
        #expect(one.y.values == three.y.values && one.dx.values == three.dx.values)
        #expect(one.sums.values == three.sums.values)
        let error = Self.error(one.y) { row, column in
            let values = (0..<Self.rows).map { Self.value($0, column) }
            let mean: Double = values.reduce(0, +) / Double(Self.rows)
            let squares: Double = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let scale = 1 / (squares / Double(Self.rows) + 1e-5).squareRoot()
            return (values[row] - mean) * scale * Double(Self.gain.values[column]) + Double(Self.bias.values[column])
        }
        #expect(error < 1e-5)
    }

    @Test func numbersThatAreTooSmallAreTakenForZeroWhereThatIsAsked() {
        let tiny = Float.leastNormalMagnitude
        let factor = Float(Self.rows) / 370  // 0.1, which the compiler does not know
        #expect(withoutSubnormals { tiny * factor } == 0)
        #expect(tiny * factor > 0)
    }
}
