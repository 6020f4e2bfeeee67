/// A JSON document whose strings are kept as they are.
///
/// Foundation's decoder takes keys for equal that differ only in how their accents are composed, as Swift's strings do; a
/// vocabulary can have both as tokens.
enum JSONValue {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// In the order of the document.
    case object([(key: String, value: JSONValue)])

    /// Deeper documents are not read.
    private static let deepest = 100

    /// Parses UTF-8; nil if that is not JSON.
    init?(parsing bytes: [UInt8]) {
        var parser = Parser(bytes: bytes)
        guard let value = parser.value(depth: 0), parser.isAtEnd else { return nil }
        self = value
    }

    /// The value of a key of an object; `null` if there is none.
    subscript(key: String) -> JSONValue {
        guard case .object(let pairs) = self else { return .null }
        return pairs.last { $0.key == key }?.value ?? .null
    }

    var isNull: Bool { if case .null = self { true } else { false } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    var object: [(key: String, value: JSONValue)]? { if case .object(let value) = self { value } else { nil } }
    /// A whole number.
    var int: Int? { if case .number(let value) = self { Int(exactly: value) } else { nil } }

    /// RFC 8259, but for numbers, which are what Swift reads as such.
    private struct Parser {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return position == bytes.count
            }
        }

        private mutating func skipSpace() {
            while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        }

        /// Goes past `text` if it comes next, after any space.
        private mutating func take(_ text: StaticString) -> Bool {
            skipSpace()
            return takeNext(text)
        }

        private mutating func takeNext(_ text: StaticString) -> Bool {
            let count = text.utf8CodeUnitCount
            guard position + count <= bytes.count else { return false }
            let matches = text.withUTF8Buffer { $0.elementsEqual(bytes[position..<position + count]) }
            if matches { position += count }
            return matches
        }

        mutating func value(depth: Int) -> JSONValue? {
            guard depth < JSONValue.deepest else { return nil }
            if take("{") {
                var pairs: [(key: String, value: JSONValue)] = []
                if take("}") { return .object(pairs) }
                repeat {
                    guard take("\""), let key = string(), take(":"), let value = value(depth: depth + 1) else {
                        return nil
                    }
                    pairs.append((key, value))
                } while take(",")
                return take("}") ? .object(pairs) : nil
            }
            if take("[") {
                var values: [JSONValue] = []
                if take("]") { return .array(values) }
                repeat {
                    guard let value = value(depth: depth + 1) else { return nil }
                    values.append(value)
                } while take(",")
                return take("]") ? .array(values) : nil
            }
            if take("\"") { return string().map(JSONValue.string) }
            if take("true") { return .bool(true) }
            if take("false") { return .bool(false) }
            if take("null") { return .null }
            let start = position
            while position < bytes.count, "+-.eE0123456789".utf8.contains(bytes[position]) { position += 1 }
            return Double(String(decoding: bytes[start..<position], as: UTF8.self)).map(JSONValue.number)
        }

        /// The rest of a string after its opening quote.
        private mutating func string() -> String? {
            var text: [UInt8] = []
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let scalar = escape() else { return nil }
                    text.append(contentsOf: UTF8.encode(scalar)!)
                case 0..<0x20: return nil
                default: text.append(byte)
                }
            }
            return nil
        }

        /// The rest of an escape sequence after its backslash.
        private mutating func escape() -> Unicode.Scalar? {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
            case UInt8(ascii: "u"):
                guard let unit = codeUnit() else { return nil }
                if !UTF16.isLeadSurrogate(unit) { return Unicode.Scalar(unit) }
                guard takeNext("\\u"), let trail = codeUnit(), UTF16.isTrailSurrogate(trail) else { return nil }
                return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
            default: return nil
            }
        }

        private mutating func codeUnit() -> UInt16? {
            guard position + 4 <= bytes.count else { return nil }
            let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
            position += 4
            return digits.allSatisfy(\.isHexDigit) ? UInt16(digits, radix: 16) : nil
        }
    }
}
