import Kernels

/// How well predictions agree with the truth: accuracy, precision, recall and F1 of each label, and their averages.
///
/// A ratio whose denominator is 0 counts as 0: as in scikit-learn's `classification_report`. Where texts have one label each, only
/// labels that occur, as truth or as prediction, are reported and averaged; where they can have any number, all labels are.
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
        init(_ label: String = "", right: Int, predicted: Int, support: Int) {
            func ratio(_ numerator: Double, _ denominator: Double) -> Double {
                denominator == 0 ? 0 : numerator / denominator
            }
            (self.label, self.support) = (label, support)
            precision = ratio(Double(right), Double(predicted))
            recall = ratio(Double(right), Double(support))
            f1 = ratio(2 * precision * recall, precision + recall)
        }
    }

    /// Precision, recall and F1, averaged in one way.
    package struct Average: Sendable, Equatable, Encodable {
        package let precision: Double
        package let recall: Double
        package let f1: Double

        /// The mean of the figures of labels with these weights; 0 if all weights are.
        fileprivate init(of labels: [Label], weight: (Label) -> Double = { _ in 1 }) {
            let total = labels.reduce(0) { $0 + weight($1) }
            func mean(_ figure: (Label) -> Double) -> Double {
                total == 0 ? 0 : labels.reduce(0) { $0 + figure($1) * weight($1) } / total
            }
            (precision, recall, f1) = (mean(\.precision), mean(\.recall), mean(\.f1))
        }
    }

    package struct Averages: Sendable, Equatable, Encodable {
        /// The figures of all pairs of a text and a label, as if they were of one label; nil where texts have one label each.
        package let micro: Average?
        /// The mean over the labels.
        package let macro: Average
        /// The mean over the labels, weighted by support.
        package let weighted: Average
        /// The mean over the texts of the figures of each text's labels; nil where texts have one label each.
        package let samples: Average?
    }

    /// How often labels were taken for each other.
    package enum Confusion: Sendable, Equatable {
        /// Where texts have one label each: how often each actual label (row) was predicted as each label (column).
        case pairs([[Int]])
        /// Where they can have any number: for each label `[[true negatives, false positives], [false negatives, true positives]]`.
        case ofEachLabel([[[Int]]])
    }

    /// In the order of the labels' ids.
    package let labels: [Label]
    /// In the order of ``labels``.
    package let confusion: Confusion
    package let averages: Averages
    /// The share of texts whose labels are all right.
    package let accuracy: Double
    /// The share of pairs of a text and a label that are wrong; nil where texts have one label each.
    package let hammingLoss: Double?

    /// The mean F1 of the labels.
    package var macroF1: Double { averages.macro.f1 }
    /// The mean F1 of the labels, weighted by support.
    package var weightedF1: Double { averages.weighted.f1 }

    /// Compares label ids.
    ///
    /// - Parameters:
    ///   - actual: what is right for each example; not empty
    ///   - predicted: what is predicted for each, of the same kind
    ///   - names: the names of all labels, by id
    package init(actual: Targets, predicted: Targets, names: [String]) {
        let (count, areSeveral) = (actual.count, actual.areSeveral)
        precondition(count == predicted.count && count > 0, "one prediction for each text")
        precondition(areSeveral == predicted.areSeveral, "targets of another kind than the predictions")
        let none = [Int](repeating: 0, count: names.count)
        var (right, found, support, exact) = (none, none, none, 0)
        var texts: [Label] = []
        for text in 0..<count {
            let (actual, predicted) = (Set(actual[text]), Set(predicted[text]))
            let both = actual.intersection(predicted)
            for label in actual { support[label] += 1 }
            for label in predicted { found[label] += 1 }
            for label in both { right[label] += 1 }
            texts.append(Label(right: both.count, predicted: predicted.count, support: actual.count))
            if actual == predicted { exact += 1 }
        }
        let ids = names.indices.filter { areSeveral || found[$0] + support[$0] > 0 }
        labels = ids.map { Label(names[$0], right: right[$0], predicted: found[$0], support: support[$0]) }
        let sums = [right, found, support].map { $0.reduce(0, +) }
        averages = Averages(
            micro: areSeveral ? Average(of: [Label(right: sums[0], predicted: sums[1], support: sums[2])]) : nil,
            macro: Average(of: labels), weighted: Average(of: labels) { Double($0.support) },
            samples: areSeveral ? Average(of: texts) : nil)
        accuracy = Double(exact) / Double(count)
        hammingLoss = areSeveral ? Double(sums[1] + sums[2] - 2 * sums[0]) / Double(count * names.count) : nil
        if areSeveral {
            confusion = .ofEachLabel(
                ids.map { label in
                    let (right, found, support) = (right[label], found[label], support[label])
                    return [[count - found - support + right, found - right], [support - right, right]]
                })
        } else {
            let places = Dictionary(uniqueKeysWithValues: zip(ids, 0...))
            var pairs = [[Int]](repeating: [Int](repeating: 0, count: ids.count), count: ids.count)
            for text in 0..<count { pairs[places[actual[text][0]]!][places[predicted[text][0]]!] += 1 }
            confusion = .pairs(pairs)
        }
    }
}
