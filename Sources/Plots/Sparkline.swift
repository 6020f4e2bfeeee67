/// Values as one character each, from the least `▁` to the greatest `█`: `▁▃▆█`; `▄` for all if they are equal, and a space for a
/// value that is missing or not finite.
package func sparkline(_ values: [Double?]) -> String {
    let finite = values.map { $0.flatMap { abs($0) < 1e300 ? $0 : nil } }
    guard let low = finite.lazy.compactMap({ $0 }).min(), let high = finite.lazy.compactMap({ $0 }).max() else {
        return String(repeating: " ", count: values.count)
    }
    let bars = Array("▁▂▃▄▅▆▇█")
    return String(
        finite.map { value -> Character in
            guard let value else { return " " }
            return high > low ? bars[min(Int((value - low) / (high - low) * 8), 7)] : "▄"
        })
}
