import ArgumentParser
import Reports
import RunStore

extension Runs {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List runs, the latest first, with the figures of their best epochs.",
            discussion: """
                  addnorm runs list --where "accuracy > 0.9 AND learning_rate < 1e-4"
                  addnorm runs list --sort accuracy --limit 5
                  addnorm runs list --columns name,learning_rate,seed,accuracy --tag final
                  addnorm runs list --group-by learning_rate batch_size

                Names are those of the columns of the tables 'runs' and 'run_summary', of hyper-parameters, and accuracy, macro_f1, \
                loss, epoch (of the best epoch on the dev data), test_accuracy, test_macro_f1 (of the latest evaluation on other data), \
                tags and experiment. Runs of experiments are listed where one of the names is experiment, experiment_id or outcome, or with \
                --project or --tag.
                """)

        @OptionGroup
        var selection: SelectionOptions

        @Option(
            help: ArgumentHelp(
                """
                Sort by these, with DESC or ASC or without: accuracy, say, or 'learning_rate, seconds DESC'. (default direction: the \
                best accuracy and macro F1 first, the least of everything else)
                """, valueName: "names"))
        var sort: String?

        @Option(
            help: ArgumentHelp(
                "Sort by this metric of the best epochs, the best first, and show it: accuracy, macro_f1, weighted_f1, mcc, roc_auc or log_loss, of numbers mse, mae, pearson or spearman.",
                valueName: "metric"))
        var metric: EvaluationMetric?

        @Option(help: "List at most so many (runs, or groups of them).")
        var limit: Int?

        @Option(help: ArgumentHelp("What is listed of each run, between commas.", valueName: "names"))
        var columns: String?

        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                """
                Instead of runs, list groups of runs with equal values of these parameters (seed_group: of one 'train --seeds'): mean, \
                standard deviation and 95 % interval of the mean.
                """, valueName: "parameter"), completion: .parameters)
        var groupBy: [String] = []

        @Flag(help: "Print a JSON array.")
        var json = false

        @OptionGroup
        var database: DatabaseOptions

        func validate() throws {
            try requirePositive(limit, "--limit")
            if case .f1 = metric {
                throw ValidationError(
                    "The F1 of a label is listed as dev_metric, of runs that were chosen by it (--columns).")
            }
            if metric != nil && (sort != nil || !groupBy.isEmpty) {
                throw ValidationError("Give --metric alone, without --sort and --group-by.")
            }
            if !groupBy.isEmpty && columns != nil {
                throw ValidationError("Give either --columns or --group-by, not both.")
            }
        }

        /// What is shown if nothing else is asked for, and the headings that are not the names.
        private static let order = [
            "id", "name", "status", "started_at", "seconds", "accuracy", "macro_f1", "mse", "pearson", "epoch",
            "test_accuracy", "test_macro_f1", "project", "tags", "output",
        ]
        private static let titles = [
            "started_at": "started", "macro_f1": "macro F1", "test_accuracy": "test accuracy",
            "test_macro_f1": "test macro F1",
        ]
        /// Those that are shown if there is something in them.
        private static let optional: Set = ["tags", "mse", "pearson", "test_accuracy", "test_macro_f1"]
        private static let inJSON = [
            "id", "name", "status", "started_at", "seconds", "best_dev_accuracy", "best_epoch", "dev_macro_f1",
            "dev_loss", "metric", "dev_metric", "test_accuracy", "test_macro_f1", "parameters", "output", "seed",
            "seed_group", "project", "tags", "note",
        ]

        func run() throws {
            let store = try database.open(for: .read)
            var selection = selection.selection
            selection.order = sort?.list ?? metric.map { [$0.name] } ?? []
            selection.limit = groupBy.isEmpty ? limit : nil
            let projects = try store.projects(of: selection)
            if let (runs, experiments) = try store.leftOut(of: selection, columns: columns?.list ?? []) {
                let condition =
                    experiments.count == 1
                    ? "experiment = '\(experiments[0].replacing("'", with: "''"))'" : "experiment IS NOT NULL"
                Output.warn(
                    "\(runs.of("run")) of experiments \(runs == 1 ? "is" : "are") not listed: --where \"\(condition)\"")
            }
            if !groupBy.isEmpty {
                let runs = try store.runs(store.ids(of: selection)).map { try ComparedRun($0, in: store) }
                let groups = Array(try SeedGroup.groups(of: runs, by: groupBy).prefix(limit ?? .max))
                Output.warn(groups.notices)
                return try json ? Output.write(json: groups) : Output.write([groups.part].text)
            }
            if projects.count > 1 && self.columns == nil {
                Output.warn("runs of \(projects.count) projects; figures can be compared within one (--project)")
            }
            var usual = json ? Self.inJSON : Self.order.filter { $0 != "project" || projects.count > 1 }
            // Behind the other figures of the dev data.
            if let metric, !usual.contains(metric.name) {
                usual.insert(metric.name, at: usual.firstIndex(of: "epoch") ?? usual.count)
            }
            let columns = columns?.list.map { $0.lowercased() } ?? usual
            let table = try store.list(selection, columns: columns)
            if json { return try Output.write(json: table.objects, keys: .useDefaultKeys) }
            let isDefault = self.columns == nil
            let report = ReportTable(
                table, titles: isDefault ? Self.titles : [:], optional: isDefault ? Self.optional : [],
                isFigure: RunStore.isFigure)
            try Output.write(report.text)
        }
    }
}
