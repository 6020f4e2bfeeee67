import Datasets
import RunStore

extension RunStore {
    /// Records a model's result on a file, with its report, confusion matrix and predictions.
    ///
    /// - Parameters:
    ///   - model: the model's folder
    ///   - labels: the names of the labels, by id
    /// - Returns: the id of the evaluation
    package func record(
        _ result: EvaluationResult, of model: String, on dataset: Dataset, labels: [String]
    ) throws -> Int64 {
        let report = result.report
        return try record(
            Evaluation(
                model: absolutePath(model), data: absolutePath(dataset.path), dataSha256: dataset.sha256,
                examples: result.predictions.count, tokens: result.tokens, loss: result.loss,
                accuracy: report.accuracy, macroF1: report.macroF1, weightedF1: report.weightedF1,
                seconds: result.seconds),
            classes: report.labels.map {
                ClassMetric(
                    label: $0.label, precision: $0.precision, recall: $0.recall, f1: $0.f1, support: $0.support)
            },
            // Pairs that never occur are recorded too, as long as there are not very many.
            confusions: zip(report.labels, report.confusion).flatMap { actual, counts in
                zip(report.labels, counts).filter { $0.1 > 0 || report.labels.count <= 100 }
                    .map { Confusion(actual: actual.label, predicted: $0.label, count: $1) }
            },
            predictions: zip(result.targets, result.predictions).enumerated().map { index, pair in
                PredictionRecord(
                    row: index + 1, actual: labels[pair.0], predicted: labels[pair.1.label],
                    confidence: Double(pair.1.confidence))
            })
    }
}
