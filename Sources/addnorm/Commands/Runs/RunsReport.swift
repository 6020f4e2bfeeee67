import ArgumentParser
import Foundation
import Kernels
import Reports
import RunStore

extension Runs {
    struct Report: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a page about one or several runs, for a browser.",
            discussion: """
                One file that needs nothing else: what was trained and how good it is, curves, the latest evaluation on each file with \
                its confusion matrix, calibration and worst mistakes, and hyper-parameters.

                  addnorm runs report run-1 --output run-1.html
                  addnorm runs report run-1 run-2 --output both.html
                """)

        @Argument(help: ArgumentHelp("The ids or names of runs.", valueName: "run"), completion: .runs)
        var runs: [String]

        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                "Put runs with equal values of these parameters together. (default: the runs of one 'train --seeds')",
                valueName: "parameter"), completion: .parameters)
        var groupBy: [String] = []

        @Option(
            help: ArgumentHelp(
                "What decides between runs, as in 'runs compare'. (default: what each was chosen by)",
                valueName: "metric"))
        var metric: EvaluationMetric?

        @Option(help: ArgumentHelp("The page that is written.", valueName: "file"), completion: .file())
        var output: String

        @OptionGroup
        var database: DatabaseOptions

        func validate() throws {
            guard URL(filePath: output).pathExtension.lowercased() == "html" else {
                throw ValidationError("--output must end in .html.")
            }
        }

        func run() throws {
            let store = try database.open(for: .read)
            let page = try Reports.Report(
                of: store.runs(runs), groupedBy: groupBy, judgedBy: metric, in: store, on: Workers())
            var file = try OutputFile(output, besides: [database.path], privateLike: database.path)
            try file.replace(with: page.html)
        }
    }
}
