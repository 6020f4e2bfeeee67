import Foundation
import Kernels
import Plots
import RunStore
import Statistics
import TestSupport
import Testing

import Reports

@Suite struct ReportPageTests {
    private static func run(_ name: String, group: String? = nil) -> Run {
        var run = Run(
            name: name, command: "addnorm train", output: "/\(name)", trainData: "/train.tsv", trainSha256: "ab",
            version: "test")
        (run.seed, run.threads, run.parameters, run.seedGroup) = (1, 2, 10, group)
        return run
    }

    /// A run of three epochs, and its evaluation with these labels.
    private static func record(
        _ name: String, labels: [String], rate: String = "0.1", group: String? = nil, in store: RunStore
    ) throws -> Run {
        let run = try store.begin(run(name, group: group), params: [("learning_rate", rate), ("layers", "2")])
        let id = run.id
        for epoch in 1...3 {
            for (split, metric) in [
                (Metric.Split.dev, "loss"), (.train, "loss"), (.dev, "accuracy"), (.dev, "macro_f1"),
            ] {
                try store.record([
                    Metric(run: id, split, metric, step: 10 * epoch, epoch: Double(epoch), value: 0.2 * Double(epoch))
                ])
            }
        }
        try store.finish(id, .finished, hasWrittenOutput: true)
        for (data, sha256) in [("/old.tsv", "ef"), ("/test.tsv", "cd"), ("/renamed.tsv", "cd")] {
            var evaluation = Evaluation(model: "/\(name)", data: data, dataSha256: sha256)
            (evaluation.examples, evaluation.tokens, evaluation.seconds) = (2, 9, 0.1)
            (evaluation.loss, evaluation.accuracy, evaluation.macroF1) = (0.7, 0.5, 0.4)
            _ = try store.record(
                evaluation,
                classes: labels.map { ClassMetric(label: $0, precision: 0.5, recall: 1, f1: 0.6, support: 1) },
                confusions: zip(labels, labels.dropFirst() + labels.prefix(1)).map {
                    Confusion(actual: $0, predicted: $1, count: 3)
                },
                predictions: labels.enumerated().map {
                    PredictionRecord(
                        row: $0 + 1, actual: $1, predicted: labels[0], confidence: 0.9, text: "the text of <\($1)>")
                })
        }
        return try store.run(name)
    }

    private static func withStore<Result>(_ body: (RunStore) throws -> Result) throws -> Result {
        try withFolder { try body(RunStore(path: $0.appending(path: "runs.sqlite").path, for: .write)) }
    }

