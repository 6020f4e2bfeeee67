/// A JSON document whose strings are kept as they are.
///
/// Foundation's decoder takes keys for equal that differ only in how their accents are composed, as Swift's strings do; a
/// vocabulary can have both as tokens.
package enum JSONValue {
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
    package init?(parsing bytes: [UInt8]) {
        var parser = Parser(bytes: bytes)
        // All at once: string by string, that would take most of the time.
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        guard let value = parser.value(depth: 0), parser.isAtEnd else { return nil }
        self = value
    }

    /// The value of a key of an object; `null` if there is none.
    package subscript(key: String) -> JSONValue {
        guard case .object(let pairs) = self else { return .null }
        return pairs.last { $0.key == key }?.value ?? .null
    }

    package var isNull: Bool { if case .null = self { true } else { false } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: [(key: String, value: JSONValue)]? { if case .object(let value) = self { value } else { nil } }
    /// A whole number.
    package var int: Int? { if case .number(let value) = self { Int(exactly: value) } else { nil } }

    /// RFC 8259, but for numbers, which are what Swift reads as such.
    private struct Parser {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool {
            mutating get { peek() == nil }
        }

        /// The next byte that is no space; nil at the end.
        private mutating func peek() -> UInt8? {
            while position < bytes.count {
                switch bytes[position] {
                case 0x20, 0x09, 0x0A, 0x0D: position += 1
                case let byte: return byte
                }
            }
            return nil
        }

        /// Goes past `character` if it comes next, after any space.
        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard peek() == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        /// Goes past `text` if it comes next.
        private mutating func takeNext(_ text: String) -> Bool {
            guard bytes[position...].starts(with: text.utf8) else { return false }
            position += text.utf8.count
            return true
        }

        mutating func value(depth: Int) -> JSONValue? {
            guard depth < JSONValue.deepest, let first = peek() else { return nil }
            switch Unicode.Scalar(first) {
            case "{":
                position += 1
                var pairs: [(key: String, value: JSONValue)] = []
                if take("}") { return .object(pairs) }
                repeat {
                    guard take("\""), let key = string(), take(":"), let value = value(depth: depth + 1) else {
                        return nil
                    }
                    pairs.append((key, value))
                } while take(",")
                return take("}") ? .object(pairs) : nil
            case "[":
                position += 1
                var values: [JSONValue] = []
                if take("]") { return .array(values) }
                repeat {
                    guard let value = value(depth: depth + 1) else { return nil }
                    values.append(value)
                } while take(",")
                return take("]") ? .array(values) : nil
            case "\"":
                position += 1
                return string().map(JSONValue.string)
            case "t": return takeNext("true") ? .bool(true) : nil
            case "f": return takeNext("false") ? .bool(false) : nil
            case "n": return takeNext("null") ? .null : nil
            default: return number().map(JSONValue.number)
            }
        }

        private mutating func number() -> Double? {
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            let text = bytes[position...].prefix {
                switch Unicode.Scalar($0) {
                case "0"..."9", "+", "-", ".", "e", "E": true
                default: false
                }
            }
            position = text.endIndex
            // A token's id, for example: so few digits are exact.
            if 1...15 ~= text.count, text.allSatisfy(digits.contains) {
                return Double(text.reduce(0) { 10 * $0 + Int($1 - digits.lowerBound) })
            }
            return Double(String(decoding: text, as: UTF8.self))
        }

        /// The rest of a string after its opening quote.
        private mutating func string() -> String? {
            // Up to the first escape sequence, and few have one, nothing has to be copied.
            var text = bytes[position...].prefix {
                $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
            position = text.endIndex
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
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
