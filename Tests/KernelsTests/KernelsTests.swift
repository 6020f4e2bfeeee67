import CKernels
import Foundation
import Kernels
import Synchronization
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

    @Test func gelu() {
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

    @Test func geluTanh() {
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

    @Test func relu() {
        let y = Self.run { ck_relu(Self.x.count, Self.x, &$0) }
        #expect(y == Self.x.map { max(0, $0) })
        var (dx, again) = (Self.dy, Self.dy)
        ck_relu_backward(Self.x.count, Self.x, &dx, &again)
        #expect(again == y)
        #expect(dx == zip(Self.x, Self.dy).map { $0 > 0 ? $1 : 0 })
    }

    /// A row as long as any text, and one whose values overflow an exponential that is not shifted by the maximum.
    @Test(arguments: [1, 7, 23, 512]) func softmax(_ n: Int) {
        let scale: Float = 0.25
        let input = (0..<n).map { Float($0 % 13) * 200 - 1000 }
        var p = input
        ck_softmax(n, scale, &p)
        let exponentials = input.map { exp(Double(scale) * Double($0 - input.max()!)) }
        let expected = exponentials.map { $0 / exponentials.reduce(0, +) }
        #expect(Self.error(p, expected) < 1e-6)

        let dp = Array(Self.dy.prefix(n))
        var dx = dp
        ck_softmax_backward(n, scale, p, &dx)
        let dot = zip(p, dp).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        #expect(Self.error(dx, zip(p, dp).map { Double(scale) * Double($0) * (Double($1) - dot) }) < 1e-6)
    }

    /// With a mean far from 0, a variance by one pass would lose all its digits.
    @Test(arguments: [Float(0), 1000]) func layerNorm(_ offset: Float) {
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

    /// Every remainder of the tiles, with the first factor as it is and transposed, with and without a bias.
    @Test(arguments: 1...7, [1, 8, 16, 29, 48]) func gemm(_ m: Int, _ n: Int) {
        let k = 5
        let (a, b, bias) = (Array(Self.x.prefix(m * k)), Array(Self.dy.prefix(k * n)), Array(Self.x.suffix(m)))
        for (row, column, addend) in [(k, 1, CK_NOTHING), (k, 1, CK_BIAS), (1, m, CK_C)] {
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
            #expect(Self.error(c, expected) < 1e-5)
        }
    }

    @Test(arguments: [1, 16, 35], [1, 16, 50]) func transpose(_ rows: Int, _ columns: Int) {
        let x = (0..<rows * columns).map(Float.init)
        var y = [Float](repeating: 0, count: x.count)
        ck_transpose(rows, columns, x, columns, &y, rows)
        #expect(y == (0..<columns).flatMap { column in (0..<rows).map { Float($0 * columns + column) } })
    }

    @Test func sumOfSquares() {
        let expected = Self.x.reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(ck_sum_of_squares(Self.x.count, Self.x) - expected) < 1e-9 * expected)
    }

    /// Three steps of AdamW by the formulas of the paper, in double.
    @Test func adamW() {
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

@Suite struct RandomNumberTests {
    /// The generator's published test vectors: its first outputs for a counter and a key of zeros.
    @Test func philoxKnownAnswer() {
        var words = [UInt32](repeating: 0, count: 256)
        ck_random_group(0, 0, 0, 0, &words)
        #expect([words[0], words[64], words[128], words[192]] == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    }

    @Test func dropoutDependsOnPositionOnly() {
        let n = 5000
        func mask(_ ranges: [Range<Int>]) -> [Float] {
            ranges.flatMap { range in
                var x = [Float](repeating: 1, count: range.count)
                ck_dropout(1, range.count, 0, 0.3, 9, 4, 2, range.lowerBound, &x)
                return x
            }
        }
        let whole = mask([0..<n])
        #expect(whole == mask([0..<1, 1..<255, 255..<257, 257..<1000, 1000..<n]))
        // Rows with something between them.
        var rows = [Float](repeating: 1, count: 500 * 16)
        ck_dropout(500, 10, 16, 0.3, 9, 4, 2, 0, &rows)
        #expect(stride(from: 0, to: rows.count, by: 16).flatMap { rows[$0..<$0 + 10] } == whole)
        #expect(stride(from: 10, to: rows.count, by: 16).allSatisfy { rows[$0..<$0 + 6].allSatisfy { $0 == 1 } })
        let dropped = whole.count { $0 == 0 }
        // Five standard deviations of a binomial distribution.
        #expect(abs(Double(dropped) - 0.3 * Double(n)) < 5 * (0.21 * Double(n)).squareRoot())
        #expect(whole.allSatisfy { $0 == 0 || abs($0 - 1 / 0.7) < 1e-6 })
    }

    @Test func normalNumbers() {
        var random = RandomNumbers(seed: 3, site: 1)
        let values = (0..<20_000).map { _ in Double(random.nextNormal(standardDeviation: 0.02)) }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count) - mean * mean
        #expect(abs(mean) < 5 * 0.02 / Double(values.count).squareRoot())
        #expect(abs(variance.squareRoot() - 0.02) < 0.001)
    }
}

@Suite struct AdamWTests {
    /// A table whose rows are updated when they are needed ends where one does that is updated as a whole, to the last bit.
    @Test(arguments: [Float(0.1), 0], [0, 40]) func rowsCatchUpExactly(_ weightDecay: Float, _ stepsBefore: Int) {
        let (rows, row, rest) = (9, 5, 4)
        let count = rows * row + rest
        func groups(_ size: Int?) -> [ParameterGroup] {
            [
                ParameterGroup(range: 0..<rows * row, learningRate: 0.5, weightDecay: weightDecay, row: size),
                ParameterGroup(range: rows * row..<count, weightDecay: 0),
            ]
        }
        let values = (0..<count).map { sin(Float($0)) }
        let moments = stepsBefore == 0 ? [Float](repeating: 0, count: count) : values.map { abs($0) }
        let start = AdamW(step: stepsBefore, firstMoment: FloatBuffer(moments), secondMoment: FloatBuffer(moments))
        var (whole, lazy) = (start, start)
        var (parameters, lazyParameters) = (FloatBuffer(values), FloatBuffer(values))
        let workers = Workers(count: 2)
        // Row 0 is read at every step, row 8 never, and the others now and then.
        for step in 1...30 {
            let touched = (0..<rows - 1).filter { step % ($0 + 1) == 0 }
            let gradients = FloatBuffer(
                (0..<count).map { $0 >= rows * row || touched.contains($0 / row) ? cos(Float($0 * step)) : 0 })
            let rate = 0.01 / Float(step)
            let norm = whole.update(
                &parameters, gradients: gradients, groups: groups(nil), learningRate: rate, maximumNorm: 100,
                on: workers)
            lazy.catchUp(touched, of: &lazyParameters, groups: groups(row), on: workers)
            let lazyNorm = lazy.update(
                &lazyParameters, gradients: gradients, groups: groups(row), rows: touched, learningRate: rate,
                maximumNorm: 100, on: workers)
            #expect(abs(norm - lazyNorm) < 1e-5 * norm)
            if step == 20 { lazy.catchUp(of: &lazyParameters, groups: groups(row), on: workers) }
        }
        lazy.catchUp(of: &lazyParameters, groups: groups(row), on: workers)
        for (a, b) in [
            (parameters, lazyParameters), (whole.firstMoment, lazy.firstMoment),
            (whole.secondMoment, lazy.secondMoment),
        ] {
            #expect((0..<count).allSatisfy { a[$0] == b[$0] })
        }
    }
}

@Suite struct WorkersTests {
    /// Many short jobs, on more threads than there are processors, and with pauses in which the threads fall asleep.
    @Test(arguments: [1, 2, 7]) func everyPartIsDoneOnce(_ threads: Int) {
        let workers = Workers(count: threads)
        for round in 0..<2000 {
            let done = (0..<threads * 3).map { _ in Counter() }
            let n = round % done.count + 1
            if round % 2 == 0 {
                workers.split(n) { for index in $0 { done[index].value.add(1, ordering: .relaxed) } }
            } else {
                workers.share(n) { item, worker in done[item].value.add(worker < threads ? 1 : 2, ordering: .relaxed) }
            }
            #expect(done.prefix(n).allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
            #expect(done.dropFirst(n).allSatisfy { $0.value.load(ordering: .relaxed) == 0 })
            if round % 500 == 0 { usleep(2000) }
        }
    }

    /// An atomic number that an array can hold.
    private final class Counter: Sendable { let value = Atomic(0) }
}

@Suite struct MatrixTests {
    @Test func copiesAreValues() {
        var buffer = FloatBuffer([1, 2, 3, 4, 5, 6])
        let view = buffer[Block(offset: 2, rows: 2, columns: 2)]
        buffer[3] = 40
        #expect(view.values == [3, 4, 5, 6])
        #expect(buffer[Block(offset: 2, rows: 2, columns: 2)].row(0) == [3, 40])
    }

    /// More workers than rows, one row, and no rows.
    @Test(arguments: [0, 1, 3, 64, 65, 200]) func everyRowIsComputedOnce(_ rows: Int) {
        let x = Matrix((0..<rows * 2).map(Float.init), columns: 2)
        let weight = FloatBuffer([1, 2, 3, 4, 5, 6])[Block(offset: 0, rows: 3, columns: 2)]
        let bias = FloatBuffer([0.5, 0, -1])[Block(offset: 0, columns: 3)]
        for threads in [1, 2, 5] {
            var y = Matrix(columns: 3)
            linear(x, weight: weight, bias: bias, into: &y, on: Workers(count: threads))
            let expected = (0..<rows).flatMap { row -> [Float] in
                let (a, b) = (Float(2 * row), Float(2 * row + 1))
                return [a + 2 * b + 0.5, 3 * a + 4 * b, 5 * a + 6 * b - 1]
            }
            #expect(y.values == expected)
        }
    }

    @Test func crossEntropyOfConfidentLogits() {
        let logits = Matrix([40, -40, 0, 0], columns: 2)
        #expect(abs(CrossEntropy().loss(logits, targets: .one([0, 1])) - log(2) / 2) < 1e-12)
        #expect(abs(CrossEntropy().loss(logits, targets: .one([1, 1])) - (80 + log(2)) / 2) < 1e-9)
    }

    /// What PyTorch's `BCEWithLogitsLoss` says of the same numbers in double precision, plain and smoothed by 0.2.
    @Test(arguments: [
        (
            0.0, 7.325478010079718,
            [-0.01986715367035295, 0.030404253967726058, -0.07297058318570032, 1.0 / 6, 0, -0.15876235447040554]
        ),
        (
            0.2, 7.337978010079719,
            [
                -0.0032004870036862845, 0.01373758730105939, -0.05630391651903366, 0.15, -1.0 / 60,
                -0.14209568780373888,
            ]
        ),
    ])
    func crossEntropyOfSeveralLabels(_ smoothing: Double, loss: Double, gradient: [Double]) {
        let logits = Matrix([2, -1.5, 0.25, 40, -40, -3], columns: 3)
        let targets = Targets.several([[0, 2], [2]])
        let objective = CrossEntropy(labelSmoothing: smoothing)
        #expect(abs(objective.loss(logits, targets: targets) - loss) < 1e-12)
        let found = objective.gradient(logits, targets: targets).values
        #expect(zip(found, gradient).allSatisfy { abs(Double($0) - $1) < 1e-7 })
        // A batch in two parts.
        let parts = [0, 1].map { row in
            objective.loss(Matrix(logits.row(row), columns: 3), targets: targets.at([row]), total: 2)
        }
        #expect(abs(parts[0] + parts[1] - loss) < 1e-12)
    }
}

@Suite struct MappedMemoryTests {
    @Test func isTheFileUntilItIsWrittenTo() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        let bytes = [Float(1), 2, 3, 4].withUnsafeBytes { Data($0) }
        try bytes.write(to: file)
        var buffer = FloatBuffer(try MappedMemory(contentsOf: file.path), offset: 4, count: 3)
        #expect((0..<3).map { buffer[$0] } == [2, 3, 4])
        let copy = buffer
        buffer[1] = 9
        #expect((0..<3).map { buffer[$0] } == [2, 9, 4])
        #expect((0..<3).map { copy[$0] } == [2, 3, 4])
        var alone = FloatBuffer(try MappedMemory(contentsOf: file.path), offset: 0, count: 4)
        alone[0] = 7
        #expect(alone[0] == 7)
        #expect(try Data(contentsOf: file) == bytes)
    }

    @Test func temporaryMemoryIsZero() throws {
        var buffer = FloatBuffer(try MappedMemory(temporaryBytes: 40_000), offset: 0, count: 10_000)
        #expect((0..<10_000).allSatisfy { buffer[$0] == 0 })
        buffer[9_999] = 1
        #expect(buffer[9_999] == 1)
    }

    @Test func saysWhatCannotBeMapped() {
        #expect(throws: POSIXError(.ENOENT)) { try MappedMemory(contentsOf: "/nowhere") }
        #expect(throws: POSIXError.self) { try MappedMemory(contentsOf: "/") }
        #expect(throws: POSIXError.self) { try MappedMemory(temporaryBytes: 1 << 60) }
    }
}
