import Foundation
import Kernels

// Each kernel at the shapes of MiniLM-L6 and a batch of 32 sentences, against its floor: the time that the operations would take
// at the speed of OpenBLAS's large products, or the bytes at the speed of memory, both measured in the same run.
//
//     swift run -c release KernelBenchmarks [THREADS]
//
// With `products`, OpenBLAS against the tiles at the shapes of several models:
//
//     swift run -c release KernelBenchmarks products [THREADS]

/// What a kernel cannot be faster than.
enum Floor {
    /// Floating-point operations.
    case operations(Double)
    /// Bytes that are read or written, each once.
    case bytes(Double)
}

let arguments = CommandLine.arguments.dropFirst()
let workers = Workers(count: arguments.last.flatMap { Int($0) })
if arguments.first == "products" {
    printProductsTable(threads: workers.count)
    exit(0)
}

let (rows, hidden, inner, heads, length) = (736, 384, 1536, 12, 23)
let offsets = Array(stride(from: 0, through: rows, by: length))
let peak = matrixProductPeak(on: workers)
let bandwidth = memoryBandwidth()

/// The median of many runs, in seconds.
func seconds(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    var times: [Double] = []
    body()
    while times.reduce(0, +) < 0.3 || times.count < 5 { times.append(clock.measure(body) / .seconds(1)) }
    return times.sorted()[times.count / 2]
}

/// Bytes per second of y += x over matrices that no cache holds.
func memoryBandwidth() -> Double {
    let x = Matrix(rows: 65_536, columns: 512)
    var y = Matrix(rows: 65_536, columns: 512)
    return 12 * Double(x.count) / seconds { addRows(x, to: &y, rows: nil, on: workers) }
}

func matrix(_ rows: Int, _ columns: Int) -> Matrix {
    var random = RandomNumbers(seed: 1, stream: RandomStream(number: UInt32(rows)), step: UInt64(columns))
    return Matrix((0..<rows * columns).map { _ in random.nextNormal(standardDeviation: 1) }, columns: columns)
}

func report(_ name: String, _ floor: Floor, _ body: () -> Void) {
    let time = seconds(body)
    let (least, unit) =
        switch floor {
        case .operations(let count): (count / peak, String(format: "%6.0f GFLOP/s", count / time / 1e9))
        case .bytes(let count): (count / bandwidth, String(format: "%6.1f GB/s   ", count / time / 1e9))
        }
    let name = name.padding(toLength: 44, withPad: " ", startingAt: 0)
    print(name, String(format: "%8.1f µs  %@  %5.2f × the floor", time * 1e6, unit, time / least))
}

print(
    String(
        format: "%d threads; matrix products of OpenBLAS %.0f GFLOP/s; memory %.1f GB/s\n", workers.count, peak / 1e9,
        bandwidth / 1e9))

