import Dispatch
import Foundation
import GRDB
import Kernels

/// The SQLite file of runs, metrics and evaluations.
///
/// Several processes can use one file at a time. Every write is one short transaction that takes the lock at its beginning; a
/// process that finds the file locked waits for up to ten seconds.
///
/// A run is `running` in the file until its process writes how it has ended. One that was killed cannot: a store that is opened
/// for reading shows such a run as `interrupted`, one that is opened for writing records it.
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
    let queue: DatabaseQueue

    /// Opens the file, and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - path: the file
    ///   - access: what it is opened for
    ///   - patience: how long a locked file is waited for, in seconds
    ///   - bringingUpToDate: whether a file of an earlier version, opened for reading, is changed; otherwise it is refused
    /// - Throws: ``RunStoreError`` if the file cannot be opened, is locked, or is not a database of runs.
    package init(path: String, for access: Access, patience: Double = 10, bringingUpToDate: Bool = true) throws {
        self.path = path
        if access == .read && !FileManager.default.fileExists(atPath: path) {
            throw RunStoreError("\(path): no such database; the first 'addnorm train' makes one (or name it with --db)")
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw RunStoreError("\(path): not a file; choose another with --db")
        }
        // SQLite gives a meaning to names like ':memory:'; an absolute path is always a file.
        let file = URL(filePath: path).path
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(patience)
        configuration.prepareDatabase { $0.add(function: Self.processIsGone) }
        queue = try Self.explaining(path) {
            if access == .read {
                try Self.recover(file, configuration)
                configuration.readonly = true
            }
            return try DatabaseQueue.lasting(path: file, configuration)
        }
        let isCurrent = try Self.explaining(path) { try Self.check(queue, path: path, access: access) }
        switch access {
        case .write:
            try Self.explaining(path) {
                try Self.setJournalMode(queue)
                try Self.migrate(queue)
                try Self.settle(queue)
            }
            // What was rewritten leaves as much space free.
            if !isCurrent { try? compact() }
        case .read:
            if !isCurrent {
                let folder = URL(filePath: file).deletingLastPathComponent().path
                guard bringingUpToDate, [file, folder].allSatisfy(FileManager.default.isWritableFile) else {
                    throw RunStoreError(
                        "\(path): written by an earlier version of addnorm; someone who may write to it must open it once, with"
                            + " 'addnorm runs list --db', to bring it up to date")
                }
                _ = try RunStore(path: path, for: .write, patience: patience)
            }
            try Self.explaining(path) { try Self.showRunsThatDied(queue) }
        }
    }

    deinit { try? queue.close() }

    /// Does one piece of writing, whole or not at all.
    func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.explaining(path) { try queue.write(body) }
    }

    /// Reads the database as it was at one moment.
    ///
    /// - Parameter timeout: after how many seconds SQLite is interrupted; nil: never
    func read<Value>(timeout: Double? = nil, _ body: (Database) throws -> Value) throws -> Value {
        let isDone = DispatchSemaphore(value: 0)
        if let timeout {
            // Where no thread can be started, nothing is interrupted.
            _ = startThread { [queue] in
                if isDone.wait(timeout: .now() + timeout) == .timedOut { queue.interrupt() }
            }
        }
        defer { isDone.signal() }
        return try Self.explaining(path) { try queue.read(body) }
    }

    /// Does what must not be in a transaction.
    func withoutTransaction<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.explaining(path) { try queue.writeWithoutTransaction(body) }
    }

    /// Runs `body` and says what an error of SQLite means to a person.
    static func explaining<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw RunStoreError(error, path: path)
        } catch let error as RowDecodingError {
            throw RunStoreError(error, path: path)
        } catch let error as DecodingError {
            throw RunStoreError("\(path): a row is not what addnorm has written: \(error.problem)")
        }
    }

    // MARK: Opening

    /// Undoes what a killed process has half written. SQLite does so by itself, but not on a read-only connection.
    private static func recover(_ path: String, _ configuration: GRDB.Configuration) throws {
        guard ["-journal", "-wal"].contains(where: { FileManager.default.fileExists(atPath: path + $0) }) else {
            return
        }
        let queue = try DatabaseQueue.lasting(path: path, configuration)
        defer { try? queue.close() }
        try queue.read { db in _ = try Row.fetchOne(db, sql: "SELECT 1 FROM sqlite_master") }
    }

    /// Refuses a database that is not ours: its tables are somebody else's.
    ///
    /// - Returns: whether its schema is up to date
    private static func check(_ queue: DatabaseQueue, path: String, access: Access) throws -> Bool {
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
        return applied.count == known.count
    }

    /// The write-ahead log lets others read while one writes, but before SQLite 3.51.3 it could damage a file that several
    /// processes write to (<https://sqlite.org/wal.html>, "The WAL-Reset Bug"): there it is the rollback journal.
    private static func setJournalMode(_ queue: DatabaseQueue) throws {
        try queue.writeWithoutTransaction { db in
            let version = try String.fetchOne(db, sql: "SELECT sqlite_version()") ?? ""
            let isSafe = version.compare("3.51.3", options: .numeric) != .orderedAscending
            do {
                try db.execute(sql: "PRAGMA journal_mode = \(isSafe ? "wal" : "delete")")
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                // Another process has the file open in the other mode; the last one to come alone changes it.
            }
        }
    }

    /// Brings the schema up to date. Where another process takes the same step at the same time, one of the two fails, and goes on
    /// behind the other.
    private static func migrate(_ queue: DatabaseQueue) throws {
        let migrator = DatabaseMigrator.runStore
        while true {
            let applied = try queue.read(migrator.appliedIdentifiers)
            do {
                return try migrator.migrate(queue)
            } catch {
                guard try queue.read(migrator.appliedIdentifiers) != applied else { throw error }
            }
        }
    }

    // MARK: Runs that died

    /// `process_is_gone(host, boot_id, process_namespace, process_id, process_start)`
    private static let processIsGone = DatabaseFunction("process_is_gone", argumentCount: 5) { values in
        guard let host = String.fromDatabaseValue(values[0]), let process = Int.fromDatabaseValue(values[3]) else {
            return false
        }
        return ProcessIdentity(
            host: host, bootId: String.fromDatabaseValue(values[1]), namespace: String.fromDatabaseValue(values[2]),
            processId: process, start: Int.fromDatabaseValue(values[4])
        ).isGone
    }

    private static let isDead = """
        status = 'running' AND process_is_gone(host, boot_id, process_namespace, process_id, process_start)
        """

    /// Records runs whose process is gone as interrupted, at the time of their last metric, and experiments at that of their last run.
    private static func settle(_ queue: DatabaseQueue) throws {
        // Most of the time there is none, and then nothing is locked.
        guard
            try queue.read({ db in
                try ["runs", "experiments"].contains { table in
                    try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE \(isDead))") == true
                }
            })
        else { return }
        try queue.write { db in
            try db.execute(
                sql: """
                    UPDATE runs SET status = 'interrupted', finished_at = coalesce(
                        (SELECT max(recorded_at) FROM metrics WHERE run_id = runs.id), started_at)
                    WHERE \(isDead);
                    UPDATE experiments SET status = 'interrupted', finished_at = coalesce(
                        (SELECT max(coalesce(finished_at, started_at)) FROM runs WHERE experiment_id = experiments.id),
                        started_at)
                    WHERE \(isDead)
                    """)
        }
    }

    /// Puts views in front of `runs`, `experiments` and `run_summary`, in this connection alone, where those that died are `interrupted`.
    private static func showRunsThatDied(_ queue: DatabaseQueue) throws {
        try queue.writeWithoutTransaction { db in
            for table in ["runs", "experiments"] {
                let columns = try db.columns(in: table).map(\.name).map { column in
                    column == "status" ? "CASE WHEN \(isDead) THEN 'interrupted' ELSE status END AS status" : column
                }
                try db.execute(
                    sql: "CREATE TEMP VIEW \(table) AS SELECT \(columns.joined(separator: ", ")) FROM main.\(table)")
            }
            try db.execute(sql: "CREATE TEMP VIEW run_summary AS \(DatabaseMigrator.runSummary)")
        }
    }
}

extension DatabaseQueue {
    /// A connection that can be closed, but whose queue stays: Dispatch starts a thread to dispose of a queue, and waits for ever where the system
    /// allows no more threads.
    static func lasting(path: String, _ configuration: GRDB.Configuration) throws -> DatabaseQueue {
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        _ = Unmanaged.passRetained(queue)
        return queue
    }
}
