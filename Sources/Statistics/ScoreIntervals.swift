/// The 95 % interval of a share (Wilson, *Probable Inference, the Law of Succession, and Statistical Inference*, 1927).
///
/// - Parameters:
///   - hits: at most `count`
///   - count: positive
package func wilsonInterval(_ hits: Int, of count: Int) -> Interval {
    precondition(count > 0 && (0...count).contains(hits), "a share of something")
    let (n, p, z) = (Double(count), Double(hits) / Double(count), Normal.quantile(0.975))
    let middle = p + z * z / (2 * n)
    let half = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return Interval(low: max(0, (middle - half) / (1 + z * z / n)), high: min(1, (middle + half) / (1 + z * z / n)))
}

/// The 90 % interval of the difference of two models' accuracy on the same texts, B minus A, for tests of equivalence: all Δ with
/// |Z(Δ)| ≤ *z*(0.95), Z(Δ) = (*c* − *b* − *n*Δ) / √(*n*(2*p̂* + Δ(1 − Δ))), *p̂* the most likely share of texts that only A gets
/// right if the difference is Δ (Tango, *Equivalence Test and Confidence Interval for the Difference in Proportions for the
/// Paired-Sample Design*, 1998). Unlike percentiles of a bootstrap it has a width where few texts tell the two apart, or none does.
///
/// - Parameters:
///   - onlyA: *b*, how many texts only A got right
///   - onlyB: *c*, how many only B
///   - texts: *n*, the number of all; positive
package func tangoInterval(onlyA: Int, onlyB: Int, of texts: Int) -> Interval {
    precondition(onlyA >= 0 && onlyB >= 0 && texts > 0 && onlyA + onlyB <= texts, "numbers of texts")
    let (b, c, n) = (Double(onlyA), Double(onlyB), Double(texts))
    return Interval(low: -tangoLimit(c, b, n), high: tangoLimit(b, c, n))
}

/// The upper limit, by bisection between the observed difference and 1.
private func tangoLimit(_ b: Double, _ c: Double, _ n: Double) -> Double {
    let z = Normal.quantile(0.95)
    return bisect(from: (c - b) / n, to: 1) { delta in
        // 2n p² + linear p + constant = 0, the larger root.
        let linear = (2 * n - c + b) * delta - b - c
        let constant = -b * delta * (1 - delta)
        let root = max(0, linear * linear - 8 * n * constant).squareRoot()
        // Of the two forms of the root, the one in which nothing cancels out.
        let p = linear > 0 ? -2 * constant / (linear + root) : (root - linear) / (4 * n)
        let (distance, variance) = (n * delta - (c - b), n * (2 * p + delta * (1 - delta)))
        return distance * distance <= z * z * variance
    }
}
