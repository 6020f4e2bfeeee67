import ArgumentParser
import Datasets
import Escaping
import Evaluation
import Experiments
import Foundation
import Inference
import Reports
import Transformer

struct Compress: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a model a quarter as large, and several times as fast, by weights of 8 bits.",
        discussion: """
            The folder that is written is for 'predict' and 'evaluate', which give the same answers on every processor. It cannot be trained further, \
            and other programs refuse it: keep the model that it is made of.

              addnorm compress --model models/reviews --output models/reviews-int8 --calibrate texts.txt --check dev.tsv

            --calibrate measures on texts, whose labels do not matter, what the answers lose by each part, and keeps in Float32 what loses too much. \
            --check answers labelled texts with both models, and writes nothing unless they are shown to be equally good. Both results are \
            recorded, for 'runs compare'.
            """)

    @OptionGroup
    var model: ModelOptions

    @Option(help: ArgumentHelp("The folder that is written.", valueName: "dir"), completion: .directory)
    var output: String

    @Flag(help: "Replace a model that is in the output folder.")
    var overwrite = false

    @Option(
        help: ArgumentHelp(
            "Texts like those that the model is for, best ones that it has not seen; some hundred do.",
            valueName: "file"),
        completion: .file())
    var calibrate: String?

    @Option(
        help: ArgumentHelp(
            """
            The mean loss of an answer that --calibrate allows: the Kullback–Leibler divergence from the answer in Float32, in nats. (default: \
            \(Compression.usualMaxLoss))
            """, valueName: "nats"))
    var maxLoss: Double?

    @Option(
        help: ArgumentHelp(
            "Labelled texts that the model has not seen, on which both have to be equally good.", valueName: "file"),
        completion: .file())
    var check: String?

    @Option(
        help: ArgumentHelp(
            "What the accuracies may differ by for --check, in percentage points. (default: 0.5)", valueName: "points"))
    var equivalentWithin: Double?

    @Option(help: "A unique name for the run that --check records. (default: a short one is made)")
    var name: String?

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    func validate() throws {
        if let maxLoss, !(maxLoss >= 0) { throw ValidationError("--max-loss must be at least 0.") }
        try requireMargin(equivalentWithin)
        if maxLoss != nil && calibrate == nil { throw ValidationError("--max-loss is for --calibrate.") }
        if (equivalentWithin != nil || name != nil) && check == nil {
            throw ValidationError("--equivalent-within and --name are for --check.")
        }
        if let name { try requireRunName(name, "--name") }
    }

    func run() throws {
        let folder = try model.load()
        try folder.requireFloat32(for: "'compress'")
        if check != nil { try folder.requireLabels(for: "--check") }
        let url = URL(filePath: output)
        try ModelFolder.checkOutput(url, overwrite: overwrite)
        var layout = try layout.layout(for: folder.settings)
        let trainingData = try TrainingData(ofModelIn: model.url)
        if layout.labelMap.isEmpty { layout.labelMap = trainingData?.labelMap ?? [:] }
        let maximumLength = try model.maximumLength(of: folder)
        let longTexts = folder.settings.longTexts ?? LongTexts(maximumLength: maximumLength)
        let workers = inference.workers
        let classifier = Classifier(
            try folder.merged(on: workers), longTexts: longTexts, batchSize: inference.batchSize, on: workers)
        // Both files are read before anything is computed.
        let texts = try calibrate.map { try Dataset(contentsOf: $0, layout: layout, labels: .none).inputs }
        let labelled = try check.map {
            try Dataset(contentsOf: $0, layout: layout, labels: .reading(classifier.configuration.problemType))
        }
        var compression = try Compression(
            of: classifier, calibratedOn: texts, maxLoss: maxLoss ?? Compression.usualMaxLoss)
        compression.model.trainingData = trainingData
        if compression.parts.allSatisfy(\.isKept) {
            Output.warn("every part loses more than --max-loss allows: the model is written as it is, in fp32")
        }
        let checked = try labelled.map { data in
            try CompressionCheck(
                of: classifier, compressed: compression.model, on: data, layout: layout,
                trainedTexts: trainingData?.countsOfTexts(in: [data], on: workers)[0],
                equivalentWithin: (equivalentWithin ?? 0.5) / 100)
        }
        func write() throws { try compression.model.write(to: url) }
        var recorded: String?
        if let checked {
            recorded = try checked.record(
                CompressionCheck.Record(
                    name: name, command: CommandLine.arguments.shellQuoted, version: Program.version,
                    model: model.folder,
                    output: output), compression, to: model.database.open(for: .write), write: write)
        } else {
            try write()
        }
        try show(compression, checked, recorded)
        if let checked, !checked.equivalence.isShown {
            throw OutputError(
                description:
                    "\(output): nothing was written: the compressed model was \(checked.equivalence.sentence); give more texts to --check,"
                    + " lower --max-loss with --calibrate, or raise --equivalent-within")
        }
    }

    private func show(_ compression: Compression, _ checked: CompressionCheck?, _ run: String?) throws {
        if json {
            return try Output.write(
                json: JSONObject(
                    [
                        "output": output, "loss": compression.loss,
                        "parts": compression.parts.map { part in
                            JSONObject([
                                "part": part.part.description, "loss": part.loss, "stored": part.form,
                                "bytes": part.bytes,
                                "int8_bytes": part.narrowBytes,
                            ])
                        },
                    ], optional: ["check": checked?.object, "run": run]))
        }
        func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
        func nats(_ loss: Double?) -> String? { loss.map { String(format: "%.6f", $0) } }
        let parts = ReportTable(
            compression.parts,
            [
                .text("part", \.part.description), .number("fp32") { megabytes($0.bytes) },
                .number("int8") { megabytes($0.narrowBytes) }, .number("loss alone") { nats($0.loss) }.ifAny,
                .text("stored", \.form),
            ])
        try Output.write(
            parts.text + (nats(compression.loss).map { "loss of an answer by all in int8: \($0) nats\n" } ?? "")
                + (checked.map { "\n" + $0.text } ?? "")
                + (run.map { "recorded as the run '\($0)' in \(model.database.path)\n" } ?? "")
                + (checked?.equivalence.isShown == false ? "" : "written to \(output)\n"))
    }
}

