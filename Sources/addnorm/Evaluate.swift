import ArgumentParser
import Datasets
import Foundation
import RunStore
import Training
import Transformer

/// `addnorm evaluate`
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a model on labelled files that it has not seen.",
        discussion: """
            Prints a classification report and a confusion matrix for each file, and one over all if there are several. \
            Every file's result is recorded in the database, down to the single predictions.

              addnorm evaluate --model models/reviews held-out.tsv
              addnorm evaluate --model models/reviews --json held-out.tsv
            """)

    @OptionGroup
    var model: ModelOptions

    @Argument(help: ArgumentHelp("Labelled texts.", valueName: "file"))
    var files: [String]

    @Flag(
        help: "Print one JSON document: an object for one file, for several an array that ends with the one over all.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Write every prediction to this file, as TSV: text, actual, predicted, confidence.", valueName: "file"))
    var predictions: String?

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    @OptionGroup
    var database: DatabaseOptions

    func run() throws {
        let folder = try model.load()
        let maximumLength = try model.maximumLength(limit: folder.classifier.configuration.maximumLength)
        let labels = folder.classifier.configuration.labels
        let workers = inference.workers
        let datasets = try files.map { file in
            var dataset = try Dataset(contentsOf: file, layout: layout.layout, labels: .one)
            try dataset.requireLabels(among: labels)
            dataset.notices.forEach(Output.warn)
            return dataset
        }
        // Every file is checked, and the database, before the first one is run.
        let examples = try datasets.map { dataset in
            let examples = try EncodedExamples(
                dataset, labels: labels, tokenizer: folder.tokenizer, maximumLength: maximumLength,
                on: workers)
            if let notice = examples.truncationNotice(path: dataset.path, maximumLength: maximumLength) {
                Output.warn(notice)
            }
            return examples
        }
        let store = try database.open(for: .write)
        if let predictions { try write("", to: predictions) }
        var predictor = Predictor(
            for: folder.classifier, batchSize: inference.batchSize, workers: workers)
        var results: [EvaluationResult] = []
        for (dataset, examples) in zip(datasets, examples) {
            let result = try EvaluationResult(of: folder.classifier, on: examples, &predictor)
            _ = try store.record(result, of: model.model, on: dataset, labels: labels)
            results.append(result)
        }
        if let predictions { try writePredictions(to: predictions, datasets, results, labels: labels) }
        var documents = zip(files, results).map { Document(model: model.model, data: $0, $1) }
        if results.count > 1 {
            documents.append(
                Document(
                    model: model.model, data: files.joined(separator: ", "),
                    EvaluationResult(joining: results, names: labels)))
        }
        if json {
            if documents.count == 1 { try Output.write(json: documents[0]) } else { try Output.write(json: documents) }
        } else {
            try Output.write(documents.map(\.text).joined(separator: "\n"))
        }
    }

    private func writePredictions(
        to path: String, _ datasets: [Dataset], _ results: [EvaluationResult], labels: [String]
    ) throws {
        var text = "text\tactual\tpredicted\tconfidence\n"
        for (dataset, result) in zip(datasets, results) {
            for (example, prediction) in zip(dataset.examples, result.predictions) {
                text +=
                    "\(example.text.onOneLine)\t\(example.label ?? "")\t\(labels[prediction.label])\t\(prediction.confidence)\n"
            }
        }
        try write(text, to: path)
    }

    /// Not by renaming a temporary file: the path may be a link or a device.
    private func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(filePath: path))
        } catch {
            throw OutputError(description: "\(path): the predictions cannot be written: \(error.localizedDescription)")
        }
    }

    /// What is printed of one evaluation.
    private struct Document: Encodable {
        let model: String
        let data: String
        let examples: Int
        let loss: Double
        let accuracy: Double
        let macroF1: Double
        let weightedF1: Double
        let labels: [ClassificationReport.Label]
        let confusion: [[Int]]
        let seconds: Double
        let tokens: Int

        private let report: ClassificationReport

        /// With more labels, a matrix is too wide to be read.
        private static let mostColumns = 20

        /// All but `report`, which the text needs.
        enum CodingKeys: CodingKey {
            case model, data, examples, loss, accuracy, macroF1, weightedF1, labels, confusion, seconds, tokens
        }

        init(model: String, data: String, _ result: EvaluationResult) {
            self.model = model
            self.data = data
            report = result.report
            examples = result.predictions.count
            loss = result.loss
            accuracy = report.accuracy
            macroF1 = report.macroF1
            weightedF1 = report.weightedF1
            labels = report.labels
            confusion = report.confusion
            seconds = result.seconds
            tokens = result.tokens
        }

        var text: String {
            var table = TextTable(
                header: ["", "precision", "recall", "f1-score", "support"], numeric: [0, 1, 2, 3, 4])
            for label in labels {
                table.rows.append(
                    [label.label, label.precision.figure, label.recall.figure, label.f1.figure, "\(label.support)"])
            }
            let precision = report.averages { $0.precision }
            let recall = report.averages { $0.recall }
            table.rows += [
                ["", "", "", "", ""],
                ["accuracy", "", "", accuracy.figure, "\(examples)"],
                ["macro avg", precision.macro.figure, recall.macro.figure, macroF1.figure, "\(examples)"],
                ["weighted avg", precision.weighted.figure, recall.weighted.figure, weightedF1.figure, "\(examples)"],
            ]
            var matrix = TextTable(
                header: ["actual \\ predicted"] + labels.map(\.label), numeric: Set(1...labels.count))
            for (label, row) in zip(labels, confusion) { matrix.rows.append([label.label] + row.map(String.init)) }
            let isLegible = labels.count <= Self.mostColumns
            let speed = Int(Double(tokens) / max(seconds, 1e-9))
            return """
                \(data): \(examples.formatted()) examples, loss \(loss.figure), \(seconds.duration), \
                \(speed.formatted()) tokens/s

                \(table.text)
                \(isLegible ? matrix.text : "the confusion matrix of \(labels.count) labels is in the output of --json\n")
                """
        }
    }
}