    @Test func nothingFromTheDatabaseIsMarkup() throws {
        let hostile = "</td></svg><script>alert(1)</script>\"'<\u{301}b"
        try Self.withStore { store in
            let runs = try [hostile, "other"].map { try Self.record($0, labels: ["good", hostile], in: store) }
            for page in [
                try Report(of: [runs[0]], in: store, on: Workers(count: 1)).html,
                try Report(of: runs, in: store, on: Workers(count: 1)).html,
            ] {
                #expect(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"))
                #expect(!page.unicodeScalars.split(separator: "<").contains { $0.first == "\u{301}" })
                #expect(
                    !page.contains("http://")
                        || !page.replacing("http://www.w3.org/2000/svg", with: "").contains("http:"))
                // What is opened is closed: nothing has ended an element before its time.
                for tag in ["table", "td", "section", "svg", "dl", "div"] {
                    #expect(
                        page.components(separatedBy: "<\(tag)").count == page.components(separatedBy: "</\(tag)>").count
                    )
                }
            }
        }
    }

    @Test func aPageHasAllThatIsKnownOfItsRuns() throws {
        try Self.withStore { store in
            let runs = try [("a", "0.1"), ("b", "0.2")].map {
                try Self.record($0, labels: ["no", "yes"], rate: $1, in: store)
            }
            let one = try Report(of: [runs[0]], in: store, on: Workers(count: 1)).html
            #expect(one.contains("<h1>Run a</h1>") && one.contains("<dt>dev accuracy</dt><dd dir=\"auto\">0.6000</dd>"))
            #expect(one.contains("<dt>best epoch</dt><dd dir=\"auto\">3</dd>"))
            #expect(one.contains("Confusion matrix") && one.contains("Accuracy by confidence"))
            #expect(one.contains("the text of &lt;yes&gt;"))
            // The latest of the two on the same file.
            #expect(one.contains("<h2>Evaluation on renamed.tsv</h2>") && !one.contains("/test.tsv"))
            let both = try Report(of: runs, in: store, on: Workers(count: 1)).html
            #expect(both.contains("<h2>a on old.tsv</h2>") && both.contains("<h2>b on renamed.tsv</h2>"))
            let differing = try #require(both.split(separator: "What differs").last?.split(separator: "</table>").first)
            #expect(differing.contains("learning_rate") && !differing.contains("layers"))
            #expect(both.contains("McNemar p") && !both.contains("Holm p") && !both.contains("not independent"))
            let seeds = try ["c", "d"].map { try Self.record($0, labels: ["no", "yes"], group: "c", in: store) }
            let all = try Report(of: runs + seeds, in: store, on: Workers(count: 1)).html
            #expect(
                all.contains("McNemar p") && all.contains("Holm p")
                    && all.contains("so that they are not independent</p>")
            )
        }
    }

    @Test func whatIsMissingIsSaid() throws {
        try Self.withStore { store in
            let run = try store.begin(Self.run("new"), params: [])
            let page = try Report(of: [run], in: store, on: Workers(count: 1)).html
            #expect(
                page.contains("No epoch has been completed.") && page.contains("No metrics have been recorded yet."))
            #expect(page.contains("have not been evaluated") && !page.contains("<svg"))
        }
    }

    @Test func manyLabelsStayReadable() throws {
        try Self.withStore { store in
            let labels = (0..<300).map { "label \($0)" }
            let page = try Report(
                of: [Self.record("a", labels: labels, in: store)], in: store, on: Workers(count: 1)
            ).html
            #expect(page.contains("The 30 of 300 labels with the lowest F1"))
            #expect(page.contains("The 12 of 300 labels most often confused"))
            #expect(page.components(separatedBy: "scope=\"col\"").count == 2 * 12 + 1)
        }
    }

    @Test func curvesOfGroupsAreMeansWithBands() throws {
        try Self.withStore { store in
            let runs = try ["a", "b"].map { try Self.record($0, labels: ["x"], in: store).id }
            let loss = try Curves(of: "loss", groups: [("a", [runs[0]]), ("b", [runs[1]])], in: store)
            #expect(loss.x == .epoch && loss.series.map(\.name) == ["a", "a", "b", "b"])
            #expect(loss.series.map(\.split) == [.dev, .train, .dev, .train])
            #expect(loss.series[0].points.map(\.x) == [1, 2, 3] && loss.series[0].points[0].low == nil)
            let mean = try Curves(of: "accuracy", groups: [("both", runs)], in: store).series
            #expect(mean.count == 1 && mean[0].points.map(\.y) == [0.2, 0.4, 0.2 * 3] && mean[0].points[0].low == 0.2)
            let more = try store.begin(Self.run("c"), params: [])
            let id = more.id
            try store.record([
                Metric(run: id, .dev, "accuracy", step: 10, epoch: 1, value: 0.9),
                Metric(run: id, .dev, "accuracy", step: 20, epoch: 2, value: .nan),
            ])
            // The epochs that both have, cut off at 1, with a gap; and only those runs that have it.
            let both = try Curves(of: "accuracy", groups: [("both", [runs[0], id])], in: store).series[0].points
            #expect(both.map(\.x) == [1, 2] && both.map(\.high) == [1, nil] && both[1].y == nil)
            #expect(abs((both[0].y ?? 0) - 0.55) < 1e-12 && both[0].low == 0)
            #expect(
                try Curves(of: "loss", groups: [("all", runs + [id])], in: store).series.map(\.runs) == [runs, runs])
            try store.record([
                Metric(run: runs[0], .train, "x", step: 1, epoch: 1, value: 0.1),
                Metric(run: id, .train, "x", step: 1, epoch: 1, value: 0.3),
            ])
            // t of one degree of freedom is 12.706.
            let band = try Curves(of: "x", groups: [("both", [runs[0], id])], in: store).series[0].points[0]
            #expect(abs((band.high ?? 0) - 0.2 - 12.7062047362 * 0.1) < 1e-9)
            let error = #expect(throws: CurvesError.self) {
                try Curves(of: "lose", groups: [("a", [runs[0]])], in: store)
            }
            #expect(error?.description == "no such metric: 'lose'; there are accuracy, loss, macro_f1, x")
        }
    }

    @Test func aMetricOfEachLayerIsDrawnLayerByLayer() throws {
        try Self.withStore { store in
            let ids = try ["a", "b"].map { try store.begin(Self.run($0), params: []).id }
            let layers = ["layer_10", "layer_1", "layer_2"]
            for id in ids {
                let names =
                    ["grad_norm"] + (["head"] + layers).map { "grad_norm.\($0)" }
                    + layers.map { "activation_norm.\($0)" }
                try store.record(names.map { Metric(run: id, .train, $0, step: 10, epoch: 1, value: 1) })
            }
            func drawn(_ metric: String, _ groups: [(String, [Int64])]) throws -> (names: [String], figure: Figure) {
                let curves = try Curves(of: metric, groups: groups.map { (name: $0, runs: $1) }, in: store)
                return (curves.series.map(\.name), curves.figure)
            }
            let one = try drawn("grad_norm.layer", [("a", [ids[0]])])
            #expect(one.names == ["layer_1", "layer_2", "layer_10"])
            #expect(one.figure.title == "Norm of the gradient by layer" && one.figure.note == "a")
            let two = try drawn("activation_norm", [("a", [ids[0]]), ("b", [ids[1]])])
            #expect(
                two.names == ["a", "b"].flatMap { run in ["layer_1", "layer_2", "layer_10"].map { "\(run) \($0)" } })
            #expect(two.figure.title == "Norm of hidden states by layer" && two.figure.note == nil)
            // What is called so itself is drawn alone.
            #expect(try drawn("grad_norm", [("a", [ids[0]])]).names == ["a"])
            #expect(try drawn("grad_norm.layer_1", [("a", [ids[0]])]).figure.title == "Norm of the gradient, layer_1")
            #expect(throws: CurvesError.self) { try drawn("grad", [("a", [ids[0]])]) }
            #expect(throws: CurvesError.self) { try drawn("activation", [("a", [ids[0]])]) }
        }
    }

    @Test func theDetailsOfARunHaveEachOfItsFiles() throws {
        try withFolder { folder in
            let files = ["a.tsv", "b.tsv"].map { folder.appending(path: $0).path }
            for file in files { try Data("abc".utf8).write(to: URL(filePath: file)) }
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let run = try store.begin(
                Run(
                    name: nil, command: "", output: Run.noOutput, trainData: files.joined(separator: "\n"),
                    trainSha256: "ab\ncd", version: ""), params: [])
            let text = try RunDetails(of: run, checkpoint: nil, in: store).parts.text
            for file in files { #expect(text.contains(/train data +3 bytes +/.ignoresCase()) && text.contains(file)) }
            #expect(!text.contains("missing"))
        }
    }

    /// A store's answers are sorted into the bins of the calibration error: an upper limit belongs to the bin below.
    @Test func answersOfAStoreAreSortedIntoBins() throws {
        try Self.withStore { store in
            let confidences = [0, 1.0 / 15, 0.0667, 0.5, 0.999, 1]
            let id = try store.record(
                Evaluation(model: "/m", data: "/d", dataSha256: ""), classes: [], confusions: [],
                predictions: confidences.enumerated().map {
                    PredictionRecord(row: $0 + 1, actual: "a", predicted: $0 == 4 ? "b" : "a", confidence: $1)
                })
            let bins = CalibrationBins(try store.confidences(of: id)).bins
            #expect(bins.indices.filter { bins[$0].count > 0 } == [0, 1, 7, 14])
            #expect(bins.map(\.count).filter { $0 > 0 } == [2, 1, 1, 2])
            #expect(bins.filter { $0.count > 0 }.map(\.right) == [2, 1, 1, 1])
        }
    }
}
