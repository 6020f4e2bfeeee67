import ArgumentParser
import Datasets
import RunStore
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// `addnorm evaluate`
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a model on labelled files that it has not seen.",
        discussion: """
            Prints for each file a classification report, a confusion matrix, 95 % confidence intervals, and what the \
            probabilities are worth, and the same over all files if there are several. Every file's result is recorded in \
            the database, down to the single predictions.

              addnorm evaluate --model models/reviews held-out.tsv
              addnorm evaluate --model models/reviews --errors 20 held-out.csv
              addnorm evaluate --model models/reviews --by country held-out.jsonl
              addnorm evaluate --model models/reviews --predictions p.jsonl held-out.tsv

            Probabilities of fine-tuned models are usually too near to 0 and 1. --calibrate fits a temperature to the files; \
            --tune-threshold finds the probability from which on the second of two labels is the answer. Both are kept in \
            the model's folder and used from then on by evaluate, predict and explain. Give them dev data: what was fitted \
            to a file cannot be measured with it.

              addnorm evaluate --model models/reviews --calibrate dev.tsv
              addnorm evaluate --model models/reviews --tune-threshold f1 dev.tsv
            """)

    @OptionGroup
    var model: ModelOptions

    @Argument(help: ArgumentHelp("Labelled texts.", valueName: "file"), completion: .file())
    var files: [String]

    @Flag(
        help: "Print one JSON document: an object for one file, for several an array that ends with the one over all.")
    var json = false

    @Option(
        help: ArgumentHelp(
            """
            Write every prediction to this file, with text, actual and predicted label, confidence, probabilities, file and \
            line: as CSV or JSON Lines if it ends in .csv or .jsonl, else as TSV.
            """, valueName: "file"), completion: .file())
    var predictions: String?

    @Option(help: ArgumentHelp("Show so many mistakes, the most confident first.", valueName: "n"))
    var errors: Int?

    @Option(
        help: ArgumentHelp(
            "Report also on the texts of each value of another column: a header's name or key, or a number from 1.",
            valueName: "column"))
    var by: Layout.Column?

    @OptionGroup
    var decisions: DecisionOptions

    @Flag(
        help:
            "Fit a temperature to the files and keep it in the model's folder, so that probabilities mean what they say."
    )
    var calibrate = false

    @Option(
        help: ArgumentHelp(
            """
            Find the probability of the second of two labels from which on it is the answer, so that this metric is largest \
            on the files, and keep it in the model's folder: \
            \(ThresholdMetric.allCases.map(\.rawValue).joined(separator: ", ")). (f1 is that of the second label.)
            """, valueName: "metric"))
    var tuneThreshold: ThresholdMetric?

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @OptionGroup(title: "Long texts")
    var longTexts: LongTextOptions

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    @OptionGroup
    var database: DatabaseOptions

    func validate() throws { try requirePositive(errors, "--errors") }

    func run() throws {
        var folder = try model.load()
        let configuration = folder.classifier.configuration
        let longTexts = try longTexts.longTexts(model, of: folder)
        let workers = inference.workers
        var layout = layout.layout
        layout.groupColumn = by
        var datasets = try files.map {
            try Dataset(contentsOf: $0, layout: layout, labels: .reading(configuration.problemType))
        }
        // Every file is checked, and the database, before the first one is run.
        let examples = try datasets.indices.map { index in
            let examples = try EncodedExamples(&datasets[index], for: folder, longTexts, on: workers)
            for notice in datasets[index].notices { Output.warn(notice) }
            if let notice = examples.texts.notice(longTexts) { Output.warn("\(files[index]): \(notice)") }
            return examples
        }
        if tuneThreshold != nil { try folder.requireThreshold() }
        let store = try database.open(for: .write)
        var predictionsFile = try predictions.map {
            try PredictionsFile($0, configuration, besides: files + [model.model, database.path])
        }
        var predictor = Predictor(for: folder.classifier, batchSize: inference.batchSize, workers: workers)
        let computed = examples.map { LabeledLogits(of: folder.classifier, on: $0, &predictor) }

        var changes = EvaluationDocument.Changes()
        if calibrate || tuneThreshold != nil {
            let all = LabeledLogits(joining: computed)
            if calibrate { changes.calibration = try folder.calibrate(on: all) }
            changes.threshold = try tuneThreshold.map { try folder.tuneThreshold(for: $0, on: all) }
            try folder.writeSettings(to: model.url)
        }

        let view = EvaluationDocument.View(
            model: model.model, labels: configuration.labels, changes: changes, abstainBelow: decisions.abstainBelow,
            errors: errors ?? 0, isGrouped: by != nil, workers: workers)
        func document(_ name: String, _ computed: [LabeledLogits], _ datasets: [Dataset]) throws -> EvaluationDocument {
            let computed = computed.count == 1 ? computed[0] : LabeledLogits(joining: computed)
            return try EvaluationDocument(name, computed, .init(datasets), folder, view)
        }
        var documents: [EvaluationDocument] = []
        // The database can be locked or the disk full; what was measured is shown all the same.
        var failure: (any Error)?
        for (dataset, computed) in zip(datasets, computed) {
            let document = try document(dataset.path, [computed], [dataset])
            do {
                _ = try store.record(
                    document.result, document.metrics, of: model.model, on: dataset, labels: configuration.labels)
            } catch {
                failure = failure ?? error
            }
            try predictionsFile?.write(document.result, of: dataset, abstainBelow: decisions.abstainBelow)
            documents.append(document)
        }
        if documents.count > 1 {
            documents.append(try document(files.joined(separator: ", "), computed, datasets))
        }
        if json {
            if documents.count == 1 { try Output.write(json: documents[0]) } else { try Output.write(json: documents) }
        } else {
            try Output.write(documents.map(\.text).joined(separator: "\n"))
        }
        if let failure { throw failure }
    }
}
