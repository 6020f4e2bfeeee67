import GRDB

/// A model's result on one file, as a row of `evaluations`.
package struct Evaluation: Record {
    package static let databaseTableName = "evaluations"
    /// 0 until the database gives the evaluation its id.
    package internal(set) var id: Int64 = 0
    /// The run that has last written this model, or nil if there is none.
    package var runId: Int64?
    /// Absolute paths of the model's folder and of the file.
    package let model: String
    package let data: String
    /// The SHA-256 of the file's bytes, in hexadecimal.
    package let dataSha256: String
    package var examples = 0
    package var tokens = 0
    /// The mean cross-entropy, in nats.
    package var loss: Double?
    /// Nil of numbers.
    package var accuracy: Double?
    package var macroF1: Double?
    package var weightedF1: Double?
    package var seconds = 0.0
    package private(set) var evaluatedAt: String = Timestamp.now
    /// What the probabilities are worth; nil where that is not defined, and in evaluations of earlier versions.
    package var rocAuc: Double?
    package var averagePrecision: Double?
    package var mcc: Double?
    package var ece: Double?
    /// 95 % confidence intervals.
    package var accuracyLow: Double?
    package var accuracyHigh: Double?
    package var macroF1Low: Double?
    package var macroF1High: Double?

    /// Of numbers, with 95 % confidence intervals; nil of labels, and correlations where they are not defined.
    package var mse: Double?
    package var mseLow: Double?
    package var mseHigh: Double?
    package var mae: Double?
    package var maeLow: Double?
    package var maeHigh: Double?
    package var pearson: Double?
    package var pearsonLow: Double?
    package var pearsonHigh: Double?
    package var spearman: Double?
    package var spearmanLow: Double?
    package var spearmanHigh: Double?

    /// How the model read the file; nil in evaluations of earlier versions.
    package var temperature: Double?
    package var threshold: Double?
    package var maxLength: Int?
    package var longTexts: String?
    package var stride: Int?
    /// `bf16`, or nil: as the model's weights are.
    package var precision: String?
    /// How the file was read, as far as the user has said.
    package var format: String?
    package var textColumn: String?
    package var textPairColumn: String?
    package var labelColumn: String?
    package var labelMap: String?
    package var onBadRow: String?
    /// Rows that were wrong and skipped, or that the label map has left out.
    package var skipped: Int?
    /// Texts that the model was trained with.
    package var trainedTexts: Int?

    /// The value of a metric; nil where it is not defined, not recorded, or of one label.
    package func value(of metric: EvaluationMetric) -> Double? {
        switch metric {
        case .accuracy: accuracy
        case .macroF1: macroF1
        case .weightedF1: weightedF1
        case .f1: nil
        case .mcc: mcc
        case .rocAuc: rocAuc
        case .logLoss: loss
        case .mse: mse
        case .mae: mae
        case .pearson: pearson
        case .spearman: spearman
        }
    }

    /// The options that two evaluations of one file can differ in, and their values.
    package var settings: [(name: String, value: String?)] {
        [
            ("temperature", temperature.map { "\($0)" }), ("threshold", threshold.map { "\($0)" }),
            ("max_length", maxLength.map { "\($0)" }), ("long_texts", longTexts), ("stride", stride.map { "\($0)" }),
            ("precision", precision), ("format", format), ("text_column", textColumn),
            ("text_pair_column", textPairColumn),
            ("label_column", labelColumn), ("label_map", labelMap), ("on_bad_row", onBadRow),
            ("skipped", skipped.map { "\($0)" }),
        ]
    }

    package func check() throws {
        try Plausible.count(examples, "evaluations.examples")
        try Plausible.count(tokens, "evaluations.tokens")
        try Plausible.count(seconds, "evaluations.seconds")
    }

    /// Creates an evaluation made now, whose figures are yet to be set.
    package init(model: String, data: String, dataSha256: String) {
        (self.model, self.data, self.dataSha256) = (model, data, dataSha256)
    }
}

/// What a regression said of one example, as a row of `predicted_numbers`.
package struct PredictedNumber: Record {
    package static let databaseTableName = "predicted_numbers"
    package internal(set) var evaluationId: Int64 = 0
    /// The example's place in the file, from 1.
    package let row: Int
    package let actual: Double
    package let predicted: Double

    package init(row: Int, actual: Double, predicted: Double) {
        (self.row, self.actual, self.predicted) = (row, actual, predicted)
    }
}

/// How well one label was told, as a row of `class_metrics`.
package struct ClassMetric: Record {
    package static let databaseTableName = "class_metrics"
    package internal(set) var evaluationId: Int64 = 0
    package let label: String
    package let precision: Double
    package let recall: Double
    package let f1: Double
    package let support: Int

    package init(label: String, precision: Double, recall: Double, f1: Double, support: Int) {
        (self.label, self.precision, self.recall, self.f1, self.support) = (label, precision, recall, f1, support)
    }

    package func check() throws { try Plausible.count(support, "class_metrics.support") }
}

/// How often one label was taken for another, as a row of `confusions`.
package struct Confusion: Record {
    package static let databaseTableName = "confusions"
    package internal(set) var evaluationId: Int64 = 0
    package let actual: String
    package let predicted: String
    package let count: Int

    package init(actual: String, predicted: String, count: Int) {
        (self.actual, self.predicted, self.count) = (actual, predicted, count)
    }

    package func check() throws { try Plausible.count(count, "confusions.count") }
}

/// What a model said of one example, as a row of `predictions`.
package struct PredictionRecord: Record {
    package static let databaseTableName = "predictions"
    package internal(set) var evaluationId: Int64 = 0
    /// The example's place in the file, from 1.
    package let row: Int
    package let actual: String
    package let predicted: String
    /// How probable the answer was.
    package let confidence: Double
    /// The cross-entropy of the text, in nats; nil in evaluations of earlier versions.
    package let loss: Double?
    /// What was classified, or its beginning, if the answer is wrong; nil otherwise, and in evaluations of earlier versions.
    package let text: String?

    /// - Parameter text: what was classified; it is kept if the answer is wrong
    package init(
        row: Int, actual: String, predicted: String, confidence: Double, loss: Double? = nil, text: String? = nil
    ) {
        (self.row, self.actual, self.predicted, self.confidence) = (row, actual, predicted, confidence)
        self.loss = loss
        self.text = actual == predicted ? nil : text.map { String($0.prefix(Self.keptLength)) }
    }

    /// In characters: enough to see why.
    private static let keptLength = 1000
}
