/// A range of values, both ends included.
package struct Interval: Sendable, Equatable, Encodable {
    package let low: Double
    package let high: Double

    package init(low: Double, high: Double) { (self.low, self.high) = (low, high) }

    /// Whether all its values are nearer to 0 than `margin`. Of the 90 % interval of a difference that is the two one-sided tests
    /// at 5 % of equivalence within the margin (Schuirmann 1987).
    package func isWithin(_ margin: Double) -> Bool { low > -margin && high < margin }

    package func contains(_ value: Double) -> Bool { low <= value && value <= high }

    /// As `[low, high]`.
    package func encode(to encoder: any Encoder) throws { try [low, high].encode(to: encoder) }
}
