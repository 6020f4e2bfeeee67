import ArgumentParser
import Foundation
import RunStore

/// Which runs are meant.
struct SelectionOptions: ParsableArguments {
    @Option(
        name: .customLong("where"),
        help: ArgumentHelp("Only runs for which this SQL expression is true.", valueName: "condition"))
    var condition: String?

    @Option(help: "Only runs of this project.", completion: .projects)
    var project: String?

    @Option(help: "Only runs with this tag. Given several times: with all of them.", completion: .tags)
    var tag: [String] = []

    var selection: RunSelection { RunSelection(condition: condition, project: project, tags: tag) }
}

extension String {
    /// What stands between commas.
    var list: [String] { split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
}
