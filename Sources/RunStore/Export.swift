import GRDB

/// A run with all that the database has of it, but for the answers to single examples.
package struct RunContents: Sendable {
    /// A model's result on one file, with how well each label was told.
    package struct EvaluationContents: Encodable, Sendable {
        package let evaluation: Evaluation
        package let classes: [ClassMetric]
        package let confusions: [Confusion]
    }

    package let run: Run
    package let tags: [String]
    /// By name.
    package let params: [String: Table.Cell]
    /// By split, name and step.
    package let metrics: [Metric]
    package let evaluations: [EvaluationContents]
}

// One run at a time: a training that goes on meanwhile is not kept waiting, and memory is needed for one run only.
extension RunStore {
    /// The ids of runs, ascending and none twice.
    ///
    /// - Parameter runs: ids or names; none stands for all runs
    /// - Throws: ``RunStoreError`` if there is no such run.
    package func ids(of runs: [String]) throws -> [Int64] {
        if runs.isEmpty { return try read { try Int64.fetchAll($0, sql: "SELECT id FROM runs ORDER BY id") } }
        return Set(try runs.map { try run($0).id ?? 0 }).sorted()
    }

    /// All that the database has of a run; nil if it has been deleted meanwhile.
    package func contents(of run: Int64) throws -> RunContents? {
        try read { db in
            guard let record = try Run.filter(Column("id") == run).fetchOne(db) else { return nil }
            let evaluations = try Evaluation.filter(Column("run_id") == run).order(Column("id")).fetchAll(db)
            return RunContents(
                run: record, tags: try Self.tags(db, of: run), params: try Self.params(db, of: run),
                metrics: try Metric.filter(Column("run_id") == run)
                    .order(Column("split"), Column("name"), Column("step")).fetchAll(db),
                evaluations: try evaluations.map { evaluation in
                    let isOfIt = Column("evaluation_id") == evaluation.id
                    return .init(
                        evaluation: evaluation, classes: try ClassMetric.filter(isOfIt).fetchAll(db),
                        confusions: try Confusion.filter(isOfIt).fetchAll(db))
                })
        }
    }

    /// The columns of a table of runs: those of `runs`, the figures of `run_summary`, `tags`, and each hyper-parameter that is not
    /// among them already.
    package func exportColumns() throws -> [String] {
        try read { db in
            let columns = try db.makeStatement(sql: Self.rowOfRun).columnNames + ["tags"]
            let params = try String.fetchAll(db, sql: "SELECT DISTINCT name FROM params ORDER BY name")
            return columns + params.filter { !columns.contains($0) }
        }
    }

    /// A run as a row of that table; nil if it has been deleted meanwhile.
    ///
    /// - Parameter columns: as ``exportColumns()`` has given them
    package func exportRow(of run: Int64, columns: [String]) throws -> [Table.Cell]? {
        try read { db in
            guard let row = try Row.fetchOne(db.cachedStatement(sql: Self.rowOfRun), arguments: [run])
            else { return nil }
            let fixed =
                row.databaseValues.map(Table.Cell.init) + [.text(try Self.tags(db, of: run).joined(separator: ", "))]
            let params = try Self.params(db, of: run)
            return fixed + columns.dropFirst(fixed.count).map { params[$0] ?? .null }
        }
    }

    private static let rowOfRun = """
        SELECT runs.*, best_dev_accuracy, best_epoch, dev_macro_f1, dev_loss, seconds
        FROM runs JOIN run_summary ON run_summary.id = runs.id WHERE runs.id = ?
        """

    static func tags(_ db: Database, of run: Int64) throws -> [String] {
        try String.fetchAll(
            db.cachedStatement(sql: "SELECT tag FROM tags WHERE run_id = ? ORDER BY tag"), arguments: [run])
    }

    static func params(_ db: Database, of run: Int64) throws -> [String: Table.Cell] {
        let rows = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT name, value FROM params WHERE run_id = ?"), arguments: [run])
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], Table.Cell($0[1])) })
    }
}
