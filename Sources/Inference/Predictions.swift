import Foundation
import Kernels
import Transformer

/// What a classifier says of one text.
package struct Prediction: Sendable, Equatable {
    /// The probability of each label, by its id. Where a text has one label, they have the sum 1.
    package let probabilities: [Float]
    /// The ids of the labels that are the answer: one, or, where a text can have several, any number.
    package let labels: [Int]
    /// How probable the answer is: the probability of its label; where there can be several, the product over all labels of the
    /// probability that the answer is right about them.
    package let confidence: Float

    /// Whether the answer is given where answers that are less confident than `least` are not.
    package func isGiven(abstainingBelow least: Double) -> Bool { Double(confidence) >= least }

    /// The id of the most probable label; of equally probable ones, the first.
    package var mostProbable: Int { probabilities.firstIndex(of: probabilities.max()!) ?? 0 }
}

/// What a classifier says of some texts, in their order.
package struct Predictions: RandomAccessCollection {
    /// The model's logits divided by the temperature, `[texts, labels]`.
    package let logits: Matrix
    /// The probability of each label, `[texts, labels]`.
    package let probabilities: Matrix
    /// Whether a text can have several labels.
    private let areSeveral: Bool
    /// The least difference of the two logits, divided by the temperature, at which the second label is the answer; nil: the more
    /// probable label is.
    private let leastLogOdds: Double?

    /// Makes answers of logits.
    ///
    /// - Parameters:
    ///   - logits: `[texts, labels]`
    ///   - problemType: whether a text has one label or several; none of numbers
    /// - Throws: ``ModelError`` if the logits are not numbers.
    package init(logits: Matrix, problemType: Configuration.ProblemType, _ settings: InferenceSettings) throws {
        self.logits = settings.temperature == 1 ? logits : logits.scaled(by: Float(1 / settings.temperature))
        precondition(problemType != .regression, "numbers are no answers with labels")
        areSeveral = problemType == .multiLabel
        leastLogOdds = settings.threshold.map { log($0 / (1 - $0)) / settings.temperature }
        probabilities = areSeveral ? sigmoid(self.logits) : softmax(self.logits)
        guard self.logits.allFinite else { throw ModelError.overflow }
    }

    /// The labels of the answers, in the form of what is right.
    package var answers: Targets {
        areSeveral ? .several(map(\.labels)) : .one(map { $0.labels[0] })
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { probabilities.rows }

    package subscript(text: Int) -> Prediction {
        let p = probabilities.row(text)
        if areSeveral {
            return Prediction(
                probabilities: p, labels: p.indices.filter { p[$0] >= 0.5 },
                confidence: p.reduce(1) { $0 * Swift.max($1, 1 - $1) })
        }
        let label =
            leastLogOdds.map { least in
                let z = logits.row(text)
                return Double(z[1]) - Double(z[0]) >= least ? 1 : 0
            } ?? p.firstIndex(of: p.max()!) ?? 0
        return Prediction(probabilities: p, labels: [label], confidence: p[label])
    }
}
