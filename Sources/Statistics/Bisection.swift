/// The least number from `low` to `high` that is not too low, by bisection, until no other lies between.
///
/// - Parameters:
///   - high: not too low
///   - inWholeNumbers: whether only these are tried; `low` and `high` are whole then
func bisect(
    from low: Double, to high: Double, inWholeNumbers: Bool = false, isTooLow: (Double) -> Bool
) -> Double {
    var (low, high) = (low, high)
    while true {
        let middle = inWholeNumbers ? ((low + high) / 2).rounded(.down) : low + (high - low) / 2
        if middle <= low || middle >= high { return high }
        if isTooLow(middle) { low = middle } else { high = middle }
    }
}

/// The least number that is not too low, from 0 up, where no upper end is known.
func bisectUpwards(inWholeNumbers: Bool = false, isTooLow: (Double) -> Bool) -> Double {
    var (low, high) = (0.0, 1.0)
    while isTooLow(high) { (low, high) = (high, 2 * high) }
    return bisect(from: low, to: high, inWholeNumbers: inWholeNumbers, isTooLow: isTooLow)
}
