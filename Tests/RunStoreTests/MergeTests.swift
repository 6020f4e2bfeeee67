import Foundation
import GRDB
import RunStore
import TestSupport
import Testing

@Suite struct MergeTests {
    /// Calls `body` with paths of files in an empty folder.
    private static func withFiles<Result>(_ body: ((String) -> String) throws -> Result) throws -> Result {
        try withFolder { folder in try body { folder.appending(path: $0).path } }
    }

    private static func open(_ path: String) throws -> RunStore { try RunStore(path: path, for: .write) }

    /// Every row of every table.
    private static func contents(_ store: RunStore) throws -> [String: [String]] {
        let tables = try store.query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('grdb_migrations', 'sqlite_sequence')"
        )
        return try Dictionary(
            uniqueKeysWithValues: tables.rows.map(\.[0].text).map {
                ($0, try store.query("SELECT * FROM \($0)").rows.map { "\($0)" }.sorted())
            })
    }

    /// A run with something in each of the tables, which goes on. Its figures are different in each.
    private static func begin(_ name: String?, in store: RunStore, group: String? = nil) throws -> Run {
        var run = RunStoreTests.run(name: name, output: "/\(UUID().uuidString)")
        run.seedGroup = group
        run = try store.begin(run, params: [("metric", "accuracy"), ("learning_rate", "5e-05")])
        try store.record([
            Metric(run: run.id, .dev, "accuracy", step: 1, epoch: 1, value: 0.5 + Double(run.id) / 100),
            Metric(run: run.id, .dev, "macro_f1", step: 1, epoch: 1, value: 0.4),
            Metric(run: run.id, .train, "batch_loss", step: 1, epoch: 1, value: 0.3),
        ])
        try store.record(
            [CheckpointRecord(run: run.id, step: 1, epoch: 1, path: "/checkpoint", bytes: 7)], of: run.id)
        try store.tag(run.id, with: ["a", "b"])
        return run
    }

    @discardableResult
    private static func evaluate(_ model: String, on data: String, in store: RunStore) throws -> Int64 {
        try store.record(
            RunStoreTests.evaluation(of: model, data: data),
            classes: [ClassMetric(label: "a", precision: 0.5, recall: 1, f1: 0.6, support: 1)],
            confusions: [Confusion(actual: "a", predicted: "b", count: 1)],
            predictions: (1...3).map {
                PredictionRecord(row: $0, actual: "a", predicted: "b", confidence: 0.9, text: data)
            },
            numbers: [PredictedNumber(row: 1, actual: 1, predicted: 2)])
    }

    private static func fill(_ store: RunStore) throws {
        for name in ["first", "second"] {
            let run = try begin(name, in: store)
            try store.finish(run.id, .finished, hasWrittenOutput: true)
            try evaluate(run.output, on: "/\(name)", in: store)
        }
        var part = RunStoreTests.run(name: "part", output: Run.noOutput)
        let experiment = try store.begin(ExperimentTests.experiment())
        part.experimentId = experiment.id
        try store.finish(
            store.begin(part, params: []).id, .failed, hasWrittenOutput: false, error: "why", outcome: .stuck)
        try store.finish(experiment: experiment.id, .finished)
        try evaluate("/unknown", on: "/file", in: store)
        _ = try begin("going on", in: store)
    }

    @Test func allThatADatabaseHasComesOnce() throws {
        try Self.withFiles { file in
            let (other, store) = try (Self.open(file("other")), Self.open(file("all")))
            try Self.fill(other)
            let merged = try store.merge(RunStore(path: file("other"), for: .read, bringingUpToDate: false))
            #expect(
                (merged.added, merged.updated, merged.unchanged, merged.experiments, merged.evaluations) == (
                    4, 0, 0, 1, 3
                ))
            #expect(merged.renamed.isEmpty)
            let contents = try Self.contents(other)
            // Into an empty one, with the same ids. No table is forgotten, should one be added.
            #expect(try contents.values.allSatisfy { !$0.isEmpty } && Self.contents(store) == contents)
            // Neither again, nor back.
            for (one, another) in [(store, other), (other, store)] {
                let again = try one.merge(another)
                #expect((again.added, again.updated, again.unchanged) == (0, 0, 4))
                #expect((again.experiments, again.evaluations) == (0, 0))
                #expect(try Self.contents(one) == contents)
            }
        }
    }

    @Test func idsAreGivenAnewAndNamesKeptApart() throws {
        try Self.withFiles { file in
            let stores = try ["a", "b", "all"].map { try Self.open(file($0)) }
            for store in stores.prefix(2) {
                // As `train --seeds` without a name does, and as two jobs do with a seed each and the same name.
                for group in ["", "run-1", "named"] {
                    let name = group == "named" ? "named-seed-\(store.path == file("a") ? 1 : 2)" : nil
                    let run = try Self.begin(name, in: store, group: group)
                    try store.finish(run.id, .finished, hasWrittenOutput: true)
                    try Self.evaluate(run.output, on: run.name, in: store)
                }
            }
            let merged = try stores[2].merge(stores[0])
            #expect(merged.renamed.isEmpty)
            #expect(
                try stores[2].merge(stores[1]).renamed.map { "\($0.kind.rawValue) \($0.there) \($0.here)" } == [
                    "seed_group run-1 run-1-1", "run run-1 run-1-1", "run run-2 run-2-1",
                ])
            let rows = try stores[2].query(
                """
                SELECT runs.id, runs.name, seed_group, data, (SELECT count(*) FROM predictions WHERE evaluation_id = e.id),
                    accuracy FROM runs LEFT JOIN evaluations AS e ON run_id = runs.id AND e.model = output ORDER BY 1
                """
            ).rows.map { $0.map(\.text).joined(separator: " ") }
            #expect(
                rows == [
                    "1 run-1 run-1 run-1 3 0.5", "2 run-2 run-1 run-2 3 0.5", "3 named-seed-1 named named-seed-1 3 0.5",
                    "4 run-1-1 run-1-1 run-1 3 0.5", "5 run-2-1 run-1-1 run-2 3 0.5",
                    "6 named-seed-2 named named-seed-2 3 0.5",
                ])
            #expect(try stores[2].query("PRAGMA foreign_key_check").rows.isEmpty)
            // Triggers have chosen the best epochs, by each run's own metric.
            #expect(
                try stores[2].query("SELECT count(*) FROM best_epochs WHERE metric = 'accuracy'").rows == [
                    [.integer(6)]
                ])
            // A third of the group comes later, and is one of it.
            let third = try Self.begin(nil, in: stores[1], group: "run-1")
            try stores[1].finish(third.id, .finished, hasWrittenOutput: true)
            let later = try stores[2].merge(stores[1])
            #expect((later.added, later.unchanged) == (1, 3) && later.renamed.isEmpty)
            #expect(try stores[2].runs(ofSeedGroup: "run-1-1").map(\.name) == ["run-1-1", "run-2-1", "run-4"])
        }
    }

    @Test func aRunThatHasGoneOnIsBroughtUpToDateAndNeverBack() throws {
        try Self.withFiles { file in
            let (other, store) = try (Self.open(file("other")), Self.open(file("all")))
            let run = try Self.begin("mine", in: other)
            try store.merge(other)
            try FileManager.default.copyItem(atPath: file("other"), toPath: file("stale"))
            try store.rename(1, to: "renamed")
            try store.note(1, "noted")
            try store.untag(1, ["a"])

            try other.record([Metric(run: run.id, .dev, "accuracy", step: 2, epoch: 2, value: 0.9)])
            let longer = try store.merge(other)
            #expect((longer.added, longer.updated, longer.unchanged) == (0, 1, 0))
            #expect(try store.run("renamed").status == .running && store.metrics(of: 1).count == 4)

            try other.finish(run.id, .finished, hasWrittenOutput: true, warning: "so so")
            try Self.evaluate(run.output, on: "/file", in: other)
            let finished = try store.merge(other)
            #expect((finished.updated, finished.evaluations) == (1, 1))
            for stale in try [Self.open(file("stale")), other] {
                let nothing = try store.merge(stale)
                #expect((nothing.updated, nothing.unchanged, nothing.evaluations) == (0, 1, 0))
                let run = try store.run("renamed")
                #expect(run.status == .finished && run.warning == "so so" && run.note == "noted")
                #expect(try store.tags(of: 1) == ["b"] && store.checkpoints(of: 1).isEmpty)
                #expect(try store.summary(of: 1)?.bestDevAccuracy == 0.9 && store.evaluations(of: 1).count == 1)
            }
        }
    }

    /// Versions before runs had UUIDs; and what others have added to the tables.
    @Test func runsWithoutAUUIDAreTheSameIfAllElseIs() throws {
        try Self.withFiles { file in
            let (other, store) = try (Self.open(file("other")), Self.open(file("all")))
            try Self.fill(other)
            try DatabaseQueue(path: file("other")).write { db in
                try db.execute(sql: "UPDATE runs SET uuid = NULL; ALTER TABLE runs ADD COLUMN \"of mine\" TEXT")
            }
            #expect(try store.merge(other).added == 4 && store.merge(other).unchanged == 4)
            #expect(try other.merge(store).unchanged == 4)
        }
    }

    @Test func aMergeThatFailsChangesNothing() throws {
        try Self.withFiles { file in
            let (other, store) = try (Self.open(file("other")), Self.open(file("all")))
            try Self.fill(store)
            try Self.fill(other)
            try DatabaseQueue(path: file("other")).write { db in
                try db.execute(sql: "PRAGMA ignore_check_constraints = ON; UPDATE runs SET outcome = 'x' WHERE id = 3")
            }
            let contents = try Self.contents(store)
            func expectError(_ message: String) throws {
                let error = #expect(throws: RunStoreError.self) { try store.merge(other) }
                // It is theirs that is wrong.
                #expect(error?.description.hasPrefix("\(file("other")): \(message)") == true)
                #expect(try Self.contents(store) == contents)
            }
            try expectError("a row is not what addnorm has written: CHECK")
            try DatabaseQueue(path: file("other")).write {
                try $0.execute(sql: "UPDATE runs SET outcome = NULL; DROP TABLE predictions")
            }
            try expectError("no such table")
        }
    }

    @Test func aDatabaseThatIsOnlyReadIsNotBroughtUpToDate() throws {
        try withPath { path in
            let queue = try DatabaseQueue(path: path)
            try DatabaseMigrator.runStore.migrate(queue, upTo: "8: pairs of texts")
            try queue.close()
            let before = try Data(contentsOf: URL(filePath: path))
            let error = #expect(throws: RunStoreError.self) {
                try RunStore(path: path, for: .read, bringingUpToDate: false)
            }
            #expect(error?.description.contains("an earlier version") == true)
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
            _ = try RunStore(path: path, for: .read)
        }
    }

    /// Into the same one, and into each other.
    @Test func severalMergeAtOnce() async throws {
        try await withFolder { folder in
            let paths = (0..<4).map { folder.appending(path: "\($0)").path }
            for path in paths { try Self.fill(Self.open(path)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 0), (0, 1), (2, 0)] {
                    group.addTask {
                        let other = try RunStore(path: paths[other], for: .read, patience: 60, bringingUpToDate: false)
                        _ = try RunStore(path: paths[one], for: .write, patience: 60).merge(other)
                    }
                }
                try await group.waitForAll()
            }
            let store = try Self.open(paths[0])
            #expect(
                try store.query("SELECT count(*), count(DISTINCT uuid) FROM runs").rows == [
                    [.integer(16), .integer(16)]
                ])
            #expect(try store.query("SELECT count(*) FROM evaluations").rows == [[.integer(12)]])
            #expect(try store.query("PRAGMA foreign_key_check").rows.isEmpty)
        }
    }
}
