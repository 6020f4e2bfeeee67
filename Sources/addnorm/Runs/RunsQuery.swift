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
            let duplicates = Dictionary(grouping: table.columns, by: { $0 }).filter { $0.value.count > 1 }
            if let name = duplicates.keys.sorted().first {
                throw ValidationError("Two columns are called '\(name)'; name one of them anew with AS.")
            }
            try Output.write(json: table.rows.map { Dictionary(uniqueKeysWithValues: zip(table.columns, $0)) })
        } else if csv {
            try Output.write(
                ([table.columns] + table.rows.map { $0.map(\.text) }).map { row in
                    row.map(\.csvField).joined(separator: ",") + "\r\n"
                }.joined())
        } else {
            var text = TextTable(header: table.columns)
            text.rows = table.rows.map { $0.map(\.text) }
            text.numeric = Set(
                table.columns.indices.filter { column in
                    table.rows.contains { $0[column].isNumber }
                        && table.rows.allSatisfy { $0[column].isNumber || $0[column] == .null }
                })
            try Output.write(text.text)
        }
    }
}

extension Table.Cell: Encodable {
    var isNumber: Bool {
        switch self {
        case .integer, .real: true
        default: false
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .integer(let value): try container.encode(value)
        // JSON has no infinity.
        case .real(let value): if value.isFinite { try container.encode(value) } else { try container.encodeNil() }
        case .text(let value): try container.encode(value)
        case .blob: try container.encode(text)
        }
    }
}