extension CompressionCheck {
    fileprivate var models: [(name: String, result: EvaluationResult, metrics: EvaluationMetrics)] {
        [("fp32", before.result, before.metrics), ("int8", after.result, after.metrics)]
    }

    /// What is shown of it.
    fileprivate var text: String {
        let figures = ReportTable(
            models,
            [
                .text("model", \.name), .figure("accuracy", \.result.report.accuracy),
                .figure("macro F1", \.result.report.macroF1), .figure("loss", \.result.loss),
                .figure("calibration error", \.metrics.probabilities.reliability.expectedError),
            ])
        return """
            \(path), \(texts.grouped) texts:
            \(figures.text)the same answer to \(sameAnswers.grouped) of \(texts.grouped); only right in fp32: \(onlyBefore.grouped), only in int8: \
            \(onlyAfter.grouped) (McNemar's p \(p.pValue))
            the largest change of a probability: \(largestChange.figure)
            \(equivalence.sentence)

            """
    }

    fileprivate var object: JSONObject {
        JSONObject([
            "data": path, "examples": texts, "same_answers": sameAnswers, "only_fp32_right": onlyBefore,
            "only_int8_right": onlyAfter, "mcnemar_p": p, "largest_change": largestChange, "equivalence": equivalence,
            "models": models.map { model in
                JSONObject([
                    "model": model.name, "accuracy": model.result.report.accuracy,
                    "macro_f1": model.result.report.macroF1, "loss": model.result.loss,
                    "calibration_error": model.metrics.probabilities.reliability.expectedError,
                ])
            },
        ])
    }
}
