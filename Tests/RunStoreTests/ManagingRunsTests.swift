import Foundation
import GRDB
import RunStore
import TestSupport
import Testing

@Suite struct ListingTests {
    /// Three finished runs, `a`, `b` and `c`, of growing accuracy and falling learning rate, with their ids 1, 2 and 3.
    private static func withRuns<Result>(_ body: (RunStore) throws -> Result) throws -> Result {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            for (place, name) in ["a", "b", "c"].enumerated() {
                let run = try store.begin(
                    RunStoreTests.run(name: name),
                    params: [
                        ("learning_rate", ["0.0005", "5e-05", "5e-06"][place]),
                        ("pooling", place == 1 ? "cls" : "mean"),
                    ])
                for epoch in 1...2 {
                    let accuracy = 0.7 + 0.1 * Double(place) - 0.05 * Double(epoch)
                    try store.record([
                        Metric(run: run.id, .dev, "accuracy", step: epoch, epoch: Double(epoch), value: accuracy),
                        Metric(run: run.id, .dev, "macro_f1", step: epoch, epoch: Double(epoch), value: 1 - accuracy),
                        Metric(run: run.id, .dev, "loss", step: epoch, epoch: Double(epoch), value: 2 - accuracy),
                        Metric(run: run.id, .train, "grad_norm", step: epoch, epoch: Double(epoch), value: accuracy),
                    ])
                }
                try store.finish(run.id, .finished, hasWrittenOutput: true)
            }
            return try body(store)
        }
    }

    private static func names(
        _ store: RunStore, where condition: String? = nil, tags: [String] = [], by order: [String] = [],
        limit: Int? = nil
    ) throws -> [String] {
        let selection = RunSelection(condition: condition, tags: tags, order: order, limit: limit)
        return try store.list(selection, columns: ["name"]).rows.map { row in
            if case .text(let name) = row[0] { name } else { "" }
        }
    }

    @Test func conditionsKnowColumnsFiguresAndParameters() throws {
        try Self.withRuns { (store) throws in
            #expect(try Self.names(store) == ["c", "b", "a"])
            #expect(try Self.names(store, where: "accuracy > 0.7 AND learning_rate < 1e-5") == ["c"])
            #expect(try Self.names(store, where: "pooling = 'cls' OR name = 'a'") == ["b", "a"])
            #expect(try Self.names(store, where: "macro_f1 IS NULL").isEmpty)
            #expect(try Self.names(store, where: "ACCURACY > 0.7 AND Learning_Rate < 1e-5") == ["c"])
            #expect(try Self.names(store, where: "best_epoch = 2 -- a comment") == ["c", "b", "a"])
        }
    }

    @Test func aConditionThatIsNoExpressionIsAnErrorAndChangesNothing() throws {
        try Self.withRuns { (store) throws in
            for condition in ["acuracy > 0.9", "accuracy >", "1) UNION SELECT 1 --", "1); DELETE FROM runs; SELECT (1"]
            {
                #expect(throws: RunStoreError.self, "\(condition)") { try Self.names(store, where: condition) }
            }
            #expect(try Self.names(store).count == 3)
        }
    }

    @Test func orderedByAFigureTheBestRunComesFirst() throws {
        try Self.withRuns { (store) throws in
            #expect(try Self.names(store, by: ["accuracy"]) == ["c", "b", "a"])
            #expect(try Self.names(store, by: ["accuracy ASC"], limit: 2) == ["a", "b"])
            #expect(try Self.names(store, by: ["loss"]) == ["c", "b", "a"])
            #expect(try Self.names(store, by: ["pooling DESC", "learning_rate"]) == ["c", "a", "b"])
        }
    }

    @Test func aRunWithoutAValueComesLastInEitherDirection() throws {
        try Self.withRuns { (store) throws in
            _ = try store.begin(RunStoreTests.run(name: "d"), params: [])
            #expect(try Self.names(store, by: ["accuracy ASC"]).last == "d")
            #expect(try Self.names(store, by: ["accuracy DESC"]).last == "d")
        }
    }

    @Test func anOrderThatIsNoNameIsAnError() throws {
        try Self.withRuns { (store) throws in
            for order in ["weather", "accuracy UP", "accuracy DESC, name"] {
                #expect(throws: RunStoreError.self) { try Self.names(store, by: [order]) }
            }
        }
    }

    @Test func listsTheColumnsThatAreAskedForAndSuggestsKnownOnes() throws {
        try Self.withRuns { (store) throws in
            try store.tag(2, with: ["final", "big"])
            let selection = RunSelection(tags: ["final", "big"])
            let table = try store.list(selection, columns: ["id", "learning_rate", "tags", "seed", "best_epoch"])
            #expect(table.columns == ["id", "learning_rate", "tags", "seed", "best_epoch"])
            #expect(table.rows == [[.integer(2), .real(5e-5), .text("big, final"), .integer(.max), .integer(2)]])
            let error = #expect(throws: RunStoreError.self) { try store.list(selection, columns: ["wether"]) }
            #expect(error?.description.contains("'wether'") == true && error?.description.contains("pooling") == true)
        }
    }

    @Test func theBestRunIsTheOneWithTheBestValueInAnyEpoch() throws {
        try Self.withRuns { (store) throws in
            #expect(try store.best(by: "accuracy", among: RunSelection())?.name == "c")
            let best = try #require(try store.best(by: "macro_f1", among: RunSelection()))
            // In the epoch of its own best value, not in that of the best accuracy.
            #expect(
                best.name == "a" && best.split == .dev && best.epoch == 2 && best.compared == 3
                    && abs(best.value - 0.4) < 1e-12)
            #expect(try store.best(by: "loss", among: RunSelection())?.name == "c")
            #expect(try store.best(by: "grad_norm", among: RunSelection())?.split == .train)
            #expect(try store.best(by: "weather", among: RunSelection()) == nil)
            let selection = RunSelection(condition: "learning_rate > 1e-4")
            #expect(try store.best(by: "accuracy", among: selection)?.name == "a")
        }
    }

    @Test func runsWithoutMetricsOrWithInfiniteOnesAreNeverTheBest() throws {
        try Self.withRuns { (store) throws in
            for _ in 1...11 {
                let id = try store.begin(RunStoreTests.run(), params: []).id
                try DatabaseQueue(path: store.path).write { db in
                    try db.execute(
                        sql: "INSERT INTO metrics VALUES (?, 'dev', 'accuracy', 1, 1, 9e999, '')", arguments: [id])
                }
            }
            #expect(try store.best(by: "accuracy", among: RunSelection())?.name == "c")
        }
    }

    @Test func aRunKeepsTheNameNoteAndTagsThatItIsGiven() throws {
        try Self.withRuns { (store) throws in
            try store.rename(1, to: "first")
            try store.rename(1, to: "first")
            #expect(throws: RunStoreError.self) { try store.rename(2, to: "first") }
            try store.note(1, "it's fine")
            #expect(try store.run("first").note == "it's fine")
            try store.tag(1, with: ["x", "y", "x"])
            try store.untag(1, ["y", "z"])
            #expect(try store.tags(of: 1) == ["x"])
        }
    }

    @Test func withARunGoesAllThatWasRecordedOfIt() throws {
        try Self.withRuns { (store) throws in
            try store.tag(1, with: ["x"])
            for model in ["/m", "/n"] {
                _ = try store.record(
                    RunStoreTests.evaluation(of: model), classes: [], confusions: [],
                    predictions: [PredictionRecord(row: 1, actual: "a", predicted: "b", confidence: 1, text: "so so")])
            }
            // The evaluation of '/m' is the latest run's.
            try store.delete([1, 3], force: false)
            try store.compact()
            #expect(try Self.names(store) == ["b"])
            #expect(
                try store.query("SELECT count(DISTINCT run_id), count(*) FROM metrics").rows == [
                    [.integer(1), .integer(8)]
                ])
            #expect(try store.query("SELECT run_id FROM best_epochs").rows == [[.integer(2)]])
            #expect(try store.query("SELECT model FROM evaluations").rows == [[.text("/n")]])
            #expect(try store.query("SELECT text FROM predictions").rows == [[.text("so so")]])
            #expect(try store.query("SELECT count(*) FROM tags").rows == [[.integer(0)]])
        }
    }

    @Test func aRunThatIsBeingTrainedIsNotDeleted() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            let ids = try (1...3).map { number in
                try store.begin(RunStoreTests.run(output: "/m\(number)"), params: []).id
            }
            try store.finish(ids[0], .finished, hasWrittenOutput: true)
            try DatabaseQueue(path: path).write { db in
                try db.execute(sql: "UPDATE runs SET host = 'another', boot_id = 'another' WHERE id = \(ids[2])")
            }
            // The second one certainly runs, the third one perhaps.
            #expect(throws: RunStoreError.self) { try store.delete(ids, force: true) }
            #expect(throws: RunStoreError.self) { try store.delete([ids[2]], force: false) }
            #expect(try store.query("SELECT count(*) FROM runs").rows == [[.integer(3)]])
            try store.delete([ids[0], ids[2]], force: true)
            #expect(throws: RunStoreError.self) {
                try store.record([Metric(run: ids[2], .dev, "loss", step: 1, epoch: 1, value: 1)])
            }
            // Its id means no other run.
            #expect(try store.begin(RunStoreTests.run(), params: []).id == ids[2] + 1)
        }
    }
}

