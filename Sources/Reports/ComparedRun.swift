import Escaping
import Plots
import RunStore

/// What is known of a run that is compared with others.
package struct ComparedRun: Sendable {
    package let run: Run
    package let id: Int64
    /// Its best epoch by dev accuracy.
    package let summary: RunSummary?
    package let hyperparameters: [String: String]
    /// The hyper-parameters and how files were read, and of the run itself what it started from, its data, its seed and the group of its seeds.
    package let parameters: [String: String]
    /// The latest evaluation on each file, told by its contents, in the order in which files were first evaluated.
    package let evaluations: [Evaluation]
    /// What runs are judged by, and its value in each of the evaluations.
    package let metric: EvaluationMetric
    private let values: [Int64: Double]

    /// - Parameter metric: nil: the run's own
    package init(_ run: Run, judgedBy metric: EvaluationMetric? = nil, in store: RunStore) throws {
        self.run = run
        id = run.id
        summary = try store.summary(of: id)
        hyperparameters = Dictionary(try store.params(of: id).map { ($0.name, $0.value) }) { $1 }
        let metric = metric ?? hyperparameters["metric"].flatMap(EvaluationMetric.init) ?? .usual
        self.metric = metric
        var parameters = hyperparameters
        for (name, value) in [
            ("model", run.model), ("train_data", run.trainData), ("train_sha256", run.trainSha256),
            ("dev_data", run.devData), ("dev_sha256", run.devSha256), ("seed", "\(run.seed)"),
            ("seed_group", run.seedGroup), ("project", run.project),
        ] {
            parameters[name] = value
        }
        self.parameters = parameters
        var latest: [Evaluation] = []
        for evaluation in try store.evaluations(of: id) {
            if let place = latest.firstIndex(where: { $0.dataSha256 == evaluation.dataSha256 }) {
                latest[place] = evaluation
            } else {
                latest.append(evaluation)
            }
        }
        evaluations = latest
        var values: [Int64: Double] = [:]
        for evaluation in latest {
            values[evaluation.id] =
                if case .f1(let label) = metric {
                    try store.classMetrics(of: evaluation.id).first { $0.label == label }?.f1
                } else {
                    evaluation.value(of: metric)
                }
        }
        self.values = values
    }

    /// The value of the metric in the latest evaluation on a file with these contents.
    package func value(on sha256: String) -> Double? { evaluation(on: sha256).flatMap { values[$0.id] } }

    /// The value of the metric in the best epoch, if that was chosen by it.
    package var devValue: Double? {
        switch metric {
        case .accuracy: summary?.bestDevAccuracy
        case .macroF1: summary?.devMacroF1
        case .logLoss: summary?.devLoss
        default: summary?.metric == metric.name ? summary?.devMetric : nil
        }
    }

    package var name: String { run.name }

    /// What its dev figures were measured on: the SHA-256 of the file, or which share of the train data was held out. Another seed
    /// holds out other texts, but of the same kind.
    var devData: String { run.devSha256 ?? "\(parameters["dev_fraction"] ?? "") of \(run.trainSha256)" }

    /// The latest evaluation on a file with these contents.
    package func evaluation(on sha256: String) -> Evaluation? { evaluations.first { $0.dataSha256 == sha256 } }

    /// What to do to have it evaluated on a file.
    func toEvaluate(on file: String) -> String {
        hyperparameters[Run.baselineParameter] != nil
            ? "give the file to 'addnorm baseline'"
            : run.outputWrittenAt == nil ? "it has written no model" : evaluateCommand(file)
    }

    /// The command that evaluates its model on a file.
    func evaluateCommand(_ file: String) -> String {
        ["addnorm", "evaluate", "--model", run.output, file].shellQuoted
    }
}

extension [ComparedRun] {
    /// The files that at least one was evaluated on: the SHA-256 of each, and a path that it had.
    package var files: [(sha256: String, path: String)] {
        var files: [(sha256: String, path: String)] = []
        for evaluation in flatMap(\.evaluations) where !files.contains(where: { $0.sha256 == evaluation.dataSha256 }) {
            files.append((evaluation.dataSha256, evaluation.data))
        }
        return files
    }

    /// The names of the parameters that are not the same for all, in alphabetical order.
    package var differingParameters: [String] { differences(map(\.parameters)).map(\.name) }

    /// The parameters that are not the same for all, and how their evaluations on a file that all have were made, where not in the same way:
    /// `max_length on <file>`. With the value of each run.
    package var differences: [(name: String, values: [String?])] {
        let common = files.filter { file in allSatisfy { $0.evaluation(on: file.sha256) != nil } }
        return differences(
            map { run in
                common.reduce(into: run.parameters) { all, file in
                    for (name, value) in run.evaluation(on: file.sha256)?.settings ?? [] {
                        all["\(name) on \(file.path)"] = value
                    }
                }
            })
    }

    private func differences(_ parameters: [[String: String]]) -> [(name: String, values: [String?])] {
        Set(parameters.flatMap(\.keys)).sorted().compactMap { name in
            let values = parameters.map { $0[name] }
            return Set(values).count > 1 ? (name, values) : nil
        }
    }
}

extension ComparedRun: Encodable {
    package func encode(to encoder: any Encoder) throws {
        let evaluations = evaluations.map {
            JSONObject([
                "data": $0.data, "data_sha256": $0.dataSha256, "examples": $0.examples, "accuracy": $0.accuracy,
                "macro_f1": $0.macroF1, "loss": $0.loss,
            ])
        }
        let metrics = JSONObject([
            "dev_accuracy": summary?.bestDevAccuracy, "dev_macro_f1": summary?.devMacroF1, "dev_loss": summary?.devLoss,
            "best_epoch": summary?.bestEpoch, "seconds": summary?.seconds, "evaluations": evaluations,
        ])
        try JSONObject([
            "id": id, "name": name, "status": run.status, "seed": run.seed, "output": run.output, "metrics": metrics,
        ]).encode(to: encoder)
    }
}
