import Foundation

extension Output {
    /// Writes a value as one JSON document: keys sorted, and in snake case or as they are.
    static func write(
        json value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .convertToSnakeCase
    ) throws {
        let encoder = encoder()
        encoder.keyEncodingStrategy = keys
        encoder.outputFormatting.insert(.prettyPrinted)
        try write(String(decoding: encoder.encode(value), as: UTF8.self) + "\n")
    }

    /// Writes each value as JSON on a line of its own.
    static func write(jsonLines values: [some Encodable]) throws { try write(jsonLines(values)) }

    /// Each value as JSON on a line of its own.
    static func jsonLines(_ values: [some Encodable]) throws -> String {
        let encoder = encoder()
        return try values.map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }.joined()
    }

    private static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

/// A value that is null in JSON where there is none, instead of missing.
struct Nullable<Value: Encodable>: Encodable {
    let value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
