/// What Hugging Face's tokenizers know of characters. Their tables are those of older versions of Unicode.
extension Unicode.Scalar {
    /// Whether it is in one of the blocks that BERT calls Chinese: the CJK Unified and Compatibility Ideographs, and neither
    /// kana nor Hangul.
    var isIdeograph: Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            // `transformers` has 0x2B920, where the block begins at 0x2B820: so its models were trained.
            true
        default: false
        }
    }

    /// Whether it is one of the frequent characters that no normalisation changes, ideographs and punctuation: to look into
    /// Unicode's tables takes many times as long.
    var isPlain: Bool {
        switch value {
        case 0x3400...0x4DBF, 0x4E00...0x9FFF: true
        default: isPlainPunctuation
        }
    }

    private var isPlainPunctuation: Bool {
        switch value {
        case 0x2010...0x2027, 0x3001...0x3003, 0x3008...0x3011, 0xFF01...0xFF03, 0xFF05...0xFF0A, 0xFF0C...0xFF0F,
            0xFF1A...0xFF1B, 0xFF1F...0xFF20:
            true
        default: false
        }
    }

    /// Whether it is one of Unicode's white space characters.
    var isSpace: Bool {
        switch value {
        case 9...13, 32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Whether it is a number of any kind, in Unicode as it is now.
    var isNumber: Bool {
        switch value {
        case 0..<128: 48...57 ~= value
        default:
            switch properties.generalCategory {
            case .decimalNumber, .letterNumber, .otherNumber: true
            default: false
            }
        }
    }

    /// Whether it separates words, is a word by itself, or is a part of one.
    enum Kind { case space, punctuation, letter }

    /// What a character of a normalised text is for BERT. Every ASCII character that is no letter, digit, space or control
    /// character is punctuation, and so are Unicode's categories P*.
    var kind: Kind {
        switch value {
        case 9...13, 32, 0x85: return .space
        case 33...47, 58...64, 91...96, 123...126: return .punctuation
        case 0...127: return .letter
        default: break
        }
        if isPlain { return isPlainPunctuation ? .punctuation : .letter }
        switch category {
        case .spaceSeparator, .lineSeparator, .paragraphSeparator: return .space
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return .punctuation
        default: return .letter
        }
    }

    /// The general category in Unicode 8, the version of Hugging Face's tables: younger characters have none, and some have
    /// changed since. All letters count as `otherLetter`, whatever their age.
    var category: Unicode.GeneralCategory {
        switch value {
        case 0x166D, 0x111C9: .otherPunctuation
        case 0x1734, 0x1171E: .nonspacingMark
        case 0x1885, 0x1886: .otherLetter
        case 0xA9BD: .spacingMark
        default:
            switch properties.generalCategory {
            // No step asks for letters, and their age would take as long again to look up.
            case .uppercaseLetter, .lowercaseLetter, .otherLetter: .otherLetter
            case let category: isYounger(than: 8) ? .unassigned : category
            }
        }
    }

    /// Whether Hugging Face's tables of decompositions, those of Unicode 9, have the character.
    var hasKnownDecomposition: Bool { !isYounger(than: 9) }

    /// Whether it is a mark, in the same tables.
    var isMark: Bool {
        switch properties.generalCategory {
        // It has become one since.
        case .nonspacingMark, .spacingMark, .enclosingMark: hasKnownDecomposition && value != 0x111C9
        // They were marks then.
        case .otherLetter: value == 0x1CF2 || value == 0x1CF3
        default: false
        }
    }

    /// Whether it came into Unicode after a version.
    func isYounger(than version: Int) -> Bool {
        !isASCII && properties.age?.major ?? 0 > version
    }
}

extension [UInt8] {
    /// The character that begins at `index` of valid UTF-8.
    func scalar(at index: Int) -> Unicode.Scalar {
        let first = self[index]
        return first < 0x80 ? Unicode.Scalar(first) : Unicode.Scalar(decode(at: index).value)!
    }

    /// The code point of the character that begins at `index` of valid UTF-8, and its bytes.
    @inline(__always)
    func decode(at index: Int) -> (value: UInt32, width: Int) {
        let first = self[index]
        if first < 0x80 { return (UInt32(first), 1) }
        let width = (~first).leadingZeroBitCount
        var value = UInt32(first & 0x7F >> UInt8(width))
        for next in index + 1..<index + width { value = value << 6 | UInt32(self[next] & 0x3F) }
        return (value, width)
    }

    /// The character that ends before `index` of valid UTF-8.
    func scalar(before index: Int) -> Unicode.Scalar {
        var start = index - 1
        while self[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(at: start)
    }
}
