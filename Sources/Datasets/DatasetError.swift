import Foundation

/// What is wrong with data, and where.
package struct DatasetError: LocalizedError, CustomStringConvertible {
    /// The file, the line where there is one, the cause and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    /// Creates an error about a file, or about one of its lines.
    package init(_ path: String, line: Int? = nil, _ cause: String) {
        description = path + (line.map { ":\($0)" } ?? "") + ": " + cause
    }
}

/// What is wrong with a row; whoever knows the file and the line makes a ``DatasetError`` of it.
struct BadRow: Error {
    let cause: String

    init(_ cause: String) { self.cause = cause }
}
