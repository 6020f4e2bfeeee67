import GRDB

// What is read of runs.

extension RunStore {
    /// The run with this id or this name.
    ///
    /// - Throws: ``RunStoreError`` if there is none.
    package func run(_ idOrName: String) throws -> Run {
        try read { db in
            if let id = Int64(idOrName), let run = try Run.all(db, "WHERE id = ?", [id]).first { return run }
            if let run = try Run.all(db, "WHERE name = ?", [idOrName]).first { return run }
            throw RunStoreError("\(self.path): no run has the id or name '\(idOrName)'; see 'addnorm runs list'")
        }
    }

    /// The runs with these ids or names, each once.
    ///
    /// - Throws: ``RunStoreError`` if one of them is missing.
    package func runs(_ idsOrNames: [String]) throws -> [Run] {
        var seen: Set<Int64> = []
        return try idsOrNames.map(run).filter { seen.insert($0.id).inserted }
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

    /// The id of the run that began last.
    ///
    /// - Throws: ``RunStoreError`` if there is none.
    package func latestRun() throws -> String {
        guard let id = try read({ try Int64.fetchOne($0, sql: "SELECT max(id) FROM runs") }) else {
            throw RunStoreError("\(path): no run has been recorded yet")
        }
        return "\(id)"
    }

    /// The row of `run_summary` of a run.
    package func summary(of run: Int64) throws -> RunSummary? {
        try read { try RunSummary.all($0, "WHERE id = ?", [run]).first }
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

    /// The result of any one SQL statement.
    ///
    /// - Throws: ``RunStoreError`` with SQLite's message if the statement is wrong, or would write and the store is open for
    ///   reading only.
    package func query(_ sql: String) throws -> Table {
        var (columns, rows): ([String], [[Table.Cell]]) = ([], [])
        try query(sql, columns: { columns = $0 }, row: { rows.append($0) })
        return Table(columns: columns, rows: rows)
    }

    /// Calls `columns` with the names of the result's columns, and `row` with each row, one after the other.
    package func query(
        _ sql: String, columns: ([String]) throws -> Void, row: ([Table.Cell]) throws -> Void
    ) throws {
        // SQLite would refuse it too, with a word on views that only this connection has.
        if sql.firstMatch(of: /^\s*(insert|update|delete|replace|drop|create|alter)\b/.ignoresCase()) != nil {
            throw RunStoreError("\(path): the database cannot be written to: 'runs query' only reads")
        }
        try read { db in
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
