import ArgumentParser
import RunStore

/// `addnorm runs`
struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at past runs.",
        subcommands: [RunsList.self, RunsShow.self, RunsQuery.self])
}

/// `addnorm runs list`
struct RunsList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List all runs, the latest first, with the best dev accuracy of each.")

    @Flag(help: "Print a JSON array.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    func run() throws {
        let runs = try database.open(for: .read).summaries()
        if json { return try Output.write(json: runs) }
        var table = TextTable(
            header: ["id", "name", "status", "started", "seconds", "accuracy", "macro F1", "epoch", "output"],
            numeric: [0, 4, 5, 6, 7])
        for run in runs {
            table.rows.append([
                "\(run.id)", run.name, run.status.rawValue, run.startedAt, run.seconds.map { "\($0)" } ?? "",
                run.bestDevAccuracy?.figure ?? "", run.devMacroF1?.figure ?? "",
                run.bestEpoch.map { "\($0)" } ?? "", run.output,
            ])
        }
        try Output.write(table.text)
    }
}

/// `addnorm runs show`
struct RunsShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one run: hyper-parameters, metrics of each epoch, evaluations.")

    @Argument(help: ArgumentHelp("The id or the name of a run.", valueName: "run"))
    var idOrName: String

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    func run() throws {
        let store = try database.open(for: .read)
        let run = try store.run(idOrName)
        let id = run.id ?? 0
        let params = try store.params(of: id)
        let metrics = try store.metrics(of: id)
        let evaluations = try store.evaluations(of: id)
        if json {
            return try Output.write(
                json: Document(run: run, params: params, metrics: metrics, evaluations: evaluations))
        }
        var facts = TextTable(header: ["run", "\(run.name) (id \(id))"])
        facts.rows = [
            ["status", run.status.rawValue + (run.error.map { ": " + $0 } ?? "")],
            ["started", run.startedAt], ["finished", run.finishedAt ?? ""], ["command", run.command],
            ["started from", run.model ?? "random weights"], ["output", run.output],
            ["train data", run.trainData], ["dev data", run.devData ?? "held out of the train data"],
            ["parameters", run.parameters.formatted()], ["host", "\(run.host), \(run.threads) threads"],
            ["version", run.version],
        ]
        var values = TextTable(header: ["hyper-parameter", "value"])
        values.rows = params.map { [$0.name, $0.value] }
        try Output.write([facts.text, values.text, epochs(metrics).text].joined(separator: "\n"))
        if evaluations.isEmpty { return }
        var results = TextTable(
            header: ["evaluated on", "at", "examples", "accuracy", "macro F1", "loss"], numeric: [2, 3, 4, 5])
        results.rows = evaluations.map {
            [
                $0.data, $0.evaluatedAt, "\($0.examples)", $0.accuracy.figure, $0.macroF1.figure,
                $0.loss?.figure ?? "",
            ]
        }
        try Output.write("\n" + results.text)
    }

    /// A row for each epoch.
    private func epochs(_ metrics: [Metric]) -> TextTable {
        var table = TextTable(
            header: ["epoch", "step", "train loss", "dev loss", "accuracy", "macro F1"], numeric: [0, 1, 2, 3, 4, 5])
        for accuracy in metrics where accuracy.split == .dev && accuracy.name == "accuracy" {
            func figure(_ split: Metric.Split, _ name: String) -> String {
                metrics.first { $0.step == accuracy.step && $0.split == split && $0.name == name }?.value?.figure ?? ""
            }
            table.rows.append([
                "\(Int(accuracy.epoch))", "\(accuracy.step)", figure(.train, "loss"), figure(.dev, "loss"),
                figure(.dev, "accuracy"), figure(.dev, "macro_f1"),
            ])
        }
        return table
    }

    private struct Document: Encodable {
        let run: Run
        let params: [Param]
        let metrics: [Metric]
        let evaluations: [Evaluation]
    }
}

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
    /// The value as SQLite's shell prints it.
    var text: String {
        switch self {
        case .null: ""
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .text(let value): value
        case .blob(let value): value.map { String($0, radix: 16).leftPadded(to: 2) }.joined()
        }
    }

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

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: "0", count: max(0, width - count)) + self
    }
}
