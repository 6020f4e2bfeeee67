import Foundation
import GRDB

/// Why the database of runs cannot be used.
package struct RunStoreError: LocalizedError, CustomStringConvertible {
    /// The file, the cause and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    /// Whether another process was in the way, so that a later attempt may succeed.
    package let isLocked: Bool
    /// Whether the run is no longer this process's, so that it must leave its files alone, too.
    package let isTakenOver: Bool

    init(isLocked: Bool = false, isTakenOver: Bool = false, _ description: String) {
        (self.isLocked, self.isTakenOver, self.description) = (isLocked, isTakenOver, description)
    }

    /// Says what an error of SQLite means to a person.
    init(_ error: DatabaseError, path: String) {
        let message = error.message ?? "error \(error.resultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                isLocked: true,
                "\(path): locked by another process, and stays so; end that process, or choose another file with --db")
        case .SQLITE_NOTADB: self.init("\(path): not a SQLite database; choose another file with --db")
        case .SQLITE_CANTOPEN:
            self.init("\(path): the database cannot be opened; check that its folder exists and may be written to")
        case .SQLITE_FULL: self.init("\(path): the disk is full; make room, or choose another file with --db")
        case .SQLITE_READONLY:
            self.init(
                "\(path): the database cannot be written to: \(message); check the permissions of the file and of its folder"
            )
        case .SQLITE_CORRUPT: self.init("\(path): the database is damaged: \(message)")
        default: self.init("\(path): \(message)")
        }
    }
}
