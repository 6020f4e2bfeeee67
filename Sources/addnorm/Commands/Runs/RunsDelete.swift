import ArgumentParser
import Escaping
import Foundation
import Reports
import RunStore
import Training

extension Runs {
    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete runs and their evaluations from the database. The models' folders stay.",
            discussion: """
                  addnorm runs delete run-7
                  addnorm runs delete run-7 run-8 --yes

                On a terminal, it asks before it deletes, unless there is --yes.
                """)

        @Argument(help: ArgumentHelp("Ids or names of runs.", valueName: "run"), completion: .runs)
        var runs: [String]

        @Flag(help: "Ask nothing.")
        var yes = false

        @Flag(help: "Also a run that seems to be trained still, on a machine that cannot be asked.")
        var force = false

        @OptionGroup
        var answer: AnswerOptions

        func run() throws {
            // For reading first: a slip of the pen must not make a database.
            let runs = try answer.database.open(for: .read).runs(runs)
            guard yes || isatty(STDIN_FILENO) == 0 || isConfirmed(runs.map(\.name)) else {
                return try answer.write([])
            }
            try answer.database.open(for: .write).delete(runs.map(\.id), force: force)
            try answer.write(runs.map(\.name))
        }

        private func isConfirmed(_ names: [String]) -> Bool {
            Output.note("delete \(names.joined(separator: ", ").printable) and what was evaluated? [y/N] ")
            return ["y", "yes"].contains(readLine()?.lowercased())
        }
    }

    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete many runs: without --where, those that failed or were interrupted.",
            discussion: """
                  addnorm runs prune
                  addnorm runs prune --yes
                  addnorm runs prune --where "accuracy < 0.6 AND started_at < '2026-06'" --yes

                Without --yes, it only shows what would be deleted. Runs that are being trained stay, and without --where also those \
                that can be resumed. The file is made smaller if much of it is free then. The models' folders stay.
                """)

        @OptionGroup
        var selection: SelectionOptions

        @Flag(help: "Delete them.")
        var yes = false

        @OptionGroup
        var answer: AnswerOptions

        func run() throws {
            var selection = selection.selection
            let condition =
                selection.condition ?? (selection.tags.isEmpty ? "status IN ('failed', 'interrupted')" : "1")
            selection.condition = "(\(condition)\n) AND status <> 'running'"
            let reader = try answer.database.open(for: .read)
            let found = try reader.runs(reader.ids(of: selection)).filter { run in
                self.selection.condition != nil || Trainer.checkpoint(forOutput: run.output) == nil
            }
            let names = found.map(\.name)
            guard yes else { return try answer.write(names, areDeleted: false) }
            let store = try answer.database.open(for: .write)
            try store.delete(found.map(\.id), force: false)
            if !names.isEmpty {
                do {
                    try store.compact()
                } catch {
                    Output.warn("the file keeps its size, and its free space is used again: \(error)")
                }
            }
            try answer.write(names)
        }
    }
}

extension AnswerOptions {
    /// Says which runs were deleted, or would be.
    fileprivate func write(_ names: [String], areDeleted: Bool = true) throws {
        if json {
            let fields = JSONObject(
                ["deleted": areDeleted ? names : []], optional: ["would_delete": areDeleted ? nil : names])
            return try Output.write(json: fields)
        }
        let runs = "\(names.count.formatted()) \(names.count == 1 ? "run" : "runs")"
        let list = names.isEmpty ? "" : ": " + names.joined(separator: ", ").printable
        let advice = areDeleted || names.isEmpty ? "" : "\nto do so, add --yes"
        try Output.write("\(areDeleted ? "deleted" : "would delete") \(runs)\(list)\(advice)\n")
    }
}
