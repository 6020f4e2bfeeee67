import CKernels
import Foundation
import Kernels
import Testing

@Suite struct RandomNumberTests {
    /// The generator's published test vectors: its first outputs for a counter and a key of zeros.
    @Test func philoxGivesItsPublishedWords() {
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

    @Test func normalNumbersHaveTheirMeanAndDeviation() {
        var random = RandomNumbers(seed: 3, stream: RandomStream(number: 1))
        let values = (0..<20_000).map { _ in Double(random.nextNormal(standardDeviation: 0.02)) }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count) - mean * mean
        #expect(abs(mean) < 5 * 0.02 / Double(values.count).squareRoot())
        #expect(abs(variance.squareRoot() - 0.02) < 0.001)
    }
}
