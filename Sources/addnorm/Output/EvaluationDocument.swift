import Datasets
import Evaluation
import Inference
import Statistics
import Transformer

/// What is printed of an evaluation: as text, or as JSON by the names of its keys.
struct EvaluationDocument {
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

    /// What becomes of the result if less confident answers are not given.
    struct Abstention: Encodable {
        let below: Double
        let coverage: Double
        let accuracy: Nullable<Double>
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
    /// The names of the files.
    let data: String
    /// The value of the column that the texts have in common, in a document on a group.
    let value: String?
    let result: EvaluationResult
    let metrics: EvaluationMetrics
    let abstention: Abstention?
    let mistakes: [Mistake]?
    let groups: [EvaluationDocument]?

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
        abstention = view.abstainBelow.map { below in
            let (coverage, accuracy) = result.coverage(abstainingBelow: below)
            return Abstention(below: below, coverage: coverage, accuracy: Nullable(accuracy))
        }
        mistakes = view.errors.map { count in
            result.mistakes().prefix(count).map { index in
                let ((file, example), prediction) = (row(index), result.predictions[index])
                return Mistake(
                    file: file, line: example.line,
                    actual: LabelNames(result.targets[index], of: configuration),
                    predicted: LabelNames(prediction.labels, of: configuration), confidence: prediction.confidence,
                    text: example.text)
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

extension EvaluationDocument: Encodable {
    private enum CodingKeys: CodingKey {
        case model, data, value, examples, loss, accuracy, accuracyCi, macroF1, macroF1Ci, weightedF1, microF1
        case samplesF1, subsetAccuracy, hammingLoss, averages, labels, confusion, rocAuc, averagePrecision, mcc
        case logLoss, ece, reliability, temperature, threshold, calibration, tunedThreshold, abstention, errors, by
        case seconds, tokens
    }

    func encode(to encoder: any Swift.Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(view.model, forKey: .model)
        try keys.encode(data, forKey: .data)
        try keys.encodeIfPresent(value, forKey: .value)
        try keys.encode(result.predictions.count, forKey: .examples)
        try keys.encode(result.loss, forKey: .loss)

        let report = result.report
        try keys.encode(report.accuracy, forKey: .accuracy)
        try keys.encode(metrics.accuracy, forKey: .accuracyCi)
        try keys.encode(report.macroF1, forKey: .macroF1)
        try keys.encode(metrics.macroF1, forKey: .macroF1Ci)
        try keys.encode(report.weightedF1, forKey: .weightedF1)
        if result.targets.areSeveral {
            try keys.encode(report.averages.micro?.f1, forKey: .microF1)
            try keys.encode(report.averages.samples?.f1, forKey: .samplesF1)
            try keys.encode(report.accuracy, forKey: .subsetAccuracy)
            try keys.encode(report.hammingLoss, forKey: .hammingLoss)
            try keys.encode(report.averages, forKey: .averages)
        }
        try keys.encode(report.labels, forKey: .labels)
        switch report.confusion {
        case .pairs(let counts): try keys.encode(counts, forKey: .confusion)
        case .ofEachLabel(let counts): try keys.encode(counts, forKey: .confusion)
        }

        let probabilities = metrics.probabilities
        try keys.encode(probabilities.rocAuc, forKey: .rocAuc)
        try keys.encode(probabilities.averagePrecision, forKey: .averagePrecision)
        try keys.encode(probabilities.mcc, forKey: .mcc)
        try keys.encode(result.loss, forKey: .logLoss)
        try keys.encode(probabilities.reliability.expectedError, forKey: .ece)
        try keys.encode(probabilities.reliability, forKey: .reliability)

        let settings = view.classifier.model.settings
        try keys.encode(settings.temperature, forKey: .temperature)
        try keys.encodeIfPresent(settings.calibratedThreshold, forKey: .threshold)
        try keys.encodeIfPresent(view.calibration, forKey: .calibration)
        try keys.encodeIfPresent(view.tunedThreshold, forKey: .tunedThreshold)
        try keys.encodeIfPresent(abstention, forKey: .abstention)
        try keys.encodeIfPresent(mistakes, forKey: .errors)
        try keys.encodeIfPresent(groups, forKey: .by)
        // They are known of the whole file only.
        if value == nil {
            try keys.encode(result.seconds, forKey: .seconds)
            try keys.encode(result.tokens, forKey: .tokens)
        }
    }
}
