import Foundation
import Kernels
import Testing

/// Attention of sequences that are longer than a block, against the formulas in double precision.
@Suite struct AttentionTests {
    static let size = 4
    static let heads = 2
    static let hidden = 8

    /// One sequence: queries, keys, values and the gradient of the result, by row and column.
    struct Sequence {
        var (q, k, v, dc): ([[Double]], [[Double]], [[Double]], [[Double]])

        init(length: Int, seed: UInt64) {
            var random = RandomNumbers(seed: seed, stream: .initialization)
            func rows() -> [[Double]] {
                (0..<length).map { _ in (0..<hidden).map { _ in Double(random.nextNormal(standardDeviation: 1)) } }
            }
            (q, k, v, dc) = (rows(), rows(), rows(), rows())
        }

        /// The result, and the gradients of queries, keys and values. Only the first `queries` rows have queries.
        func attend(queries: Int, reach: Int?, factor: (Int, Int, Int) -> Double) -> [[[Double]]] {
            let length = k.count
            let zeros = [[Double]](repeating: [Double](repeating: 0, count: hidden), count: length)
            var (c, dq, dk, dv) = (zeros, zeros, zeros, zeros)
            for head in 0..<heads {
                let columns = head * size..<(head + 1) * size
                func dot(_ x: [Double], _ y: [Double]) -> Double { columns.reduce(0) { $0 + x[$1] * y[$1] } }
                for i in 0..<queries {
                    let seen = (0..<length).filter { abs($0 - i) <= reach ?? length }
                    let scores = seen.map { exp(dot(q[i], k[$0]) / Double(size).squareRoot()) }
                    let sum = scores.reduce(0, +)
                    let p = scores.map { $0 / sum }
                    let factors = seen.map { factor(head, i, $0) }
                    let dp = zip(seen, factors).map { dot(dc[i], v[$0]) * $1 }
                    let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
                    for (place, j) in seen.enumerated() {
                        let ds = p[place] * (dp[place] - mean) / Double(size).squareRoot()
                        for column in columns {
                            c[i][column] += p[place] * factors[place] * v[j][column]
                            dv[j][column] += p[place] * factors[place] * dc[i][column]
                            dq[i][column] += ds * k[j][column]
                            dk[j][column] += ds * q[i][column]
                        }
                    }
                }
            }
            return [Array(c[..<queries]), Array(dq[..<queries]), dk, dv]
        }
    }

    /// The first is longer than the block of a layer that sees all, or one that sees neighbours; the second is short.
    @Test(arguments: [
        (600, nil, false), (150, 10, false), (150, 0, false), (70, 200, false), (150, 10, true), (600, nil, true),
    ])
    func longSequencesAgreeWithTheFormulas(_ length: Int, _ reach: Int?, _ firstOnly: Bool) {
        let sequences = [Sequence(length: length, seed: 1), Sequence(length: 5, seed: 2)]
        let offsets = [0, length, length + 5]
        let dropout = Dropout(rate: 0.25, seed: 3, stream: .dropout(4), step: 5)
        let counts = [length, 5].map { Self.heads * $0 * $0 }
        var ones = Matrix([Float](repeating: 1, count: counts[0] + counts[1]), columns: 1)
        applyDropout(dropout, to: &ones, on: Workers(count: 1))
        let factors = ones.values

        func matrix(_ rows: [[Double]]) -> Matrix { Matrix(rows: rows.map { $0.map { Float($0) } }) }
        var inputs = Projections()
        inputs.queries = matrix(sequences.flatMap { firstOnly ? [$0.q[0]] : $0.q })
        inputs.keysAndValues = matrix(sequences.flatMap { zip($0.k, $0.v).map { $0 + $1 } })
        let dContext = matrix(sequences.flatMap { firstOnly ? [$0.dc[0]] : $0.dc })
        let shape = AttentionShape(offsets: offsets, heads: Self.heads, reach: reach, dropout: dropout)
        let workers = Workers(count: 2)
        var (scratch, context, gradients) = (Matrix(), Matrix(), Projections())
        // What was there before must not be seen.
        gradients.keysAndValues = Matrix([Float](repeating: 9, count: (length + 5) * 16), columns: 16)
        scaledDotProductAttention(inputs, shape, scratch: &scratch, into: &context, on: workers)
        scaledDotProductAttentionBackward(
            dContext, inputs, shape, scratch: &scratch, into: &gradients, on: workers)

        var expected = [[[Double]]](repeating: [], count: 4)
        for (index, sequence) in sequences.enumerated() {
            let (count, first) = (sequence.k.count, index == 0 ? 0 : counts[0])
            let rows = sequence.attend(queries: firstOnly ? 1 : count, reach: reach) { head, i, j in
                Double(factors[first + (head * count + i) * count + j])
            }
            for part in 0..<4 { expected[part] += rows[part] }
        }
        let keysAndValues = zip(expected[2], expected[3]).map { $0 + $1 }
        for (found, expected) in [
            (context, expected[0]), (gradients.queries, expected[1]), (gradients.keysAndValues, keysAndValues),
        ] {
            let difference = zip(found.values, expected.joined()).map { abs(Double($0) - $1) }.max()!
            #expect(difference < 1e-5)
        }
    }

    /// It grows with the length where a layer sees all tokens, and not at all where it sees the neighbours.
    @Test func memoryDoesNotGrowWithTheSquareOfTheLength() {
        func scratchSize(length: Int, reach: Int?) -> Int {
            var inputs = Projections()
            inputs.queries = Matrix(rows: length, columns: 8)
            inputs.keysAndValues = Matrix(rows: length, columns: 16)
            var (scratch, context) = (Matrix(), Matrix())
            scaledDotProductAttention(
                inputs, AttentionShape(offsets: [0, length], heads: 2, reach: reach, dropout: nil), scratch: &scratch,
                into: &context, on: Workers(count: 1))
            return scratch.count
        }
        #expect(scratchSize(length: 4096, reach: nil) < 2 * scratchSize(length: 2048, reach: nil) + 1000)
        #expect(scratchSize(length: 4096, reach: 64) == scratchSize(length: 1024, reach: 64))
    }
}
