import Escaping
import ArgumentParser
import Foundation
import RunStore
import Training

extension Runs {
    struct Watch: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Follow a run that is being trained in another terminal, until it ends.",
            discussion: """
                Exit status: 0 if the run has finished, 1 if it has failed or was interrupted.

                  addnorm runs watch
                  addnorm runs watch run-7 && addnorm evaluate --model models/m held-out.tsv
                """)

        @Argument(
            help: ArgumentHelp("The id or the name of a run. (default: the latest)", valueName: "run"),
            completion: .runs)
        var idOrName: String?

        @Option(help: "Look every so many seconds.")
        var interval = 1.0

        @Flag(help: "Print each metric as a JSON object on a line of its own, and at the end the run.")
        var json = false

        @OptionGroup
        var database: DatabaseOptions

        func validate() throws {
            guard (0.1...3600).contains(interval) else {
                throw ValidationError("--interval must lie between 0.1 and 3600.")
            }
        }

        func run() throws {
            let store = try database.open(for: .read)
            var run = try store.run(idOrName ?? store.latestRun())
            let id = run.id
            if !json { try Output.write("run '\(run.name.printable)'\n") }
            let display = ProgressDisplay(lines: { try? Output.write($0) })
            defer { display.finish() }
            var training = RecordedTraining(run, params: try store.params(of: id))
            while true {
                // The status first: what was written before the run ended is then seen, too.
                run = try store.run("\(id)")
                let news = training.news(try store.metrics(of: id, from: training.step))
                if json { try Output.write(jsonLines: news.metrics) } else { news.events.forEach(display.show) }
                if run.status != .running { break }
                Thread.sleep(forTimeInterval: interval)
            }
            display.finish()
            if json {
                try Output.write(jsonLines: [run])
            } else {
                try Output.write(
                    "run '\(run.name)': \(run.status.rawValue)\(run.error.map { ": " + $0 } ?? "")".printable + "\n")
            }
            if run.status != .finished { throw ExitCode.failure }
        }
    }
}
