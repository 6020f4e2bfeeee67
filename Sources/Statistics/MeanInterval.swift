/// The mean of some values that differ by chance, as of runs with several seeds, and how far it can be trusted.
package struct MeanInterval: Sendable {
    package let count: Int
    package let mean: Double
    /// The sample's: *s*² = Σ (*x* − mean)² / (*n* − 1); nil for a single value.
    package let standardDeviation: Double?
    /// The 95 % interval of the mean, mean ± *t* *s* / √*n*, *t* the 0.975 quantile of Student's distribution with *n* − 1 degrees
    /// of freedom (Student 1908), cut off where no value can be; nil for a single value. It supposes that the values are distributed
    /// about normally.
    package let interval: Interval?

    /// - Parameters:
    ///   - values: not empty
    ///   - limits: what the values can be
    package init(_ values: [Double], limits: ClosedRange<Double> = -Double.infinity...Double.infinity) {
        precondition(!values.isEmpty, "a mean needs values")
        count = values.count
        let n = Double(values.count)
        // Of equal values the sum's rounding would make a mean that differs from them.
        let first = values[0]
        let mean = first + values.reduce(0) { $0 + ($1 - first) } / n
        self.mean = mean
        guard count > 1 else {
            (standardDeviation, interval) = (nil, nil)
            return
        }
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)).squareRoot()
        let reach = StudentT(degreesOfFreedom: n - 1).quantile(0.975) * deviation / n.squareRoot()
        standardDeviation = deviation
        interval = Interval(low: max(mean - reach, limits.lowerBound), high: min(mean + reach, limits.upperBound))
    }
}
