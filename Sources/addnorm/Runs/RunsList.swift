import ArgumentParser
import RunStore

/// `addnorm runs list`
struct RunsList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List all runs, the latest first, with the best dev accuracy of each.")

    @Flag(help: "Print a JSON array.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    func run() throws {
        let runs = try database.open(for: .read).summaries()
        if json { return try Output.write(json: runs) }
        var table = TextTable(
            header: ["id", "name", "status", "started", "seconds", "accuracy", "macro F1", "epoch", "output"],
            numeric: [0, 4, 5, 6, 7])
        for run in runs {
            table.rows.append([
                "\(run.id)", run.name, run.status.rawValue, run.startedAt, run.seconds.map { "\($0)" } ?? "",
                run.bestDevAccuracy?.figure ?? "", run.devMacroF1?.figure ?? "",
                run.bestEpoch.map { "\($0)" } ?? "", run.output,
            ])
        }
        try Output.write(table.text)
    }
}
