import ArgumentParser
import RunStore

/// `addnorm runs show`
struct RunsShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one run: hyper-parameters, metrics of each epoch, evaluations.")

    @Argument(help: ArgumentHelp("The id or the name of a run.", valueName: "run"), completion: .runs)
    var idOrName: String

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    func run() throws {
        let store = try database.open(for: .read)
        let run = try store.run(idOrName)
        let id = run.id ?? 0
        let params = try store.params(of: id)
        let metrics = try store.metrics(of: id)
        let evaluations = try store.evaluations(of: id)
        if json {
            return try Output.write(
                json: Document(run: run, params: params, metrics: metrics, evaluations: evaluations))
        }
        var facts = TextTable(header: ["run", "\(run.name) (id \(id))"])
        facts.rows = [
            ["status", run.status.rawValue + (run.error.map { ": " + $0 } ?? "")],
            ["started", run.startedAt], ["finished", run.finishedAt ?? ""], ["command", run.command],
            ["started from", run.model ?? "random weights"], ["output", run.output],
            ["train data", run.trainData], ["dev data", run.devData ?? "held out of the train data"],
            ["parameters", run.parameters.formatted()], ["host", "\(run.host), \(run.threads) threads"],
            ["version", run.version],
        ]
        var values = TextTable(header: ["hyper-parameter", "value"])
        values.rows = params.map { [$0.name, $0.value] }
        try Output.write([facts.text, values.text, epochs(metrics).text].joined(separator: "\n"))
        if evaluations.isEmpty { return }
        var results = TextTable(
            header: ["evaluated on", "at", "examples", "accuracy", "macro F1", "loss"], numeric: [2, 3, 4, 5])
        results.rows = evaluations.map {
            [
                $0.data, $0.evaluatedAt, "\($0.examples)", $0.accuracy.figure, $0.macroF1.figure,
                $0.loss?.figure ?? "",
            ]
        }
        try Output.write("\n" + results.text)
    }

    /// A row for each epoch.
    private func epochs(_ metrics: [Metric]) -> TextTable {
        var table = TextTable(
            header: ["epoch", "step", "train loss", "dev loss", "accuracy", "macro F1"], numeric: [0, 1, 2, 3, 4, 5])
        for accuracy in metrics where accuracy.split == .dev && accuracy.name == "accuracy" {
            func figure(_ split: Metric.Split, _ name: String) -> String {
                metrics.first { $0.step == accuracy.step && $0.split == split && $0.name == name }?.value?.figure ?? ""
            }
            table.rows.append([
                "\(Int(accuracy.epoch))", "\(accuracy.step)", figure(.train, "loss"), figure(.dev, "loss"),
                figure(.dev, "accuracy"), figure(.dev, "macro_f1"),
            ])
        }
        return table
    }

    private struct Document: Encodable {
        let run: Run
        let params: [Param]
        let metrics: [Metric]
        let evaluations: [Evaluation]
    }
}
