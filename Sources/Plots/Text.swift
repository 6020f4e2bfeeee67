import Foundation

extension String {
    /// The text as HTML and XML have it, between tags and in attributes, on one line.
    package var escaped: String {
        // By scalars: a Character can join a bracket with a mark before or after it.
        printable.unicodeScalars.map { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            // XML has no place for these two.
            case "\u{FFFE}", "\u{FFFF}": "\u{FFFD}"
            default: String(scalar)
            }
        }.joined()
    }

    /// The text with spaces for control characters: a terminal obeys them, and a page must not have them.
    package var printable: String {
        // Nearly all texts have none.
        if utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) { return self }
        return String(
            String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }

    /// The columns that a terminal needs: two for a wide East Asian character.
    package var columns: Int {
        utf8.allSatisfy { $0 < 0x80 } ? utf8.count : reduce(0) { $0 + $1.columns }
    }

    /// In lines of at most so many columns, broken at spaces; only a word that is longer alone makes a longer one.
    func broken(to columns: Int) -> [String] {
        var lines: [String] = []
        for word in split(separator: " ").map(String.init) {
            if let last = lines.last, last.columns + 1 + word.columns <= columns {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(word)
            }
        }
        return lines
    }

    /// The beginning, if it needs more columns.
    func shortened(toColumns columns: Int) -> String {
        if self.columns <= columns { return self }
        var (text, width) = ("", 0)
        for character in self {
            width += character.columns
            if width >= columns { break }
            text.append(character)
        }
        return text + "…"
    }
}

extension [String] {
    /// The words as a shell would need them.
    package var shellQuoted: String {
        let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_./,:=@%+"))
        return map { word in
            let isPlain = !word.isEmpty && word.unicodeScalars.allSatisfy(plain.contains)
            return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
        }.joined(separator: " ")
    }
}

extension Character {
    var columns: Int {
        switch unicodeScalars.first!.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            2
        default: 1
        }
    }
}
