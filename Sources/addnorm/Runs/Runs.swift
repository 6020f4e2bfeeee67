import ArgumentParser

/// `addnorm runs`
struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at past runs.",
        subcommands: [RunsList.self, RunsShow.self, RunsQuery.self, RunsExport.self])
}
