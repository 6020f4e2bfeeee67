import ArgumentParser
import Foundation
import RunStore

/// `--db`
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The SQLite file of runs. (default: $ADDNORM_DB, else addnorm.sqlite in the current folder)",
            valueName: "file"), completion: .file())
    var db: String?

    var path: String {
        let variable = ProcessInfo.processInfo.environment["ADDNORM_DB"] ?? ""
        return db ?? (variable.isEmpty ? "addnorm.sqlite" : variable)
    }

    func validate() throws {
        if db?.isEmpty == true { throw ValidationError("--db must not be empty.") }
    }

    func open(for access: RunStore.Access) throws -> RunStore { try RunStore(path: path, for: access) }
}

/// `--json` and `--db`, for a command that answers with one object.
struct AnswerOptions: ParsableArguments {
    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions
}

extension EvaluationMetric: ExpressibleByArgument {
    package init?(argument: String) { self.init(text: argument) }
}
