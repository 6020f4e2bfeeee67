import GRDB

// What is read of runs.

extension RunStore {
    /// The run with this id or this name. An id is written in digits and nothing else, which no name is.
    ///
    /// - Throws: ``RunStoreError`` if there is none, or if others have given one run another's id as a name.
    package func run(_ idOrName: String) throws -> Run {
        try read { db in
            let id = Self.isId(idOrName) ? Int64(idOrName) : nil
            let runs = try Run.all(db, "WHERE id = ? OR name = ?", [id, idOrName])
            guard let run = runs.first else {
                throw RunStoreError("\(self.path): no run has the id or name '\(idOrName)'; see 'addnorm runs list'")
            }
            guard runs.count == 1 else {
                throw RunStoreError("\(self.path): '\(idOrName)' is the id of one run and the name of another")
            }
            return run
        }
    }

    /// Whether a text can only mean an id.
    package static func isId(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
    }

    /// The runs with these ids or names, each once. The name of a group of seeds stands for its runs, unless a run is called so.
    ///
    /// - Throws: ``RunStoreError`` if one of them is missing.
    package func runs(_ idsOrNames: [String]) throws -> [Run] {
        var seen: Set<Int64> = []
        return try idsOrNames.flatMap(runs(called:)).filter { seen.insert($0.id).inserted }
    }

    /// The run with this id or name, or the runs of the group of seeds with this name.
    ///
    /// - Throws: ``RunStoreError`` if there is neither.
    package func runs(called idOrName: String) throws -> [Run] {
        let isRun = try read { db in
            try Run.filter(Column("name") == idOrName).fetchCount(db) > 0
        }
        let group = isRun || Self.isId(idOrName) ? [] : try runs(ofSeedGroup: idOrName)
        return group.isEmpty ? [try run(idOrName)] : group
    }

    /// The runs with these ids, in this order, without the ids that no run has.
    package func runs(_ ids: [Int64]) throws -> [Run] {
        try read { db in
            let runs = try Run.filter(ids.contains(Column("id"))).fetchAll(db)
            let byId = Dictionary(runs.map { ($0.id, $0) }) { $1 }
            return ids.compactMap { byId[$0] }
        }
    }

    /// The ids of runs, ascending and none twice.
    ///
    /// - Parameter runs: ids or names; none stands for all runs
    /// - Throws: ``RunStoreError`` if there is no such run.
    package func ids(of runs: [String]) throws -> [Int64] {
        if runs.isEmpty { return try read { try Int64.fetchAll($0, sql: "SELECT id FROM runs ORDER BY id") } }
        return try self.runs(runs).map(\.id).sorted()
    }

    /// The runs of a training with several seeds, in the order of their beginnings.
    package func runs(ofSeedGroup name: String) throws -> [Run] {
        try read { try Run.all($0, "WHERE seed_group = ? ORDER BY id", [name]) }
    }

    /// The id of the run that began last, of those that are not part of an experiment.
    ///
    /// - Throws: ``RunStoreError`` if there is none.
    package func latestRun() throws -> String {
        try read { db in
            if let id = try Int64.fetchOne(db, sql: "SELECT max(id) FROM runs WHERE experiment_id IS NULL") {
                return "\(id)"
            }
            throw RunStoreError(
                try Run.fetchCount(db) == 0
                    ? "\(path): no run has been recorded yet"
                    : "\(path): all runs are part of experiments; name the one that is meant")
        }
    }

    /// The row of `run_summary` of a run.
    package func summary(of run: Int64) throws -> RunSummary? {
        try read { try RunSummary.all($0, "WHERE id = ?", [run]).first }
    }

    /// The run that has last written the model in a folder; nil if there is none.
    ///
    /// - Parameter folder: an absolute path
    package func writer(ofModel folder: String) throws -> Run? { try read { try Self.writer(ofModel: folder, in: $0) } }

    static func writer(ofModel folder: String, in db: Database) throws -> Run? {
        try Run.all(
            db, "WHERE output = ? AND output_written_at IS NOT NULL ORDER BY output_written_at DESC LIMIT 1", [folder]
        ).first
    }

