import Inference
import Datasets
import RunStore
import Statistics
import Transformer

/// How an evaluation was made, as far as its figures depend on it.
package struct EvaluationCircumstances: Sendable {
    /// How the model was used.
    package let settings: InferenceSettings?
    package let longTexts: LongTexts?
    /// Nil: it computed in Float32.
    package let precision: String?
    /// How the file was read.
    package let layout: Layout
    /// How many of its texts the model was trained with; nil if that is not known.
    package let trainedTexts: Int?

    package init(of model: ModelFolder, _ longTexts: LongTexts, _ layout: Layout, trainedTexts: Int?) {
        (settings, self.longTexts, precision) = (model.settings, longTexts, model.classifier.narrowPrecision)
        (self.layout, self.trainedTexts) = (layout, trainedTexts)
    }

    /// Those of a classifier that is no Transformer.
    package init(layout: Layout) {
        (settings, longTexts, precision, self.layout, trainedTexts) = (nil, nil, nil, layout, nil)
    }
}

extension RunStore {
    /// Records a model's result on a file, with its report, confusion matrix and predictions. Several labels of a text stand
    /// between `|`; there is no confusion matrix then.
    ///
    /// - Parameters:
    ///   - model: the model's folder
    ///   - circumstances: how it was made
    ///   - labels: the names of the labels, by id
    ///   - run: that it belongs to; nil: the one that has last written the model
    /// - Returns: the id of the evaluation
    package func record(
        _ result: EvaluationResult, _ metrics: EvaluationMetrics, of model: String, on dataset: Dataset,
        _ circumstances: EvaluationCircumstances, labels: [String], run: Int64? = nil
    ) throws -> Int64 {
        let report = result.report
        var evaluation = Evaluation(of: run == nil ? absolutePath(model) : model, on: dataset, circumstances)
        evaluation.runId = run
        (evaluation.examples, evaluation.tokens) = (result.predictions.count, result.tokens)
        (evaluation.loss, evaluation.accuracy) = (result.loss, report.accuracy)
        (evaluation.macroF1, evaluation.weightedF1) = (report.macroF1, report.weightedF1)
        evaluation.seconds = result.seconds
        evaluation.rocAuc = metrics.probabilities.rocAuc
        evaluation.averagePrecision = metrics.probabilities.averagePrecision
        evaluation.mcc = metrics.probabilities.mcc
        evaluation.ece = metrics.probabilities.reliability.expectedError
        (evaluation.accuracyLow, evaluation.accuracyHigh) = (metrics.accuracy.low, metrics.accuracy.high)
        (evaluation.macroF1Low, evaluation.macroF1High) = (metrics.macroF1.low, metrics.macroF1.high)
        func names(_ ids: [Int]) -> String { ids.map { labels[$0] }.joined(separator: "|") }
        return try record(
            evaluation,
            classes: report.labels.map {
                ClassMetric(
                    label: $0.label, precision: $0.precision, recall: $0.recall, f1: $0.f1, support: $0.support)
            },
            confusions: confusions(report),
            predictions: result.predictions.indices.lazy.map { index in
                let prediction = result.predictions[index]
                return PredictionRecord(
                    row: index + 1, actual: names(result.targets[index]), predicted: names(prediction.labels),
                    confidence: Double(prediction.confidence), loss: result.loss(of: index),
                    text: dataset.examples[index].input.joined)
            })
    }

    /// Records a regression's result on a file, with its predictions. It belongs to the run that has last written the model.
    ///
    /// - Returns: the id of the evaluation
    package func record(
        _ result: RegressionResult, _ intervals: RegressionIntervals, of model: String, on dataset: Dataset,
        _ circumstances: EvaluationCircumstances
    ) throws -> Int64 {
        let (figures, pairs) = (result.figures, result.pairs)
        var evaluation = Evaluation(of: absolutePath(model), on: dataset, circumstances)
        (evaluation.examples, evaluation.tokens) = (pairs.actual.count, result.tokens)
        (evaluation.seconds, evaluation.loss) = (result.seconds, figures.mse)
        (evaluation.mse, evaluation.mseLow, evaluation.mseHigh) = (figures.mse, intervals.mse.low, intervals.mse.high)
        (evaluation.mae, evaluation.maeLow, evaluation.maeHigh) = (figures.mae, intervals.mae.low, intervals.mae.high)
        (evaluation.pearson, evaluation.spearman) = (figures.pearson, figures.spearman)
        (evaluation.pearsonLow, evaluation.pearsonHigh) = (intervals.pearson?.low, intervals.pearson?.high)
        (evaluation.spearmanLow, evaluation.spearmanHigh) = (intervals.spearman?.low, intervals.spearman?.high)
        return try record(
            evaluation,
            numbers: pairs.actual.indices.lazy.map {
                PredictedNumber(row: $0 + 1, actual: pairs.actual[$0], predicted: pairs.predicted[$0])
            })
    }

    private func confusions(_ report: ClassificationReport) -> [Confusion] {
        guard case .pairs(let counts) = report.confusion else { return [] }
        // Pairs that never occur are recorded too, as long as there are not very many.
        return zip(report.labels, counts).flatMap { actual, counts in
            zip(report.labels, counts).filter { $0.1 > 0 || report.labels.count <= 100 }
                .map { Confusion(actual: actual.label, predicted: $0.label, count: $1) }
        }
    }
}

extension Evaluation {
    /// How and of what it was made; the figures are yet to be set.
    fileprivate init(of model: String, on dataset: Dataset, _ circumstances: EvaluationCircumstances) {
        self.init(model: model, data: absolutePath(dataset.path), dataSha256: dataset.sha256)
        let (settings, longTexts) = (circumstances.settings, circumstances.longTexts)
        (temperature, threshold) = (settings?.temperature, settings?.threshold)
        (maxLength, self.longTexts) = (longTexts?.maximumLength, longTexts?.method.rawValue)
        stride = longTexts?.stride
        precision = circumstances.precision
        let layout = Dictionary(uniqueKeysWithValues: circumstances.layout.settings)
        format = layout["format"]
        (textColumn, textPairColumn) = (layout["text_column"], layout["text_pair_column"])
        (labelColumn, labelMap) = (layout["label_column"], layout["label_map"])
        onBadRow = layout["on_bad_row"]
        skipped = dataset.sources.reduce(0) { $0 + $1.badRows.count + $1.leftOut }
        trainedTexts = circumstances.trainedTexts
    }
}
