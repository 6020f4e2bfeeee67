import ArgumentParser

/// `addnorm runs`
struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at past runs, compare them, and keep them in order.",
        subcommands: [
            RunsList.self, RunsShow.self, RunsBest.self, RunsCompare.self, RunsPlot.self, RunsReport.self,
            RunsWatch.self,
            Rename.self, Tag.self, Note.self, Delete.self, Prune.self, Query.self,
            Export.self,
        ])
}
