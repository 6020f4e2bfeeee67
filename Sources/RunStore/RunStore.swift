import Foundation
import GRDB

/// The SQLite file of runs, metrics and evaluations.
///
/// Several processes can use one file at a time. Every write is one short transaction; a process that finds the file locked
/// waits for up to ten seconds.
package final class RunStore: Sendable {
    /// What a store is opened for.
    package enum Access: Sendable {
        /// The file is created if there is none.
        case write
        /// The file must be there, and no statement can change it. What a killed writer has left half done is undone first.
        case read
    }

    /// The file as the user named it.
    package let path: String
    private let queue: DatabaseQueue

    /// Opens the file, and brings its schema up to date when it is opened for writing.
    ///
    /// - Parameters:
    ///   - path: the file
    ///   - access: what it is opened for
    ///   - patience: how long a locked file is waited for, in seconds
    /// - Throws: ``RunStoreError`` if the file cannot be opened, is locked, or is not a database of runs.
    package init(path: String, for access: Access, patience: Double = 10) throws {
        self.path = path
        if access == .read && !FileManager.default.fileExists(atPath: path) {
            throw RunStoreError("\(path): no such database; the first 'addnorm train' makes one (or name it with --db)")
        }
        let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        if let type, type != .typeRegular && type != .typeSymbolicLink {
            throw RunStoreError("\(path): not a file; choose another with --db")
        }
        // SQLite gives a meaning to names like ':memory:'; an absolute path is always a file.
        let file = URL(filePath: path).path
        queue = try Self.explaining(path) {
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(patience)
            if access == .read {
                try Self.rollBack(file, configuration)
                configuration.readonly = true
            }
            return try DatabaseQueue(path: file, configuration: configuration)
        }
        try Self.explaining(path) {
            try Self.check(queue, path: path, access: access)
            if access == .write { try Self.migrate(queue) }
        }
    }

    /// Undoes what a killed process has half written. SQLite does so by itself, but not on a read-only connection.
    private static func rollBack(_ path: String, _ configuration: GRDB.Configuration) throws {
        guard FileManager.default.fileExists(atPath: path + "-journal") else { return }
        try DatabaseQueue(path: path, configuration: configuration).read { db in
            _ = try Row.fetchOne(db, sql: "SELECT 1 FROM sqlite_master")
        }
    }

    /// Refuses a database that is not ours: its tables are somebody else's.
    private static func check(_ queue: DatabaseQueue, path: String, access: Access) throws {
        let (tables, applied) = try queue.read { db in
            (
                try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'"),
                try DatabaseMigrator.runStore.appliedIdentifiers(db)
            )
        }
        let known = DatabaseMigrator.runStore.migrations
        // The table of migrations can be there alone while another process is making the database.
        if applied.isEmpty && tables.contains(where: { $0 != "grdb_migrations" }) {
            throw RunStoreError("\(path): a database of something else, not of runs; choose another file with --db")
        }
        if applied.isEmpty && access == .read { throw RunStoreError("\(path): no run has been recorded yet") }
        if !applied.isSubset(of: known) {
            throw RunStoreError(
                "\(path): written by a newer version of addnorm; update addnorm, or choose another --db")
        }
        if access == .read && applied.count < known.count {
            throw RunStoreError(
                "\(path): written by an older version of addnorm; 'addnorm train --db' brings it up to date")
        }
    }

    /// Brings the schema up to date, unless another process has just done so.
    private static func migrate(_ queue: DatabaseQueue) throws {
        do {
            try DatabaseMigrator.runStore.migrate(queue)
        } catch {
            guard try queue.read(DatabaseMigrator.runStore.hasCompletedMigrations) else { throw error }
        }
    }

    // MARK: Writing

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
            try run.insert(db)
            run.id = db.lastInsertedRowID
            for (name, value) in params { try Param(runId: db.lastInsertedRowID, name: name, value: value).insert(db) }
            return run
        }
    }

    /// Marks a run that was interrupted as running again, and removes what it recorded after `step`: the metrics of later steps,
    /// and of an epoch that ended there if it is not among the `epochs` that are complete.
    package func reopen(_ run: Int64, afterStep step: Int, epochs: Int) throws {
        try write { db in
            try db.execute(
                sql: """
                    DELETE FROM metrics WHERE run_id = ?
                    AND (step > ? OR step = ? AND epoch > ? AND (split = 'dev' OR name = 'loss'))
                    """, arguments: [run, step, step, epochs])
            try db.execute(
                sql: "UPDATE runs SET status = 'running', finished_at = NULL, error = NULL WHERE id = ?",
                arguments: [run])
        }
    }

    /// Appends metrics, all or none.
    package func record(_ metrics: [Metric]) throws {
        if metrics.isEmpty { return }
        try write { db in for metric in metrics { try metric.insert(db) } }
    }

    /// Records the end of a run.
    package func finish(_ run: Int64, _ status: Run.Status, error: String? = nil) throws {
        try write { db in
            try db.execute(
                sql: "UPDATE runs SET status = ?, finished_at = ?, error = ? WHERE id = ?",
                arguments: [status.rawValue, Timestamp.now, error, run])
        }
    }

    /// Records a model's result on a file, all or none. It belongs to the run
    /// that has last ended with this output.
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
            for var row in predictions {
                row.evaluationId = id
                try row.insert(db)
            }
            return id
        }
    }

    // MARK: Reading

    /// All runs, the latest first.
    package func summaries() throws -> [RunSummary] {
        try read { try RunSummary.fetchAll($0, sql: "SELECT * FROM run_summary ORDER BY id DESC") }
    }

    /// The run with this id or this name.
    ///
    /// - Throws: ``RunStoreError`` if there is none.
    package func run(_ idOrName: String) throws -> Run {
        try read { db in
            if let id = Int64(idOrName), let run = try Run.fetchOne(db, key: id) { return run }
            if let run = try Run.filter(Column("name") == idOrName).fetchOne(db) { return run }
            throw RunStoreError("\(self.path): no run has the id or name '\(idOrName)'; see 'addnorm runs list'")
        }
    }

    /// The hyper-parameters of a run, by name.
    package func params(of run: Int64) throws -> [Param] {
        try read { try Param.filter(Column("run_id") == run).order(Column("name")).fetchAll($0) }
    }

    /// The metrics of a run in the order of steps.
    package func metrics(of run: Int64) throws -> [Metric] {
        try read { db in
            try Metric.filter(Column("run_id") == run)
                .order(Column("step"), Column("split"), Column("name")).fetchAll(db)
        }
    }

    /// The evaluations of the models that a run has written, the oldest first.
    package func evaluations(of run: Int64) throws -> [Evaluation] {
        try read { try Evaluation.filter(Column("run_id") == run).order(Column("id")).fetchAll($0) }
    }

    /// The result of any one SQL statement.
    ///
    /// - Throws: ``RunStoreError`` with SQLite's message if the statement is wrong, or would write and the store is open for
    ///   reading only.
    package func query(_ sql: String) throws -> Table {
        try read { db in
            let statements = try Array(db.allStatements(sql: sql))
            guard statements.count == 1 else {
                throw RunStoreError("one SQL statement is expected, not \(statements.count)")
            }
            let rows = try Row.fetchAll(statements[0]).map { row in Array(row.databaseValues.map(Table.Cell.init)) }
            return Table(columns: statements[0].columnNames, rows: rows)
        }
    }

    private func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.explaining(path) { try queue.write(body) }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.explaining(path) { try queue.read(body) }
    }

    /// Runs `body` and says what an error of SQLite means to a person.
    private static func explaining<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError {
            let message = error.message ?? "error \(error.resultCode.rawValue)"
            throw switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED:
                RunStoreError(
                    isLocked: true,
                    "\(path): locked by another process, and stays so; end that process, or choose"
                        + " another file with --db")
            case .SQLITE_NOTADB:
                RunStoreError("\(path): not a SQLite database; choose another file with --db")
            case .SQLITE_CANTOPEN:
                RunStoreError(
                    "\(path): the database cannot be opened; check that its folder exists and may be written to")
            case .SQLITE_FULL: RunStoreError("\(path): the disk is full; make room, or choose another file with --db")
            case .SQLITE_READONLY:
                RunStoreError(
                    "\(path): the database cannot be written to: \(message); 'runs query' only reads, and all else needs"
                        + " permission to write")
            case .SQLITE_CORRUPT: RunStoreError("\(path): the database is damaged: \(message)")
            default: RunStoreError("\(path): \(message)")
            }
        }
    }
}

/// The result of a query.
package struct Table: Sendable, Equatable {
    /// One value.
    package enum Cell: Sendable, Equatable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        case blob(Data)

        init(_ value: DatabaseValue) {
            self =
                switch value.storage {
                case .null: .null
                case .int64(let value): .integer(value)
                case .double(let value): .real(value)
                case .string(let value): .text(value)
                case .blob(let value): .blob(value)
                }
        }
    }

    /// The columns' names, in the order of the statement.
    package let columns: [String]
    /// A value for each column.
    package let rows: [[Cell]]
}

/// Why the database of runs cannot be used.
package struct RunStoreError: LocalizedError, CustomStringConvertible {
    /// The file, the cause and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    /// Whether another process was in the way, so that a later attempt may succeed.
    package let isLocked: Bool

    init(isLocked: Bool = false, _ description: String) {
        (self.isLocked, self.description) = (isLocked, description)
    }
}
