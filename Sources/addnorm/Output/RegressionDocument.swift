import Datasets
import Evaluation
import Reports
import Statistics

/// What is printed of an evaluation of numbers: as text, or as JSON by the names of its keys.
struct RegressionDocument: EvaluationOutput {
    /// A text whose number was predicted badly.
    struct Miss: Encodable {
        let file: String
        let line: Int
        let actual: Double
        let predicted: Double
        let error: Double
        let text: String
    }

    let view: EvaluationDocument.View
    let data: String
    let value: String?
    let result: RegressionResult
    let intervals: RegressionIntervals
    let misses: [Miss]?
    let groups: [RegressionDocument]?

    /// Evaluates what was computed.
    ///
    /// - Parameters:
    ///   - data: the names of the files
    ///   - value: what the rows have in common, if they are a group
    ///   - row: where each text that was computed comes from
    /// - Throws: `ModelError` if the model's numbers have overflowed.
    init(
        _ data: String, _ computed: LabeledLogits, _ view: EvaluationDocument.View, value: String? = nil,
        row: @escaping (Int) -> (file: String, example: Example)
    ) throws {
        let result = try RegressionResult(computed)
        (self.view, self.data, self.value, self.result) = (view, data, value, result)
        intervals = bootstrapIntervals(of: result.pairs, on: view.classifier.workers)
        misses = view.errors.map { count in
            result.byError().prefix(count).map { index in
                let (file, example) = row(index)
                return Miss(
                    file: file, line: example.line, actual: result.pairs.actual[index],
                    predicted: result.pairs.predicted[index], error: result.error(of: index), text: example.input.joined
                )
            }
        }
        guard view.isGrouped && value == nil else {
            groups = nil
            return
        }
        groups = try Dictionary(grouping: result.pairs.actual.indices) { row($0).example.group ?? "" }
            .sorted { $0.key < $1.key }
            .map { value, indices in
                try RegressionDocument(data, computed.part(indices), view, value: value) { row(indices[$0]) }
            }
    }

    var text: String {
        let heading = heading(
            "\(result.pairs.actual.count.formatted()) examples", tokens: result.tokens, seconds: result.seconds)
        let figures = ReportTable(figures: [
            ("mean squared error", result.figures.mse, intervals.mse),
            ("mean absolute error", result.figures.mae, intervals.mae),
            ("Pearson", result.figures.pearson, intervals.pearson),
            ("Spearman", result.figures.spearman, intervals.spearman),
        ])
        let table = misses.map { misses in
            ReportTable(
                misses,
                [
                    .text("largest errors") { "\($0.file):\($0.line)" }, .figure("actual", \.actual),
                    .figure("predicted", \.predicted), .figure("error", \.error), .text("text", \.text),
                ])
        }
        let parts = [heading + "\n", figures.text, table?.text].compactMap { $0 } + (groups ?? []).map(\.text)
        return parts.joined(separator: "\n")
    }

    var object: JSONObject {
        let (figures, isWhole) = (result.figures, value == nil)
        return JSONObject(
            [
                "model": view.model, "data": data, "examples": result.pairs.actual.count, "loss": figures.mse,
                "mse": figures.mse, "mse_ci": intervals.mse, "mae": figures.mae, "mae_ci": intervals.mae,
                "pearson": figures.pearson, "pearson_ci": intervals.pearson, "spearman": figures.spearman,
                "spearman_ci": intervals.spearman,
            ],
            optional: [
                "errors": misses, "value": value, "by": groups?.map(\.object),
                // They are known of the whole file only.
                "seconds": isWhole ? result.seconds : nil, "tokens": isWhole ? result.tokens : nil,
            ])
    }
}
