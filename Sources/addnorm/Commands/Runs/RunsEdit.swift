import ArgumentParser
import Escaping
import Reports
import RunStore

extension Runs {
    struct Rename: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a run another name.")

        @Argument(help: ArgumentHelp("The id or the name of a run.", valueName: "run"), completion: .runs)
        var idOrName: String

        @Argument(help: "Its new name; unique, and not a number.")
        var name: String

        @OptionGroup
        var answer: AnswerOptions

        func validate() throws { try requireRunName(name, "The new name") }

        func run() throws {
            try answer.edit(idOrName) { store, run in try store.rename(run, to: name) }
        }
    }

    struct Tag: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tag a run, so that 'runs list --tag' finds it.",
            discussion: """
                  addnorm runs tag run-7 final paper
                  addnorm runs tag run-7 paper --remove
                """)

        @Argument(help: ArgumentHelp("The id or the name of a run.", valueName: "run"), completion: .runs)
        var idOrName: String

        @Argument(help: ArgumentHelp("Words without commas.", valueName: "tag"), completion: .tags)
        var tags: [String]

        @Flag(help: "Take these tags away.")
        var remove = false

        @OptionGroup
        var answer: AnswerOptions

        func validate() throws {
            for tag in tags where tag.isEmpty || tag.contains(",") || tag != tag.printable {
                throw ValidationError("A tag must not be empty, or contain commas or control characters.")
            }
        }

        func run() throws {
            // Of a group, all runs.
            for run in try answer.database.open(for: .read).runs(called: idOrName) {
                try answer.edit("\(run.id)") { store, run in
                    if remove { try store.untag(run, tags) } else { try store.tag(run, with: tags) }
                }
            }
        }
    }

    struct Note: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Note something about a run, in place of an earlier note.",
            discussion: "  addnorm runs note run-7 'the data without duplicates'")

        @Argument(help: ArgumentHelp("The id or the name of a run.", valueName: "run"), completion: .runs)
        var idOrName: String

        @Argument(help: "The note; an empty one ('') takes it away.")
        var text: String

        @OptionGroup
        var answer: AnswerOptions

        func run() throws {
            try answer.edit(idOrName) { store, run in try store.note(run, text.isEmpty ? nil : text) }
        }
    }
}

extension AnswerOptions {
    /// Changes a run and says how it is now.
    fileprivate func edit(_ idOrName: String, _ change: (RunStore, Int64) throws -> Void) throws {
        // For reading first: a slip of the pen must not make a database.
        let id = try database.open(for: .read).run(idOrName).id
        let store = try database.open(for: .write)
        try change(store, id)
        let (run, tags) = try (store.run("\(id)"), store.tags(of: id))
        if json {
            return try Output.write(json: JSONObject(["id": id, "name": run.name, "tags": tags, "note": run.note]))
        }
        let tagged = tags.isEmpty ? "" : ", tagged \(tags.joined(separator: ", "))"
        let note = run.note.map { ": \($0)" } ?? ""
        try Output.write("run '\(run.name)' (id \(id))\(tagged)\(note)".printable + "\n")
    }
}
