import Foundation

/// BERT's text normalisation and splitting into words (Devlin et al., *BERT*, 2019), in the order of Hugging Face's
/// `BertNormalizer`.
///
/// In this order: control characters are dropped and white space becomes a boundary; CJK ideographs become words of one
/// character; accents are stripped (canonical decomposition, then nonspacing marks dropped); letters are lower-cased;
/// punctuation becomes words of one character.
package struct Normalizer: Sendable, Equatable {
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
        var splitter = WordSplitter()
        var scalars = cleaned(text)
        if stripsAccents, scalars.contains(where: Self.mayDecompose) {
            var string = String.UnicodeScalarView()
            string.append(contentsOf: scalars)
            scalars = String(string).decomposedStringWithCanonicalMapping.unicodeScalars.filter {
                $0.isASCII || $0.properties.generalCategory != .nonspacingMark
            }
        }
        for scalar in scalars {
            if lowercases {
                if scalar.isASCII {
                    splitter.append(("A"..."Z").contains(scalar) ? Unicode.Scalar(scalar.value + 32)! : scalar)
                } else {
                    for lower in scalar.properties.lowercaseMapping.unicodeScalars { splitter.append(lower) }
                }
            } else {
                splitter.append(scalar)
            }
        }
        splitter.endWord()
        return splitter.words
    }

    /// The scalars of `text` without control characters, with spaces for white space and around ideographs.
    private func cleaned(_ text: String) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                if scalar.value > 32 && scalar.value < 127 {
                    scalars.append(scalar)
                } else if scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" {
                    scalars.append(" ")
                }
            } else if scalar == "\u{FFFD}" || Self.isControl(scalar) {
                continue
            } else if scalar.properties.isWhitespace {
                scalars.append(" ")
            } else if splitsIdeographs && Self.isIdeograph(scalar) {
                scalars.append(contentsOf: [" ", scalar, " "])
            } else {
                scalars.append(scalar)
            }
        }
        return scalars
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .surrogate: true
        default: false
        }
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

    /// False where canonical decomposition certainly changes nothing and no mark can stand: it is costly.
    private static func mayDecompose(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0xC0 && !(0x3400...0x9FFF).contains(scalar.value)
            && !(0x2010...0x205F).contains(scalar.value) && !(0x3000...0x3029).contains(scalar.value)
            && !(0xFF00...0xFFEF).contains(scalar.value)
    }
}

/// Collects scalars into words: white space ends one, punctuation is one.
private struct WordSplitter {
    var words: [[UInt8]] = []
    private var word: [UInt8] = []

    mutating func append(_ scalar: Unicode.Scalar) {
        if scalar == " " || (!scalar.isASCII && scalar.properties.isWhitespace) {
            endWord()
        } else if Self.isPunctuation(scalar) {
            endWord()
            words.append(Array(UTF8.encode(scalar)!))
        } else if scalar.isASCII {
            word.append(UInt8(scalar.value))
        } else {
            word.append(contentsOf: UTF8.encode(scalar)!)
        }
    }

    mutating func endWord() {
        if word.isEmpty { return }
        words.append(word)
        word.removeAll(keepingCapacity: true)
    }

    /// Every ASCII character that is no letter, digit, space or control character counts, and so do Unicode's categories P*.
    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 33...47, 58...64, 91...96, 123...126: return true
        case 0...127: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }
}
