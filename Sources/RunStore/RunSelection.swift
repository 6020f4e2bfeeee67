import Escaping
import Foundation
import GRDB

/// Which runs are wanted, and in which order.
///
/// Conditions and orders are in SQL, about columns of `runs` and `run_summary`, short names for the figures of the best epoch
/// (`accuracy`, `macro_f1`, `loss`, `epoch`), `tags`, `experiment`, and hyper-parameters.
package struct RunSelection: Sendable {
    /// An expression that is true for the runs that are wanted, or nil for all runs.
    package var condition: String?
    /// The project of the runs, or nil for all projects.
    package var project: String?
    /// The tags that a run must have, all of them.
    package var tags: [String] = []
    /// Terms like `accuracy` or `seconds DESC`. Without a direction, the best of a dev metric comes first, and the least of
    /// everything else. Runs without a value come last. Without a term, the latest run comes first.
    package var order: [String] = []
    /// How many runs are listed at most, or nil for no limit.
    package var limit: Int?
    /// Whether the runs of experiments are meant too, of which there can be hundreds: by default where a project or a tag is named. Where this is
    /// false, they are left out unless the condition, the order or a column speaks of experiments.
    package var includesExperiments: Bool

    package init(
        condition: String? = nil, project: String? = nil, tags: [String] = [], order: [String] = [], limit: Int? = nil
    ) {
        (self.condition, self.project, self.tags, self.order, self.limit) = (condition, project, tags, order, limit)
        includesExperiments = project != nil || !tags.isEmpty
    }

    /// The words, in lower case, in the condition, in the order and in the names of columns.
    fileprivate func words(with columns: [String]) -> Set<String> {
        Set(
            (columns + order + [condition ?? ""]).flatMap {
                $0.matches(of: /[\p{Alphabetic}_][\p{Alphabetic}\p{Number}_]*/).map { $0.output.lowercased() }
            })
    }

    /// Whether the runs of experiments are left out where these columns are asked for.
    fileprivate func leavesExperimentsOut(with columns: [String]) -> Bool {
        !includesExperiments && words(with: columns).isDisjoint(with: ["experiment", "experiment_id", "outcome"])
    }
}

extension RunStore {
    /// Whether of two values of a metric the lower one is the better.
    package static func lowerIsBetter(_ metric: String) -> Bool {
        ["loss", "mse", "mae"].contains(metric) || metric.hasSuffix("_loss")
    }

    /// Further figures of the best epoch on the dev data.
    static let furtherFigures = ["weighted_f1", "mcc", "roc_auc", "mse", "mae", "pearson", "spearman"]

    /// Whether a name stands for a figure of a metric.
    package static func isFigure(_ name: String) -> Bool {
        furtherFigures.contains(name)
            || [
                "accuracy", "macro_f1", "loss", "best_dev_accuracy", "dev_macro_f1", "dev_loss", "dev_metric",
                "test_accuracy", "test_macro_f1",
            ].contains(name)
    }

    /// How long a condition of a user may take, in seconds.
    private static let patienceWithConditions = 30.0

