import Datasets
import Evaluation
import Foundation
import Kernels
import Training

/// The examples of data in parts of given sizes, each with about the same share of every label. Examples that belong together stay together: those of
/// the same group, and those whose texts are the same but for case and white space.
///
/// What belongs together is given, the largest first, to the part that needs its labels most, relative to what it is to have: iterative stratification
/// (Sechidis, Tsoumakas & Vlahavas, *On the Stratification of Multi-Label Data*, 2011), with units in place of single examples.
package struct Split {
    /// The places of the examples of each part, ascending.
    package let parts: [[Int]]

    /// Splits data.
    ///
    /// - Parameters:
    ///   - shares: of the parts, with a sum of 1
    ///   - seed: decides which examples come into which part
    /// - Throws: ``TrainingError`` if a part would be empty.
    package init(_ data: Dataset, shares: [Double], seed: UInt64, on workers: Workers) throws {
        let labels = data.examples.map { $0.labels(several: data.hasSeveralLabels) }
        var units = Self.units(data, on: workers)
        var random = RandomNumbers(seed: seed, stream: .folds, step: 0)
        units.shuffle(using: &random)
        let order = units.indices.sorted { (units[$1].count, $0) < (units[$0].count, $1) }
        // What each part still needs, of every label and in all.
        var total: [String: Double] = [:]
        for label in labels.joined() { total[label, default: 0] += 1 }
        var needs = shares.map { share in total.mapValues { share * $0 } }
        var room = shares.map { $0 * Double(data.examples.count) }
        var parts = [[Int]](repeating: [], count: shares.count)
        for unit in order.map({ units[$0] }) {
            func need(_ part: Int) -> Double {
                unit.reduce(room[part] / shares[part] / Double(data.examples.count)) { sum, place in
                    sum + labels[place].reduce(0) { $0 + needs[part][$1]! / (shares[part] * total[$1]!) }
                }
            }
            let part = parts.indices.max { (need($0), $1) < (need($1), $0) }!
            parts[part] += unit
            room[part] -= Double(unit.count)
            for label in unit.flatMap({ labels[$0] }) { needs[part][label]! -= 1 }
        }
        if parts.contains(where: \.isEmpty) {
            throw TrainingError("\(data.path): too few examples, or groups of them, for so many parts")
        }
        self.parts = parts.map { $0.sorted() }
    }

    /// What belongs together.
    private static func units(_ data: Dataset, on workers: Workers) -> [[Int]] {
        var parent = Array(data.examples.indices)
        func root(_ place: Int) -> Int {
            var place = place
            while parent[place] != place {
                parent[place] = parent[parent[place]]
                place = parent[place]
            }
            return place
        }
        let groups = Dictionary(grouping: data.examples.indices) { data.examples[$0].group }.filter { $0.key != nil }
        for group in groupsOfSameTexts(data.examples.map(\.input.joined), on: workers) + groups.values {
            for place in group.dropFirst() { parent[root(place)] = root(group[0]) }
        }
        return Dictionary(grouping: data.examples.indices, by: root).values.sorted { $0[0] < $1[0] }
    }
}
