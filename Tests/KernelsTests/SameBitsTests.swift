import CKernels
import Testing

/// The vector loops against plain Swift loops in the same precision, which say what is rounded, and in which order sums are made: bit by bit, so
/// that a processor with other vectors or instructions gives the same numbers.
@Suite struct SameBitsTests {
    static func numbers(_ count: Int, _ factor: Float) -> [Float] {
        (0..<count).map { Float($0 * 7919 % 1009 - 500) * factor }
    }

    /// Sixteen sums side by side; then the upper half is added to the lower one, until one is left.
    static func sum(_ terms: [Float]) -> Float {
        var sums = [Float](repeating: 0, count: 16)
        for (index, term) in terms.enumerated() { sums[index % 16] += term }
        while sums.count > 1 {
            let (lower, upper) = (sums.prefix(sums.count / 2), sums.suffix(sums.count / 2))
            sums = zip(lower, upper).map { $0 + $1 }
        }
        return sums[0]
    }

    /// eˣ for −87 ≤ x ≤ 88.
    static func exponential(_ x: Float) -> Float {
        let n = (x * 1.442_695_04).rounded(.toNearestOrEven)
        let r = (x - n * 0.693_145_752) - n * 1.428_606_77e-6
        let coefficients: [Float] = [0.008_367_509_58, 0.041_667_237_9, 0.166_665_345, 0.5, 1, 1]
        return coefficients.reduce(0.001_386_375_63) { $0 * r + $1 }
            * Float(sign: .plus, exponent: Int(n), significand: 1)
    }

    @Test(arguments: [1, 15, 16, 47, 384]) func softmaxIsTheSame(_ n: Int) {
        let x = Self.numbers(n, 0.1)
        var (p, dp) = (x, Self.numbers(n, 0.01))
        ck_softmax(n, 0.25, &p)
        let exponentials = x.map { Self.exponential(0.25 * ($0 - x.max()!)) }
        let factor = 1 / Self.sum(exponentials)
        #expect(p == exponentials.map { $0 * factor })

        let dot = Self.sum(zip(p, dp).map { $0 * $1 })
        let expected = zip(p, dp).map { 0.25 * $0 * ($1 - dot) }
        ck_softmax_backward(n, 0.25, p, &dp)
        #expect(dp == expected)
    }

    @Test(arguments: [1, 15, 16, 47, 384]) func layerNormIsTheSame(_ n: Int) {
        let (x, gain, bias) = (Self.numbers(n, 0.1), Self.numbers(n, 0.003), Self.numbers(n, 0.02))
        var (y, statistics) = (x, [Float](repeating: 0, count: 2))
        ck_layer_norm(n, 1e-5, x, gain, bias, &y, &statistics)
        let mean = Self.sum(x) / Float(n)
        let variance = Self.sum(x.map { ($0 - mean) * ($0 - mean) }) / Float(n)
        let scale = 1 / (variance + 1e-5).squareRoot()
        #expect(y == (0..<n).map { (x[$0] - mean) * scale * gain[$0] + bias[$0] })
    }

    /// In vectors of every width, and in two parts of the sums.
    @Test func productsAreAddedFromTheFirstToTheLastAndRoundedOnce() {
        let (m, n, k) = (7, 93, 1030)
        let (a, b) = (Self.numbers(m * k, 0.01), Self.numbers(k * n, 0.003))
        var c = [Float](repeating: 0, count: m * n)
        a.withUnsafeBufferPointer {
            ck_gemm(m, n, k, ck_matrix(pointer: $0.baseAddress, row: k, column: 1), b, n, CK_NOTHING, nil, &c, n)
        }
        let expected = (0..<m * n).map { index in
            (0..<k).reduce(Float(0)) { $0.addingProduct(a[index / n * k + $1], b[$1 * n + index % n]) }
        }
        #expect(c == expected)
    }
}
