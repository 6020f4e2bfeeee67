import Foundation
import GRDB
import RunStore
import TestSupport
import Testing

@Suite struct ExportTests {
    /// A store with a run of each status; the first one has metrics, tags and evaluations.
    private func store(_ path: String) throws -> RunStore {
        let store = try RunStore(path: path, for: .write)
        for status in [Run.Status.finished, .failed, .interrupted, .running] {
            let params = [
                ("seed", "7"), ("learning_rate", "5e-05"), ("class_weights", String(repeating: "é", count: 6001)),
            ]
            let run = try store.begin(
                RunStoreTests.run(name: "\(status.rawValue), \"1\"", output: "/m/\(status.rawValue) ä"), params: params)
            if status != .running {
                try store.finish(run.id!, status, hasWrittenOutput: true, error: status == .failed ? "why" : nil)
            }
        }
        try store.record([
            Metric(run: 1, .train, "loss", step: 10, epoch: 0.5, value: .infinity),
            Metric(run: 1, .dev, "loss", step: 20, epoch: 1, value: 0.5),
            Metric(run: 1, .dev, "loss", step: 40, epoch: 2, value: .nan),
            Metric(run: 1, .dev, "accuracy", step: 20, epoch: 1, value: 0.75),
            Metric(run: 1, .dev, "macro_f1", step: 20, epoch: 1, value: 0.7),
        ])
        for (data, digest) in [
            ("/a/test 1+.tsv", "aa11223344"), ("/a/test 1+.tsv", "aa11223344"), ("/b/test 1+.tsv", "bb11223344"),
        ] {
            let evaluation = Evaluation(
                model: "/m/finished ä", data: data, dataSha256: digest, examples: 2, tokens: 9, loss: .nan,
                accuracy: 0.5,
                macroF1: 0.4, weightedF1: 0.45, seconds: 0.1)
            _ = try store.record(
                evaluation, classes: [ClassMetric(label: "a", precision: 0.5, recall: 1, f1: 0.6, support: 1)],
                confusions: [Confusion(actual: "a", predicted: "b", count: 1)], predictions: [])
        }
        try DatabaseQueue(path: path).write { db in
            try db.execute(sql: "INSERT INTO tags VALUES (1, 'new/best'), (1, 'mlflow.runName')")
            try db.execute(sql: "UPDATE runs SET note = 'a note' WHERE id = 1")
        }
        return store
    }

