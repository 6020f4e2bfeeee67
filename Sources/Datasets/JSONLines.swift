import Foundation

/// A value of a line of JSON, as far as texts and labels can be made of it.
enum JSONLineValue: Decodable, Equatable {
    case string(String)
    /// Its shortest text: `1`, `0.5`.
    case number(String)
    case bool(Bool)
    case null
    case array([JSONLineValue])
    /// Whatever is in it.
    case object
    /// Half a surrogate pair in a string, or a number out of range.
    case unreadable

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Int.self) {
            self = .number(String(value))
        } else if let value = try? container.decode(UInt64.self) {
            // Doubles would make one of neighbours.
            self = .number(String(value))
        } else if let value = try? container.decode(Double.self) {
            self = .number(String(value))
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode([JSONLineValue].self) {
            self = .array(value)
        } else {
            self = (try? container.decode([String: Anything].self)) != nil ? .object : .unreadable
        }
    }

    /// An object with the values that are wanted.
    private struct Object: Decodable {
        let values: [String: JSONLineValue]

        static let wanted = CodingUserInfoKey(rawValue: "wanted")!

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            let keys = (decoder.userInfo[Self.wanted] as? [String])?.map(Key.init) ?? container.allKeys
            var values: [String: JSONLineValue] = [:]
            for key in keys where container.contains(key) {
                values[key.stringValue] = try container.decode(JSONLineValue.self, forKey: key)
            }
            self.values = values
        }
    }

    private struct Anything: Decodable {
        init(from decoder: any Decoder) {}
    }

    /// Nil for what has none.
    var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        case .bool(let value): String(value)
        case .null, .array, .object, .unreadable: nil
        }
    }

    /// What it is, for a person.
    var kind: String {
        switch self {
        case .string: "a string"
        case .number: "a number"
        case .bool: "true or false"
        case .null: "null"
        case .array: "an array"
        case .object: "an object"
        case .unreadable: "unreadable: half a character, or a number out of range"
        }
    }

    /// Reads a line.
    ///
    /// - Parameter keys: those whose values are wanted; nil: all. There may be long ones that nobody asks for
    /// - Throws: ``BadRow`` if it is no JSON object.
    static func object(_ line: ArraySlice<UInt8>, keys: [String]?) throws -> [String: JSONLineValue] {
        _ = try line.text()
        let decoder = JSONDecoder()
        decoder.userInfo[Object.wanted] = keys
        do {
            return try decoder.decode(Object.self, from: Data(line)).values
        } catch DecodingError.typeMismatch {
            throw BadRow("the line is no JSON object; expected one such as {\"text\": \"…\", \"label\": \"…\"}")
        } catch {
            throw BadRow(
                "not valid JSON; expected one object on each line (a document over several lines becomes that with: jq -c '.[]')"
            )
        }
    }
}
