import JSON

/// Reads lines of JSON, as far as texts and labels can be made of their values.
extension JSONValue {
    /// The keys and values of a line; of equal keys, the first counts.
    ///
    /// - Throws: ``BadRow`` if it is no JSON object.
    static func members(ofLine line: ArraySlice<UInt8>) throws -> [String: JSONValue] {
        _ = try line.text()
        guard let value = JSONValue(parsing: try line.withoutByteOrderMark(), isLenient: true, atMost: mostValues)
        else {
            throw BadRow(
                "not valid JSON, or more than a million values; expected one object on each line (a document over several lines becomes that with: jq -c '.[]')"
            )
        }
        guard let pairs = value.object else {
            throw BadRow("the line is no JSON object; expected one such as {\"text\": \"…\", \"label\": \"…\"}")
        }
        return Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// A value takes many times the memory of its text.
    private static let mostValues = 1 << 20

    /// The text of a string, of a number (its shortest: `1`, `0.5`), of true and false; nil for all else.
    var text: String? {
        switch self {
        case .string(let text): return text
        case .bool(let value): return String(value)
        case .number(let number):
            // Doubles would make one of neighbours.
            if let integer = Int(number).map(String.init) ?? UInt64(number).map(String.init) { return integer }
            guard let value = Double(number), value.isFinite else { return nil }
            return Int(exactly: value).map(String.init) ?? UInt64(exactly: value).map(String.init) ?? String(value)
        case .null, .array, .object, .unreadable: return nil
        }
    }

    /// What it is, for a person.
    var kind: String {
        switch self {
        case .string: "a string"
        case .number where text != nil: "a number"
        case .bool: "true or false"
        case .null: "null"
        case .array: "an array"
        case .object: "an object"
        case .number, .unreadable: "unreadable: half a character, or a number out of range"
        }
    }
}
