import GRDB

// What a training and an evaluation write.

extension RunStore {
    /// Records the beginning of a run and its hyper-parameters.
    ///
    /// - Returns: the run with its id and name
    /// - Throws: ``RunStoreError`` if the name is taken, or another process is training to this output.
    package func begin(_ run: Run, params: [(name: String, value: String)]) throws -> Run {
        try write { db in
            var run = run
            run.id = try Self.newId(in: Run.databaseTableName, db)
            if run.name.isEmpty {
                // Names that a user chose may look like ours.
                var number = run.id
                while try Run.filter(Column("name") == "run-\(number)").fetchCount(db) > 0 { number += 1 }
                run.name = "run-\(number)"
            } else {
                try requireFree(run.name, in: db)
            }
            try requireUnused(run.output, in: db)
            if run.seedGroup?.isEmpty == true { run.seedGroup = run.name }
            run.project = run.project ?? run.usualProject
            try run.insert(db)
            for (name, value) in params { try Param(runId: run.id, name: name, value: value).insert(db) }
            return run
        }
    }

    /// An id that no row of a table has or had: not even that of a deleted one is given again.
    static func newId(in table: String, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db,
            sql: """
                SELECT 1 + max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = '\(table)'), 0),
                               coalesce((SELECT max(id) FROM \(table)), 0))
                """) ?? 1
    }

    /// A name that no run has, with a number at its end.
    package func freeName(_ name: String) throws -> String {
        try read { db in
            var number = 1
            while try Run.filter(Column("name") == "\(name)-\(number)").fetchCount(db) > 0 { number += 1 }
            return "\(name)-\(number)"
        }
    }

    /// Refuses a name that a run has already.
    package func requireFree(_ name: String) throws { try read { try requireFree(name, in: $0) } }

    func requireFree(_ name: String, in db: Database) throws {
        if try Run.filter(Column("name") == name).fetchCount(db) > 0 {
            throw RunStoreError("\(path): a run called '\(name)' is there already; choose another name")
        }
    }

    /// Refuses an output that another process is training to.
    private func requireUnused(_ output: String, in db: Database) throws {
        if output == Run.noOutput { return }
        let others = try Run.all(db, "WHERE output = ? AND status = 'running'", [output])
        if let other = others.first(where: \.isAlive), other.process != .current {
            throw RunStoreError(
                "\(path): the run '\(other.name)' is being trained to \(output) just now; choose another --output")
        }
    }

    /// Marks a run that was interrupted as running again, in this process, and removes what it recorded after `step`: the metrics of
    /// later steps, and of an epoch that ended there if it is not among the `epochs` that are complete.
    ///
    /// - Parameter metrics: of earlier steps, of which some may not have been recorded
    /// - Throws: ``RunStoreError`` if there is nothing to go on with, or another process trains it, or trains to its output.
    package func reopen(_ run: Int64, afterStep step: Int, epochs: Int, metrics: [Metric] = []) throws {
        try write { db in
            guard var found = try Run.fetchOne(db, key: run), found.status != .finished else {
                throw RunStoreError(
                    "\(path): the run has been finished or deleted meanwhile; there is nothing to resume")
            }
            if found.isAlive && found.process != .current { throw beingTrained(found) }
            try requireUnused(found.output, in: db)
            try db.execute(
                sql: """
                    DELETE FROM metrics WHERE run_id = ?
                    AND (step > ? OR step = ? AND epoch > ? AND (split = 'dev' OR name = 'loss'))
                    """, arguments: [run, step, step, epochs])
            for metric in metrics { try metric.insert(db, onConflict: .ignore) }
            try found.updateChanges(db) {
                ($0.status, $0.finishedAt, $0.error, $0.outcome) = (.running, nil, nil, nil)
                $0.moveToThisProcess()
            }
        }
    }

    /// Appends metrics of one run, all or none.
    ///
    /// - Throws: ``RunStoreError`` if the run is no longer this process's.
    package func record(_ metrics: [Metric]) throws {
        guard let run = metrics.first?.runId else { return }
        try write { db in
            _ = try ownRun(run, in: db)
            for metric in metrics { try metric.insert(db) }
        }
    }

    /// Records the checkpoints that a run has now.
    ///
    /// - Throws: ``RunStoreError`` if the run is no longer this process's.
    package func record(_ checkpoints: [CheckpointRecord], of run: Int64) throws {
        try write { db in
            _ = try ownRun(run, in: db)
            try CheckpointRecord.filter(Column("run_id") == run).deleteAll(db)
            for checkpoint in checkpoints { try checkpoint.insert(db) }
        }
    }

    /// Records the end of a run. A run that is finished has no checkpoints any more.
    ///
    /// - Parameters:
    ///   - hasWrittenOutput: whether the model at its output is its own
    ///   - outcome: what its experiment makes of it
    /// - Throws: ``RunStoreError`` if the run is no longer this process's.
    package func finish(
        _ run: Int64, _ status: Run.Status, hasWrittenOutput: Bool, error: String? = nil, warning: String? = nil,
        outcome: Run.Outcome? = nil
    ) throws {
        try write { db in
            var found = try ownRun(run, in: db)
            let now = Timestamp.now
            try found.updateChanges(db) {
                ($0.status, $0.finishedAt, $0.error, $0.warning) = (status, now, error, warning)
                $0.outcome = outcome
                if hasWrittenOutput { $0.outputWrittenAt = now }
            }
            if status == .finished { try CheckpointRecord.filter(Column("run_id") == run).deleteAll(db) }
        }
    }

    /// The error that says which process trains a run.
    func beingTrained(_ run: Run) -> RunStoreError {
        RunStoreError(
            "\(path): the run '\(run.name)' is being trained by another process (\(run.process?.processId ?? 0)); end it first"
        )
    }

    /// Refuses to go on with a run that was deleted meanwhile, or that another process goes on with.
    package func requireOwn(_ run: Int64) throws { _ = try read { try ownRun(run, in: $0) } }

    /// The run, if this process trains it.
    private func ownRun(_ run: Int64, in db: Database) throws -> Run {
        guard let found = try Run.all(db, "WHERE id = ?", [run]).first, found.process == .current else {
            throw RunStoreError(
                .takenOver,
                "\(path): the run is no longer this process's: it was deleted, or another process goes on with it")
        }
        return found
    }

    /// Records a model's result on a file, all or none. It belongs to the run that has last written this model.
    ///
    /// - Returns: the id of the evaluation
    package func record(
        _ evaluation: Evaluation, classes: [ClassMetric] = [], confusions: [Confusion] = [],
        predictions: some Sequence<PredictionRecord> = [],
        numbers: some Sequence<PredictedNumber> = []
    ) throws -> Int64 {
        try write { db in
            var evaluation = evaluation
            evaluation.id = try Int64.fetchOne(db, sql: "SELECT 1 + coalesce(max(id), 0) FROM evaluations") ?? 1
            evaluation.runId = try evaluation.runId ?? Self.writer(ofModel: evaluation.model, in: db)?.id
            if evaluation.loss?.isNaN == true { evaluation.loss = nil }
            try evaluation.insert(db)
            for var row in classes {
                row.evaluationId = evaluation.id
                try row.insert(db)
            }
            for var row in confusions {
                row.evaluationId = evaluation.id
                try row.insert(db)
            }
            // There can be a million: everybody else waits meanwhile.
            let insert = try db.makeStatement(
                sql: """
                    INSERT INTO predictions (evaluation_id, row, actual, predicted, confidence, text, loss)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """)
            for row in predictions {
                try insert.execute(
                    arguments: [evaluation.id, row.row, row.actual, row.predicted, row.confidence, row.text, row.loss])
            }
            let insertNumber = try db.makeStatement(
                sql: "INSERT INTO predicted_numbers (evaluation_id, row, actual, predicted) VALUES (?, ?, ?, ?)")
            for row in numbers {
                try insertNumber.execute(arguments: [evaluation.id, row.row, row.actual, row.predicted])
            }
            return evaluation.id
        }
    }
}
