import ArgumentParser
import Escaping
import Foundation
import Kernels
import Reports
import RunStore

extension Runs {
    struct Query: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask the database anything, in SQL. It is opened for reading only.",
            discussion: """
                  addnorm runs query 'SELECT name, best_dev_accuracy FROM run_summary'
                  addnorm runs query --csv 'SELECT * FROM metrics' > metrics.csv
                """)

        @Argument(help: "One SQL statement.")
        var sql: String

        @Flag(help: "Print a JSON array with an object for each row.")
        var json = false

        @Flag(help: "Print comma-separated values with a header (RFC 4180).")
        var csv = false

        @Option(help: "Give the query up after so many seconds; 0: never.")
        var timeout = 30.0

        @OptionGroup
        var database: DatabaseOptions

        private var limit: Double? { timeout == 0 ? nil : timeout }

        func validate() throws {
            if !(0...1e6).contains(timeout) { throw ValidationError("--timeout must lie between 0 and 1,000,000.") }
            if json && csv { throw ValidationError("Give either --json or --csv, not both.") }
        }

        func run() throws {
            let store = try database.open(for: .read)
            if csv { return try writeCSV(store) }
            let table = try store.query(sql, timeout: limit)
            if json {
                let duplicates = Dictionary(grouping: table.columns, by: { $0 }).filter { $0.value.count > 1 }
                if let name = duplicates.keys.sorted().first {
                    throw ValidationError("Two columns are called '\(name)'; name one of them anew with AS.")
                }
                try Output.write(json: table.objects, keys: .useDefaultKeys)
            } else {
                try Output.write(ReportTable(table).text)
            }
        }

        /// Row by row, because there can be millions, by way of a temporary file: a slow reader must not keep the database locked.
        private func writeCSV(_ store: RunStore) throws {
            let file = FileHandle(fileDescriptor: try openNamelessFile(), closeOnDealloc: true)
            var text = ""
            try store.query(
                sql, timeout: limit, columns: { text = $0.csvRow },
                row: { cells in
                    text += cells.map(\.text).csvRow
                    if text.utf8.count > 1 << 16 {
                        try file.write(contentsOf: Data(text.utf8))
                        text = ""
                    }
                })
            try file.write(contentsOf: Data(text.utf8))
            try file.seek(toOffset: 0)
            while let part = try file.read(upToCount: 1 << 16), !part.isEmpty { try Output.write(part) }
        }
    }
}
