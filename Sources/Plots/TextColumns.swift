extension String {
    /// The columns that a terminal needs: two for a wide East Asian character.
    package var columns: Int {
        utf8.allSatisfy { $0 < 0x80 } ? utf8.count : reduce(0) { $0 + $1.columns }
    }

    /// The text in lines of at most so many columns, broken at spaces; a word that is longer has a longer line to itself.
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

    /// The text, or its beginning if it needs more columns.
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
