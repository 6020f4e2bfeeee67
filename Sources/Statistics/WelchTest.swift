/// Welch's *t* test of two independent samples whose variances may differ, as of runs with other seeds and other parameters
/// (Welch, *The Generalization of ‘Student's’ Problem When Several Different Population Variances Are Involved*, 1947).
package struct WelchTest: Sendable {
    /// The mean of B minus that of A.
    package let difference: Double
    /// Its 95 % interval, and the two-sided *p* of no difference. With ν degrees of freedom (Welch 1947, Satterthwaite 1946),
    /// *v* = *s*² / *n*: ν = (*v*ᴬ + *v*ᴮ)² / (*v*ᴬ² / (*n*ᴬ − 1) + *v*ᴮ² / (*n*ᴮ − 1)), *t* = difference / √(*v*ᴬ + *v*ᴮ).
    /// Nil if a sample has one value only, or if neither varies.
    package let interval: Interval?
    package let p: Double?

    package init(_ a: MeanInterval, _ b: MeanInterval) {
        difference = b.mean - a.mean
        func variance(_ sample: MeanInterval) -> Double? {
            sample.standardDeviation.map { $0 * $0 / Double(sample.count) }
        }
        guard let varianceA = variance(a), let varianceB = variance(b), varianceA + varianceB > 0,
            (varianceA + varianceB).isFinite
        else {
            (interval, p) = (nil, nil)
            return
        }
        // By shares of the variance, whose squares do not underflow.
        let (shareA, shareB) = (varianceA / (varianceA + varianceB), varianceB / (varianceA + varianceB))
        let distribution = StudentT(
            degreesOfFreedom: 1 / (shareA * shareA / Double(a.count - 1) + shareB * shareB / Double(b.count - 1)))
        let error = (varianceA + varianceB).squareRoot()
        let reach = distribution.quantile(0.975) * error
        interval = Interval(low: difference - reach, high: difference + reach)
        p = distribution.twoSided(difference / error)
    }
}
