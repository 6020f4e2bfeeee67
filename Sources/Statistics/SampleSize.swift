/// How many texts a paired test of two models needs, so that it decides with a power of 80 %, were the models on all texts as on
/// those that have been seen.
package enum SampleSize {
    private static let power = 0.8

    /// For a difference of accuracy that is significant at `level` (two-sided, McNemar's test):
    /// *n* = (*z*(1 − level / 2) √ψ + *z*(0.8) √(ψ − δ²))² / δ² (Connor, *Sample Size for Testing Differences in Proportions for the
    /// Paired-Sample Design*, 1987).
    ///
    /// - Parameters:
    ///   - discordant: ψ, the share of texts that only one of the two got right
    ///   - difference: δ, of the accuracy; at most ψ
    /// - Returns: nil if there is no difference
    package static func difference(_ difference: Double, discordant: Double, level: Double) -> Double? {
        guard difference != 0 else { return nil }
        let square = difference * difference
        let root =
            Normal.quantile(1 - level / 2) * discordant.squareRoot()
            + Normal.quantile(power) * max(0, discordant - square).squareRoot()
        return (root * root / square).rounded(.up)
    }

    /// For equivalence within a margin, by two one-sided tests at 5 % (Schuirmann 1987): the least *n* where
    /// Φ((margin − |δ|) / σ − *z*(0.95)) + Φ((margin + |δ|) / σ − *z*(0.95)) − 1 ≥ 0.8 with σ² = (ψ − δ²) / *n*; with δ = 0 that is
    /// *n* = (*z*(0.95) + *z*(0.9))² ψ / margin² (Chow, Shao & Wang, *Sample Size Calculations in Clinical Research*, section 4.2).
    /// At least so many that ``tangoInterval(onlyA:onlyB:of:)`` lies within the margin where nothing tells the two apart:
    /// *n* > *z*(0.95)² (1 / margin − 1).
    ///
    /// - Returns: nil if the difference is as large as the margin
    package static func equivalence(within margin: Double, difference: Double, discordant: Double) -> Double? {
        let (near, far) = (margin - abs(difference), margin + abs(difference))
        guard near > 0 else { return nil }
        let deviation = max(0, discordant - difference * difference).squareRoot()
        let critical = Normal.quantile(0.95)
        let least = (critical * critical * (1 / margin - 1)).rounded(.down) + 1
        if deviation == 0 { return least }
        let n = bisectUpwards(inWholeNumbers: true) { n in
            let root = n.squareRoot() / deviation
            return Normal.cumulative(near * root - critical) + Normal.cumulative(far * root - critical) - 1 < power
        }
        return max(n, least)
    }
}
