import Foundation

/// BERT's text normalisation and splitting into words (Devlin et al., *BERT*, 2019), in the order of Hugging Face's
/// `BertNormalizer` and `BertPreTokenizer`.
///
/// In this order: control characters are dropped and white space becomes a boundary; CJK ideographs become words of one
/// character; accents are stripped (canonical decomposition, then nonspacing marks dropped); letters are lower-cased;
/// punctuation becomes words of one character.
package struct Normalizer: Sendable, Equatable {
    /// Drop control characters (`clean_text`).
    package var cleans = true
    /// Lower-case letters (`do_lower_case`).
    package var lowercases: Bool
    /// Strip accents (`strip_accents`).
    package var stripsAccents: Bool
    /// Make every CJK ideograph a word (`tokenize_chinese_chars`).
    package var splitsIdeographs: Bool

    /// Creates the normaliser of BERT's uncased models, unless told otherwise. Accents are stripped where letters are
    /// lower-cased, unless `stripsAccents` says what to do.
    package init(lowercases: Bool = true, stripsAccents: Bool? = nil, splitsIdeographs: Bool = true) {
        self.lowercases = lowercases
        self.stripsAccents = stripsAccents ?? lowercases
        self.splitsIdeographs = splitsIdeographs
    }

    /// The words of `text`, each as UTF-8.
    ///
    /// - Complexity: O(*n*) in the length of the text.
    package func words(of text: String) -> [[UInt8]] {
        let text = normalize(Array(text.utf8))
        return Words(of: text, text.indices).map { Array(text[$0]) }
    }

    /// All steps but the splitting at spaces and punctuation, from UTF-8 to UTF-8.
    func normalize(_ text: [UInt8]) -> [UInt8] { normalize(text, text.indices) }

    /// The same for a range of a text.
    func normalize(_ text: [UInt8], _ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let scalar = text.scalar(at: position)
            var end = position + UTF8.width(scalar)
            if scalar.isASCII {
                let byte = text[position]
                if !cleans || 32...126 ~= byte {
                    result.append(lowercases && ("A"..."Z").contains(scalar) ? byte + 32 : byte)
                } else if scalar == "\t" || scalar == "\n" || scalar == "\r" {
                    result.append(UInt8(ascii: " "))
                }
            } else if Self.isPlain(scalar) {
                let isWord = splitsIdeographs && Self.isIdeograph(scalar)
                if isWord { result.append(UInt8(ascii: " ")) }
                for index in position..<end { result.append(text[index]) }
                if isWord { result.append(UInt8(ascii: " ")) }
            } else {
                // A run of such characters can be taken by itself: accents are never composed, and when they are put in
                // order, none passes an ASCII character or a plain one.
                while end < range.upperBound {
                    let next = text.scalar(at: end)
                    if next.isASCII || Self.isPlain(next) { break }
                    end += UTF8.width(next)
                }
                let run = String(decoding: text[position..<end], as: UTF8.self)
                for scalar in normalize(run.unicodeScalars) { result.append(contentsOf: UTF8.encode(scalar)!) }
            }
            position = end
        }
        return result
    }

    /// The same for characters that are neither ASCII nor plain.
    private func normalize(_ text: String.UnicodeScalarView) -> [Unicode.Scalar] {
        let cleaned = clean(text)
        let scalars = stripsAccents ? Self.stripAccents(cleaned) : cleaned
        return lowercases ? scalars.flatMap { $0.properties.lowercaseMapping.unicodeScalars } : scalars
    }

    /// The scalars of `text` without control characters, with spaces for white space and around ideographs.
    private func clean(_ text: String.UnicodeScalarView) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        for scalar in text {
            switch cleans ? Self.category(scalar) : .unassigned {
            case .control, .format, .privateUse, .surrogate: continue
            case .spaceSeparator, .lineSeparator, .paragraphSeparator: scalars.append(" ")
            default:
                if cleans && scalar == "\u{FFFD}" { continue }
                let isWord = splitsIdeographs && Self.isIdeograph(scalar)
                scalars += isWord ? [" ", scalar, " "] : [scalar]
            }
        }
        return scalars
    }

    /// Canonical decomposition without nonspacing marks.
    private static func stripAccents(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var rest = scalars[...]
        while !rest.isEmpty {
            let run = rest.prefix { !isYounger($0, than: decompositionVersion) }
            let decomposed = String(decoding: run.flatMap { UTF8.encode($0)! }, as: UTF8.self)
                .decomposedStringWithCanonicalMapping
            result += decomposed.unicodeScalars.filter { category($0) != .nonspacingMark }
            // What Hugging Face's tables do not know yet stays where it is.
            rest = rest[run.endIndex...]
            if let younger = rest.popFirst() { result.append(younger) }
        }
        return result
    }

    /// The blocks that BERT calls Chinese: the CJK Unified and Compatibility Ideographs, and neither kana nor Hangul.
    static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            // 0x2B920 is what `transformers` has, and so what its models were fed with; the block begins at 0x2B820.
            true
        default: false
        }
    }

    /// Whether a character is one of the frequent ones that every step leaves as they are, ideographs and punctuation: looking
    /// into Unicode's tables takes many times as long.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3400...0x4DBF, 0x4E00...0x9FFF: true
        default: isPlainPunctuation(scalar)
        }
    }

    private static func isPlainPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2010...0x2027, 0x3001...0x3003, 0x3008...0x3011, 0xFF01...0xFF03, 0xFF05...0xFF0A, 0xFF0C...0xFF0F,
            0xFF1A...0xFF1B, 0xFF1F...0xFF20:
            true
        default: false
        }
    }

    /// Whether a character is white space that separates words: some that Unicode calls so are dropped as control characters.
    func isBoundary(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.properties.isWhitespace else { return false }
        return !cleans || scalar == "\t" || scalar == "\n" || scalar == "\r"
            || scalar.properties.generalCategory != .control
    }

    /// What splitting into words makes of a character: nothing, a word, a part of a word.
    enum Kind { case space, punctuation, letter }

    /// What a character of a normalised text is. Every ASCII character that is no letter, digit, space or control character
    /// is punctuation, and so are Unicode's categories P*.
    static func kind(of scalar: Unicode.Scalar) -> Kind {
        switch scalar.value {
        case 9...13, 32, 0x85: return .space
        case 33...47, 58...64, 91...96, 123...126: return .punctuation
        case 0...127: return .letter
        default: break
        }
        if isPlain(scalar) { return isPlainPunctuation(scalar) ? .punctuation : .letter }
        switch category(scalar) {
        case .spaceSeparator, .lineSeparator, .paragraphSeparator: return .space
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return .punctuation
        default: return .letter
        }
    }

    /// The versions of Unicode that Hugging Face's tokenizers have their tables from.
    private static let (categoryVersion, decompositionVersion) = (8, 9)

    /// The general category in that version: what is younger has none, and some have changed since. Letters are all alike, of
    /// any version.
    private static func category(_ scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
        switch scalar.value {
        case 0x166D, 0x111C9: .otherPunctuation
        case 0x1734, 0x1171E: .nonspacingMark
        case 0x1885, 0x1886: .otherLetter
        case 0xA9BD: .spacingMark
        default:
            switch scalar.properties.generalCategory {
            // No step asks for letters, and their age would take as long again to look up.
            case .uppercaseLetter, .lowercaseLetter, .otherLetter: .otherLetter
            case let category: isYounger(scalar, than: categoryVersion) ? .unassigned : category
            }
        }
    }

    private static func isYounger(_ scalar: Unicode.Scalar, than version: Int) -> Bool {
        !scalar.isASCII && scalar.properties.age?.major ?? 0 > version
    }
}
