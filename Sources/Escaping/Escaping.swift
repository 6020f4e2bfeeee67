import Foundation

// Texts of users as other languages take them literally. All work by Unicode scalars: a Character can join a quote or a bracket
// with a mark before or after it, and CR LF is a single Character.

extension String {
    /// The text with spaces for what a terminal obeys, or a reader cannot see: control characters, other line breaks, and what turns the direction of
    /// the text around it.
    package var printable: String {
        // Nearly all texts have none.
        if utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0.isPrintable ? $0 : " " }))
    }

    /// A message line by line: of a long line, which may quote a whole file, the beginning and the end.
    package var printableLines: String {
        unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let (line, most) = (String(line).printable, 2000)
            return line.count <= most ? line : "\(line.prefix(most / 2)) … \(line.suffix(most / 2))"
        }.joined(separator: "\n")
    }

    /// The text with spaces for tabs and line breaks, for a line of its own.
    package var oneLine: String {
        let isBreak = { (byte: UInt8) in byte == 9 || byte == 10 || byte == 13 }
        guard utf8.contains(where: isBreak) else { return self }
        return String(decoding: utf8.lazy.map { isBreak($0) ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
    }

    /// The text as HTML and XML have it, between tags and in attributes, on one line.
    package var escaped: String {
        printable.with([
            "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;",
            // XML has no place for these two.
            "\u{FFFE}": "\u{FFFD}", "\u{FFFF}": "\u{FFFD}",
        ])
    }

    /// The text between quotes, as a text of SQL, in brackets. A statement ends at a NUL.
    package var sqlLiteral: String { "('" + with(["'": "''", "\0": "'||char(0)||'"]) + "')" }

    /// The text between quotes, as a name of SQL, which cannot have a NUL.
    package var sqlIdentifier: String { "\"" + with(["\"": "\"\"", "\0": ""]) + "\"" }

    /// The text between quotes, as a shell takes it literally; no word can have a NUL.
    package var shellLiteral: String { "'" + with(["'": "'\\''", "\0": ""]) + "'" }

    /// The text as zsh takes it from a completion: what follows a colon would be a description.
    package var zshCompletion: String { with(["\\": "\\\\", ":": "\\:"]) }

    /// The text with other texts for some scalars.
    fileprivate func with(_ replacements: [Unicode.Scalar: String]) -> String {
        unicodeScalars.map { replacements[$0] ?? String($0) }.joined()
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        // Embeddings, overrides and isolates (Unicode Standard Annex 9), and a byte-order mark in the middle.
        default: !(0x202A...0x202E).contains(value) && !(0x2066...0x2069).contains(value) && value != 0xFEFF
        }
    }
}

extension [String] {
    /// The words as a shell needs them to be the words of a command.
    package var shellQuoted: String {
        let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_./,:=@%+"))
        return map { word in
            let isPlain = !word.isEmpty && word.unicodeScalars.allSatisfy(plain.contains)
            return isPlain ? word : word.shellLiteral
        }.joined(separator: " ")
    }

    /// The fields as a row of a CSV file, quoted where they have to be (RFC 4180).
    package var csvRow: String {
        map { field in
            let isPlain = !field.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
            return isPlain ? field : "\"" + field.with(["\"": "\"\""]) + "\""
        }.joined(separator: ",") + "\r\n"
    }
}
