import ArgumentParser
import Escaping
import Foundation
import RunStore

extension Runs {
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hand runs over to other programs: as CSV or JSON Lines.",
            discussion: """
                csv has a row for each run, with its best epoch, its tags and a column for each hyper-parameter. jsonl has an object \
                for each run with all metrics and evaluations.

                  addnorm runs export > runs.csv
                  addnorm runs export --format jsonl run-3 run-4 > two.jsonl
                """)

        enum Format: String, CaseIterable, ExpressibleByArgument {
            case csv, jsonl
        }

        @Argument(
            help: ArgumentHelp("The ids or the names of the runs. (default: all runs)", valueName: "run"),
            completion: .runs)
        var runs: [String] = []

        @Option(help: "What is written.")
        var format = Format.csv

        @Option(
            help: ArgumentHelp("The file to write to. (default: standard output)", valueName: "file"),
            completion: .file())
        var output: String?

        @OptionGroup
        var database: DatabaseOptions

        func validate() throws {
            if output?.isEmpty == true { throw ValidationError("--output must not be empty.") }
        }

        func run() throws {
            let store = try database.open(for: .read)
            let ids = try store.ids(of: runs)
            var file = try output.map { try OutputFile($0, besides: [database.path], privateLike: database.path) }
            func write(_ text: String) throws {
                if file == nil { try Output.write(text) } else { try file?.write(text) }
            }
            if format == .csv {
                let columns = try store.exportColumns()
                try write(columns.csvRow)
                for start in stride(from: 0, to: ids.count, by: 1000) {
                    let rows = try store.exportRows(of: ids.dropFirst(start).prefix(1000), columns: columns)
                    try write(rows.map { $0.map(\.text).csvRow }.joined())
                }
            } else {
                // If there is no run, what was in the file must not stay.
                try write("")
                for id in ids {
                    if let contents = try store.contents(of: id) { try write(Output.jsonLines([contents])) }
                }
            }
        }
    }
}
