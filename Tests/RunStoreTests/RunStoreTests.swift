import Foundation
import GRDB
import RunStore
import TestSupport
import Testing

/// Calls `body` with the path of a file that is not there yet.
func withPath<Result>(_ body: (String) throws -> Result) throws -> Result {
    try withFolder { try body($0.appending(path: "runs.sqlite").path) }
}

extension RunStore {
    /// Of all runs, the latest first.
    func summaries() throws -> [RunSummary] {
        try list(RunSelection(), columns: ["id"]).rows.compactMap { row in
            if case .integer(let id) = row[0] { try summary(of: id) } else { nil }
        }
    }
}

@Suite struct RunStoreTests {
    static func run(name: String? = nil, output: String = "/m") -> Run {
        var run = Run(
            name: name, command: "addnorm train", output: output, trainData: "/train.tsv", trainSha256: "ab",
            version: "test")
        (run.seed, run.threads, run.parameters) = (.max, 2, 10)
        return run
    }

    static func evaluation(of model: String, data: String = "/test.tsv", dataSha256: String = "cd") -> Evaluation {
        var evaluation = Evaluation(model: model, data: data, dataSha256: dataSha256)
        (evaluation.examples, evaluation.tokens, evaluation.seconds) = (2, 9, 0.1)
        (evaluation.loss, evaluation.accuracy, evaluation.macroF1, evaluation.weightedF1) = (0.7, 0.5, 0.4, 0.45)
        return evaluation
    }

