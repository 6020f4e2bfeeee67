import Datasets
import Escaping
import Evaluation
import Inference
import Reports

/// What is printed of an evaluation on a file: as text, or as JSON.
protocol EvaluationOutput {
    /// For a person.
    var text: String { get }
    /// For a program.
    var object: JSONObject { get }
    /// The names of the files.
    var data: String { get }
    /// The value of the column that the texts have in common, in a document on a group.
    var value: String? { get }
}

extension EvaluationOutput {
    /// The first line: what was evaluated, and how fast the whole files were.
    func heading(_ facts: String, tokens: Int, seconds: Double) -> String {
        let heading = data + (value.map { ", " + ($0.isEmpty ? "(none)" : $0.printable) } ?? "") + ": " + facts
        if value != nil { return heading }
        let speed = Double(tokens) / max(seconds, 1e-9)
        return heading + ", \(seconds.duration), \(Int(clamping: speed).formatted()) tokens/s"
    }
}

/// What is printed of an evaluation of labels: as text, or as JSON by the names of its keys.
struct EvaluationDocument: EvaluationOutput {
    /// What is asked for, the same for every file.
    struct View {
        /// The model's folder as the user named it.
        let model: String
        /// How it is used, with the settings that were fitted before.
        let classifier: Classifier
        /// What was fitted to the files.
        let calibration: Calibration?
        let tunedThreshold: TunedThreshold?
        let abstainBelow: Double?
        /// How many mistakes are shown; nil: none are asked for.
        let errors: Int?
        /// Whether there is a document for each group of the rows.
        let isGrouped: Bool
    }

    /// A wrong answer.
    struct Mistake: Encodable {
        let file: String
        let line: Int
        let actual: LabelNames
        let predicted: LabelNames
        let confidence: Float
        let text: String
    }

    let view: View
    let data: String
    let value: String?
    let result: EvaluationResult
    let metrics: EvaluationMetrics
    let mistakes: [Mistake]?
    let groups: [EvaluationDocument]?

    /// What becomes of the result if less confident answers are not given.
    var abstention: (below: Double, coverage: Double, accuracy: Double?)? {
        view.abstainBelow.map { below in
            let (coverage, accuracy) = result.coverage(abstainingBelow: below)
            return (below, coverage, accuracy)
        }
    }

    /// Evaluates what was computed.
    ///
    /// - Parameters:
    ///   - data: the names of the files
    ///   - value: what the rows have in common, if they are a group
    ///   - row: where each text that was computed comes from
    /// - Throws: `ModelError` if the model's numbers have overflowed.
    init(
        _ data: String, _ computed: LabeledLogits, _ view: View, value: String? = nil,
        row: @escaping (Int) -> (file: String, example: Example)
    ) throws {
        let (classifier, configuration) = (view.classifier, view.classifier.configuration)
        let result = try EvaluationResult(computed, configuration, classifier.model.settings)
        (self.view, self.data, self.value, self.result) = (view, data, value, result)
        metrics = result.metrics(on: classifier.workers)
        mistakes = view.errors.map { count in
            result.mistakes().prefix(count).map { index in
                let ((file, example), prediction) = (row(index), result.predictions[index])
                return Mistake(
                    file: file, line: example.line,
                    actual: LabelNames(result.targets[index], of: configuration),
                    predicted: LabelNames(prediction.labels, of: configuration), confidence: prediction.confidence,
                    text: example.input.joined)
            }
        }
        guard view.isGrouped && value == nil else {
            groups = nil
            return
        }
        groups = try Dictionary(grouping: result.predictions.indices) { row($0).example.group ?? "" }
            .sorted { $0.key < $1.key }
            .map { value, indices in
                try EvaluationDocument(data, computed.part(indices), view, value: value) { row(indices[$0]) }
            }
    }
}

extension EvaluationDocument {
    var object: JSONObject {
        let (report, probabilities) = (result.report, metrics.probabilities)
        let (areSeveral, isWhole) = (result.targets.areSeveral, value == nil)
        let settings = view.classifier.model.settings
        let confusion: any Encodable =
            switch report.confusion {
            case .pairs(let counts): counts
            case .ofEachLabel(let counts): counts
            }
        return JSONObject(
            [
                "model": view.model, "data": data, "examples": result.predictions.count, "loss": result.loss,
                "accuracy": report.accuracy, "accuracy_ci": metrics.accuracy,
                "macro_f1": report.macroF1, "macro_f1_ci": metrics.macroF1, "weighted_f1": report.weightedF1,
                "labels": report.labels, "confusion": confusion,
                "roc_auc": probabilities.rocAuc, "average_precision": probabilities.averagePrecision,
                "mcc": probabilities.mcc, "log_loss": result.loss,
                "ece": probabilities.reliability.expectedError, "reliability": probabilities.reliability,
                "temperature": settings.temperature,
            ],
            optional: [
                "micro_f1": report.averages.micro?.f1, "samples_f1": report.averages.samples?.f1,
                "subset_accuracy": areSeveral ? report.accuracy : nil, "hamming_loss": report.hammingLoss,
                "averages": areSeveral ? report.averages : nil,
                "threshold": settings.calibratedThreshold, "calibration": view.calibration,
                "tuned_threshold": view.tunedThreshold,
                "abstention": abstention.map {
                    JSONObject(["below": $0.below, "coverage": $0.coverage, "accuracy": $0.accuracy])
                },
                "errors": mistakes, "value": value, "by": groups?.map(\.object),
                // They are known of the whole file only.
                "seconds": isWhole ? result.seconds : nil, "tokens": isWhole ? result.tokens : nil,
            ])
    }
}
