/// The loss of pairs of texts, in double precision and as plainly as the formula.
///
/// - Parameters:
///   - x: a vector for each text
///   - labels: of each text
public func plainCosineSimilarityLoss(_ x: [[Double]], labels: [Set<Int>]) -> Double {
    func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    var (related, unrelated): ([Double], [Double]) = ([], [])
    for i in x.indices {
        for j in x.indices where j < i {
            let cosine = product(x[i], x[j]) / (product(x[i], x[i]) * product(x[j], x[j])).squareRoot()
            let all = labels[i].union(labels[j]).count
            let share = all == 0 ? 1 : Double(labels[i].intersection(labels[j]).count) / Double(all)
            let loss = (cosine - share) * (cosine - share)
            if share > 0 { related.append(loss) } else { unrelated.append(loss) }
        }
    }
    let means = [related, unrelated].filter { !$0.isEmpty }.map { $0.reduce(0, +) / Double($0.count) }
    return means.reduce(0, +) / Double(max(1, means.count))
}
