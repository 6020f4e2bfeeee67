/// How well predictions agree with the truth where a text can have any number of labels: figures of each label, and their
/// averages.
///
/// All labels take part. A ratio whose denominator is 0 counts as 0: as in scikit-learn's `classification_report`.
package struct MultiLabelReport: Sendable, Equatable {
    /// Precision, recall and F1, averaged in one way.
    package struct Average: Sendable, Equatable, Encodable {
        package let precision: Double
        package let recall: Double
        package let f1: Double

        /// The mean of the figures of labels with these weights; 0 if all weights are.
        fileprivate init(of labels: [ClassificationReport.Label], weight: (ClassificationReport.Label) -> Double) {
            let total = labels.reduce(0) { $0 + weight($1) }
            func mean(_ figure: (ClassificationReport.Label) -> Double) -> Double {
                total == 0 ? 0 : labels.reduce(0) { $0 + figure($1) * weight($1) } / total
            }
            (precision, recall, f1) = (mean(\.precision), mean(\.recall), mean(\.f1))
        }
    }

    /// In the order of the labels' ids.
    package let labels: [ClassificationReport.Label]
    /// For each label `[[true negatives, false positives], [false negatives, true positives]]`.
    package let confusions: [[[Int]]]
    /// Of all pairs of a text and a label as if they were of one label.
    package let micro: Average
    /// The mean over the labels.
    package let macro: Average
    /// The mean over the labels, weighted by support.
    package let weighted: Average
    /// The mean over the texts of the figures of each text's labels.
    package let samples: Average
    /// The share of texts whose labels are all right.
    package let subsetAccuracy: Double
    /// The share of pairs of a text and a label that are wrong.
    package let hammingLoss: Double

    /// Compares label ids.
    ///
    /// - Parameters:
    ///   - actual: the true ids of each text; not empty
    ///   - predicted: the predicted ids of each
    ///   - names: of all ids
    package init(actual: [[Int]], predicted: [[Int]], names: [String]) {
        precondition(actual.count == predicted.count && !actual.isEmpty, "a prediction for each text")
        let none = [Int](repeating: 0, count: names.count)
        var (right, found, support) = (none, none, none)
        var texts: [ClassificationReport.Label] = []
        var exact = 0
        for (actual, predicted) in zip(actual, predicted) {
            let (actual, predicted) = (Set(actual), Set(predicted))
            let both = actual.intersection(predicted)
            for label in actual { support[label] += 1 }
            for label in predicted { found[label] += 1 }
            for label in both { right[label] += 1 }
            texts.append(.init("", right: both.count, predicted: predicted.count, support: actual.count))
            if actual == predicted { exact += 1 }
        }
        let count = actual.count
        labels = names.indices.map { .init(names[$0], right: right[$0], predicted: found[$0], support: support[$0]) }
        confusions = names.indices.map { label in
            let (right, found, support) = (right[label], found[label], support[label])
            return [[count - found - support + right, found - right], [support - right, right]]
        }
        let sums = [right, found, support].map { $0.reduce(0, +) }
        micro = Average(of: [.init("", right: sums[0], predicted: sums[1], support: sums[2])]) { _ in 1 }
        macro = Average(of: labels) { _ in 1 }
        weighted = Average(of: labels) { Double($0.support) }
        samples = Average(of: texts) { _ in 1 }
        subsetAccuracy = Double(exact) / Double(count)
        hammingLoss = Double(sums[1] + sums[2] - 2 * sums[0]) / Double(count * names.count)
    }
}
