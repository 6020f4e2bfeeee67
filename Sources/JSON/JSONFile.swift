import Foundation

/// Reads a file of a model's folder that is small, as far as it is what it seems to be.
///
/// - Throws: ``JSONFileError`` that names the file, if it cannot be read, is no ordinary file, or is too large.
package func readSmallFile(_ file: URL) throws -> Data {
    // Not to wait at a pipe is what O_NONBLOCK is for.
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
        throw JSONFileError("\(file.path): cannot be read: \(String(cString: strerror(errno)))")
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw JSONFileError("\(file.path): cannot be read: it is not a file")
    }
    guard status.st_size <= largestSmallFile else {
        throw JSONFileError(
            "\(file.path): has \(status.st_size >> 20) MB, more than such a file can have (\(largestSmallFile >> 20) MB)"
        )
    }
    do {
        return try handle.readToEnd() ?? Data()
    } catch {
        throw JSONFileError("\(file.path): cannot be read: \(error.localizedDescription)")
    }
}

/// The largest vocabularies have some tens of megabytes.
private let largestSmallFile = 1 << 28

/// Reads a JSON file.
///
/// - Throws: ``JSONFileError`` that names the file and the key that is wrong.
package func readJSON<Value: Decodable>(_ file: URL) throws -> Value {
    try decodeJSON(readSmallFile(file), source: file.path)
}

/// Decodes JSON.
///
/// - Parameter source: what an error names as its file
/// - Throws: ``JSONFileError`` that names the key that is wrong.
package func decodeJSON<Value: Decodable>(_ data: Data, source: String) throws -> Value {
    do {
        return try JSONDecoder().decode(Value.self, from: data)
    } catch DecodingError.keyNotFound(let key, let context) {
        throw JSONFileError("\(source): the key '\((context.codingPath + [key]).text)' is missing")
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
        throw JSONFileError("\(source): the value of '\(context.codingPath.text)' is of the wrong type")
    } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
        throw JSONFileError("\(source): the value of '\(context.codingPath.text)' is not one that can be read")
    } catch DecodingError.dataCorrupted(let context) where context.underlyingError == nil {
        throw JSONFileError("\(source): \(context.debugDescription)")
    } catch let error as JSONFileError {
        throw JSONFileError("\(source): \(error.description)")
    } catch {
        throw JSONFileError("\(source): not valid JSON")
    }
}

/// Writes a JSON file: keys sorted, a line for each.
///
/// - Throws: what the file system says.
///
/// - Parameter fractions: what ``pointed(_:inNumbersOf:)`` is told
package func writeJSON(_ value: some Encodable, to file: URL, fractions: Set<String> = []) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (pointed(encoder.encode(value), inNumbersOf: fractions) + Data("\n".utf8)).write(to: file)
}

/// A document of a line for each key, with 2.0 for 2 where these keys have whole numbers: programs that are strict about types tell one from the other, and
/// Foundation does not.
package func pointed(_ json: Data, inNumbersOf keys: Set<String>) -> Data {
    if keys.isEmpty { return json }
    let lines = String(decoding: json, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let changed = lines.map { line in
        guard let match = line.wholeMatch(of: /\s*"(\w+)" : -?\d+(,?)/), keys.contains(String(match.1)) else {
            return String(line)
        }
        return "\(line.dropLast(match.2.count)).0\(match.2)"
    }
    return Data(changed.joined(separator: "\n").utf8)
}

/// Why a JSON file cannot be read.
package struct JSONFileError: LocalizedError, CustomStringConvertible {
    /// The file, the key where there is one, and the cause.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    /// Creates an error; one that is thrown while a value is decoded needs no file in its text.
    package init(_ description: String) { self.description = description }
}

extension [any CodingKey] {
    /// Where in the document: `id2label.0`
    fileprivate var text: String { map(\.stringValue).joined(separator: ".") }
}