    /// Whoever comes while others make the file takes what steps are left, and none of them fails.
    @Test func manyMakeADatabaseAtOnce() async throws {
        for _ in 1...5 {
            try await withFolder { folder in
                let path = folder.appending(path: "runs.sqlite").path
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 1...6 {
                        group.addTask { _ = try RunStore(path: path, for: .write).begin(Self.run(), params: []) }
                    }
                    try await group.waitForAll()
                }
                #expect(try RunStore(path: path, for: .read).summaries().count == 6)
            }
        }
    }

    @Test func keepsWhatItIsGiven() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            let run = try store.begin(Self.run(), params: [("learning_rate", "5e-05"), ("pooling", "mean")])
            #expect(run.id == 1 && run.name == "run-1" && run.status == .running)
            for (epoch, accuracy) in [(1, 0.5), (2, 0.75), (3, 0.75), (4, 0.7)] {
                try store.record([
                    Metric(run: 1, .dev, "accuracy", step: 10 * epoch, epoch: Double(epoch), value: accuracy),
                    Metric(run: 1, .dev, "macro_f1", step: 10 * epoch, epoch: Double(epoch), value: accuracy / 2),
                    Metric(run: 1, .dev, "loss", step: 10 * epoch, epoch: Double(epoch), value: .nan),
                ])
            }
            let id = try store.record(
                Self.evaluation(of: "/m"),
                classes: [ClassMetric(label: "a", precision: 0.5, recall: 1, f1: 0.6, support: 1)],
                confusions: [Confusion(actual: "a", predicted: "b", count: 1)],
                predictions: [PredictionRecord(row: 1, actual: "a", predicted: "b", confidence: 0.9)])
            try store.finish(1, .finished, hasWrittenOutput: true)

            // Another connection, as another process would have it.
            let reader = try RunStore(path: path, for: .read)
            let summary = try #require(try reader.summaries().first)
            #expect(summary.bestDevAccuracy == 0.75 && summary.bestEpoch == 2 && summary.devLoss == nil)
            #expect(summary.status == .finished && summary.seconds != nil)
            #expect(try reader.run("run-1").seed == .max)
            let cells = try reader.query("SELECT value FROM params WHERE value < 1e-4").rows
            #expect(cells == [[.real(5e-5)]])
            #expect(try reader.query("SELECT count FROM confusions").rows == [[.integer(1)]])
            #expect(
                try reader.query("SELECT evaluation_id, confidence FROM predictions").rows == [
                    [.integer(id), .real(0.9)]
                ])
            let times = try reader.query("SELECT started_at FROM runs UNION SELECT recorded_at FROM metrics")
            for row in times.rows {
                guard case .text(let time) = row[0] else { Issue.record("not a text"); continue }
                #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
            }
        }
    }

    /// Killed after the end of an epoch whose last step was the checkpoint's: that epoch is ended again.
    @Test func reopeningRemovesWhatWillBeRecordedAgain() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            _ = try store.begin(Self.run(), params: [])
            try store.record([
                Metric(run: 1, .dev, "loss", step: 10, epoch: 1, value: 1),
                Metric(run: 1, .train, "batch_loss", step: 20, epoch: 2, value: 2),
                Metric(run: 1, .train, "loss", step: 20, epoch: 2, value: 3),
                Metric(run: 1, .dev, "accuracy", step: 20, epoch: 2, value: 4),
                Metric(run: 1, .train, "batch_loss", step: 21, epoch: 2.1, value: 5),
            ])
            try store.reopen(1, afterStep: 20, epochs: 1)
            #expect(try store.query("SELECT value FROM metrics ORDER BY value").rows == [[.real(1)], [.real(2)]])
        }
    }

    @Test func evaluationsBelongToTheRunThatMadeTheModel() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            for (name, output) in [("old", "/m"), ("new", "/m"), ("other", "/n"), ("without a model", "/m")] {
                let run = try store.begin(Self.run(name: name, output: output), params: [])
                try store.finish(run.id, .interrupted, hasWrittenOutput: name != "without a model")
            }
            for model in ["/m", "/unknown"] {
                _ = try store.record(Self.evaluation(of: model), classes: [], confusions: [], predictions: [])
            }
            #expect(try store.evaluations(of: 2).map(\.model) == ["/m"])
            #expect(try store.query("SELECT run_id FROM evaluations ORDER BY id").rows == [[.integer(2)], [.null]])
        }
    }

    @Test func everyRunHasANameOfItsOwn() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            _ = try store.begin(Self.run(name: "run-2"), params: [])
            #expect(try store.begin(Self.run(), params: []).name == "run-3")
            #expect(throws: RunStoreError.self) { try store.begin(Self.run(name: "run-2"), params: []) }
            #expect(throws: RunStoreError.self) { try store.run("nobody") }
            #expect(try store.run("2").name == "run-3")
        }
    }

    @Test func aMetricWithoutARunIsRefused() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            // No such run: the foreign key refuses it.
            #expect(throws: RunStoreError.self) {
                try store.record([Metric(run: 9, .dev, "loss", step: 1, epoch: 1, value: 1)])
            }
        }
    }

    @Test func queriesCannotWrite() throws {
        try withPath { path in
            _ = try RunStore(path: path, for: .write).begin(Self.run(), params: [])
            let reader = try RunStore(path: path, for: .read)
            for sql in ["DELETE FROM runs", "CREATE TABLE t (x)", "PRAGMA user_version = 9", "SELECT 1; SELECT 2", ""] {
                #expect(throws: RunStoreError.self, "\(sql)") { try reader.query(sql) }
            }
            let error = #expect(throws: RunStoreError.self) { try reader.query("SELECT weather FROM runs") }
            #expect(error?.description.contains("no such column: weather") == true)
            let table = try reader.query("SELECT count(*) AS n FROM runs")
            #expect(table.columns == ["n"] && table.rows == [[.integer(1)]])
        }
    }

    @Test func aFileThatIsNoDatabaseIsLeftAlone() throws {
        try withPath { path in
            let text = Data(String(repeating: "not a database\n", count: 100).utf8)
            try text.write(to: URL(filePath: path))
            for access in [RunStore.Access.read, .write] {
                let error = #expect(throws: RunStoreError.self) { try RunStore(path: path, for: access) }
                #expect(error?.description.contains("not a SQLite database") == true)
            }
            #expect(try Data(contentsOf: URL(filePath: path)) == text)
        }
        #expect(throws: RunStoreError.self) { try RunStore(path: "/nowhere/runs.sqlite", for: .write) }
        #expect(throws: RunStoreError.self) { try RunStore(path: "/nowhere/runs.sqlite", for: .read) }
    }

    @Test func aLockedFileIsWaitedForAndThenAnError() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write, patience: 0.1)
            _ = try store.begin(Self.run(), params: [])
            let other = try DatabaseQueue(path: path)
            // In WAL mode readers need not wait.
            let isWAL = try other.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal"
            try other.inTransaction(.exclusive) { _ in
                for access in isWAL ? [] : [RunStore.Access.read, .write] {
                    let error = #expect(throws: RunStoreError.self) {
                        try RunStore(path: path, for: access, patience: 0.1)
                    }
                    #expect(error?.description.contains("locked by another process") == true)
                }
                #expect(throws: RunStoreError.self) { try store.finish(1, .finished, hasWrittenOutput: true) }
                return .rollback
            }
            try store.finish(1, .finished, hasWrittenOutput: true)
            #expect(try store.run("1").status == .finished)
        }
    }

    /// A process that is killed while it writes leaves a journal; the half of its work is undone by whoever comes next.
    @Test func whatAKilledWriterHalfWroteIsUndone() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            _ = try store.begin(Self.run(), params: [])
            let copy = path + ".copy"
            let writer = try DatabaseQueue(path: path)
            // Little memory, so that the file is written to before the transaction ends.
            try writer.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA cache_size = 5; BEGIN IMMEDIATE")
                for step in 0..<20_000 {
                    try db.execute(
                        sql: "INSERT INTO metrics VALUES (1, 'train', 'loss', ?, 1, 1, '')", arguments: [step])
                }
                for suffix in ["", "-journal", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
                    try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
                }
                try db.execute(sql: "ROLLBACK")
            }
            let reader = try RunStore(path: copy, for: .read)
            #expect(try reader.metrics(of: 1).isEmpty)
            #expect(try reader.query("PRAGMA integrity_check").rows == [[.text("ok")]])
        }
    }

    @Test func anotherProgramsDatabaseIsRefused() throws {
        try withPath { path in
            try DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE songs (title)") }
            for access in [RunStore.Access.read, .write] {
                let error = #expect(throws: RunStoreError.self) { try RunStore(path: path, for: access) }
                #expect(error?.description.contains("a database of something else") == true)
            }
        }
    }

    /// What SQLite takes for something else than a file would lose the runs.
    @Test func onlyAFileIsADatabaseWhateverItsName() throws {
        try withPath { path in
            let folder = URL(filePath: path).deletingLastPathComponent().path
            #expect(throws: RunStoreError.self) { try RunStore(path: "/dev/null", for: .write) }
            #expect(throws: RunStoreError.self) { try RunStore(path: folder, for: .write) }
            let name = folder + "/:memory:"
            _ = try RunStore(path: name, for: .write).begin(Self.run(), params: [])
            #expect(try RunStore(path: name, for: .read).summaries().count == 1)
        }
    }

    /// Several connections make the file and write to it at the same time; nothing is lost.
    @Test func writersAtTheSameTimeLoseNothing() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "runs.sqlite").path
        try await withThrowingTaskGroup { group in
            for writer in 0..<4 {
                group.addTask {
                    let store = try RunStore(path: path, for: .write)
                    let run = try store.begin(Self.run(name: "writer \(writer)"), params: [("a", "1")])
                    for step in 1...50 {
                        try store.record([Metric(run: run.id, .train, "loss", step: step, epoch: 1, value: 1)])
                    }
                    try store.finish(run.id, .finished, hasWrittenOutput: true)
                }
            }
            try await group.waitForAll()
        }
        let reader = try RunStore(path: path, for: .read)
        #expect(
            try reader.query("SELECT count(*), count(DISTINCT run_id) FROM metrics").rows == [
                [.integer(200), .integer(4)]
            ])
        #expect(try reader.query("PRAGMA integrity_check").rows == [[.text("ok")]])
    }
}
