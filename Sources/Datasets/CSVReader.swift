/// Reads comma-separated values (RFC 4180), fed line by line: a quoted field may have commas, line breaks, and quotes that are
/// doubled.
// SwiftCSV was considered: it holds the text whole, works on Characters, ends lines at U+2028, drops leading blanks and an empty
// last field, and knows no line numbers.
struct CSVReader {
    /// The row so far: its complete fields, and the one that is being read, with quotes as they are meant.
    private var fields: [[UInt8]] = []
    private var field: [UInt8] = []
    /// Whether a quoted field goes on in the next line.
    private(set) var isOpen = false
    /// Whether the last row was quoted as it must not be, so that nobody knows where it ends.
    private(set) var isBroken = false

    /// A reader in the middle of a quoted field.
    static var inQuotes: CSVReader {
        var reader = CSVReader()
        reader.isOpen = true
        return reader
    }

    /// Gives the open row up; the next line begins a new one.
    mutating func giveUp() {
        self = CSVReader()
        isBroken = true
    }

    /// Reads one line, without its LF. Returns the fields of the row that ends there; nil if a quoted field is open, and for a
    /// blank line.
    ///
    /// - Throws: ``BadRow`` for text after a closing quote, or bytes that are not UTF-8; the next line begins a new row then.
    /// - Complexity: O(*n*) in the length of the line, and of the row where it ends.
    mutating func read(_ line: ArraySlice<UInt8>) throws -> [Substring]? {
        let (comma, quote) = (UInt8(ascii: ","), UInt8(ascii: "\""))
        isBroken = false
        if !isOpen {
            (fields, field) = ([], [])
            if !line.contains(quote) {
                let line = line.withoutCarriageReturn
                return line.isEmpty ? nil : try line.text().split(at: comma)
            }
        } else {
            field.append(UInt8(ascii: "\n"))
        }
        var (inQuotes, isQuoted, atStart) = (isOpen, isOpen, !isOpen)
        isOpen = false
        var index = line.startIndex
        while index < line.endIndex {
            let byte = line[index]
            index += 1
            if inQuotes {
                if byte != quote {
                    field.append(byte)
                } else if index < line.endIndex, line[index] == quote {
                    field.append(quote)
                    index += 1
                } else {
                    inQuotes = false
                }
            } else if byte == comma {
                fields.append(field)
                (field, isQuoted, atStart) = ([], false, true)
            } else if byte == quote && atStart {
                (inQuotes, isQuoted, atStart) = (true, true, false)
            } else if byte == UInt8(ascii: "\r") && index == line.endIndex {
                break
            } else if isQuoted {
                isBroken = true
                throw BadRow(
                    "there is text after a closing quote: fields end at commas, and a quote within a quoted field is doubled"
                )
            } else {
                field.append(byte)
                atStart = false
            }
        }
        isOpen = inQuotes
        if isOpen { return nil }
        return try (fields + [field]).map { try $0.text()[...] }
    }
}

extension BidirectionalCollection<UInt8> {
    /// Without a CR at its end.
    var withoutCarriageReturn: SubSequence { last == UInt8(ascii: "\r") ? dropLast() : self[...] }

    /// What `iconv` may call the encoding: letters of other scripts than the Latin one follow each other.
    private var likelyEncoding: String {
        let isHigh = map { $0 >= 0x80 }
        let pairs = zip(isHigh, isHigh.dropFirst()).count { $0 && $1 }
        return 2 * pairs >= isHigh.count { $0 }
            ? "gb18030 -t utf-8 (or big5, shift_jis, euc-kr, windows-1251 …)" : "windows-1252 -t utf-8"
    }

    /// The bytes as text.
    ///
    /// - Throws: ``BadRow`` if they are not UTF-8.
    func text() throws -> String {
        guard let text = String(validating: self, as: UTF8.self) else {
            throw BadRow(
                "not valid UTF-8; convert the file from its encoding, for example with: iconv -f \(likelyEncoding)")
        }
        return text
    }
}

extension String {
    /// The parts between the places of one ASCII character. By bytes: a Character could join that with a combining mark after it.
    func split(at separator: UInt8) -> [Substring] {
        utf8.split(separator: separator, omittingEmptySubsequences: false).map { Substring($0) }
    }
}
