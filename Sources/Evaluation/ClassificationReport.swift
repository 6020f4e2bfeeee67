/// How well predictions agree with the truth: accuracy, precision, recall and F1 of each label, and their averages.
///
/// Only labels that occur, as truth or as prediction, are reported and averaged, and a ratio whose denominator is 0 counts
/// as 0: as in scikit-learn's `classification_report`.
package struct ClassificationReport: Sendable, Equatable {
    /// The figures of one label.
    package struct Label: Sendable, Equatable, Encodable {
        package let label: String
        /// True positives / predicted.
        package let precision: Double
        /// True positives / support.
        package let recall: Double
        /// 2 · precision · recall / (precision + recall).
        package let f1: Double
        /// How many examples have this label.
        package let support: Int

        /// - Parameters:
        ///   - right: the number of true positives
        ///   - predicted: how many examples are predicted to have the label
        init(_ label: String, right: Int, predicted: Int, support: Int) {
            func ratio(_ numerator: Double, _ denominator: Double) -> Double {
                denominator == 0 ? 0 : numerator / denominator
            }
            (self.label, self.support) = (label, support)
            precision = ratio(Double(right), Double(predicted))
            recall = ratio(Double(right), Double(support))
            f1 = ratio(2 * precision * recall, precision + recall)
        }
    }

    /// In the order of the labels' ids.
    package let labels: [Label]
    /// How often each actual label (row) was predicted as each label (column), in the order of ``labels``.
    package let confusion: [[Int]]
    /// The share of right predictions.
    package let accuracy: Double
    /// The mean F1 of the labels.
    package var macroF1: Double { averages { $0.f1 }.macro }
    /// The mean F1 of the labels, weighted by support.
    package var weightedF1: Double { averages { $0.f1 }.weighted }

    /// Compares label ids.
    ///
    /// - Parameters:
    ///   - actual: the true id of each example; not empty
    ///   - predicted: the predicted id of each
    ///   - names: of all ids
    package init(actual: [Int], predicted: [Int], names: [String]) {
        precondition(actual.count == predicted.count && !actual.isEmpty, "one prediction for each example")
        // Only labels that occur take part: a model can know very many.
        let occurring = Set(actual).union(predicted).sorted()
        let places = Dictionary(uniqueKeysWithValues: zip(occurring, 0...))
        var counts = [[Int]](repeating: [Int](repeating: 0, count: occurring.count), count: occurring.count)
        for (actual, predicted) in zip(actual, predicted) { counts[places[actual]!][places[predicted]!] += 1 }
        labels = occurring.enumerated().map { place, id in
            Label(
                names[id], right: counts[place][place], predicted: counts.reduce(0) { $0 + $1[place] },
                support: counts[place].reduce(0, +))
        }
        confusion = counts
        accuracy = Double(counts.indices.reduce(0) { $0 + counts[$1][$1] }) / Double(actual.count)
    }

    /// The mean of a figure over the labels: plain, and weighted by support.
    package func averages(of figure: (Label) -> Double) -> (macro: Double, weighted: Double) {
        let support = labels.reduce(0) { $0 + $1.support }
        return (
            labels.reduce(0) { $0 + figure($1) } / Double(labels.count),
            labels.reduce(0) { $0 + figure($1) * Double($1.support) } / Double(support)
        )
    }
}