    /// The columns of the runs that are wanted.
    ///
    /// - Parameter columns: names as in conditions
    /// - Throws: ``RunStoreError`` if a name is unknown, or an expression is no SQL.
    package func list(_ selection: RunSelection, columns: [String]) throws -> Table {
        try read(timeout: Self.patienceWithConditions) { db in
            let names = try KnownNames(selection.words(with: columns).union(["id", "project"]), path: path, db)
            let order = try selection.order.map(names.term) + ["id DESC"]
            let tags = selection.tags.map {
                "EXISTS (SELECT 1 FROM tags WHERE run_id = id AND tag = \($0.sqlLiteral))"
            }
            let project = selection.project.map { ["project = \($0.sqlLiteral)"] } ?? []
            // A line of its own, for the sake of a comment at its end.
            let conditions = project + tags + (selection.condition.map { ["(\($0)\n)"] } ?? [])
            let sql = """
                SELECT \(try columns.map(names.column).joined(separator: ", "))
                FROM (SELECT \(names.used.joined(separator: ", "))
                      FROM runs JOIN run_summary AS summary ON summary.id = runs.id
                      \(selection.leavesExperimentsOut(with: columns) ? "WHERE runs.experiment_id IS NULL" : ""))
                \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
                ORDER BY \(order.joined(separator: ", ")) LIMIT \(selection.limit ?? -1)
                """
            do {
                return Table(columns: columns, rows: try Row.fetchAll(db, sql: sql))
            } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
                let message = error.message ?? "not SQL"
                throw RunStoreError(
                    "'\(selection.condition ?? "")': \(message)"
                        + (message.hasPrefix("no such column") ? "; there are \(names.all)" : ""))
            }
        }
    }

    /// The projects of the runs that are wanted, that of the latest run first.
    package func projects(of selection: RunSelection) throws -> [String] {
        var seen: Set<String> = []
        return try list(selection, columns: ["project"]).rows.map { $0[0].text }.filter { seen.insert($0).inserted }
    }

    /// The runs of experiments that a list of these columns leaves out although they fulfil the conditions: how many there are, and the names
    /// of the experiments, that of the latest run first. Nil if there are none.
    package func leftOut(of selection: RunSelection, columns: [String]) throws -> (runs: Int, experiments: [String])? {
        guard selection.leavesExperimentsOut(with: columns) else { return nil }
        var others = selection
        let condition = selection.condition.map { " AND (\($0)\n)" } ?? ""
        (others.condition, others.order, others.limit) = ("experiment_id IS NOT NULL" + condition, [], nil)
        let rows = try list(others, columns: ["experiment"]).rows
        var seen: Set<String> = []
        return rows.isEmpty ? nil : (rows.count, rows.map { $0[0].text }.filter { seen.insert($0).inserted })
    }

    /// The ids of the runs that are wanted, in their order.
    package func ids(of selection: RunSelection) throws -> [Int64] {
        try list(selection, columns: ["id"]).rows.compactMap { Int64($0[0].text) }
    }

    /// What names in conditions, orders and lists of columns stand for.
    private struct KnownNames {
        private let path: String
        private var sql: [String: String] = [:]
        private let words: Set<String>

        /// - Parameter words: the names are among them. Hyper-parameters are looked up only if one of them is no column
        init(_ words: Set<String>, path: String, _ db: Database) throws {
            (self.path, self.words) = (path, words)
            for column in try db.columns(in: "runs") { sql[column.name] = "runs.\(column.name)" }
            for column in try db.columns(in: "run_summary") { sql[column.name] = "summary.\(column.name)" }
            (sql["accuracy"], sql["macro_f1"]) = ("summary.best_dev_accuracy", "summary.dev_macro_f1")
            (sql["loss"], sql["epoch"]) = ("summary.dev_loss", "summary.best_epoch")
            for (name, column) in [("test_accuracy", "accuracy"), ("test_macro_f1", "macro_f1")] {
                // The latest on a file that the run has not read.
                sql[name] = """
                    (SELECT \(column) FROM evaluations WHERE run_id = runs.id AND data_sha256 <> runs.train_sha256
                     AND data_sha256 <> coalesce(runs.dev_sha256, '') ORDER BY id DESC LIMIT 1)
                    """
            }
            for name in RunStore.furtherFigures {
                sql[name] = """
                    (SELECT value FROM metrics WHERE run_id = runs.id AND split = 'dev' AND metrics.name = '\(name)'
                     AND step = (SELECT step FROM best_epochs WHERE run_id = runs.id))
                    """
            }
            sql["experiment"] = "(SELECT name FROM experiments WHERE id = runs.experiment_id)"
            sql["tags"] = "(SELECT group_concat(tag, ', ') FROM tags WHERE run_id = runs.id)"
            if words.allSatisfy({ sql[$0] != nil }) { return }
            for name in try String.fetchAll(db, sql: "SELECT DISTINCT name FROM params") where sql[name] == nil {
                sql[name] = "(SELECT value FROM params WHERE run_id = runs.id AND name = \(name.sqlLiteral))"
            }
        }

        /// The names that occur, as columns of SQL: what is not asked for is not looked up.
        var used: [String] { sql.filter { words.contains($0.key) }.map { "\($0.value) AS \($0.key.sqlIdentifier)" } }

        /// All names, for a person.
        var all: String { sql.keys.sorted().joined(separator: ", ") }

        /// A name between quotes.
        func column(_ name: String) throws -> String {
            if sql[name.lowercased()] != nil { return name.lowercased().sqlIdentifier }
            throw RunStoreError("\(path): runs have no '\(name)'; there are \(all)")
        }

        /// A term of an order, with its direction.
        func term(_ term: String) throws -> String {
            let words = term.split(separator: " ").map(String.init)
            guard let name = words.first, words.count < 3,
                ["ASC", "DESC", nil].contains(words.dropFirst().first?.uppercased())
            else { throw RunStoreError("the order '\(term)' is not a name with ASC or DESC, or without") }
            let largestFirst = RunStore.isFigure(name.lowercased()) && !RunStore.lowerIsBetter(name.lowercased())
            return try
                "\(column(name)) IS NULL, \(column(name)) \(words.dropFirst().first ?? (largestFirst ? "DESC" : "ASC"))"
        }
    }
}
