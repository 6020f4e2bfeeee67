import ArgumentParser

struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at past runs, compare them, and keep them in order.",
        subcommands: [
            List.self, Show.self, Best.self, Compare.self, Plot.self, Report.self, Watch.self, Rename.self, Tag.self,
            Note.self, Delete.self, Prune.self, Merge.self, Query.self, Export.self,
        ])
}
