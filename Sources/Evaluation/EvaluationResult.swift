import Inference
import Foundation
import Kernels
import Statistics
import Transformer

/// What a classifier computes of labelled texts, before it is decided what that means.
package struct LabeledLogits {
    /// `[texts, labels]`
    package let logits: Matrix
    /// Of each text.
    package let targets: Targets
    /// The number of tokens that were run.
    package let tokens: Int
    package let seconds: Double

    /// Runs a classifier over labelled texts.
    ///
    /// - Parameter features: of the texts' sequences, if they are known: then only the head is run
    package init(
        of classifier: SequenceClassifier, on examples: EncodedExamples, features: Matrix? = nil,
        _ predictor: inout Predictor
    ) {
        let start = ContinuousClock.now
        logits = predictor.logits(classifier, examples.texts, features: features)
        targets = examples.targets
        tokens = examples.sequences.tokens
        seconds = (ContinuousClock.now - start) / .seconds(1)
    }

    /// Puts several files together; there is at least one.
    package init(joining parts: [LabeledLogits]) {
        logits = Matrix(parts.flatMap(\.logits.values), columns: parts[0].logits.columns)
        targets = Targets(joining: parts.map(\.targets))
        tokens = parts.reduce(0) { $0 + $1.tokens }
        seconds = parts.reduce(0) { $0 + $1.seconds }
    }

    /// Puts logits and targets together.
    package init(logits: Matrix, targets: Targets, tokens: Int, seconds: Double) {
        (self.logits, self.targets, self.tokens, self.seconds) = (logits, targets, tokens, seconds)
    }

    /// Some of the texts. Tokens and seconds are those of all.
    package func part(_ indices: [Int]) -> LabeledLogits {
        LabeledLogits(
            logits: Matrix(indices.flatMap { logits.row($0) }, columns: logits.columns), targets: targets.at(indices),
            tokens: tokens, seconds: seconds)
    }
}

/// A classifier's result on labelled texts.
package struct EvaluationResult {
    /// One for each text.
    package let predictions: Predictions
    /// What would have been right.
    package let targets: Targets
    /// What was predicted.
    private let answers: Targets
    /// Of ``answers`` against ``targets``.
    package let report: EvaluationReport
    /// The mean cross-entropy, in nats.
    package let loss: Double
    /// The number of tokens that were run.
    package let tokens: Int
    package let seconds: Double

    /// Decides what logits mean, and compares that with what would have been right.
    ///
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package init(
        _ computed: LabeledLogits, _ configuration: Configuration, _ settings: InferenceSettings = InferenceSettings()
    ) throws {
        predictions = try Predictions(
            logits: computed.logits, problemType: configuration.problemType, settings)
        (targets, tokens, seconds) = (computed.targets, computed.tokens, computed.seconds)
        answers = predictions.answers
        report = EvaluationReport(targets, answers, names: configuration.labels)
        loss = CrossEntropy().loss(predictions.logits, targets: targets)
    }

    /// The ids of each text's right labels.
    package func actual(_ text: Int) -> [Int] { targets[text] }

    /// Whether the answer for a text is right, in all its labels.
    package func isRight(_ text: Int) -> Bool { answers[text] == targets[text] }

    /// The texts whose answers are wrong, the most confident first.
    package func mistakes() -> [Int] {
        predictions.indices.filter { !isRight($0) }.map { ($0, predictions[$0].confidence) }
            .sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.0)
    }

    /// The share of texts that get an answer if the less confident ones get none, and the accuracy on those; nil if there are
    /// none.
    package func coverage(abstainingBelow least: Double) -> (coverage: Double, accuracy: Double?) {
        let answered = predictions.indices.filter { predictions[$0].isGiven(abstainingBelow: least) }
        let right = answered.count(where: isRight)
        return (
            Double(answered.count) / Double(predictions.count),
            answered.isEmpty ? nil : Double(right) / Double(answered.count)
        )
    }

    /// What the probabilities are worth.
    var probabilityMetrics: ProbabilityMetrics {
        let p = predictions.probabilities
        switch (targets, answers) {
        case (.one(let actual), .one(let predicted)):
            return ProbabilityMetrics(probabilities: p, actual: actual, predicted: predicted)
        case (.several(let actual), .several(let predicted)):
            return ProbabilityMetrics(probabilities: p, actual: actual, predicted: predicted)
        default: preconditionFailure("targets of another kind than the answers")
        }
    }

    /// What the probabilities are worth, and how sure the figures are.
    package func metrics(on workers: Workers) -> EvaluationMetrics {
        let labels = predictions.probabilities.columns
        let (accuracy, macroF1) =
            switch (targets, answers) {
            case (.one(let actual), .one(let predicted)):
                bootstrapIntervals(actual: actual, predicted: predicted, labels: labels, on: workers)
            case (.several(let actual), .several(let predicted)):
                bootstrapIntervals(actual: actual, predicted: predicted, labels: labels, on: workers)
            default: preconditionFailure("targets of another kind than the answers")
            }
        return EvaluationMetrics(probabilities: probabilityMetrics, accuracy: accuracy, macroF1: macroF1)
    }
}

/// What probabilities are worth, and how sure the figures of a report are.
package struct EvaluationMetrics: Sendable, Equatable {
    package let probabilities: ProbabilityMetrics
    /// 95 % confidence intervals.
    package let accuracy: Interval
    package let macroF1: Interval
}

/// How well predictions agree with the truth, whether texts have one label or several.
package enum EvaluationReport: Sendable, Equatable {
    case one(ClassificationReport)
    case several(MultiLabelReport)

    init(_ targets: Targets, _ answers: Targets, names: [String]) {
        switch (targets, answers) {
        case (.one(let actual), .one(let predicted)):
            self = .one(ClassificationReport(actual: actual, predicted: predicted, names: names))
        case (.several(let actual), .several(let predicted)):
            self = .several(MultiLabelReport(actual: actual, predicted: predicted, names: names))
        default: preconditionFailure("targets of another kind than the answers")
        }
    }

    /// Whether texts can have several labels.
    package var isMultiLabel: Bool { if case .several = self { true } else { false } }

    /// The share of texts whose answer is right, in all its labels.
    package var accuracy: Double {
        switch self {
        case .one(let report): report.accuracy
        case .several(let report): report.subsetAccuracy
        }
    }

    /// The mean F1 of the labels.
    package var macroF1: Double {
        switch self {
        case .one(let report): report.macroF1
        case .several(let report): report.macro.f1
        }
    }

    /// The mean F1 of the labels, weighted by support.
    package var weightedF1: Double {
        switch self {
        case .one(let report): report.weightedF1
        case .several(let report): report.weighted.f1
        }
    }

    /// The figures of each label.
    package var labels: [ClassificationReport.Label] {
        switch self {
        case .one(let report): report.labels
        case .several(let report): report.labels
        }
    }
}