for rows in [1, 23, rows] {
    for (inputs, outputs) in [(hidden, hidden), (hidden, 2 * hidden), (hidden, inner), (inner, hidden)] {
        let (x, weight, bias) = (matrix(rows, inputs), matrix(outputs, inputs), matrix(1, outputs))
        var y = Matrix(columns: outputs)
        let operations = 2 * Double(rows * inputs * outputs)
        let floor = max(operations / peak, 4 * Double(inputs * outputs) / bandwidth)
        report("linear, \(rows) rows, \(inputs) → \(outputs)", .operations(rows == 1 ? floor * peak : operations)) {
            linear(x, weight: weight, bias: bias, into: &y, on: workers)
        }
    }
}
for (inputs, outputs) in [(hidden, hidden), (hidden, 2 * hidden), (hidden, inner), (inner, hidden)] {
    let (x, dy, weight) = (matrix(rows, inputs), matrix(rows, outputs), matrix(outputs, inputs))
    var dx = Matrix(columns: inputs)
    var gradients = FloatBuffer(count: outputs * inputs + outputs)
    let operations = 2 * Double(rows * inputs * outputs)
    report("its gradient, of the input, \(inputs) → \(outputs)", .operations(operations)) {
        linearBackward(dy, weight: weight, into: &dx, on: workers)
    }
    report("its gradient, of the weights, \(inputs) → \(outputs)", .operations(operations)) {
        linearBackward(
            dy, x, weight: Block(offset: 0, rows: outputs, columns: inputs),
            bias: Block(offset: outputs * inputs, columns: outputs), into: &gradients, adding: false, on: workers)
    }
}
// In 16 bits, by the processor's instruction where it has one.
for (inputs, outputs) in [(hidden, hidden), (hidden, inner)] {
    let (x, dy, weight, bias) = (
        matrix(rows, inputs), matrix(rows, outputs), matrix(outputs, inputs), matrix(1, outputs)
    )
    var half = BFloat16Matrix(outputs: outputs, inputs: inputs, hasGradients: true)
    var (y, dx, scratch) = (Matrix(columns: outputs), Matrix(columns: inputs), Matrix())
    var gradients = FloatBuffer(count: outputs * inputs + outputs)
    let operations = 2 * Double(rows * inputs * outputs)
    report("weights to 16 bits, \(inputs) → \(outputs)", .bytes(8 * Double(weight.count))) {
        half.replace(with: weight, on: workers)
    }
    report("linear in 16 bits, \(rows) rows", .operations(operations)) {
        linear(x, weight: half, bias: bias, into: &y, on: workers)
    }
    report("its gradient, of the input", .operations(operations)) {
        linearBackward(dy, weight: half, into: &dx, on: workers)
    }
    report("its gradient, of the weights", .operations(operations)) {
        bfloat16LinearBackward(
            dy, x,
            at: (
                Block(offset: 0, rows: outputs, columns: inputs), Block(offset: outputs * inputs, columns: outputs)
            ), into: &gradients, adding: false, scratch: &scratch, on: workers)
    }
}
var projections = Projections()
(projections.queries, projections.keysAndValues) = (matrix(rows, hidden), matrix(rows, 2 * hidden))
var (context, scratch, gradientOfProjections) = (Matrix(), Matrix(), Projections())
let dropout = Dropout(rate: 0.1, seed: 1, stream: .dropout(1), step: 1)
let shape = AttentionShape(offsets: offsets, heads: heads, dropout: nil)
let dropping = AttentionShape(offsets: offsets, heads: heads, dropout: dropout)
let attention = 4 * Double(rows * length * hidden)
report("attention, \(offsets.count - 1) × \(length) tokens", .operations(attention)) {
    scaledDotProductAttention(projections, shape, scratch: &scratch, into: &context, on: workers)
}
report("attention with dropout", .operations(attention)) {
    scaledDotProductAttention(projections, dropping, scratch: &scratch, into: &context, on: workers)
}
report("its gradient", .operations(2 * attention)) {
    scaledDotProductAttentionBackward(
        projections.queries, projections, dropping, scratch: &scratch, into: &gradientOfProjections, on: workers)
}

let (wide, narrow) = (matrix(rows, inner), matrix(rows, hidden))
let (wideBytes, narrowBytes) = (4 * Double(wide.count), 4 * Double(narrow.count))
var (wideResult, wideGradient, result) = (Matrix(columns: inner), wide, narrow)
report("GELU, \(rows) × \(inner)", .bytes(2 * wideBytes)) {
    activate(.gelu, wide, into: &wideResult, on: workers)
}
report("its gradient", .bytes(4 * wideBytes)) {
    activateBackward(.gelu, wide, &wideGradient, into: &wideResult, on: workers)
}
report("dropout + residual, \(rows) × \(hidden)", .bytes(3 * narrowBytes)) {
    addResidual(narrow, to: &result, dropout: dropout, rows: nil, on: workers)
}
var statistics = Matrix(columns: 2)
let (gain, bias) = (matrix(1, hidden), matrix(1, hidden))
report("LayerNorm", .bytes(2 * narrowBytes)) {
    layerNorm(narrow, gain: gain, bias: bias, epsilon: 1e-12, into: &result, statistics: &statistics, on: workers)
}
report("its gradient", .bytes(3 * narrowBytes)) {
    layerNormBackward(&result, narrow, statistics: statistics, gain: gain, on: workers)
}

let count = 10_700_000
var (parameters, optimizer) = (FloatBuffer(count: count), AdamW(count: count))
let gradients = FloatBuffer(count: count)
let group = ParameterGroup(range: 0..<count, weightDecay: 0.01)
report("AdamW, \(count.formatted()) parameters", .bytes(4 * 8 * Double(count))) {
    _ = optimizer.update(
        &parameters, gradients: gradients, groups: [group], learningRate: 1e-4, maximumNorm: 1, on: workers)
}
