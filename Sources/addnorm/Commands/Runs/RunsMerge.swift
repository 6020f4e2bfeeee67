import ArgumentParser
import Reports
import RunStore

extension Runs {
    struct Merge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring the runs of other databases into one.",
            discussion: """
                  addnorm runs merge job-*.sqlite --db all.sqlite

                Runs come with all that was recorded of them, and experiments and evaluations too; the other databases are only read. \
                What has come before does not come again, and a run that has gone on since then is brought up to date. A run whose \
                name is another one's here gets a number behind it.
                """)

        @Argument(help: ArgumentHelp("Other databases.", valueName: "file"), completion: .file())
        var others: [String]

        @OptionGroup
        var answer: AnswerOptions

        /// Others may be merging, too.
        private static let patience = 600.0

        func run() throws {
            let path = answer.database.path
            // All are looked at before anything is changed, and closed again: there can be more than a process may have open.
            for other in others {
                if OutputFile.isSame(other, path) {
                    throw ValidationError("\(other): is the database itself; name others to be merged into it.")
                }
                _ = try open(other)
            }
            let store = try answer.database.open(for: .write, patience: Self.patience)
            let merged = try others.map { try store.merge(open($0)) }
            if answer.json { return try Output.write(json: JSONObject(["merged": merged])) }
            let table = ReportTable(
                merged,
                [
                    .text("database", \.database), .count("new runs", \.added), .count("updated", \.updated),
                    .count("as before", \.unchanged),
                    .count("new experiments") { $0.experiments == 0 ? nil : $0.experiments }.ifAny,
                    .count("new evaluations", \.evaluations),
                ])
            try Output.write(table.text)
            let renamed = merged.flatMap { one in one.renamed.map { (database: one.database, $0) } }
            guard !renamed.isEmpty else { return }
            let names = ReportTable(
                renamed,
                [
                    .text("database", \.database), .text("what") { $0.1.kind.rawValue.replacing("_", with: " ") },
                    .text("name there", \.1.there), .text("name here", \.1.here),
                ])
            try Output.write("\n" + names.text)
        }

        private func open(_ other: String) throws -> RunStore {
            try RunStore(path: other, for: .read, patience: Self.patience, bringingUpToDate: false)
        }
    }
}