@Suite struct RunsThatDiedTests {
    /// Runs whose process differs from this one in a single respect.
    private static let processes = [
        ("alive", "process_id = process_id", "running"),
        ("later process", "process_start = process_start - 1", "interrupted"),
        ("no process", "process_id = 4194304", "interrupted"),
        ("before a restart", "boot_id = 'another'", "interrupted"),
        ("on a machine with another name now", "host = 'another', process_id = 4194304", "interrupted"),
        ("elsewhere", "host = 'another', boot_id = 'another', process_id = 4194304", "running"),
        ("in another container", "process_namespace = 'pid:[1]', process_id = 4194304", "running"),
        (
            "of an earlier version",
            "boot_id = NULL, process_namespace = NULL, process_id = NULL, process_start = NULL", "running"
        ),
    ]

    @Test func aRunWhoseProcessIsGoneIsInterrupted() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            for (name, change, _) in Self.processes {
                let id = try store.begin(RunStoreTests.run(name: name), params: []).id
                try store.record([Metric(run: id, .dev, "loss", step: 1, epoch: 1, value: 1)])
                try DatabaseQueue(path: path).write {
                    try $0.execute(sql: "UPDATE runs SET \(change) WHERE id = \(id)")
                }
            }
            let reader = try RunStore(path: path, for: .read)
            let summaries = Dictionary(
                uniqueKeysWithValues: try reader.summaries().map { ($0.name, $0.status.rawValue) })
            for (name, _, status) in Self.processes {
                #expect(summaries[name] == status, "\(name)")
                #expect(try reader.run(name).status.rawValue == status)
            }
            #expect(
                try reader.query("SELECT count(*) FROM runs WHERE status = 'interrupted'").rows == [[.integer(4)]])
            // Nobody has written that yet; the next who opens the file for writing does.
            let count = {
                try DatabaseQueue(path: path).read { db in
                    try Int.fetchOne(
                        db,
                        sql: """
                            SELECT count(*) FROM runs JOIN metrics ON run_id = id
                            WHERE status = 'interrupted' AND finished_at = recorded_at
                            """)
                }
            }
            #expect(try count() == 0)
            _ = try RunStore(path: path, for: .write)
            #expect(try count() == 4)
        }
    }

    /// What was another process's, or is by now, is left alone.
    @Test func onlyTheProcessThatTrainsARunWritesToIt() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            for change in ["process_start = process_start - 1", "boot_id = 'another'"] {
                let id = try store.begin(RunStoreTests.run(), params: []).id
                try DatabaseQueue(path: path).write {
                    try $0.execute(sql: "UPDATE runs SET \(change) WHERE id = \(id)")
                }
                #expect(throws: RunStoreError.self) {
                    try store.record([Metric(run: id, .dev, "loss", step: 1, epoch: 1, value: 1)])
                }
                #expect(throws: RunStoreError.self) { try store.finish(id, .finished, hasWrittenOutput: true) }
                #expect(throws: RunStoreError.self) { try store.requireOwn(id) }
                // Who goes on with it takes it over.
                try store.reopen(id, afterStep: 0, epochs: 0)
                try store.requireOwn(id)
                try store.finish(id, .finished, hasWrittenOutput: true)
            }
            // What is finished, or deleted, is not gone on with.
            for id in [Int64(1), 99] {
                #expect(throws: RunStoreError.self) { try store.reopen(id, afterStep: 0, epochs: 0) }
            }
            // The parent of this process is there, and is another one.
            let id = try store.begin(RunStoreTests.run(), params: []).id
            let parent = try String(contentsOfFile: "/proc/\(getppid())/stat", encoding: .utf8)
            let start = parent[parent.lastIndex(of: ")")!...].split(separator: " ")[20]
            try DatabaseQueue(path: path).write { db in
                try db.execute(
                    sql: "UPDATE runs SET process_id = \(getppid()), process_start = \(start) WHERE id = \(id)")
            }
            let error = #expect(throws: RunStoreError.self) { try store.reopen(id, afterStep: 0, epochs: 0) }
            #expect(error?.description.contains("is being trained by another process") == true)
            // Nor is another run trained to the same folder.
            #expect(throws: RunStoreError.self) { try store.begin(RunStoreTests.run(), params: []) }
            _ = try store.begin(RunStoreTests.run(output: "/elsewhere"), params: [])
        }
    }
}

