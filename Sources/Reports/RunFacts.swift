import RunStore

extension [Fact<ComparedRun>] {
    /// What runs started from, what they read and wrote.
    static func origins(of runs: [ComparedRun], in store: RunStore) throws -> Self {
        let tags = Dictionary(try runs.map { ($0.id, try store.tags(of: $0.id).joined(separator: ", ")) }) { $1 }
        let experiments = Dictionary(try runs.map { ($0.id, try store.experiment(of: $0.run)?.name) }) { $1 }
        return [
            .text("status") { $0.run.status.rawValue + ($0.run.error.map { ": " + $0 } ?? "") },
            .text("warning", \.run.warning), .text("project", \.run.project), .text("tags") { tags[$0.id] },
            .text("note", \.run.note), .text("seed group", \.run.seedGroup),
            .text("experiment") { experiments[$0.id] ?? nil }, .text("outcome", \.run.outcome?.rawValue),
            .cell("started") { .time($0.run.startedAt) }, .cell("finished") { $0.run.finishedAt.map { .time($0) } },
            .text("command", \.run.command), .text("started from") { $0.run.model ?? "random weights" },
            .text("output", \.run.output),
            .text("train data") { $0.run.trainFiles.joined(separator: ", ") },
            .text("dev data") { $0.run.devData ?? "held out of the train data" },
            .text("parameters", \.run.parameters.grouped),
            .text("host") { "\($0.run.host), \($0.run.threads.of("thread"))" }, .text("version", \.run.version),
        ]
    }

    /// The hyper-parameters that one of the runs has, in alphabetical order.
    static func hyperparameters(of runs: [ComparedRun]) -> Self {
        Set(runs.flatMap(\.hyperparameters.keys)).sorted().map { name in .text(name) { $0.hyperparameters[name] } }
    }

    /// The figures of the best epochs on the dev data.
    static var outcomes: Self {
        [
            .figure("dev accuracy", \.summary?.bestDevAccuracy), .figure("dev macro F1", \.summary?.devMacroF1),
            .cell("dev metric") { run in
                EvaluationMetric.ofNumbers.contains(run.metric)
                    ? run.devValue.map { .text("\(run.metric.words) \($0.figure)") } : nil
            },
            .figure("dev loss", \.summary?.devLoss), .count("best epoch", \.summary?.bestEpoch),
            .cell("seconds", .number) { $0.summary?.seconds.map { .seconds($0) } },
        ]
    }

    /// How far runs came, and the figures of their best epochs and of the latest evaluation on each file.
    static func results(of runs: [ComparedRun]) -> Self {
        [.text("status", \.run.status.rawValue)] + outcomes
            + runs.files.flatMap { sha256, path -> Self in
                runs.contains { $0.evaluation(on: sha256)?.mse != nil }
                    ? [
                        .figure("mean squared error on \(path)") { $0.evaluation(on: sha256)?.mse },
                        .figure("  mean absolute error") { $0.evaluation(on: sha256)?.mae },
                        .figure("  Pearson") { $0.evaluation(on: sha256)?.pearson },
                        .figure("  Spearman") { $0.evaluation(on: sha256)?.spearman },
                    ]
                    : [
                        .figure("accuracy on \(path)") { $0.evaluation(on: sha256)?.accuracy },
                        .figure("  macro F1") { $0.evaluation(on: sha256)?.macroF1 },
                        .figure("  loss") { $0.evaluation(on: sha256)?.loss },
                    ]
            }
    }
}

extension ReportTable {
    /// A row for each evaluation.
    package init(_ evaluations: [Evaluation]) {
        self.init(
            evaluations,
            [
                .text("evaluated on", \.data), .cell("at") { .time($0.evaluatedAt) },
                .count("examples", \.examples), .figure("accuracy", \.accuracy).ifAny,
                .figure("macro F1", \.macroF1).ifAny, .figure("loss", \.loss),
                .figure("mean absolute error", \.mae).ifAny, .figure("Pearson", \.pearson).ifAny,
                .figure("Spearman", \.spearman).ifAny,
            ])
    }
}
