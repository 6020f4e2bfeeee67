import ArgumentParser
import Escaping
import Reports
import RunStore

extension Runs {
    struct Best: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Name the run that is best by a metric, in the best of its epochs.",
            discussion: """
                  addnorm runs best --metric macro_f1
                  addnorm runs best --metric loss --where "train_data LIKE '%reviews%'"

                The best of many runs is good by luck, too: measure it on data that have chosen nothing, with 'addnorm evaluate', \
                and ask 'addnorm runs compare' whether it is really better than another.
                """)

        @Option(
            help:
                "A metric of the dev data (accuracy, macro_f1, loss) or of training; of a loss, the lowest is the best.",
            completion: .metrics)
        var metric = "accuracy"

        @OptionGroup
        var selection: SelectionOptions

        @OptionGroup
        var answer: AnswerOptions

        func run() throws {
            let store = try answer.database.open(for: .read)
            guard let best = try store.best(by: metric, among: selection.selection) else {
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
