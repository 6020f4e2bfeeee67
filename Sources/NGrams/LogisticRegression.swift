import Foundation
import Kernels

/// A linear classifier: of two labels by one logit for the second, of more by one for each against the rest.
///
/// Its weights are the least of C Σ ln (1 + exp (−y w·x)) + ‖w‖² / 2 for each logit, with y = ±1 and a feature that is always 1. They are found in the dual,
/// one text after another (Yu, Huang & Lin, *Dual Coordinate Descent Methods for Logistic Regression and Maximum Entropy Models*, 2011): w = Σ α y x with
/// 0 < α < C.
package struct LogisticRegression: Sendable {
    private let labels: Int
    /// For each logit `[features + 1]`; the last is the bias.
    let weights: [[Double]]

    /// Fits a classifier.
    ///
    /// - Parameters:
    ///   - rows: `[texts, features]`
    ///   - targets: what is right for each text
    ///   - c: how little weights are held down
    ///   - seed: decides about the order of the texts
    package init(_ rows: SparseMatrix, _ targets: Targets, labels: Int, c: Double, seed: UInt64) {
        let cs = [Double](repeating: c, count: rows.rowCount)
        self.init(rows, targets, labels: labels, cs: cs, scaledByRatio: false, seed: seed)
    }

    /// Fits a classifier to texts that count more or less.
    ///
    /// - Parameters:
    ///   - cs: how little weights are held down by each text
    ///   - scaledByRatio: whether features are first multiplied with ``SparseMatrix/rootsOfRatios(_:)``
    init(
        _ rows: SparseMatrix, _ targets: Targets, labels: Int, cs: [Double], scaledByRatio: Bool, seed: UInt64
    ) {
        self.labels = labels
        let positives = !targets.areSeveral && labels == 2 ? 1..<2 : 0..<labels
        weights = positives.map { label in
            let isPositive = (0..<targets.count).map { targets[$0].contains(label) }
            if !scaledByRatio { return Self.fit(rows, isPositive: isPositive, cs: cs, seed: seed) }
            let factors = rows.rootsOfRatios(isPositive)
            let weights = Self.fit(rows.scaled(by: factors), isPositive: isPositive, cs: cs, seed: seed)
            return zip(weights, factors + [1]).map { $0 * Double($1) }
        }
    }

    /// The logits of texts, `[texts, labels]`.
    package func logits(of rows: SparseMatrix) -> Matrix {
        var values: [Float] = []
        values.reserveCapacity(rows.rowCount * labels)
        for row in 0..<rows.rowCount {
            if weights.count < labels { values.append(0) }
            for weights in weights { values.append(Float(rows.product(row, weights))) }
        }
        return Matrix(values, columns: labels)
    }

    private static let mostEpochs = 60
    /// How far the derivative of a text's α may be from 0 at the end.
    private static let tolerance = 0.02

    private static func fit(_ rows: SparseMatrix, isPositive: [Bool], cs: [Double], seed: UInt64) -> [Double] {
        var weights = [Double](repeating: 0, count: rows.columnCount + 1)
        var alphas = [Double](repeating: 0, count: rows.rowCount)
        let squares = (0..<rows.rowCount).map(rows.squareOfRow)
        var order = Array(0..<rows.rowCount)
        // As if each text were classified by a coin: w is not 0 then.
        for row in order {
            alphas[row] = cs[row] / 1000
            rows.add(isPositive[row] ? alphas[row] : -alphas[row], row, to: &weights)
        }
        for epoch in 0..<mostEpochs {
            var random = RandomNumbers(seed: seed, stream: .shuffling, step: UInt64(epoch))
            order.shuffle(using: &random)
            var farthest = 0.0
            for row in order {
                let sign = isPositive[row] ? 1.0 : -1.0
                let (old, margin) = (alphas[row], sign * rows.product(row, weights))
                let logit = log(old / (cs[row] - old))
                farthest = max(farthest, abs(logit + margin))
                alphas[row] = best(from: logit, old, margin: margin, square: squares[row], c: cs[row])
                rows.add(sign * (alphas[row] - old), row, to: &weights)
            }
            if farthest < tolerance { break }
        }
        return weights
    }

    /// The α that is best while all others stay: the root of t + q (α − α₀) + m with α = C σ(t), where m is y w·x and q is x·x. By Newton's method, which does not
    /// leave the interval in which the root lies.
    private static func best(from start: Double, _ old: Double, margin m: Double, square q: Double, c: Double) -> Double
    {
        var (low, high) = (-m - q * (c - old), -m + q * old)
        var t = min(max(start, low), high)
        for _ in 0..<20 {
            let share = 1 / (1 + exp(-t))
            let value = t + q * (c * share - old) + m
            if abs(value) < 1e-3 { break }
            if value > 0 { high = t } else { low = t }
            let next = t - value / (1 + q * c * share * (1 - share))
            t = next > low && next < high ? next : (low + high) / 2
        }
        // Never at an end, where its logarithm is infinite.
        return c * min(max(1 / (1 + exp(-t)), 1e-12), 1 - 1e-12)
    }
}

extension SparseMatrix {
    /// √|r| of each column, with r = ln ((1 + n₊) / Σ (1 + n₊)) − ln ((1 + n₋) / Σ (1 + n₋)), where n₊ and n₋ count the rows of either kind in which it is not 0.
    ///
    /// Wang & Manning, *Baselines and Bigrams: Simple, Good Sentiment and Topic Classification*, 2012, section 2.1.
    fileprivate func rootsOfRatios(_ isPositive: [Bool]) -> [Float] {
        var counts = [[Double](repeating: 1, count: columnCount), [Double](repeating: 1, count: columnCount)]
        for row in 0..<rowCount {
            for column in columns[starts[row]..<starts[row + 1]] { counts[isPositive[row] ? 1 : 0][Int(column)] += 1 }
        }
        let sums = counts.map { $0.reduce(0, +) }
        return (0..<columnCount).map {
            Float(abs(log(counts[1][$0] / sums[1]) - log(counts[0][$0] / sums[0])).squareRoot())
        }
    }

    /// The square of a row's length, with one element more that is 1.
    fileprivate func squareOfRow(_ row: Int) -> Double {
        values[starts[row]..<starts[row + 1]].reduce(1) { $0 + Double($1) * Double($1) }
    }

    /// The product of a row and weights, the last of which is added.
    fileprivate func product(_ row: Int, _ weights: [Double]) -> Double {
        var sum = weights[columnCount]
        for element in starts[row]..<starts[row + 1] { sum += Double(values[element]) * weights[Int(columns[element])] }
        return sum
    }

    /// Adds a multiple of a row, and of 1, to weights.
    fileprivate func add(_ factor: Double, _ row: Int, to weights: inout [Double]) {
        for element in starts[row]..<starts[row + 1] {
            weights[Int(columns[element])] += factor * Double(values[element])
        }
        weights[columnCount] += factor
    }
}
