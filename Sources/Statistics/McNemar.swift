import Foundation

/// McNemar's exact test of two models on the same texts (McNemar 1947): how probable it is that the texts which only one of them
/// got right divide so unevenly, or more so, if each is as often right as the other. Two-sided: min(1, 2 · P(*X* ≤ min(*b*, *c*))),
/// *X* binomial with *n* = *b* + *c* and ½; 1 where *n* = 0.
///
/// - Parameters:
///   - onlyA: *b*, how many texts only the first got right
///   - onlyB: *c*, how many only the second
/// - Complexity: O(√*n*)
package func mcNemarTest(onlyA: Int, onlyB: Int) -> Double {
    precondition(onlyA >= 0 && onlyB >= 0, "numbers of texts")
    let (n, most) = (Double(onlyA) + Double(onlyB), Double(min(onlyA, onlyB)))
    if n == 0 { return 1 }
    // From the largest term down, each in units of the largest, until they add nothing.
    var (sum, term, k) = (1.0, 1.0, most)
    while k > 0, term > 1e-18 * sum {
        term *= k / (n - k + 1)
        k -= 1
        sum += term
    }
    return min(1, 2 * sum * exp(logProbability(most, of: n)))
}

/// The logarithm of C(*n*, *k*) / 2ⁿ for *k* ≤ *n* / 2, as Loader, *Fast and Accurate Computation of Binomial Probabilities*,
/// 2000, has it: the differences of logarithms of large factorials would lose their digits.
private func logProbability(_ k: Double, of n: Double) -> Double {
    if k == 0 { return -n * log(2) }
    let excess = (n - 2 * k) / n
    let deviance = k * log1p(-excess) + (n - k) * log1p(excess)
    return stirlingError(n) - stirlingError(k) - stirlingError(n - k) - deviance
        + 0.5 * log(n / (2 * Double.pi * k * (n - k)))
}

/// ln *n*! − ln(√(2π*n*) (*n* / e)ⁿ)
private func stirlingError(_ n: Double) -> Double {
    if n < 30 { return logGamma(n + 1) - (n + 0.5) * log(n) + n - 0.5 * log(2 * Double.pi) }
    let square = n * n
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - 1 / (1680 * square)) / square) / square) / n
}

/// ln Γ(*x*) for *x* > 0.
func logGamma(_ x: Double) -> Double { lgamma(x).0 }
