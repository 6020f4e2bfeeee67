import ArgumentParser
import Kernels
import Reports
import RunStore

extension Runs {
    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell which of some runs is better, and whether that is more than chance.",
            discussion: """
                  addnorm runs compare small large --equivalent-within 0.5
                  addnorm runs compare a-1 a-2 a-3 b-1 b-2 b-3 --group-by learning_rate

                The first run is tested against each other one, on every file that both were evaluated on: McNemar's exact test, \
                and a paired bootstrap of the differences of accuracy, macro F1 and the metric that decides. Groups of seeds are \
                tested against each other instead, by the means of their runs.

                  addnorm runs compare small large --metric f1:negative
                """)

        @Argument(
            help: ArgumentHelp(
                "The ids or names of two runs or more, or the names of groups of seeds.", valueName: "run"),
            completion: .runs)
        var runs: [String]

        @Option(
            help: ArgumentHelp(
                """
                What decides: accuracy, macro_f1, weighted_f1, f1:LABEL, mcc, roc_auc or log_loss; of regressions mse, mae, pearson or spearman. (default: what the runs' best \
                epochs were chosen by, if that is the same, else macro_f1)
                """, valueName: "metric"))
        var metric: EvaluationMetric?

        @Option(
            help: ArgumentHelp(
                "Also test whether the accuracies differ by less than so many percentage points.", valueName: "points"))
        var equivalentWithin: Double?

        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                """
                Also compare the means of groups of runs that have the same values of these parameters. (default: seed_group, if \
                runs of one 'train --seeds' are among them)
                """, valueName: "parameter"), completion: .parameters)
        var groupBy: [String] = []

        @Option(
            help: ArgumentHelp("Show so many texts that only the one and only the other got right.", valueName: "n"))
        var flips = 0

        @OptionGroup
        var answer: AnswerOptions

        func validate() throws {
            try requireMargin(equivalentWithin)
            if !(0...1_000_000).contains(flips) { throw ValidationError("--flips must lie between 0 and 1,000,000.") }
        }

        func run() throws {
            let store = try answer.database.open(for: .read)
            let found = try runs.flatMap { name in try store.runs(called: name).map { (named: name, run: $0) } }
            if found.count < 2 { throw ValidationError("Name two runs or more to be compared.") }
            for (place, one) in found.enumerated() where found[..<place].contains(where: { $0.run.id == one.run.id }) {
                throw ValidationError("The run '\(one.named)' is named twice.")
            }
            // By what they have been chosen by, if that is the same for all.
            var compared = try found.map { try ComparedRun($0.run, judgedBy: metric, in: store) }
            if Set(compared.map(\.metric)).count > 1 {
                compared = try found.map { try ComparedRun($0.run, judgedBy: .usual, in: store) }
            }
            let comparison = try Comparison(
                compared, groupedBy: groupBy, equivalentWithin: equivalentWithin.map { $0 / 100 }, flips: flips,
                in: store, on: Workers())
            Output.warn(comparison.notices)
            try answer.json ? Output.write(json: comparison) : Output.write(comparison.parts.text)
        }
    }
}