    @Test func aTableOfRuns() throws {
        try withPath { path in
            let store = try store(path)
            let columns = try store.exportColumns()
            #expect(columns.count == Set(columns).count)
            #expect(columns.suffix(3) == ["tags", "class_weights", "learning_rate"])
            #expect(try store.ids(of: ["3", "failed, \"1\"", "2"]) == [2, 3])
            let row = Dictionary(
                uniqueKeysWithValues: zip(columns, try #require(try store.exportRow(of: 1, columns: columns))))
            #expect(row["status"] == .text("finished") && row["learning_rate"] == .real(5e-5))
            #expect(row["best_dev_accuracy"] == .real(0.75) && row["dev_loss"] == .real(0.5))
            #expect(row["tags"] == .text("mlflow.runName, new/best"))
            #expect(try store.exportRow(of: 9, columns: columns) == nil)
        }
    }

    @Test func contents() throws {
        try withPath { path in
            let contents = try #require(try store(path).contents(of: 1))
            #expect(contents.run.name == "finished, \"1\"" && contents.tags == ["mlflow.runName", "new/best"])
            #expect(contents.params["learning_rate"] == .real(5e-5))
            #expect(contents.metrics.map(\.step) == [20, 20, 40, 20, 10])
            #expect(contents.metrics.map(\.value) == [0.75, 0.5, nil, 0.7, nil])
            #expect(contents.evaluations.map(\.classes.count) == [1, 1, 1])
            #expect(contents.evaluations[2].confusions.first?.predicted == "b")
        }
    }

    @Test func mlflow() throws {
        try withPath { path in
            let store = try store(path)
            let file = path + ".mlflow"
            var notices: [String] = []
            let counts = try store.exportToMLflow([1, 2, 3, 4], to: file, notice: { notices.append($0) }) { false }
            // Five metrics, and seven figures of each evaluation.
            #expect(counts == (runs: 4, metrics: 26) && notices.count == 4)
            #expect(notices[0].contains("'class_weights' is cut to 6000 characters"))

            let out = try DatabaseQueue(path: file)
            func rows(_ sql: String) throws -> [[String]] {
                try out.read { try Row.fetchAll($0, sql: sql).map { $0.databaseValues.map(\.description) } }
            }
            #expect(try rows("PRAGMA integrity_check") == [["\"ok\""]])
            #expect(try rows("SELECT count(*) FROM metrics") == [["26"]])
            #expect(try rows("SELECT count(*), max(length(value)) FROM params") == [["12", "6000"]])
            #expect(
                try rows("SELECT status, end_time IS NULL FROM runs ORDER BY start_time, status").sorted {
                    $0[0] < $1[0]
                } == [
                    ["\"FAILED\"", "0"], ["\"FINISHED\"", "0"], ["\"KILLED\"", "0"], ["\"RUNNING\"", "1"],
                ])
            #expect(
                try rows(
                    """
                    SELECT step, value, is_nan FROM metrics WHERE key IN ('dev/loss', 'train/loss') ORDER BY step
                    """) == [
                        ["10", "0.0", "1"], ["20", "0.5", "0"], ["40", "0.0", "1"],
                    ])
            #expect(try rows("SELECT step, is_nan FROM latest_metrics WHERE key = 'dev/loss'") == [["40", "1"]])
            #expect(
                try rows("SELECT key, step FROM metrics WHERE key LIKE 'eval%accuracy' ORDER BY key, step") == [
                    ["\"eval/test 1_.tsv-aa112233/accuracy\"", "0"], ["\"eval/test 1_.tsv-aa112233/accuracy\"", "1"],
                    ["\"eval/test 1_.tsv-bb112233/accuracy\"", "0"],
                ])
            let run = "(SELECT run_uuid FROM runs WHERE status = 'FINISHED')"
            #expect(
                try rows(
                    """
                    SELECT key, value FROM tags WHERE run_uuid = \(run)
                    AND key IN ('mlflow.runName', 'mlflow.note.content', 'new_best', 'addnorm.id') ORDER BY key
                    """) == [
                        ["\"addnorm.id\"", "\"1\""], ["\"mlflow.note.content\"", "\"a note\""],
                        ["\"mlflow.runName\"", "\"finished, \\\"1\\\"\""], ["\"new_best\"", "\"true\""],
                    ])
            #expect(
                try rows("SELECT artifact_uri, length(run_uuid) FROM runs WHERE run_uuid = \(run)") == [
                    ["\"file:///m/finished%20%C3%A4\"", "32"]
                ])
            let milliseconds = try #require(Double(rows("SELECT start_time FROM runs WHERE run_uuid = \(run)")[0][0]))
            #expect(
                // The style cuts off what is less than a millisecond.
                Date(timeIntervalSince1970: (milliseconds + 0.5) / 1000)
                    .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
                    == (try store.run("1").startedAt))

            // The same again, under another name.
            try DatabaseQueue(path: path).write { try $0.execute(sql: "UPDATE runs SET name = 'renamed' WHERE id = 1") }
            _ = try store.exportToMLflow([1], to: file + "2", notice: { _ in }) { false }
            let again = try DatabaseQueue(path: file + "2").read {
                try String.fetchOne($0, sql: "SELECT run_uuid FROM runs")
            }
            #expect(try rows("SELECT \(run)")[0][0] == again.map { "\"\($0)\"" })
        }
    }

    @Test func mlflowIsWholeOrNotThere() throws {
        try withPath { path in
            let store = try store(path)
            let folder = URL(filePath: path).deletingLastPathComponent().path
            let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            let bytes = try Data(contentsOf: URL(filePath: path))
            #expect(throws: RunStoreError.self) { try store.exportToMLflow([1], to: path, notice: { _ in }) { false } }
            #expect(throws: RunStoreError.self) {
                try store.exportToMLflow([1], to: folder + "/nowhere/f", notice: { _ in }) { false }
            }
            var asked = 0
            #expect(throws: CancellationError.self) {
                try store.exportToMLflow([1, 2], to: folder + "/f", notice: { _ in }) {
                    asked += 1
                    return asked == 2
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before)
            #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
        }
    }

    @Test func namesForCompletion() throws {
        try withPath { path in
            _ = try store(path)
            #expect(
                RunStore.names(of: .runs, path: path) == [
                    "running, \"1\"", "interrupted, \"1\"", "failed, \"1\"", "finished, \"1\"",
                ])
            #expect(RunStore.names(of: .metrics, path: path) == ["accuracy", "loss", "macro_f1"])
            #expect(RunStore.names(of: .tags, path: path) == ["mlflow.runName", "new/best"])
            #expect(
                RunStore.names(of: .parameters, path: path) == ["class_weights", "learning_rate", "seed", "seed_group"])
            #expect(RunStore.names(of: .runs, path: path + "x").isEmpty)
        }
    }
}
