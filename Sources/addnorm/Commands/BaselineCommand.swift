import ArgumentParser
import Datasets
import Escaping
import Evaluation
import Experiments
import Kernels
import Reports
import RunStore
import Training

struct BaselineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline",
        abstract: "Measure what a bag of words reaches on the same data, in seconds.",
        discussion: """
            TF-IDF and logistic regression: words and pairs of them, characters, or parts of words, whatever does best in \
            cross-validation on the training data. The result is recorded as a run, so that 'runs compare' tells whether a \
            Transformer is better than that, and 'train' says what the baseline has reached. There is no model folder.

              addnorm baseline --train train.tsv --dev dev.tsv held-out.tsv
              addnorm runs compare baseline-1 run-2
            """)

    @Option(
        help: ArgumentHelp("Labelled texts. Given several times: all of them.", valueName: "file"), completion: .file())
    var train: [String]

    @Option(
        help: ArgumentHelp("The dev data of the runs that it is compared with.", valueName: "file"), completion: .file()
    )
    var dev: String?

    @Argument(help: ArgumentHelp("Labelled texts that it is evaluated on.", valueName: "file"), completion: .file())
    var files: [String] = []

    @Option(
        help: ArgumentHelp(
            "What decides: accuracy, macro_f1, weighted_f1, f1:LABEL, mcc, roc_auc or log_loss.", valueName: "metric"))
    var metric = EvaluationMetric.usual

    @Option(help: "A unique name for the run. (default: a short one is made)")
    var name: String?

    @Option(help: "What the run is about. (default: the dev data, else the training data)", completion: .projects)
    var project: String?

    @Option(help: "The seed of the folds.")
    var seed: UInt64 = 42

    @Option(help: "Threads to use. (default: one for each processor that may be used)")
    var threads: Int?

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @OptionGroup
    var answer: AnswerOptions

    func validate() throws {
        if let name { try requireRunName(name, "--name") }
        try requirePositive(threads, "--threads", atMost: Workers.mostThreads)
        if (train + files + [dev]).contains("-") { throw ValidationError("The data must be files.") }
    }

    func run() throws {
        let workers = Workers(announcing: threads)
        let data = try Dataset(contentsOf: train, layout: layout.layout, labels: .detected)
        let reading = data.hasSeveralLabels ? LabelReading.several : .one
        var others = try ([dev].compactMap { $0 } + files).map {
            try Dataset(contentsOf: $0, layout: layout.layout, labels: reading)
        }
        for other in others { try other.requirePairs(like: data) }
        for notice in ([data] + others).flatMap(\.notices) { Output.warn(notice) }
        if case .f1(let label) = metric, !data.labelNames.contains(label) {
            throw ValidationError("--metric f1:\(label): there is no such label.")
        }
        let start = ContinuousClock.now
        var record = Baseline.Record(
            of: data, command: CommandLine.arguments.shellQuoted, version: Program.version)
        (record.name, record.project, record.layout) = (name, project, layout.layout)
        (record.metric, record.seed) = (metric, seed)
        let baseline = try Baseline(data, metric: metric, seed: seed, on: workers)
        let results = try others.indices.map { try baseline.evaluate(&others[$0], on: workers) }
        record.dev = dev == nil ? nil : others[0]
        let run = try baseline.record(
            to: answer.database.open(for: .write), record, Array(zip(others, results)), on: workers)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if answer.json {
            return try Output.write(
                json: JSONObject([
                    "run": run, "bag": baseline.best.bag.rawValue, "c": baseline.best.c, "metric": metric,
                    "cross_validated": baseline.best.value, "seconds": seconds,
                    "evaluations": zip(others, results).map { data, result in
                        JSONObject([
                            "data": data.path, "examples": result.predictions.count, "loss": result.loss,
                            "accuracy": result.report.accuracy, "macro_f1": result.report.macroF1,
                            "metric": result.value(of: metric),
                        ])
                    },
                ]))
        }
        let tried = ReportTable(
            baseline.candidates.prefix(5).map { $0 },
            [
                .text("counts", \.bag.rawValue), .text("C") { $0.c.formatted() },
                .figure("\(metric.words), cross-validated", \.value),
            ])
        let figures = ReportTable(
            Array(zip(others, results)),
            [
                .text("data", \.0.path), .count("examples") { $0.1.predictions.count },
                .figure("accuracy", \.1.report.accuracy), .figure("macro F1", \.1.report.macroF1),
                .figure("loss", \.1.loss),
            ])
        try Output.write(
            "TF-IDF of \(baseline.best.bag.rawValue) and logistic regression with C \(baseline.best.c.formatted()), the best of"
                + " \(baseline.candidates.count):\n\n\(tried.text)\n" + (others.isEmpty ? "" : figures.text + "\n")
                + "recorded as the run '\(run)' in \(answer.database.path), \(seconds.duration)\n")
    }
}
