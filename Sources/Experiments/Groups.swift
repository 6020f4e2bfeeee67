import Kernels
import NGrams

/// Rows divided into groups of rows that are near to each other: weighted k-means (Lloyd, *Least Squares Quantization in PCM*, 1982).
///
/// It begins with rows that are drawn one after another, each with a probability in proportion to its weight times the square of its distance from the nearest
/// of those before (k-means++: Arthur & Vassilvitskii 2007).
struct Groups {
    /// Of each group the row that is nearest to its middle, ascending.
    let middles: [Int]

    private static let mostRounds = 10
    /// Squares of distances below are what rounding leaves of 0.
    private static let leastSquare: Float = 1e-6

    /// - Parameters:
    ///   - weights: of the rows, above 0
    ///   - count: how many groups there are to be; where fewer rows differ, there are fewer
    ///   - seed: decides which rows are drawn
    /// - Complexity: O(*r* *g* *f*), with *r* rows, *g* groups, and *f* elements in a row
    init(_ rows: [SparseMatrix.Row], weights: [Float], count: Int, seed: UInt64, on workers: Workers) {
        let columns = 1 + (rows.joined().map { Int($0.column) }.max() ?? -1)
        let squares = rows.map(\.square)
        var starts: [Int] = []
        // More than any two rows are apart.
        var distances = [Float](repeating: 1 + 4 * (squares.max() ?? 0), count: rows.count)
        var random = RandomNumbers(seed: seed, stream: .groups)
        while starts.count < count {
            let shares = zip(weights, distances).map { $0 * max(0, $1 - Self.leastSquare) }
            var rest = Float.random(in: 0..<1, using: &random) * shares.reduce(0, +)
            let drawn = shares.firstIndex { share in
                rest -= share
                return share > 0 && rest <= 0
            }
            // Sums are rounded: nothing may be left where the last one is drawn.
            guard let drawn = drawn ?? shares.lastIndex(where: { $0 > 0 }) else { break }
            starts.append(drawn)
            let start = Middles([rows[drawn]], columns: columns)
            distances = workers.map(rows.count) {
                min(distances[$0], squares[$0] + start.distances(of: rows[$0])[0])
            }
        }
        var middles = Middles(starts.map { rows[$0] }, columns: columns)
        var groupOf: [Int] = []
        for _ in 0..<Self.mostRounds {
            let nearest = workers.map(rows.count) { row in
                let distances = middles.distances(of: rows[row])
                return distances.indices.min { (distances[$0], $0) < (distances[$1], $1) } ?? 0
            }
            if nearest == groupOf { break }
            groupOf = nearest
            for (group, members) in Dictionary(grouping: rows.indices, by: { groupOf[$0] }) {
                middles.move(group, to: members.map { rows[$0] }, weights: members.map { weights[$0] })
            }
        }
        self.middles = Dictionary(grouping: rows.indices) { groupOf[$0] }.map { group, members in
            let distances = members.map { squares[$0] + middles.distance(of: rows[$0], from: group) }
            return members[members.indices.min { (distances[$0], $0) < (distances[$1], $1) }!]
        }.sorted()
    }
}

/// The middles of groups.
private struct Middles {
    private let count: Int
    /// `[columns, groups]`: what is read for an element of a row lies together.
    private var values: [Float]
    private var squares: [Float]

    init(_ rows: [SparseMatrix.Row], columns: Int) {
        (count, squares) = (rows.count, rows.map(\.square))
        values = [Float](repeating: 0, count: columns * rows.count)
        for (group, row) in rows.enumerated() {
            for (column, value) in row { values[Int(column) * count + group] = value }
        }
    }

    /// Makes the weighted mean of rows the middle of a group.
    mutating func move(_ group: Int, to rows: [SparseMatrix.Row], weights: [Float]) {
        for place in stride(from: group, to: values.count, by: count) { values[place] = 0 }
        let sum = weights.reduce(0, +)
        for (row, weight) in zip(rows, weights) {
            for (column, value) in row { values[Int(column) * count + group] += weight / sum * value }
        }
        squares[group] = stride(from: group, to: values.count, by: count).reduce(0) { $0 + values[$1] * values[$1] }
    }

    /// The squares of the distances of a row from all middles, less the square of the row: ‖m‖² − 2 m·x.
    func distances(of row: SparseMatrix.Row) -> [Float] {
        var distances = squares
        for (column, value) in row {
            let first = Int(column) * count
            for group in 0..<count { distances[group] -= 2 * value * values[first + group] }
        }
        return distances
    }

    /// The same from one middle.
    func distance(of row: SparseMatrix.Row, from group: Int) -> Float {
        row.reduce(squares[group]) { $0 - 2 * $1.value * values[Int($1.column) * count + group] }
    }
}

extension [(column: Int32, value: Float)] {
    /// The square of the row's length.
    fileprivate var square: Float { reduce(0) { $0 + $1.value * $1.value } }
}
