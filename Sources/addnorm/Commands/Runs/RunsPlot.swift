import ArgumentParser
import Foundation
import Plots
import Reports
import RunStore

extension Runs {
    struct Plot: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draw a metric of runs in the course of training.",
            discussion: """
                Draws in the terminal, in colours unless NO_COLOR is set; in a pipe, in 80 columns without colours. Metrics of each \
                epoch are loss (of the dev data and, dashed, of the train data), accuracy and macro_f1 (of the dev data); \
                by steps there are batch_loss, learning_rate, grad_norm and tokens_per_second. Where no run has the metric, all whose \
                names go on after it with a dot are drawn, or with '_' if it has a dot itself: a curve for each layer.

                  addnorm runs plot run-1 run-2
                  addnorm runs plot run-1 run-2 --metric accuracy --output accuracy.svg
                  addnorm runs plot run-1 run-2 run-3 run-4 --group-by learning_rate
                  addnorm runs plot run-1 --metric grad_norm.layer
                """)

        @Argument(help: ArgumentHelp("The ids or names of runs.", valueName: "run"), completion: .runs)
        var runs: [String]

        @Option(help: "What is drawn.", completion: .metrics)
        var metric = "loss"

        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                """
                Draw runs with equal values of these parameters as one: their mean, and its 95 % interval. (default: the runs of one \
                'train --seeds')
                """, valueName: "parameter"), completion: .parameters)
        var groupBy: [String] = []

        @Option(
            help: ArgumentHelp("Write a picture (.svg) or a page (.html) instead.", valueName: "file"),
            completion: .file())
        var output: String?

        @Flag(help: "Print the values as a JSON object.")
        var json = false

        @OptionGroup
        var database: DatabaseOptions

        private var format: String? { output.map { URL(filePath: $0).pathExtension.lowercased() } }

        func validate() throws {
            if let format, format != "svg" && format != "html" {
                throw ValidationError("--output must end in .svg or .html.")
            }
        }

        func run() throws {
            let store = try database.open(for: .read)
            let compared = try store.runs(runs).map { try ComparedRun($0, in: store) }
            let groups = try SeedGroup.groups(of: compared, by: groupBy)
            Output.warn(groups.notices)
            let projects = Set(compared.compactMap(\.run.project)).sorted()
            if projects.count > 1 {
                Output.warn("the runs belong to several projects: \(projects.joined(separator: ", "))")
            }
            let curves = try Curves(of: metric, groups: groups.map { ($0.name, $0.runs.map(\.id)) }, in: store)
            let drawn = Set(curves.series.flatMap(\.runs))
            Output.warn(
                groups.filter { drawn.isDisjoint(with: $0.runs.map(\.id)) }.map {
                    "'\($0.name)' is not drawn: it has no \(metric)"
                })
            if json { try Output.write(json: curves) }
            let figure = curves.figure
            if let output {
                var file = try OutputFile(output, besides: [database.path], privateLike: database.path)
                try file.replace(with: format == "svg" ? figure.svg(isFile: true) : figure.page)
            } else if !json {
                let (columns, rows) = Output.terminalSize
                try Output.write(figure.terminal(columns: columns, rows: rows, color: Output.resultsHaveColor))
            }
        }
    }
}
