import GRDB

// What a training and an evaluation write.

extension RunStore {
    /// Records the beginning of a run and its hyper-parameters.
    ///
    /// - Returns: the run with its id and name
    /// - Throws: ``RunStoreError`` if the name is taken.
    package func begin(_ run: Run, params: [(name: String, value: String)]) throws -> Run {
        try write { db in
            var run = run
            if run.name.isEmpty {
                // Names that a user chose may look like ours.
                let largest = try Int64.fetchOne(db, sql: "SELECT max(id) FROM runs") ?? 0
                var number = largest + 1
                while try Run.filter(Column("name") == "run-\(number)").fetchCount(db) > 0 { number += 1 }
                run.name = "run-\(number)"
            } else if try Run.filter(Column("name") == run.name).fetchCount(db) > 0 {
                throw RunStoreError("\(self.path): a run called '\(run.name)' is there already; choose another --name")
            }
            if run.seedGroup?.isEmpty == true { run.seedGroup = run.name }
            try run.insert(db)
            run.id = db.lastInsertedRowID
            for (name, value) in params { try Param(runId: db.lastInsertedRowID, name: name, value: value).insert(db) }
            return run
        }
    }

    /// Marks a run that was interrupted as running again, in this process, and removes what it recorded after `step`: the metrics of later steps,
    /// and of an epoch that ended there if it is not among the `epochs` that are complete.
    package func reopen(_ run: Int64, afterStep step: Int, epochs: Int) throws {
        try write { db in
            try db.execute(
                sql: """
                    DELETE FROM metrics WHERE run_id = ?
                    AND (step > ? OR step = ? AND epoch > ? AND (split = 'dev' OR name = 'loss'))
                    """, arguments: [run, step, step, epochs])
            let process = ProcessIdentity.current
            try db.execute(
                sql: """
                    UPDATE runs SET status = 'running', finished_at = NULL, error = NULL,
                        host = ?, boot_id = ?, process_id = ?, process_start = ? WHERE id = ?
                    """, arguments: [process.host, process.bootId, process.processId, process.start, run])
        }
    }

    /// Appends metrics, all or none.
    ///
    /// - Throws: ``RunStoreError`` if the run is no longer there.
    package func record(_ metrics: [Metric]) throws {
        guard let run = metrics.first?.runId else { return }
        try write { db in
            guard try Run.exists(db, key: run) else {
                throw RunStoreError("\(path): the run has been deleted while it was being trained")
            }
            for metric in metrics { try metric.insert(db) }
        }
    }

    /// Records the end of a run.
    package func finish(_ run: Int64, _ status: Run.Status, error: String? = nil) throws {
        try write { db in
            try db.execute(
                sql: "UPDATE runs SET status = ?, finished_at = ?, error = ? WHERE id = ?",
                arguments: [status.rawValue, Timestamp.now, error, run])
        }
    }

    /// Records a model's result on a file, all or none. It belongs to the run that has last ended with this output.
    ///
    /// - Returns: the id of the evaluation
    package func record(
        _ evaluation: Evaluation, classes: [ClassMetric], confusions: [Confusion],
        predictions: some Sequence<PredictionRecord>
    ) throws -> Int64 {
        try write { db in
            var evaluation = evaluation
            evaluation.runId = try Int64.fetchOne(
                db,
                sql: """
                    SELECT id FROM runs WHERE output = ? AND finished_at IS NOT NULL
                    ORDER BY (status = 'failed'), finished_at DESC LIMIT 1
                    """, arguments: [evaluation.model])
            try evaluation.insert(db)
            let id = db.lastInsertedRowID
            for var row in classes {
                row.evaluationId = id
                try row.insert(db)
            }
            for var row in confusions {
                row.evaluationId = id
                try row.insert(db)
            }
            // There can be a million: everybody else waits meanwhile.
            let insert = try db.makeStatement(sql: "INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?)")
            for row in predictions {
                try insert.setArguments([id, row.row, row.actual, row.predicted, row.confidence, row.text])
                try insert.execute()
            }
            return id
        }
    }
}
