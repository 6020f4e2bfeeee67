import Inference
import Kernels
import RunStore
import Statistics
import Transformer

/// A classifier's result on labelled texts.
package struct EvaluationResult {
    /// One for each text.
    package let predictions: Predictions
    /// What is right for each text.
    package let targets: Targets
    /// What was answered for each text.
    private let answers: Targets
    /// How well the answers agree with what is right.
    package let report: ClassificationReport
    /// The mean cross-entropy, in nats.
    package let loss: Double
    /// The number of tokens that were run.
    package let tokens: Int
    package let seconds: Double

    /// Makes answers of logits, and compares them with what is right.
    ///
    /// - Throws: ``ModelError`` if the model's numbers have overflowed.
    package init(
        _ computed: LabeledLogits, _ configuration: Configuration, _ settings: InferenceSettings = InferenceSettings()
    ) throws {
        predictions = try Predictions(
            logits: computed.logits, problemType: configuration.problemType, settings)
        (targets, tokens, seconds) = (computed.targets, computed.tokens, computed.seconds)
        answers = predictions.answers
        report = ClassificationReport(actual: targets, predicted: answers, names: configuration.labels)
        loss = CrossEntropy().loss(predictions.logits, targets: targets)
    }

    /// What a run keeps of its results on dev data, where it is defined: the usual metrics, and the one that it is judged by.
    package func figures(judgedBy judge: EvaluationMetric) -> [(metric: EvaluationMetric, value: Double)] {
        let usual: [EvaluationMetric] = [.logLoss, .accuracy, .macroF1, .weightedF1, .mcc, .rocAuc]
        let metrics = usual.contains(judge) ? usual : usual + [judge]
        return metrics.compactMap { metric in value(of: metric).map { (metric, $0) } }
    }

    /// The value of a metric; nil where it is not defined.
    package func value(of metric: EvaluationMetric) -> Double? {
        switch metric {
        case .accuracy: report.accuracy
        case .macroF1: report.macroF1
        case .weightedF1: report.weightedF1
        case .f1(let label): report.labels.first { $0.label == label }?.f1
        case .mcc: probabilityMetrics.mcc
        case .rocAuc: probabilityMetrics.rocAuc
        case .logLoss: loss
        case .mse, .mae, .pearson, .spearman: nil
        }
    }

    /// What was answered for every text, if that is always the same, although it is not always right.
    package var onlyAnswer: [Int]? {
        let isAlways = (0..<answers.count).allSatisfy { answers[$0] == answers[0] }
        return isAlways && (0..<targets.count).contains { targets[$0] != targets[0] } ? answers[0] : nil
    }

    /// The cross-entropy of one text, in nats.
    package func loss(of text: Int) -> Double {
        CrossEntropy().loss(
            Matrix(predictions.logits.row(text), columns: predictions.logits.columns), targets: targets.at([text]))
    }

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
        ProbabilityMetrics(probabilities: predictions.probabilities, actual: targets, predicted: answers)
    }

    /// What the probabilities are worth, and how sure the figures are.
    package func metrics(on workers: Workers) -> EvaluationMetrics {
        let (accuracy, macroF1) = bootstrapIntervals(
            actual: targets, predicted: answers, labels: predictions.probabilities.columns, on: workers)
        return EvaluationMetrics(probabilities: probabilityMetrics, accuracy: accuracy, macroF1: macroF1)
    }
}

/// What probabilities are worth, and how sure the figures of a report are.
package struct EvaluationMetrics: Sendable, Equatable {
    package let probabilities: ProbabilityMetrics
    /// The 95 % confidence interval of the accuracy.
    package let accuracy: Interval
    /// The 95 % confidence interval of the macro F1.
    package let macroF1: Interval
}
