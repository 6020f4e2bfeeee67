import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Inference
import RunStore
import Transformer

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

            With --shard I/N, one of N processes measures its part of the rows.

            Of a regression it prints the mean squared and the mean absolute error, Pearson's and Spearman's correlation, with intervals, and with \
            --errors the largest errors.

            Probabilities of fine-tuned models are usually too near to 0 and 1. --calibrate fits a temperature to the files; \
            --tune-threshold finds the probability from which on the second of two labels is the answer. Both are kept in \
            the model's folder and used from then on by evaluate, predict and explain. Give them dev data: what was fitted \
            to a file cannot be measured with it, and a model is much too sure of the texts that it was trained with.

              addnorm evaluate --model models/reviews --calibrate dev.tsv
              addnorm evaluate --model models/reviews --tune-threshold f1 dev.tsv
              addnorm evaluate --model models/reviews --uncalibrate dev.tsv
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

    @OptionGroup(title: "Many processes")
    var shards: ShardOptions

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

    @Flag(help: "First take back what --calibrate and --tune-threshold have kept in the model's folder.")
    var uncalibrate = false

    @Flag(help: "Fit also to texts that the model was trained with.")
    var force = false

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @OptionGroup(title: "Long texts")
    var longTexts: LongTextOptions

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    @OptionGroup(title: "Precision")
    var precision: PrecisionOptions

    /// The share of texts from the training that does not matter.
    private static let mostTrainedTexts = 0.01

    func validate() throws {
        try requirePositive(errors, "--errors")
        if force && !calibrate && tuneThreshold == nil {
            throw ValidationError("--force is for --calibrate and --tune-threshold.")
        }
    }

    func run() throws {
        var classifier = try inference.classifier(model, reading: longTexts, in: precision)
        if uncalibrate { (classifier.model.settings.temperature, classifier.model.settings.threshold) = (1, nil) }
        let configuration = classifier.configuration
        for (option, isGiven) in [
            ("--calibrate", calibrate), ("--uncalibrate", uncalibrate), ("--tune-threshold", tuneThreshold != nil),
            ("--abstain-below", decisions.abstainBelow != nil),
        ] where isGiven { try classifier.model.requireLabels(for: option) }
        var layout = try layout.layout(for: classifier.model.settings)
        layout.groupColumn = by
        let folder = model.folder
        let trainingData = try TrainingData(ofModelIn: URL(filePath: folder))
        if let labelMap = trainingData?.labelMap, !labelMap.isEmpty, layout.labelMap.isEmpty {
            layout.labelMap = labelMap
            let names = labelMap.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
            Output.warn("labels are renamed as for the training: --label-map \(names)")
        }
        let shard = try shards.shard()
        let pieces = try shard.map { try layout.input(of: $0, in: files).pieces } ?? files.map { Piece(path: $0) }
        if pieces.isEmpty, let shard {
            Output.warn("shard \(shard) has no rows: there is nothing to measure")
            return
        }
        var datasets = try pieces.map {
            try Dataset($0, layout: layout, labels: .reading(configuration.problemType))
        }
        for dataset in datasets { try dataset.requirePairs(like: datasets[0]) }
        // Every file is checked, and the database, before the first one is run.
        let examples = try datasets.indices.map { index in
            let examples = try EncodedExamples(
                &datasets[index], for: classifier.model, classifier.longTexts, on: classifier.workers)
            try configuration.requireMemory(for: examples.sequences, on: classifier.workers)
            for notice in datasets[index].notices { Output.warn(notice) }
            if let notice = examples.texts.notice { Output.warn("\(datasets[index].path): \(notice)") }
            return examples
        }
        // Of a model of an earlier version, the database knows at least the file.
        let writer = try? model.database.open(for: .read).writer(ofModel: absolutePath(folder))
        let trainedTexts =
            trainingData?.countsOfTexts(in: datasets, on: classifier.workers)
            ?? datasets.map { writer?.trainSha256 == $0.sha256 ? $0.examples.count : nil }
        try requireUnseen(zip(datasets, trainedTexts).map { ($0, $1) }, trainingData)
        if tuneThreshold != nil { try classifier.model.requireThreshold() }
        let store = try model.database.open(for: .write)
        var predictionsFile = try predictions.map {
            try PredictionsFile($0, configuration, besides: files + [folder], database: model.database.path)
        }
        let computed = try examples.map { try LabeledLogits(of: $0) { try classifier.logits(of: $0) } }
        let (calibration, threshold) = try fitSettings(of: &classifier.model, in: folder, to: computed)

        let view = EvaluationDocument.View(
            model: model.adapter ?? model.model, classifier: classifier, calibration: calibration,
            tunedThreshold: threshold,
            abstainBelow: decisions.abstainBelow, errors: errors, isGrouped: by != nil)
        var documents: [any EvaluationOutput] = []
        // The database can be locked or the disk full; what was measured is shown all the same.
        var failure: (any Error)?
        for (index, (dataset, computed)) in zip(datasets, computed).enumerated() {
            let circumstances = EvaluationCircumstances(
                of: classifier.model, classifier.longTexts, layout, trainedTexts: trainedTexts[index])
            func row(_ index: Int) -> (String, Example) {
                (dataset.file(of: dataset.examples[index]), dataset.examples[index])
            }
            let record: () throws -> Int64
            if configuration.problemType == .regression {
                let document = try RegressionDocument(dataset.path, computed, view, row: row)
                record = {
                    try store.record(
                        document.result, document.intervals, of: folder, on: dataset, circumstances)
                }
                try predictionsFile?.write(document.result, of: dataset)
                documents.append(document)
            } else {
                let document = try EvaluationDocument(dataset.path, computed, view, row: row)
                record = {
                    try store.record(
                        document.result, document.metrics, of: folder, on: dataset, circumstances,
                        labels: configuration.labels)
                }
                try predictionsFile?.write(document.result, of: dataset, abstainBelow: decisions.abstainBelow)
                documents.append(document)
            }
            do { _ = try record() } catch { failure = failure ?? error }
        }
        if documents.count > 1 {
            let rows = datasets.flatMap { dataset in dataset.examples.map { (dataset.file(of: $0), $0) } }
            let (names, all) = (datasets.map(\.path).joined(separator: ", "), LabeledLogits(joining: computed))
            documents.append(
                configuration.problemType == .regression
                    ? try RegressionDocument(names, all, view) { rows[$0] }
                    : try EvaluationDocument(names, all, view) { rows[$0] })
        }
        if json {
            let objects = documents.map(\.object)
            if objects.count == 1 { try Output.write(json: objects[0]) } else { try Output.write(json: objects) }
        } else {
            try Output.write(documents.map(\.text).joined(separator: "\n"))
        }
        if let failure { throw failure }
    }

    /// Says which texts the model was trained with, and refuses to fit settings to many of them.
    private func requireUnseen(_ data: [(dataset: Dataset, trainedTexts: Int?)], _ trainingData: TrainingData?) throws {
        for case (let dataset, let trained?) in data where trained > 0 {
            let isFile = trainingData?.files.contains { $0.sha256 == dataset.sha256 } ?? true
            let texts = "\(trained.formatted()) of \(dataset.examples.count.formatted()) texts"
            let fact =
                "\(dataset.path): the model was trained with "
                + (isFile ? "this file (\(texts))" : "\(texts) of this file")
            let isMuch = Double(trained) > Self.mostTrainedTexts * Double(dataset.examples.count)
            if isMuch && (calibrate || tuneThreshold != nil) && !force {
                throw OutputError(
                    description:
                        "\(fact): a model is too sure of these; fit to other data, or all the same with --force")
            }
            Output.warn("\(fact): figures on it flatter")
        }
    }

    /// Fits the model's settings to what it computes of the files, and keeps them in its folder, if that is asked for.
    private func fitSettings(
        of model: inout ModelFolder, in folder: String, to computed: [LabeledLogits]
    ) throws -> (Calibration?, TunedThreshold?) {
        guard calibrate || tuneThreshold != nil || uncalibrate else { return (nil, nil) }
        let all = LabeledLogits(joining: computed)
        let calibration = calibrate ? try model.calibrate(on: all) : nil
        let threshold = try tuneThreshold.map { try model.tuneThreshold(for: $0, on: all) }
        try model.writeSettings(to: URL(filePath: folder))
        return (calibration, threshold)
    }
}
