import ArgumentParser
import Foundation
import RunStore
import Synchronization

/// `--db`
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The SQLite file of runs. (default: $ADDNORM_DB, else addnorm.sqlite in the current folder)",
            valueName: "file"), completion: .file())
    var db: String?

    /// Each of several seeds opens it anew.
    private static let hasWarned = Atomic(false)

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
        let store = try RunStore(path: path, for: access, patience: patience)
        if access == .write, let name = NetworkFileSystem.name(ofPath: path),
            !Self.hasWarned.exchange(true, ordering: .relaxed)
        {
            Output.warn(
                "\(path): on \(name), a network file system, where SQLite's locks are not safe if several machines write; give each job a file of"
                    + " its own, and bring them together with 'addnorm runs merge'")
        }
        return store
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
