/// A token that is found in the text as it stands, before the text is split into words: `[MASK]`, for example.
struct AddedToken: Sendable, Equatable {
    /// What must be around it.
    enum Boundary: Sendable { case none, word, whiteSpace }

    let content: String
    let id: Int
    /// `word`: no letter or digit may stand beside it (`single_word`). `whiteSpace`: nothing else may.
    var boundary = Boundary.none
    /// Takes the white space before it along (`lstrip`).
    var stripsLeft = false
    /// Takes the white space after it along (`rstrip`).
    var stripsRight = false
    /// Is looked for in the normalised text, itself normalised.
    var isNormalized = false
}

/// Finds ``AddedToken``s, by the rules of Hugging Face's `AddedVocabulary`: from the left, always the longest.
struct AddedTokens: Sendable {
    /// A part of a text.
    enum Segment: Equatable {
        /// An added token.
        case token(Int)
        /// What stands between two of them, normalised.
        case text([Unicode.Scalar])
    }

    /// Tokens by their first character, each with all of its characters; the longest first.
    private typealias Patterns = [Unicode.Scalar: [(scalars: [Unicode.Scalar], token: AddedToken)]]

    /// In the text as it stands, and in the normalised text.
    private let raw: Patterns
    private let normalized: Patterns

    init(_ tokens: [AddedToken], _ normalizer: Normalizer) {
        func patterns(_ isNormalized: Bool) -> Patterns {
            var patterns: Patterns = [:]
            for token in tokens where token.isNormalized == isNormalized {
                var scalars = Array(token.content.unicodeScalars)
                if isNormalized { scalars = normalizer.normalize(scalars) }
                if let first = scalars.first { patterns[first, default: []].append((scalars, token)) }
            }
            return patterns.mapValues { $0.sorted { $0.scalars.count > $1.scalars.count } }
        }
        (raw, normalized) = (patterns(false), patterns(true))
    }

    /// The special tokens `names` that are in a vocabulary, as `transformers` adds them to every tokenizer.
    static func special(_ names: [String], in vocabulary: Vocabulary) -> [AddedToken] {
        names.compactMap { name in vocabulary.id(of: name).map { AddedToken(content: name, id: $0) } }
    }

    /// Splits a text.
    func split(_ text: String, _ normalizer: Normalizer) -> [Segment] {
        let scalars = Array(text.unicodeScalars)
        var segments: [Segment] = []
        Self.forEachPart(of: scalars, raw) { part, id in
            let part = normalizer.normalize(part)
            Self.forEachPart(of: part, normalized) { part, id in
                segments.append(.text(Array(part)))
                if let id { segments.append(.token(id)) }
            }
            if let id { segments.append(.token(id)) }
        }
        return segments
    }

    /// Calls `body` with the text before each token that is found, and its id; and with the text after the last.
    private static func forEachPart(
        of text: [Unicode.Scalar], _ patterns: Patterns, _ body: (ArraySlice<Unicode.Scalar>, Int?) -> Void
    ) {
        var done = 0
        var position = patterns.isEmpty ? text.count : 0
        while position < text.count {
            guard let candidates = patterns[text[position]],
                let (scalars, token) = candidates.first(where: { text[position...].starts(with: $0.scalars) })
            else {
                position += 1
                continue
            }
            var (start, end) = (position, position + scalars.count)
            position = end
            guard isAllowed(token.boundary, before: text[..<start].last, after: text[end...].first) else { continue }
            if token.stripsLeft { while start > done, text[start - 1].properties.isWhitespace { start -= 1 } }
            if token.stripsRight { while end < text.count, text[end].properties.isWhitespace { end += 1 } }
            body(text[done..<start], token.id)
            (done, position) = (end, end)
        }
        body(text[done...], nil)
    }

    private static func isAllowed(
        _ boundary: AddedToken.Boundary, before: Unicode.Scalar?, after: Unicode.Scalar?
    ) -> Bool {
        let neighbours = [before, after].compactMap { $0 }
        switch boundary {
        case .none: return true
        case .word: return !neighbours.contains(where: isWordCharacter)
        case .whiteSpace: return neighbours.allSatisfy(\.properties.isWhitespace)
        }
    }

    /// `\w` of regular expressions (Unicode Technical Standard 18, annex C).
    private static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}
