import Crypto
import Foundation

/// One text and, where the data has one, its label.
package struct Example: Sendable, Equatable {
    /// As it stands in the file.
    package let text: String
    /// Nil in data that is read to be classified.
    package let label: String?
    /// The line of the file that the example begins on, from 1.
    package let line: Int
}

/// The examples of one file, in its order.
package struct Dataset: Sendable {
    /// The file as the user named it.
    package let path: String
    /// The SHA-256 of the file's bytes, in hexadecimal.
    package let sha256: String
    /// In the order of the file.
    package let examples: [Example]

    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - path: the file
    ///   - layout: how its lines are read
    ///   - labeled: whether every line must have a label
    /// - Throws: ``DatasetError`` if the file is missing, unreadable or empty, or at the first line that is wrong.
    /// - Complexity: O(*n*) in the size of the file, which is memory-mapped.
    package init(contentsOf path: String, layout: Layout, labeled: Bool) throws {
        let data = try Self.map(path)
        var reader = try LineReader(path: path, layout: layout, labeled: labeled)
        var examples: [Example] = []
        for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            // After the last line break there is no further line.
            if line.startIndex == data.endIndex { break }
            if let example = try reader.read(line) { examples.append(example) }
        }
        if examples.isEmpty {
            throw DatasetError(
                path, "the file is empty: expected one \(labeled ? "text<TAB>label" : "text") on each line")
        }
        self.path = path
        self.sha256 = SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
        self.examples = examples
    }

    private static func map(_ path: String) throws -> Data {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw DatasetError(path, "no such file")
        }
        if isDirectory { throw DatasetError(path, "is a folder; name a file with one example on each line") }
        do {
            let url = URL(filePath: path)
            let isRegular = try FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)[.type]
            if isRegular as? FileAttributeType == .typeRegular {
                return try Data(contentsOf: url, options: .alwaysMapped)
            }
            // A pipe has neither size nor places.
            return try FileHandle(forReadingFrom: url).readToEnd() ?? Data()
        } catch {
            throw DatasetError(path, "cannot be read: \(error.localizedDescription)")
        }
    }
}

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
