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
                try store.finish(run.id, status, hasWrittenOutput: true, error: status == .failed ? "why" : nil)
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
            var evaluation = RunStoreTests.evaluation(of: "/m/finished ä", data: data, dataSha256: digest)
            evaluation.loss = .nan
            _ = try store.record(
                evaluation, classes: [ClassMetric(label: "a", precision: 0.5, recall: 1, f1: 0.6, support: 1)],
                confusions: [Confusion(actual: "a", predicted: "b", count: 1)], predictions: [])
        }
        try DatabaseQueue(path: path).write { db in
            try db.execute(sql: "INSERT INTO tags VALUES (1, 'new/best'), (1, 'of/mine')")
            try db.execute(sql: "UPDATE runs SET note = 'a note' WHERE id = 1")
        }
        return store
    }

    @Test func aTableHasARowForEachRunAndAColumnForEachParameter() throws {
        try withPath { path in
            let store = try store(path)
            let columns = try store.exportColumns()
            #expect(columns.count == Set(columns).count)
            #expect(columns.suffix(3) == ["tags", "class_weights", "learning_rate"])
            #expect(try store.ids(of: ["3", "failed, \"1\"", "2"]) == [2, 3])
            let row = Dictionary(
                uniqueKeysWithValues: zip(columns, try store.exportRows(of: [1], columns: columns)[0]))
            #expect(row["status"] == .text("finished") && row["learning_rate"] == .real(5e-5))
            #expect(row["best_dev_accuracy"] == .real(0.75) && row["dev_loss"] == .real(0.5))
            #expect(row["tags"] == .text("new/best, of/mine"))
            #expect(try store.exportRows(of: [3, 9, 2], columns: columns).map { $0[0] } == [.integer(2), .integer(3)])
        }
    }

    @Test func contentsAreAllThatIsRecordedOfARun() throws {
        try withPath { path in
            let contents = try #require(try store(path).contents(of: 1))
            #expect(contents.run.name == "finished, \"1\"" && contents.tags == ["new/best", "of/mine"])
            #expect(contents.params["learning_rate"] == .real(5e-5))
            #expect(contents.metrics.map { $0.cells[2].text } == ["20", "20", "40", "20", "10"])
            #expect(contents.metrics.map { $0.cells[4].text } == ["0.75", "0.5", "", "0.7", ""])
            #expect(contents.evaluations.map(\.classes.count) == [1, 1, 1])
            #expect(contents.evaluations.map(\.evaluation.loss) == [nil, nil, nil])
            #expect(contents.evaluations[2].confusions.first?.predicted == "b")
        }
    }

    @Test func completionKnowsTheNamesInADatabase() throws {
        try withPath { path in
            _ = try store(path)
            #expect(
                RunStore.names(of: .runs, path: path) == [
                    "running, \"1\"", "interrupted, \"1\"", "failed, \"1\"", "finished, \"1\"",
                ])
            #expect(RunStore.names(of: .metrics, path: path) == ["accuracy", "loss", "macro_f1"])
            #expect(RunStore.names(of: .tags, path: path) == ["new/best", "of/mine"])
            #expect(
                RunStore.names(of: .parameters, path: path) == ["class_weights", "learning_rate", "seed", "seed_group"])
            #expect(RunStore.names(of: .runs, path: path + "x").isEmpty)
        }
    }
}
