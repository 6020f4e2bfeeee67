import Foundation

/// BERT's text normalisation (Devlin et al., *BERT*, 2019), in the order of Hugging Face's `BertNormalizer`:
///
/// control characters are dropped, and white space becomes a space; CJK ideographs get spaces around them; accents are stripped
/// (canonical decomposition, then nonspacing marks are dropped); letters are lower-cased. Each of the four steps can be left
/// out; without any, the text stays as it is.
package struct BERTNormalizer: Sendable, Equatable {
    /// Drop control characters (`clean_text`).
    package let cleans: Bool
    /// Lower-case letters (`do_lower_case`).
    package let lowercases: Bool
    /// Strip accents (`strip_accents`).
    package let stripsAccents: Bool
    /// Make every CJK ideograph a word (`tokenize_chinese_chars`).
    package let splitsIdeographs: Bool

    /// Creates the normaliser of BERT's uncased models, unless told otherwise.
    ///
    /// - Parameter stripsAccents: nil: accents are stripped if letters are lower-cased
    package init(
        cleans: Bool = true, lowercases: Bool = true, stripsAccents: Bool? = nil, splitsIdeographs: Bool = true
    ) {
        (self.cleans, self.lowercases, self.splitsIdeographs) = (cleans, lowercases, splitsIdeographs)
        self.stripsAccents = stripsAccents ?? lowercases
    }

    func normalize(_ text: [UInt8], in range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let byte = text[position]
            if byte < 0x80 {
                if !cleans || 32...126 ~= byte {
                    result.append(lowercases && 0x41...0x5A ~= byte ? byte + 32 : byte)
                } else if byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                    result.append(UInt8(ascii: " "))
                }
                position += 1
                continue
            }
            let scalar = text.scalar(at: position)
            var end = position + UTF8.width(scalar)
            if scalar.isPlain {
                let isWord = splitsIdeographs && scalar.isIdeograph
                if isWord { result.append(UInt8(ascii: " ")) }
                for index in position..<end { result.append(text[index]) }
                if isWord { result.append(UInt8(ascii: " ")) }
            } else {
                // A run of such characters can be normalised by itself: accents are never composed, and when they are put in
                // order, none passes an ASCII character or a plain one.
                while end < range.upperBound {
                    let next = text.scalar(at: end)
                    if next.isASCII || next.isPlain { break }
                    end += UTF8.width(next)
                }
                let run = String(decoding: text[position..<end], as: UTF8.self)
                for scalar in normalize(run.unicodeScalars) { result.append(contentsOf: UTF8.encode(scalar)!) }
            }
            position = end
        }
        return result
    }

    /// All steps for characters that are neither ASCII nor plain.
    private func normalize(_ text: String.UnicodeScalarView) -> [Unicode.Scalar] {
        let cleaned = clean(text)
        let scalars = stripsAccents ? Self.stripAccents(cleaned) : cleaned
        return lowercases ? scalars.flatMap { $0.properties.lowercaseMapping.unicodeScalars } : scalars
    }

    /// The scalars of `text` without control characters, with spaces for white space and around ideographs.
    private func clean(_ text: String.UnicodeScalarView) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        for scalar in text {
            switch cleans ? scalar.category : .unassigned {
            case .control, .format, .privateUse, .surrogate: continue
            case .spaceSeparator, .lineSeparator, .paragraphSeparator: scalars.append(" ")
            default:
                if cleans && scalar == "\u{FFFD}" { continue }
                scalars += splitsIdeographs && scalar.isIdeograph ? [" ", scalar, " "] : [scalar]
            }
        }
        return scalars
    }

    /// Canonical decomposition without nonspacing marks.
    private static func stripAccents(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var rest = scalars[...]
        while !rest.isEmpty {
            let run = rest.prefix(while: \.hasKnownDecomposition)
            let decomposed = String(decoding: run.flatMap { UTF8.encode($0)! }, as: UTF8.self)
                .decomposedStringWithCanonicalMapping
            result += decomposed.unicodeScalars.filter { $0.category != .nonspacingMark }
            // A character that Hugging Face's tables do not know stays where it is.
            rest = rest[run.endIndex...]
            if let younger = rest.popFirst() { result.append(younger) }
        }
        return result
    }

    /// Whether a character is white space that separates words: some that Unicode calls so are dropped as control characters.
    func isBoundary(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.properties.isWhitespace else { return false }
        return !cleans || scalar == "\t" || scalar == "\n" || scalar == "\r"
            || scalar.properties.generalCategory != .control
    }
}
