import ArgumentParser
import Foundation
import Plots
import RunStore
import Evaluation
import Experiments
import Inference
import Training

/// `addnorm runs show`
struct RunsShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one run: hyper-parameters, metrics of each epoch and their course, evaluations, files.")

    @Argument(
        help: ArgumentHelp("The id or the name of a run. (default: the latest)", valueName: "run"), completion: .runs)
    var idOrName: String?

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    func run() throws {
        let store = try database.open(for: .read)
        let run = try store.run(idOrName ?? store.latestRun())
        let id = run.id
        let document = Document(
            run: run, tags: try store.tags(of: id), params: try store.params(of: id),
            metrics: try store.metrics(of: id),
            evaluations: try store.evaluations(of: id), files: RunFile.files(of: run))
        if json { return try Output.write(json: document) }
        try Output.write(document.text)
    }

    private struct Document: Encodable {
        let run: Run
        let tags: [String]
        let params: [Param]
        let metrics: [Metric]
        let evaluations: [Evaluation]
        let files: [RunFile]

        var text: String {
            var tables = [facts]
            var values = TextTable(header: ["hyper-parameter", "value"])
            values.rows = params.map { [$0.name.printable, $0.value.printable] }
            tables += [values, epochs, course, results]
            var places = TextTable(header: ["file", "size", "path"], numeric: [1])
            places.rows = files.map { [$0.file, $0.size, $0.path.printable] }
            tables.append(places)
            return tables.filter { !$0.rows.isEmpty }.map(\.text).joined(separator: "\n")
        }

        private var facts: TextTable {
            var facts = TextTable(header: ["run", "\(run.name.printable) (id \(run.id))"])
            facts.rows = [
                ["status", run.status.rawValue + (run.error.map { ": " + $0 } ?? "")],
                ["tags", tags.joined(separator: ", ")], ["note", run.note ?? ""], ["seed group", run.seedGroup ?? ""],
                ["started", run.startedAt], ["finished", run.finishedAt ?? ""], ["command", run.command],
                ["started from", run.model ?? "random weights"], ["output", run.output],
                ["train data", run.trainData], ["dev data", run.devData ?? "held out of the train data"],
                ["parameters", run.parameters.formatted()],
                ["host", "\(run.host), \(run.threads) \(run.threads == 1 ? "thread" : "threads")"],
                ["version", run.version],
            ].filter { !$0[1].isEmpty }.map { $0.map(\.printable) }
            return facts
        }

        /// A row for each epoch.
        private var epochs: TextTable {
            var table = TextTable(
                header: ["epoch", "step", "train loss", "dev loss", "accuracy", "macro F1"],
                numeric: [0, 1, 2, 3, 4, 5])
            for metrics in Dictionary(grouping: metrics, by: \.step).sorted(by: { $0.key < $1.key }).map(\.value) {
                func metric(_ split: Metric.Split, _ name: String) -> Metric? {
                    metrics.first { $0.split == split && $0.name == name }
                }
                guard let accuracy = metric(.dev, "accuracy") else { continue }
                let figures = [metric(.train, "loss"), metric(.dev, "loss"), accuracy, metric(.dev, "macro_f1")]
                table.rows.append(
                    ["\(Int(accuracy.epoch))", "\(accuracy.step)"] + figures.map { $0?.value?.figure ?? "" })
            }
            return table
        }

        /// A row for each metric.
        private var course: TextTable {
            var table = TextTable(header: ["metric", "least", "most", "last", "course"], numeric: [1, 2, 3])
            let courses = Dictionary(grouping: metrics) { "\($0.split.rawValue) \($0.name)" }
            for (name, metrics) in courses.sorted(by: { $0.key < $1.key }) {
                let values = metrics.map(\.value)
                let finite = values.compactMap { $0 }
                func text(_ value: Double?) -> String {
                    value.map {
                        abs($0) < 1000 ? String(format: "%.4g", $0) : Int(exactly: $0.rounded())?.formatted() ?? "\($0)"
                    } ?? ""
                }
                table.rows.append([
                    name.printable, text(finite.min()), text(finite.max()), text(values.last ?? nil),
                    sparkline(values.means(atMost: 40)),
                ])
            }
            return table
        }

        private var results: TextTable {
            var results = TextTable(
                header: ["evaluated on", "at", "examples", "accuracy", "macro F1", "loss"], numeric: [2, 3, 4, 5])
            results.rows = evaluations.map {
                [
                    $0.data.printable, $0.evaluatedAt, "\($0.examples)", $0.accuracy.figure, $0.macroF1.figure,
                    $0.loss?.figure ?? "",
                ]
            }
            return results
        }
    }
}

/// What a run has read or written, and whether it is still there.
private struct RunFile: Encodable {
    let file: String
    let path: String
    /// Of a folder, of all that is directly in it; nil if it is not there.
    let bytes: Nullable<Int>

    static func files(of run: Run) -> [RunFile] {
        var files = [("model", run.output), ("train data", run.trainData)]
        if let dev = run.devData { files.append(("dev data", dev)) }
        if let model = run.model { files.append(("started from", model)) }
        if let checkpoint = Trainer.checkpoint(forOutput: run.output) { files.append(("checkpoint", checkpoint)) }
        return files.map { RunFile(file: $0, path: $1, bytes: Nullable(bytes(at: URL(filePath: $1)))) }
    }

    var size: String { bytes.value.map { $0.formatted(.byteCount(style: .file)) } ?? "missing" }

    private static func bytes(at url: URL) -> Int? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
        else {
            return nil
        }
        guard attributes[.type] as? FileAttributeType == .typeDirectory else { return attributes[.size] as? Int }
        let contents = (try? FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)) ?? []
        return contents.reduce(0) { sum, file in
            let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }
}

extension [Double?] {
    /// Means of parts of equal length, so that there are not too many; nil for a part without a number.
    fileprivate func means(atMost limit: Int) -> [Double?] {
        if count <= limit { return self }
        return (0..<limit).map { part in
            let values = self[(part * count / limit)..<((part + 1) * count / limit)].compactMap { $0 }
            return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
    }
}
