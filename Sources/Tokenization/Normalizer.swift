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
        Self.split(normalize(text.unicodeScalars))
    }

    /// All steps but the splitting at spaces and punctuation.
    func normalize(_ text: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
        var scalars = clean(text)
        if stripsAccents, scalars.contains(where: Self.mayDecompose) { scalars = Self.stripAccents(scalars) }
        guard lowercases else { return scalars }
        if scalars.allSatisfy(\.isASCII) {
            for (index, scalar) in scalars.enumerated() where ("A"..."Z").contains(scalar) {
                scalars[index] = Unicode.Scalar(scalar.value + 32)!
            }
            return scalars
        }
        return scalars.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
    }

    /// The words of a text that has been normalised, each as UTF-8.
    static func split(_ scalars: some Sequence<Unicode.Scalar>) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        func endWord() {
            if word.isEmpty { return }
            words.append(word)
            word.removeAll(keepingCapacity: true)
        }
        for scalar in scalars {
            if scalar == " " || (scalar.value < 0x20 || !scalar.isASCII) && scalar.properties.isWhitespace {
                endWord()
            } else if isPunctuation(scalar) {
                endWord()
                words.append(Array(UTF8.encode(scalar)!))
            } else if scalar.isASCII {
                word.append(UInt8(scalar.value))
            } else {
                word.append(contentsOf: UTF8.encode(scalar)!)
            }
        }
        endWord()
        return words
    }

    /// The scalars of `text` without control characters, with spaces for white space and around ideographs.
    private func clean(_ text: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.underestimatedCount)
        for scalar in text {
            if scalar.isASCII {
                if scalar.value > 32 && scalar.value < 127 || !cleans {
                    scalars.append(scalar)
                } else if scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" {
                    scalars.append(" ")
                }
            } else if cleans && (scalar == "\u{FFFD}" || Self.isControl(scalar)) {
                continue
            } else if cleans && scalar.properties.isWhitespace {
                scalars.append(" ")
            } else if splitsIdeographs && Self.isIdeograph(scalar) {
                scalars.append(contentsOf: [" ", scalar, " "])
            } else {
                scalars.append(scalar)
            }
        }
        return scalars
    }

    /// Canonical decomposition without nonspacing marks.
    private static func stripAccents(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var run = String.UnicodeScalarView()
        func endRun() {
            result += String(run).decomposedStringWithCanonicalMapping.unicodeScalars.filter {
                $0.isASCII || category($0) != .nonspacingMark
            }
            run.removeAll(keepingCapacity: true)
        }
        for scalar in scalars {
            // What Hugging Face's tables do not know yet stays where it is.
            if isYounger(scalar, than: decompositionVersion) {
                endRun()
                result.append(scalar)
            } else {
                run.append(scalar)
            }
        }
        endRun()
        return result
    }

    /// False where canonical decomposition certainly changes nothing and no mark can stand: it is costly.
    private static func mayDecompose(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0xC0 && !(0x3400...0x9FFF).contains(scalar.value)
            && !(0x2010...0x205F).contains(scalar.value) && !(0x3000...0x3029).contains(scalar.value)
            && !(0xFF00...0xFFEF).contains(scalar.value)
    }

    /// The blocks that BERT calls Chinese: the CJK Unified and Compatibility Ideographs, and neither kana nor Hangul.
    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            // 0x2B920 is what `transformers` has, and so what its models were fed with; the block begins at 0x2B820.
            true
        default: false
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch category(scalar) {
        case .control, .format, .privateUse, .surrogate: true
        default: false
        }
    }

    /// Every ASCII character that is no letter, digit, space or control character counts, and so do Unicode's categories P*.
    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 33...47, 58...64, 91...96, 123...126: return true
        case 0...127: return false
        default: break
        }
        switch category(scalar) {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// The versions of Unicode that Hugging Face's tokenizers have their tables from.
    private static let (categoryVersion, decompositionVersion) = (8, 9)

    /// The general category in that version: what is younger has none, and some have changed since.
    private static func category(_ scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
        switch scalar.value {
        case 0x166D, 0x111C9: .otherPunctuation
        case 0x1734, 0x1171E: .nonspacingMark
        case 0x1885, 0x1886: .otherLetter
        case 0xA9BD: .spacingMark
        default: isYounger(scalar, than: categoryVersion) ? .unassigned : scalar.properties.generalCategory
        }
    }

    private static func isYounger(_ scalar: Unicode.Scalar, than version: Int) -> Bool {
        !scalar.isASCII && scalar.properties.age?.major ?? 0 > version
    }
}
