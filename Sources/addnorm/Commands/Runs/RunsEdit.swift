import ArgumentParser
import Escaping
import RunStore

extension Runs {
    /// `addnorm runs rename`
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
            try EditedRun.edit(idOrName, answer) { store, run in try store.rename(run, to: name) }
        }
    }

    /// `addnorm runs tag`
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
            try EditedRun.edit(idOrName, answer) { store, run in
                if remove { try store.untag(run, tags) } else { try store.tag(run, with: tags) }
            }
        }
    }

    /// `addnorm runs note`
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
            try EditedRun.edit(idOrName, answer) { store, run in
                try store.note(run, text.isEmpty ? nil : text)
            }
        }
    }
}

/// What a user can change of a run, as it is afterwards.
private struct EditedRun: Encodable {
    let id: Int64
    let name: String
    let tags: [String]
    let note: Nullable<String>

    /// Changes a run and says how it is now.
    static func edit(
        _ idOrName: String, _ answer: AnswerOptions, _ change: (RunStore, Int64) throws -> Void
    ) throws {
        // For reading first: a slip of the pen must not make a database.
        let id = try answer.database.open(for: .read).run(idOrName).id
        let store = try answer.database.open(for: .write)
        try change(store, id)
        let run = try store.run("\(id)")
        let edited = EditedRun(id: id, name: run.name, tags: try store.tags(of: id), note: Nullable(run.note))
        if answer.json { return try Output.write(json: edited) }
        let tags = edited.tags.isEmpty ? "" : ", tagged \(edited.tags.joined(separator: ", "))"
        let note = run.note.map { ": \($0)" } ?? ""
        try Output.write("run '\(edited.name)' (id \(id))\(tags)\(note)".printable + "\n")
    }
}
