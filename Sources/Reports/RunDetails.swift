import Foundation
import Plots
import RunStore

/// All that is recorded of one run, and its files.
package struct RunDetails: Encodable {
    private let compared: ComparedRun
    private let origins: [Fact<ComparedRun>]
    private let tags: [String]
    private let experiment: String?
    private let params: [Param]
    private let metrics: [Metric]
    private let evaluations: [Evaluation]
    private let files: [RunFile]

    /// - Parameter checkpoint: where training can go on from; nil if there is no such folder
    package init(of run: Run, checkpoint: String?, in store: RunStore) throws {
        compared = try ComparedRun(run, in: store)
        origins = try .origins(of: [compared], in: store)
        let id = compared.id
        (tags, experiment) = (try store.tags(of: id), try store.experiment(of: run)?.name)
        (params, metrics) = (try store.params(of: id), try store.metrics(of: id))
        evaluations = try store.evaluations(of: id)
        let paths: [(String, String?)] =
            [("model", run.output)] + run.trainFiles.map { ("train data", $0) } + [
                ("dev data", run.devData), ("started from", run.model), ("checkpoint", checkpoint),
            ]
        // What is no path is a name: that of a baseline.
        files = paths.compactMap { name, path in path.flatMap { $0.hasPrefix("/") ? RunFile(name, $0) : nil } }
    }

    package func encode(to encoder: any Encoder) throws {
        try JSONObject(
            [
                "run": compared.run, "tags": tags, "params": params, "metrics": metrics,
                "evaluations": evaluations, "files": files,
            ], optional: ["experiment": experiment]
        ).encode(to: encoder)
    }

    package var parts: [Report.Part] {
        let settings = [Fact<ComparedRun>].hyperparameters(of: [compared])
        return [
            ReportTable(list: origins, of: compared, header: ("run", "\(compared.name) (id \(compared.id))")),
            ReportTable(list: settings, of: compared, header: ("hyper-parameter", "value")),
            epochs, course, ReportTable(evaluations),
            ReportTable(files, [.text("file", \.file), .number("size", \.size), .text("path", \.path)]),
        ].filter { !$0.rows.isEmpty }.map { Report.Part([.table($0)]) }
    }

    /// A row for each epoch.
    private var epochs: ReportTable {
        let steps = Dictionary(grouping: metrics, by: \.step).sorted { $0.key < $1.key }.map { _, metrics in
            Dictionary(metrics.map { ([$0.split.rawValue, $0.name], $0) }) { first, _ in first }
        }
        return ReportTable(
            steps.filter { $0[["dev", "accuracy"]] != nil },
            [
                .count("epoch") { ($0[["dev", "accuracy"]]?.epoch).map { Int(clamping: $0) } },
                .count("step") { $0[["dev", "accuracy"]]?.step },
                .figure("train loss") { $0[["train", "loss"]]?.value },
                .figure("dev loss") { $0[["dev", "loss"]]?.value },
                .figure("accuracy") { $0[["dev", "accuracy"]]?.value },
                .figure("macro F1") { $0[["dev", "macro_f1"]]?.value },
            ])
    }

    /// A row for each metric.
    private var course: ReportTable {
        let courses = Dictionary(grouping: metrics) { "\($0.split.rawValue) \($0.name)" }
            .mapValues { $0.map(\.value) }.sorted { $0.key.isBefore($1.key) }
        return ReportTable(
            courses,
            [
                .text("metric", \.key), .number("least") { $0.value.compactMap { $0 }.min()?.brief },
                .number("most") { $0.value.compactMap { $0 }.max()?.brief },
                .number("last") { ($0.value.last ?? nil)?.brief },
                .text("course") { sparkline($0.value.means(atMost: 40)) },
            ])
    }
}

/// What a run has read or written, and whether it is still there.
private struct RunFile: Encodable {
    let file, path: String
    /// The size, of a folder that of all that is directly in it; nil if it is not there.
    private let bytes: Int?

    init(_ file: String, _ path: String) {
        (self.file, self.path) = (file, path)
        let url = URL(filePath: path).resolvingSymlinksInPath()
        func attributes(_ url: URL) -> [FileAttributeKey: Any]? {
            try? FileManager.default.attributesOfItem(atPath: url.path)
        }
        let ofPath = attributes(url)
        let isFolder = ofPath?[.type] as? FileAttributeType == .typeDirectory
        let contents = try? FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)
        let counted = isFolder ? (contents ?? []).map(attributes) : [ofPath]
        let sizes = counted.compactMap { $0?[.size] as? Int }
        bytes = ofPath == nil ? nil : sizes.reduce(0, +)
    }

    var size: String { bytes?.formatted(.byteCount(style: .file)) ?? "missing" }

    func encode(to encoder: any Encoder) throws {
        try JSONObject(["file": file, "path": path, "bytes": bytes]).encode(to: encoder)
    }
}

extension Double {
    /// Four digits that count, or a whole number.
    fileprivate var brief: String {
        abs(self) < 1000 ? String(format: "%.4g", self) : Int(exactly: rounded())?.grouped ?? "\(self)"
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
