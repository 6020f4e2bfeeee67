import Foundation

/// The normal distribution with mean 0 and standard deviation 1.
package enum Normal {
    /// P(*Z* ≤ *z*)
    static func cumulative(_ z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }

    /// The *z* with P(*Z* ≤ *z*) = `probability`, in 0 … 1 without the ends.
    package static func quantile(_ probability: Double) -> Double {
        symmetricQuantile(probability) { cumulative(-$0) }
    }
}

/// Student's *t* distribution (Student 1908).
package struct StudentT: Sendable {
    /// Positive; need not be whole.
    package let degreesOfFreedom: Double

    package init(degreesOfFreedom: Double) {
        precondition(degreesOfFreedom > 0, "degrees of freedom are positive")
        self.degreesOfFreedom = degreesOfFreedom
    }

    /// P(|*T*| ≥ |*t*|) = I(ν / (ν + *t*²); ν / 2, ½) with ν degrees of freedom (DLMF 8.17; Abramowitz & Stegun 26.7.1).
    package func twoSided(_ t: Double) -> Double {
        let ratio = t * t / degreesOfFreedom
        if ratio.isInfinite { return 0 }
        return incompleteBeta(1 / (1 + ratio), complement: ratio / (1 + ratio), degreesOfFreedom / 2, 0.5)
    }

    /// The *t* with P(*T* ≤ *t*) = `probability`, in 0 … 1 without the ends.
    package func quantile(_ probability: Double) -> Double { symmetricQuantile(probability) { twoSided($0) / 2 } }
}

/// The quantile of a distribution that is symmetric about 0, by bisection.
///
/// - Parameter tail: the probability of more than a number that is not negative
private func symmetricQuantile(_ probability: Double, tail: (Double) -> Double) -> Double {
    precondition(probability > 0 && probability < 1, "a probability between 0 and 1")
    let wanted = min(probability, 1 - probability)
    if wanted == 0.5 { return 0 }
    let quantile = bisectUpwards { tail($0) > wanted }
    return probability < 0.5 ? -quantile : quantile
}

/// The regularised incomplete beta function I(x; a, b), by its continued fraction (DLMF 8.17.22), which the modified method of
/// Lentz evaluates (Thompson & Barnett 1986).
///
/// - Parameter complement: 1 − x, which need not have lost its digits
private func incompleteBeta(_ x: Double, complement: Double, _ a: Double, _ b: Double) -> Double {
    if x <= 0 { return 0 }
    if complement <= 0 { return 1 }
    // The fraction converges fast up to about the mean.
    if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(complement, complement: x, b, a) }
    let logX = x < 0.5 ? log(x) : log1p(-complement)
    let logComplement = complement < 0.5 ? log(complement) : log1p(-x)
    let scale = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * logX + b * logComplement) / a
    var (fraction, c, d) = (1.0, 1.0, 0.0)
    for step in 1...100_000 {
        let m = Double(step / 2)
        let coefficient =
            step % 2 == 0
            ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + coefficient * d)
        c = 1 + coefficient / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-15 { break }
    }
    return scale / fraction
}
