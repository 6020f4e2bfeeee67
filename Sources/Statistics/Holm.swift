/// Several tests' *p* values, raised so that the probability of one or more false alarms among them stays below the level:
/// the *i*th smallest of *m* becomes the largest of min(1, (*m* − *j* + 1) · *p*ⱼ) over *j* ≤ *i* (Holm, *A Simple Sequentially
/// Rejective Multiple Test Procedure*, 1979).
package func holm(_ p: [Double]) -> [Double] {
    var adjusted = p
    var largest = 0.0
    for (rank, place) in p.indices.sorted(by: { p[$0] < p[$1] }).enumerated() {
        largest = max(largest, min(1, Double(p.count - rank) * p[place]))
        adjusted[place] = largest
    }
    return adjusted
}
