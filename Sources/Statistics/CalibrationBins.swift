/// How often answers of like confidence are right: 15 bins of equal width, from 0 to 1.
///
/// Guo et al., *On Calibration of Modern Neural Networks*, 2017, section 2.
package struct CalibrationBins: Sendable, Equatable, Encodable {
    /// The answers whose confidence lies in `(lower, upper]`; 0 lies in the first bin.
    package struct Bin: Sendable, Equatable, Encodable {
        package let lower: Double
        package let upper: Double
        package let count: Int
        /// How many of the answers are right.
        package let right: Int
        /// The mean; nil without answers.
        package let confidence: Double?
        /// The share of answers that are right; nil without answers.
        package let accuracy: Double?

        private enum CodingKeys: CodingKey { case lower, upper, count, confidence, accuracy }
    }

    /// All bins in the order of their limits, empty ones too.
    package let bins: [Bin]

    /// The number of bins.
    package static let count = 15

    /// Sorts answers into bins.
    ///
    /// - Parameter answers: how confident each is, in 0 … 1, and whether it is right
    package init(_ answers: some Sequence<(confidence: Double, isRight: Bool)>) {
        var sums = [(count: Int, confidence: Double, right: Int)](repeating: (0, 0, 0), count: Self.count)
        for (confidence, isRight) in answers {
            // No Float32 but 0 and 1 is a multiple of 1 / 15: the product is never rounded over a limit.
            let bin = min(max(Int((confidence * Double(Self.count)).rounded(.up)) - 1, 0), Self.count - 1)
            sums[bin].count += 1
            sums[bin].confidence += confidence
            if isRight { sums[bin].right += 1 }
        }
        bins = sums.enumerated().map { bin, sum in
            func mean(_ total: Double) -> Double? { sum.count == 0 ? nil : total / Double(sum.count) }
            return Bin(
                lower: Double(bin) / Double(Self.count), upper: Double(bin + 1) / Double(Self.count), count: sum.count,
                right: sum.right, confidence: mean(sum.confidence), accuracy: mean(Double(sum.right)))
        }
    }

    /// The expected calibration error: the mean of |accuracy − confidence| over the bins, weighted by their counts; 0 without
    /// answers.
    package var expectedError: Double {
        let count = bins.reduce(0) { $0 + $1.count }
        let sum = bins.reduce(0) { $0 + Double($1.count) * abs(($1.accuracy ?? 0) - ($1.confidence ?? 0)) }
        return count == 0 ? 0 : sum / Double(count)
    }

    /// As a list of bins.
    package func encode(to encoder: any Encoder) throws { try bins.encode(to: encoder) }
}
