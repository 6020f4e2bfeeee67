import Foundation

/// Reads a JSON file.
///
/// - Throws: ``JSONFileError`` that names the file and the key that is wrong.
package func readJSON<Value: Decodable>(_ file: URL) throws -> Value {
    do {
        return try decodeJSON(Data(contentsOf: file), source: file.path)
    } catch let error as CocoaError {
        throw JSONFileError("\(file.path): cannot be read: \(error.localizedDescription)")
    }
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
package func writeJSON(_ value: some Encodable, to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (encoder.encode(value) + Data("\n".utf8)).write(to: file)
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
