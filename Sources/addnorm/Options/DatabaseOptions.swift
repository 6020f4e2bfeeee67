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

    /// The folder of a model that is named by it, or by the run that has written it.
    func folder(ofModel nameOrFolder: String) -> String {
        if FileManager.default.fileExists(atPath: nameOrFolder) || !FileManager.default.fileExists(atPath: path) {
            return nameOrFolder
        }
        let run = try? open(for: .read).run(nameOrFolder)
        return run?.outputWrittenAt == nil ? nameOrFolder : run?.output ?? nameOrFolder
    }

    /// - Parameter patience: how long a locked file is waited for, in seconds
    func open(for access: RunStore.Access, patience: Double = 10) throws -> RunStore {
        try RunStore(path: path, for: access, patience: patience)
    }
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
