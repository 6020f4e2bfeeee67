import ArgumentParser
import Escaping
import Reports
import RunStore

extension Runs {
    struct Best: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Name the run that is best by a metric, in the best of its epochs.",
            discussion: """
                  addnorm runs best
                  addnorm runs best --metric loss --project reviews

                Figures can be compared within a project: without --project, it is that of the latest run.

                The best of many runs is good by luck, too: measure it on data that have chosen nothing, with 'addnorm evaluate', \
                and ask 'addnorm runs compare' whether it is really better than another.
                """)

        @Option(
            help:
                "A metric of the dev data (accuracy, macro_f1, weighted_f1, mcc, roc_auc, loss; of numbers mse, mae, pearson, spearman) or of training; of a loss or an error, the lowest is the best.",
            completion: .metrics)
        var metric = EvaluationMetric.usual.name

        @OptionGroup
        var selection: SelectionOptions

        @OptionGroup
        var answer: AnswerOptions

        func run() throws {
            let store = try answer.database.open(for: .read)
            var selection = selection.selection
            let projects = try store.projects(of: selection)
            if projects.count > 1, selection.project == nil {
                selection.project = projects[0]
                let others = projects.dropFirst().map { "'\($0)'" }.joined(separator: ", ")
                Output.warn(
                    "only runs of the project '\(projects[0])', that of the latest run; with --project: \(others)")
            }
            // As the option of 'train' calls it.
            let metric = EvaluationMetric(text: metric)?.name ?? metric
            guard let best = try store.best(by: metric, among: selection) else {
                let names = RunStore.names(of: .metrics, path: answer.database.path)
                throw OutputError(
                    description: names.contains(metric)
                        ? "none of these runs has a value of '\(metric)'"
                        : "\(answer.database.path): no run has the metric '\(metric)'"
                            + (names.isEmpty ? "" : "; there are \(names.joined(separator: ", "))"))
            }
            if answer.json { return try Output.write(json: best) }
            try Output.write(
                """
                \(best.name.printable): \(metric) \(best.value.figure) at epoch \(best.epoch.formatted()), the best of \(best.compared.of("run"))
                model: \(best.outputWrittenAt == nil ? "not written" : best.output.printable)

                """)
        }
    }
}
