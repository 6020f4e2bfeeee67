import Foundation
import GRDB

/// Why the database of runs cannot be used.
package struct RunStoreError: LocalizedError, CustomStringConvertible {
    /// The file, the cause and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    /// What a training that goes on needs to know of the cause.
    package enum Cause: Sendable {
        /// Another process is in the way, and will not be for ever.
        case locked
        /// The file cannot be written to just now: its disk is full or has failed, it is damaged, or not there any more.
        case unwritable
        /// The run is no longer this process's, so that it must leave its files alone, too.
        case takenOver
        case other
    }

    package let cause: Cause

    /// Whether a later attempt may succeed.
    package var mayPass: Bool { cause == .locked || cause == .unwritable }

    init(_ cause: Cause, _ description: String) { (self.cause, self.description) = (cause, description) }

    init(_ description: String) { self.init(.other, description) }

    /// Says what an error of SQLite means to a person.
    init(_ error: DatabaseError, path: String) {
        let message = error.message ?? "error \(error.resultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .locked,
                "\(path): locked by another process, and stays so; end that process, or choose another file with --db")
        case .SQLITE_INTERRUPT:
            self.init("\(path): the query takes longer than it may; narrow it, or allow more with --timeout")
        case .SQLITE_NOTADB: self.init("\(path): not a SQLite database; choose another file with --db")
        case .SQLITE_CANTOPEN:
            self.init(
                .unwritable,
                "\(path): the database cannot be opened; check that its folder exists and may be written to")
        case .SQLITE_FULL:
            self.init(.unwritable, "\(path): the disk is full; make room, or choose another file with --db")
        case .SQLITE_IOERR:
            self.init(.unwritable, "\(path): the disk has failed or is full (\(message)); make room, or check the disk")
        case .SQLITE_READONLY where error.extendedResultCode == .SQLITE_READONLY_DBMOVED:
            self.init(.unwritable, "\(path): the database was deleted, moved or replaced meanwhile; put it back")
        case .SQLITE_READONLY:
            self.init(
                .unwritable,
                "\(path): the database cannot be written to: \(message); check the permissions of the file and of its folder"
            )
        // Also what SQLite says when a disk has failed to read a page.
        case .SQLITE_CORRUPT: self.init(.unwritable, "\(path): the database is damaged: \(message)")
        default: self.init("\(path): \(message)")
        }
    }

    /// Says what is wrong with a value that another program has written.
    init(_ error: RowDecodingError, path: String) {
        // The rest is the whole row and the statement.
        let problem = error.description.prefix(
            upTo: error.description.firstRange(of: ", row:")?.lowerBound ?? error.description.endIndex)
        self.init("\(path): a row is not what addnorm has written: \(problem)")
    }
}

extension DecodingError {
    /// The column, and what is wrong with it.
    var problem: String {
        switch self {
        case .keyNotFound(let key, _): "the column \(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
        @unknown default: "\(self)"
        }
    }
}
