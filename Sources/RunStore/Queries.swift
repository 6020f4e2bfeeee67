import GRDB

// What is read of runs.

extension RunStore {
    /// The run with this id or this name.
    ///
    /// - Throws: ``RunStoreError`` if there is none.
    package func run(_ idOrName: String) throws -> Run {
        try read { db in
            if let id = Int64(idOrName),
                let run = try Run.fetchOne(db.cachedStatement(sql: "SELECT * FROM runs WHERE id = ?"), arguments: [id])
            {
                return run
            }
            if let run = try Run.filter(Column("name") == idOrName).fetchOne(db) { return run }
            throw RunStoreError("\(self.path): no run has the id or name '\(idOrName)'; see 'addnorm runs list'")
        }
    }

    /// The runs with these ids or names, each once.
    ///
    /// - Throws: ``RunStoreError`` if there is one of them not.
    package func runs(_ idsOrNames: [String]) throws -> [Run] {
        var seen: Set<Int64?> = []
        return try idsOrNames.map(run).filter { seen.insert($0.id).inserted }
    }

    /// Those of the runs with these ids that are there, in this order.
    package func runs(_ ids: [Int64]) throws -> [Run] {
        try read { db in
            let runs = try Run.filter(ids.contains(Column("id"))).fetchAll(db)
            let byId = Dictionary(runs.map { ($0.id, $0) }) { $1 }
            return ids.compactMap { byId[$0] }
        }
    }

    /// The runs of a training with several seeds, in the order of their beginnings.
    package func runs(ofSeedGroup name: String) throws -> [Run] {
        try read { try Run.filter(Column("seed_group") == name).order(Column("id")).fetchAll($0) }
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
        try read { db in
            try RunSummary.fetchOne(
                db.cachedStatement(sql: "SELECT * FROM run_summary WHERE id = ?"), arguments: [run])
        }
    }

    /// What a run was tagged with, in alphabetical order.
    package func tags(of run: Int64) throws -> [String] {
        try read { try Self.tags($0, of: run) }
    }

    /// The hyper-parameters of a run, by name.
    package func params(of run: Int64) throws -> [Param] {
        try read { db in
            try Param.fetchAll(
                db.cachedStatement(sql: "SELECT * FROM params WHERE run_id = ? ORDER BY name"), arguments: [run])
        }
    }

    /// The metrics of a run from a step on, in the order of steps.
    package func metrics(of run: Int64, from step: Int = 0) throws -> [Metric] {
        try read { db in
            try Metric.fetchAll(
                db.cachedStatement(
                    sql: "SELECT * FROM metrics WHERE run_id = ? AND step >= ? ORDER BY step, split, name"),
                arguments: [run, step])
        }
    }

    /// The evaluations of the models that a run has written, the oldest first.
    package func evaluations(of run: Int64) throws -> [Evaluation] {
        try read { db in
            try Evaluation.fetchAll(
                db.cachedStatement(sql: "SELECT * FROM evaluations WHERE run_id = ? ORDER BY id"), arguments: [run])
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