    /// The baselines of the same training data, the latest first.
    package func baselines(trainSha256: String) throws -> [Run] {
        try read {
            try Run.all(
                $0,
                """
                WHERE train_sha256 = ? AND status = 'finished'
                AND id IN (SELECT run_id FROM params WHERE name = '\(Run.baselineParameter)') ORDER BY id DESC
                """, [trainSha256])
        }
    }

    /// What a run was tagged with, in alphabetical order.
    package func tags(of run: Int64) throws -> [String] {
        try read { try Self.tags($0, of: run) }
    }

    static func tags(_ db: Database, of run: Int64) throws -> [String] {
        try String.fetchAll(
            db.cachedStatement(sql: "SELECT tag FROM tags WHERE run_id = ? ORDER BY tag"), arguments: [run])
    }

    /// The hyper-parameters of a run, by name.
    package func params(of run: Int64) throws -> [Param] {
        try read { try Param.all($0, "WHERE run_id = ? ORDER BY name", [run]) }
    }

    /// The checkpoints that a run has, the oldest first.
    package func checkpoints(of run: Int64) throws -> [CheckpointRecord] {
        try read { try CheckpointRecord.all($0, "WHERE run_id = ? ORDER BY step", [run]) }
    }

    /// The metrics of a run from a step on, in the order of steps.
    package func metrics(of run: Int64, from step: Int = 0) throws -> [Metric] {
        try read { try Metric.all($0, "WHERE run_id = ? AND step >= ? ORDER BY step, split, name", [run, step]) }
    }

    /// The values of one metric of a run, in the order of splits and steps.
    package func metrics(of run: Int64, named name: String) throws -> [Metric] {
        try read { try Metric.all($0, "WHERE run_id = ? AND name = ? ORDER BY split, step", [run, name]) }
    }

    /// The names of the metrics that one of the runs has, in alphabetical order.
    package func metricNames(of runs: [Int64]) throws -> [String] {
        try read { db in
            try String.fetchSet(db, Metric.filter(runs.contains(Column("run_id"))).select(Column("name")).distinct())
                .sorted()
        }
    }

    /// The most that a ``Table`` of a query may hold, in bytes of its texts and 32 for each cell.
    package static let largestTable = 1 << 30

    /// The result of any one SQL statement.
    ///
    /// - Parameter timeout: after how many seconds it is given up; nil: never
    /// - Throws: ``RunStoreError`` with SQLite's message if the statement is wrong, or would write and the store is open for
    ///   reading only; or if it takes too long or gives too much.
    package func query(_ sql: String, timeout: Double? = nil) throws -> Table {
        var (columns, rows, size): ([String], [[Table.Cell]], Int) = ([], [], 0)
        try query(
            sql, timeout: timeout, columns: { columns = $0 },
            row: { row in
                rows.append(row)
                size += row.reduce(0) { $0 + $1.size }
                if size > Self.largestTable {
                    throw RunStoreError(
                        "the result has more than \(Self.largestTable >> 30) GB; narrow it, or write it row by row with --csv"
                    )
                }
            })
        return Table(columns: columns, rows: rows)
    }

    /// Calls `columns` with the names of the result's columns, and `row` with each row, one after the other.
    package func query(
        _ sql: String, timeout: Double? = nil, columns: ([String]) throws -> Void, row: ([Table.Cell]) throws -> Void
    ) throws {
        // SQLite would refuse it too, with a word on views that only this connection has.
        if sql.firstMatch(of: /^\s*(insert|update|delete|replace|drop|create|alter)\b/.ignoresCase()) != nil {
            throw RunStoreError("\(path): the database cannot be written to: 'runs query' only reads")
        }
        try read(timeout: timeout) { db in
            let statements = try Array(db.allStatements(sql: sql))
            guard statements.count == 1 else {
                throw RunStoreError("one SQL statement is expected, not \(statements.count)")
            }
            try columns(statements[0].columnNames)
            let rows = try Row.fetchCursor(statements[0])
            while let next = try rows.next() { try row(next.databaseValues.map(Table.Cell.init)) }
        }
    }
}
