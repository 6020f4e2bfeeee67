/// A token that is found in the text as it stands, before the text is split into words: `[MASK]`, for example.
struct AddedToken: Sendable, Equatable {
    /// What must be around it.
    enum Boundary: Sendable { case none, word, whiteSpace }

    let content: String
    var id: Int
    /// `word`: no letter or digit may stand beside it (`single_word`). `whiteSpace`: nothing else may.
    var boundary = Boundary.none
    /// Whether the white space before it belongs to it (`lstrip`).
    var stripsLeft = false
    /// Whether the white space after it belongs to it (`rstrip`).
    var stripsRight = false
    /// Whether it is looked for in the normalised text, itself normalised.
    var isNormalized = false
    /// Whether it has a meaning to the model, and is no part of a text.
    var isSpecial = false
    /// Whether a file has said nothing of it but its name.
    var isNameOnly = false

    /// The special tokens `names` that are in a vocabulary, as `transformers` adds them to every tokenizer.
    static func special(_ names: [String], in vocabulary: Vocabulary) -> [AddedToken] {
        names.compactMap { name in vocabulary.id(of: name).map { AddedToken(content: name, id: $0, isSpecial: true) } }
    }
}

/// Finds ``AddedToken``s, by the rules of Hugging Face's `AddedVocabulary`: from the left, always the longest.
struct AddedTokens: Sendable {
    /// A part of a text.
    enum Segment {
        /// An added token.
        case token(Int)
        /// What stands between two of them, normalised: a range of UTF-8, and whether it is where the text begins.
        case text([UInt8], Range<Int>, beginsText: Bool)
    }

    /// Those that are looked for in the text as it stands, and those in the normalised text.
    private let raw: Patterns
    private let normalized: Patterns

    /// The longest token that is looked for, in bytes: at every place of a text, so many may have to be read.
    private static let longest = 1000

    /// - Throws: ``TokenizationError`` if a token is too long.
    init(_ tokens: [AddedToken], _ normalizer: Normalizer) throws {
        if let token = tokens.first(where: { $0.content.utf8.count > Self.longest }) {
            throw TokenizationError(
                "the added token '\(token.content.prefix(20))…' has \(token.content.utf8.count) bytes; it must not have more than"
                    + " \(Self.longest)")
        }
        raw = Patterns(tokens.filter { !$0.isNormalized }) { $0 }
        normalized = Patterns(tokens.filter(\.isNormalized)) { normalizer.normalize($0, in: $0.indices) }
    }

    /// Splits a text.
    func split(_ text: String, _ normalizer: Normalizer) -> [Segment] {
        let text = Array(text.utf8)
        var segments: [Segment] = []
        raw.forEachPart(of: text) { part, id in
            let beginsText = part.lowerBound == 0
            let part = normalizer.normalize(text, in: part)
            normalized.forEachPart(of: part) { range, id in
                segments.append(.text(part, range, beginsText: beginsText && range.lowerBound == 0))
                if let id { segments.append(.token(id)) }
            }
            if let id { segments.append(.token(id)) }
        }
        return segments
    }
}

/// Tokens that are searched for together.
private struct Patterns: Sendable {
    private let tokens: [AddedToken]
    /// The texts of the tokens with their places in `tokens`.
    private let texts: ByteStrings
    /// Whether a token begins with a byte: nearly everything in a text is ruled out by that.
    private var isFirst = [Bool](repeating: false, count: 256)

    init(_ tokens: [AddedToken], as change: ([UInt8]) -> [UInt8]) {
        self.tokens = tokens
        let bytes = tokens.map { change(Array($0.content.utf8)) }
        // Of two tokens of the same text, the earlier counts.
        texts = ByteStrings(zip(bytes, bytes.indices).reversed())
        for case let first? in bytes.map(\.first) { isFirst[Int(first)] = true }
    }

    /// Calls `body` with the range before each token that is found, and its id; and with the range after the last.
    func forEachPart(of text: [UInt8], _ body: (Range<Int>, Int?) -> Void) {
        var done = 0
        var position = 0
        while let next = text[position...].firstIndex(where: { isFirst[Int($0)] }) {
            guard let match = texts.longestMatch(in: text, next..<text.count) else {
                position = next + 1
                continue
            }
            let token = tokens[match.value]
            position = match.end
            let isAllowed = isAllowed(
                token.boundary, before: next > 0 ? text.scalar(before: next) : nil,
                after: match.end < text.count ? text.scalar(at: match.end) : nil)
            guard isAllowed else { continue }
            var (start, end) = (next, match.end)
            while token.stripsLeft, start > done, text.scalar(before: start).properties.isWhitespace {
                start -= UTF8.width(text.scalar(before: start))
            }
            while token.stripsRight, end < text.count, text.scalar(at: end).properties.isWhitespace {
                end += UTF8.width(text.scalar(at: end))
            }
            // What an earlier token has stripped can be the beginning of this one.
            body(done..<max(done, start), token.id)
            done = end
        }
        body(done..<max(done, text.count), nil)
    }

    private func isAllowed(_ boundary: AddedToken.Boundary, before: Unicode.Scalar?, after: Unicode.Scalar?) -> Bool {
        let neighbours = [before, after].compactMap { $0 }
        switch boundary {
        case .none: return true
        case .word: return !neighbours.contains(where: isWordCharacter)
        case .whiteSpace: return neighbours.allSatisfy(\.properties.isWhitespace)
        }
    }

    private func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            ? ScalarSet.wordWithJoiners.containsASCII(UInt8(scalar.value))
            : ScalarSet.wordWithJoiners.containsOther(scalar.value)
    }
}