@Suite struct MigrationTests {
    /// A database as earlier versions wrote it, with a metric that was written twice, and with what the shell leaves of a run.
    @Test func aDatabaseOfAnEarlierVersionIsBroughtUpToDate() throws {
        try withPath { path in
            var configuration = GRDB.Configuration()
            configuration.foreignKeysEnabled = false
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try DatabaseMigrator.runStore.migrate(queue, upTo: "1: runs, metrics and evaluations")
            try queue.write { db in
                for id in 1...2 {
                    try db.execute(
                        sql: """
                            INSERT INTO runs VALUES (\(id), 'run-\(id)', 'finished', '2026-01-01T00:00:00.000Z',
                                '2026-01-01T00:01:00.000Z', 'c', NULL, '/m', '/t', 'ab', NULL, NULL, 1, 1, 'h', '0', 1, NULL);
                            INSERT INTO params VALUES (\(id + 10), 'left by a deleted run', 1);
                            INSERT INTO metrics VALUES (\(id), 'dev', 'accuracy', 5, 1, 0.5, ''), (\(id), 'dev', 'macro_f1', 5, 1, 0.4, ''),
                                (\(id), 'dev', 'accuracy', 9, 2, 0.7, ''), (\(id), 'dev', 'macro_f1', 9, 2, 0.6, ''),
                                (\(id), 'dev', 'accuracy', 9, 2, 0.8, '');
                            """)
                }
            }
            try queue.write { db in
                try db.execute(
                    sql: """
                        CREATE VIEW mine AS SELECT runs.name, summary.seconds, count(*) AS metrics
                        FROM runs JOIN run_summary AS summary USING (id) JOIN metrics ON run_id = runs.id GROUP BY runs.id
                        """)
            }
            try queue.close()
            // Reading brings it up to date, too.
            let summaries = try RunStore(path: path, for: .read).summaries()
            #expect(summaries.map(\.bestDevAccuracy) == [0.8, 0.8] && summaries.map(\.devMacroF1) == [0.6, 0.6])
            #expect(summaries.map(\.seconds) == [60, 60])
            let reader = try RunStore(path: path, for: .read)
            #expect(try reader.query("SELECT count(*) FROM metrics").rows == [[.integer(8)]])
            #expect(try reader.query("PRAGMA foreign_key_check").rows.isEmpty)
            #expect(try reader.query("PRAGMA foreign_key_list(params)").rows[0][2] == .text("runs"))
            #expect(try reader.query("SELECT metrics FROM mine").rows == [[.integer(4)], [.integer(4)]])
            #expect(try reader.runs(["1", "2"]).map(\.experimentId) == [nil, nil])
        }
    }

    @Test func aDatabaseWithoutExperimentsGetsThem() throws {
        try withPath { path in
            let queue = try DatabaseQueue(path: path)
            try DatabaseMigrator.runStore.migrate(queue, upTo: "5: how evaluations were made, metrics and projects")
            try queue.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO runs (name, status, started_at, command, output, train_data, train_sha256, seed, threads, host, version, parameters)
                        VALUES ('old', 'finished', '2026-01-01T00:00:00.000Z', 'c', '/m', '/t', 'ab', 1, 1, 'h', '0', 1)
                        """)
            }
            try queue.close()
            let store = try RunStore(path: path, for: .write)
            #expect(try store.run("old").outcome == nil && store.latestRun() == "1")
            var run = RunStoreTests.run(output: Run.noOutput)
            run.experimentId = try store.begin(ExperimentTests.experiment()).id
            #expect(try store.begin(run, params: []).id == 2)
            #expect(try store.query("PRAGMA foreign_key_check").rows.isEmpty)
        }
    }
}
