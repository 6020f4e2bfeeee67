/// A JSON document whose strings are kept as they are.
///
/// Foundation's decoder takes keys for equal that differ only in how their accents are composed, as Swift's strings do; a
/// vocabulary can have both as tokens.
package enum JSONValue {
    case null
    case bool(Bool)
    /// As it is written.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In the order of the document.
    case object([(key: String, value: JSONValue)])
    /// A string with half of a surrogate pair or another mistake, or a number that is not one.
    case unreadable

    /// Deeper documents are not read.
    private static let deepest = 512

    /// Parses UTF-8; nil if that is not JSON.
    ///
    /// - Parameters:
    ///   - isLenient: whether strings and numbers with mistakes become ``unreadable``, and a comma may follow the last
    ///     element; else such documents are not JSON
    ///   - most: documents with more values are not read: a value takes many times the memory of its text
    package init?(parsing bytes: some Sequence<UInt8>, isLenient: Bool = false, atMost most: Int = .max) {
        var parser = Parser(bytes: Array(bytes), isLenient: isLenient, left: most)
        // All at once: string by string, that would take most of the time.
        guard String(validating: parser.bytes, as: UTF8.self) != nil else { return nil }
        guard let value = parser.value(depth: 0), parser.peek() == nil else { return nil }
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
    package var int: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }

    /// A number; infinite if it is too large.
    package var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }

    /// The document, without spaces; what is ``unreadable`` becomes null.
    package var utf8: [UInt8] {
        var result: [UInt8] = []
        write(to: &result)
        return result
    }

    private func write(to result: inout [UInt8]) {
        func write(_ text: String) {
            result.append(UInt8(ascii: "\""))
            for byte in text.utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { result.append(UInt8(ascii: "\\")) }
                if byte < 0x20 {
                    result += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
                } else {
                    result.append(byte)
                }
            }
            result.append(UInt8(ascii: "\""))
        }
        switch self {
        case .null, .unreadable: result += "null".utf8
        case .bool(let value): result += "\(value)".utf8
        case .number(let text): result += text.utf8
        case .string(let text): write(text)
        case .array(let values):
            for (index, value) in values.enumerated() {
                result.append(UInt8(ascii: index == 0 ? "[" : ","))
                value.write(to: &result)
            }
            result += values.isEmpty ? "[]".utf8 : "]".utf8
        case .object(let pairs):
            for (index, pair) in pairs.enumerated() {
                result.append(UInt8(ascii: index == 0 ? "{" : ","))
                write(pair.key)
                result.append(UInt8(ascii: ":"))
                pair.value.write(to: &result)
            }
            result += pairs.isEmpty ? "{}".utf8 : "}".utf8
        }
    }

    /// A reader of RFC 8259.
    private struct Parser {
        let bytes: [UInt8]
        let isLenient: Bool
        /// How many more values there may be.
        var left: Int
        var position = 0

        /// What stands for a string or a number with a mistake.
        private var unreadable: JSONValue? { isLenient ? .unreadable : nil }

        /// The next byte that is no space; nil at the end.
        mutating func peek() -> UInt8? {
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
            guard depth < JSONValue.deepest, left > 0, let first = peek() else { return nil }
            left -= 1
            switch Unicode.Scalar(first) {
            case "{":
                position += 1
                var pairs: [(key: String, value: JSONValue)] = []
                repeat {
                    if isLenient || pairs.isEmpty, take("}") { return .object(pairs) }
                    guard take("\""), case .string(let key)? = string(), take(":"),
                        let value = value(depth: depth + 1)
                    else { return nil }
                    pairs.append((key, value))
                } while take(",")
                return take("}") ? .object(pairs) : nil
            case "[":
                position += 1
                var values: [JSONValue] = []
                repeat {
                    if isLenient || values.isEmpty, take("]") { return .array(values) }
                    guard let value = value(depth: depth + 1) else { return nil }
                    values.append(value)
                } while take(",")
                return take("]") ? .array(values) : nil
            case "\"":
                position += 1
                return string()
            case "t": return takeNext("true") ? .bool(true) : nil
            case "f": return takeNext("false") ? .bool(false) : nil
            case "n": return takeNext("null") ? .null : nil
            case "-", "0"..."9": return number()
            default: return nil
            }
        }

        private mutating func number() -> JSONValue? {
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            let bytes = bytes[position...].prefix {
                switch Unicode.Scalar($0) {
                case "0"..."9", "+", "-", ".", "e", "E": true
                default: false
                }
            }
            position = bytes.endIndex
            let text = String(decoding: bytes, as: UTF8.self)
            // The ids of tokens need no closer look, which would take most of the time.
            if bytes.first != digits.lowerBound, bytes.allSatisfy(digits.contains) { return .number(text) }
            if Self.isNumber(bytes) { return .number(text) }
            return unreadable
        }

        /// Whether a text is a number: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
        private static func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
            var rest = text
            /// Goes past digits, and says how many there were.
            func digits() -> Int {
                let count = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
                rest = rest.dropFirst(count)
                return count
            }
            func take(_ characters: Unicode.Scalar...) -> Bool {
                guard let first = rest.first, characters.contains(Unicode.Scalar(first)) else { return false }
                rest = rest.dropFirst()
                return true
            }
            _ = take("-")
            if !take("0") && digits() == 0 { return false }
            if take(".") && digits() == 0 { return false }
            if take("e", "E") {
                _ = take("+", "-")
                if digits() == 0 { return false }
            }
            return rest.isEmpty
        }

        /// The rest of a string after its opening quote.
        private mutating func string() -> JSONValue? {
            // Up to the first escape sequence, and few have one, nothing has to be copied.
            var text = bytes[position...].prefix {
                $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
            position = text.endIndex
            var isReadable = true
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                switch byte {
                case UInt8(ascii: "\""):
                    return isReadable ? .string(String(decoding: text, as: UTF8.self)) : unreadable
                case UInt8(ascii: "\\"):
                    if let scalar = escape() {
                        text.append(contentsOf: UTF8.encode(scalar)!)
                    } else {
                        isReadable = false
                    }
                case 0..<0x20: isReadable = false
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
            guard digits.allSatisfy(\.isHexDigit), let unit = UInt16(digits, radix: 16) else { return nil }
            position += 4
            return unit
        }
    }
}
