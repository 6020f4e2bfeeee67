import Kernels

/// How well predicted numbers agree with actual ones.
package struct RegressionFigures: Sendable, Equatable {
    /// The mean of (predicted − actual)².
    package let mse: Double
    /// The mean of |predicted − actual|.
    package let mae: Double
    /// Pearson's correlation, −1 … 1; nil where all numbers of one kind are the same.
    package let pearson: Double?
    /// Spearman's rank correlation: Pearson's of the ranks, equal numbers having the mean of theirs; nil where Pearson's is.
    package let spearman: Double?

    /// All of them, in this order.
    package var values: [Double?] { [mse, mae, pearson, spearman] }
}

/// 95 % confidence intervals of a regression's figures; nil where one is not defined.
package struct RegressionIntervals: Sendable, Equatable {
    package let mse, mae: Interval
    package let pearson, spearman: Interval?
}

/// Actual numbers, and what a model has predicted for them.
package struct NumberPairs: Sendable {
    package let actual: [Double]
    package let predicted: [Double]
    /// The places of the numbers in ascending order, equal ones together.
    private let order: (actual: [[Int]], predicted: [[Int]])

    /// - Parameters:
    ///   - actual: finite; not empty
    ///   - predicted: as many, finite
    /// - Complexity: O(*n* log *n*)
    package init(actual: [Double], predicted: [Double]) {
        precondition(actual.count == predicted.count && !actual.isEmpty, "one prediction for each number")
        (self.actual, self.predicted) = (actual, predicted)
        func ordered(_ numbers: [Double]) -> [[Int]] {
            numbers.indices.sorted { numbers[$0] < numbers[$1] }.reduce(into: []) { groups, place in
                if let last = groups.last?.last, numbers[last] == numbers[place] {
                    groups[groups.count - 1].append(place)
                } else {
                    groups.append([place])
                }
            }
        }
        order = (ordered(actual), ordered(predicted))
    }

    /// The figures if each pair is there so many times; nil: once.
    ///
    /// - Complexity: O(*n*)
    package func figures(_ counts: [Int]? = nil) -> RegressionFigures {
        let counts = counts ?? [Int](repeating: 1, count: actual.count)
        let total = Double(counts.reduce(0, +))
        func mean(_ value: (Int) -> Double) -> Double {
            counts.indices.reduce(0) { $0 + Double(counts[$1]) * value($1) } / total
        }
        func correlation(_ a: [Double], _ b: [Double]) -> Double? {
            let (meanA, meanB) = (mean { a[$0] }, mean { b[$0] })
            let (varianceA, varianceB) = (
                mean { (a[$0] - meanA) * (a[$0] - meanA) }, mean { (b[$0] - meanB) * (b[$0] - meanB) }
            )
            guard varianceA > 0 && varianceB > 0 else { return nil }
            let covariance = mean { (a[$0] - meanA) * (b[$0] - meanB) }
            return min(1, max(-1, covariance / (varianceA.squareRoot() * varianceB.squareRoot())))
        }
        func ranks(_ order: [[Int]]) -> [Double] {
            var (ranks, below) = ([Double](repeating: 0, count: actual.count), 0)
            for group in order {
                let count = group.reduce(0) { $0 + counts[$1] }
                for place in group { ranks[place] = Double(below) + Double(count + 1) / 2 }
                below += count
            }
            return ranks
        }
        return RegressionFigures(
            mse: mean { (predicted[$0] - actual[$0]) * (predicted[$0] - actual[$0]) },
            mae: mean { abs(predicted[$0] - actual[$0]) }, pearson: correlation(actual, predicted),
            spearman: correlation(ranks(order.actual), ranks(order.predicted)))
    }
}

// MARK: Bootstrap

/// 95 % confidence intervals of a regression's figures: percentiles of what they are for pairs drawn from these with replacement, as
/// ``bootstrapIntervals(actual:predicted:labels:seed:resamples:on:)`` has them. A correlation that some of these draws do not have has no interval.
///
/// - Complexity: O(*n*) in the number of pairs, for each of `resamples`
package func bootstrapIntervals(
    of pairs: NumberPairs, seed: UInt64 = 0, resamples: Int = 1000, on workers: Workers
) -> RegressionIntervals {
    let all = pairs.actual.indices.map(Int32.init)
    let figures = workers.map(resamples) { resample in
        var random = RandomNumbers(seed: seed, stream: .bootstrap, step: UInt64(resample))
        var counts = [Int](repeating: 0, count: all.count)
        random.resample(all, into: &counts)
        return pairs.figures(counts)
    }
    func ifAll(_ values: [Double?]) -> Interval? { values.contains(nil) ? nil : interval(values.compactMap { $0 }) }
    return RegressionIntervals(
        mse: interval(figures.map(\.mse)), mae: interval(figures.map(\.mae)), pearson: ifAll(figures.map(\.pearson)),
        spearman: ifAll(figures.map(\.spearman)))
}

/// The difference of a figure of two models on the same texts, B minus A.
package struct FigureDifference: Sendable, Equatable {
    package let difference: Double
    /// 95 %
    package let interval: Interval
    /// How probable a difference at least as far from 0 is where there is none.
    package var p: Double
}

/// The differences of two regressions' figures, B minus A, over resamples of the same texts, as ``pairedBootstrap(strata:on:_:)`` has them.
///
/// - Parameters:
///   - a, b: of the same texts
/// - Returns: one for each of ``RegressionFigures/values``; nil where some draw of texts does not have it
package func pairedBootstrap(_ a: NumberPairs, _ b: NumberPairs, on workers: Workers) -> [FigureDifference?] {
    precondition(a.actual == b.actual, "two predictions for each text")
    func differences(_ counts: [Int]?) -> [Double?] {
        zip(a.figures(counts).values, b.figures(counts).values).map { a, b in a.flatMap { a in b.map { $0 - a } } }
    }
    let all = a.actual.indices.map(Int32.init)
    let resamples = min(10_000, max(1000, 50_000_000 / all.count))
    let drawn = workers.map(resamples) { resample in
        var random = RandomNumbers(seed: 0, stream: .bootstrap, step: UInt64(resample))
        var counts = [Int](repeating: 0, count: all.count)
        random.resample(all, into: &counts)
        return differences(counts)
    }
    return differences(nil).enumerated().map { place, observed in
        let values = drawn.compactMap { $0[place] }
        guard let observed, values.count == resamples else { return nil }
        let sides = min(values.count { $0 <= 0 }, values.count { $0 >= 0 })
        return FigureDifference(
            difference: observed, interval: interval(values),
            p: min(1, 2 * Double(sides + 1) / Double(resamples + 1)))
    }
}
