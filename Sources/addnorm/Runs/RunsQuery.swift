import ArgumentParser
import RunStore

/// `addnorm runs query`
struct RunsQuery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Ask the database anything, in SQL. It is opened for reading only.",
        discussion: """
              addnorm runs query 'SELECT name, best_dev_accuracy FROM run_summary ORDER BY 2 DESC'
              addnorm runs query --csv 'SELECT * FROM metrics' > metrics.csv
            """)

    @Argument(help: "One SQL statement.")
    var sql: String

    @Flag(help: "Print a JSON array with an object for each row.")
    var json = false

    @Flag(help: "Print comma-separated values with a header (RFC 4180).")
    var csv = false

    @OptionGroup
    var database: DatabaseOptions

    func validate() throws {
        if json && csv { throw ValidationError("Give either --json or --csv, not both.") }
    }

    func run() throws {
        let table = try database.open(for: .read).query(sql)
        if json {
            try Output.write(json: table.objects(), keys: .useDefaultKeys)
        } else if csv {
            try Output.write(
                ([table.columns] + table.rows.map { $0.map(\.text) }).map { row in
                    row.map(\.csvField).joined(separator: ",") + "\r\n"
                }.joined())
        } else {
            try Output.write(TextTable(table).text)
        }
    }
}
