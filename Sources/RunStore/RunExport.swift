import GRDB

/// A run with all that the database has of it, but for the answers to single examples.
package struct RunContents: Encodable, Sendable {
    /// A model's result on one file, with how well each label was told.
    package struct EvaluationContents: Encodable, Sendable {
        package let evaluation: Evaluation
        package let classes: [ClassMetric]
        package let confusions: [Confusion]
    }

    package let run: Run
    package let tags: [String]
    /// By name; numbers as numbers, unlike in ``Param``.
    package let params: [String: Table.Cell]
    /// By split, name and step.
    package let metrics: [Table.Object]
    package let evaluations: [EvaluationContents]

    /// - Returns: nil if there is no such run
    fileprivate init?(of run: Int64, _ db: Database) throws {
        guard let found = try Run.all(db, "WHERE id = ?", [run]).first else { return nil }
        func table(_ sql: String) throws -> Table {
            let statement = try db.cachedStatement(sql: sql)
            return Table(columns: statement.columnNames, rows: try Row.fetchAll(statement, arguments: [run]))
        }
        self.run = found
        tags = try RunStore.tags(db, of: run)
        let values = try table("SELECT name, value FROM params WHERE run_id = ?").rows
        params = Dictionary(values.map { ($0[0].text, $0[1]) }) { first, _ in first }
        metrics = try table(
            "SELECT split, name, step, epoch, value, recorded_at FROM metrics WHERE run_id = ? ORDER BY split, name, step"
        ).objects
        evaluations = try Evaluation.all(db, "WHERE run_id = ? ORDER BY id", [run]).map { evaluation in
            EvaluationContents(
                evaluation: evaluation, classes: try ClassMetric.all(db, "WHERE evaluation_id = ?", [evaluation.id]),
                confusions: try Confusion.all(db, "WHERE evaluation_id = ?", [evaluation.id]))
        }
    }
}

// A run, or some, at a time: a training that goes on meanwhile is not kept waiting, and memory is needed for them alone.
extension RunStore {
    /// All that the database has of a run, or nil if it has been deleted meanwhile.
    package func contents(of run: Int64) throws -> RunContents? { try read { try RunContents(of: run, $0) } }

    /// The columns of a table of runs: the columns of `runs`, the figures of `run_summary`, `tags`, and each hyper-parameter that is
    /// not among them already.
    package func exportColumns() throws -> [String] {
        try read { db in
            let columns =
                try db.columns(in: "runs").map(\.name)
                + ["best_dev_accuracy", "best_epoch", "dev_macro_f1", "dev_loss", "seconds", "tags"]
            let params = try String.fetchAll(db, sql: "SELECT DISTINCT name FROM params ORDER BY name")
            return columns + params.filter { !columns.contains($0) }
        }
    }

    /// Runs as rows of that table, by id; runs that have been deleted meanwhile are left out.
    ///
    /// - Parameter columns: as ``exportColumns()`` has given them
    package func exportRows(of runs: some Sequence<Int64>, columns: [String]) throws -> [[Table.Cell]] {
        let ids = runs.map { "\($0)" }.joined(separator: ", ")
        var selection = RunSelection(condition: "id IN (\(ids))", order: ["id"])
        selection.includesExperiments = true
        return try list(selection, columns: columns).rows
    }
}
