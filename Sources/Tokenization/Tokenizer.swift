import Foundation

/// Turns text into the ids that a model reads, in four steps: a ``Normalizer`` changes its characters, a ``Splitter`` divides it
/// into words, a ``SubwordModel`` makes tokens of each word, and a ``Template`` puts special tokens around them.
package struct Tokenizer: Sendable {
    /// The tokens and their ids.
    package let vocabulary: Vocabulary
    package let normalizer: Normalizer
    let splitter: Splitter
    let subwords: SubwordModel
    let template: Template
    /// Tokens that are found in the text before it is split.
    let addedTokens: AddedTokens
    /// Whether what is too much of a text is cut off at its beginning, and not at its end.
    package internal(set) var truncatesBeginning = false
    /// Whether a model is told which of two texts a token is of; else all are of the first segment.
    package internal(set) var tellsSegments = true
    /// The ids of tokens that have a meaning to the model, by their roles as far as those are known.
    var special: [SpecialTokens.Role: Int] = [:]
    /// The ids of all tokens that are no part of a text.
    var specialIDs: Set<Int> = []
    /// The files that the tokenizer was read from, by their names, to be written back byte for byte; none if it was made here.
    var files: [String: Data] = [:]
    /// What a user should know of the files that it was read from.
    package internal(set) var warning: String?

    /// The ids of a text.
    package struct Encoding: Sendable, Equatable {
        /// Special tokens included.
        package let ids: [Int]
        /// The places of the text's own tokens among them.
        package let tokens: Range<Int>
        /// Whether the text was longer, and is cut off.
        package let isTruncated: Bool
    }

    /// The ids of two texts that are read together.
    package struct PairEncoding: Sendable, Equatable {
        /// Special tokens included.
        package let ids: [Int]
        /// The segment of each: whether it belongs to the first text or to the second, for models that are told.
        package let segments: [Int]
        /// The places of the tokens of each text among the ids.
        package let tokens: [Range<Int>]
        /// How many ids there are of the whole texts.
        package let length: Int
    }
}

extension Tokenizer {
    /// Creates a tokenizer as BERT's are.
    ///
    /// - Parameters:
    ///   - tokens: WordPieces by id; `[UNK]`, `[CLS]` and `[SEP]` have to be among them
    ///   - source: what an error names as the origin of `tokens`
    /// - Throws: ``TokenizationError`` if a special token is missing.
    package init(tokens: [String], normalizer: BERTNormalizer = BERTNormalizer(), source: String) throws {
        let vocabulary = Vocabulary(tokens)
        let special = SpecialTokens.bert
        let (unknown, template) = try special.ids(in: vocabulary, source: source)
        self.init(
            vocabulary: vocabulary, normalizer: .bert(normalizer), splitter: .bert,
            subwords: .wordPiece(WordPiece(vocabulary, unknown: unknown)), template: template,
            addedTokens: try AddedTokens(AddedToken.special(special.all, in: vocabulary), .bert(normalizer)),
            special: special.ids(in: vocabulary))
    }

    /// Creates a tokenizer as BERT's are, with a vocabulary learned from texts.
    ///
    /// - Parameter size: the largest number of tokens
    package init(learnedFrom texts: [String], size: Int, normalizer: BERTNormalizer = BERTNormalizer()) throws {
        let special = SpecialTokens.bert.all
        let words = Splitter.bert.countedWords(of: texts, .bert(normalizer))
        let learned = MergeLearner(wordPiecesOf: words, size: size - special.count).pieces
        try self.init(
            tokens: special + learned.map { String(decoding: $0, as: UTF8.self) }, normalizer: normalizer,
            source: "the learned vocabulary")
    }

    /// The id of the token for a purpose, ``SpecialTokens/Role/mask`` for example; nil if there is none.
    package func id(of role: SpecialTokens.Role) -> Int? { special[role] }

    /// Encodes `text`.
    ///
    /// - Parameter maximumLength: the largest number of ids, at least 2, or as many as special tokens are put around a text; what is beyond is cut off before `[SEP]`.
    /// - Complexity: O(*n*) in the length of the text, for a given vocabulary.
    package func encode(_ text: String, maximumLength: Int) -> Encoding {
        precondition(maximumLength >= min(2, template.count), "the special tokens need two places")
        var ids: [Int] = []
        // English has about four bytes to a token.
        ids.reserveCapacity(min(maximumLength, text.utf8.count / 4 + 2))
        ids += template.before
        let start = ids.count
        let end = maximumLength - template.after.count
        appendTokens(of: text, upTo: end, to: &ids)
        let isTruncated = ids.count > end
        if isTruncated { ids.removeSubrange(truncatesBeginning ? start..<start + ids.count - end : end..<ids.count) }
        let tokens = start..<ids.count
        ids += template.after
        return Encoding(ids: ids, tokens: tokens, isTruncated: isTruncated)
    }

    /// Encodes two texts that are read together.
    ///
    /// - Parameters:
    ///   - maximumLength: the largest number of ids, at least ``leastLengthOfPair``; of the longer text, more is cut off
    ///   - keepsSecond: whether of the second text nothing is cut off, as long as there is room for it
    package func encode(
        _ first: String, _ second: String, maximumLength: Int, keepsSecond: Bool = false
    ) -> PairEncoding {
        var texts: [[Int]] = [[], []]
        appendTokens(of: first, upTo: .max, to: &texts[0])
        appendTokens(of: second, upTo: .max, to: &texts[1])
        let room = max(0, maximumLength - leastLengthOfPair)
        let length = texts[0].count + texts[1].count
        if length > room {
            // The shorter one stays whole if it has no more than half of the room; else both get half, and the longer one what is left over.
            let (short, long) = keepsSecond || texts[0].count > texts[1].count ? (1, 0) : (0, 1)
            let lengthOfShort = min(texts[short].count, keepsSecond ? room : room / 2)
            for (text, length) in [(short, lengthOfShort), (long, room - lengthOfShort)] {
                texts[text] = Array(truncatesBeginning ? texts[text].suffix(length) : texts[text].prefix(length))
            }
        }
        var (ids, segments): ([Int], [Int]) = ([], [])
        var tokens = [0..<0, 0..<0]
        for piece in template.pair {
            let (part, segment) =
                switch piece {
                case .token(let id, let segment): ([id], segment)
                case .first(let segment): (texts[0], segment)
                case .second(let segment): (texts[1], segment)
                }
            let place = ids.count..<ids.count + part.count
            if case .first = piece { tokens[0] = place }
            if case .second = piece { tokens[1] = place }
            ids += part
            segments += [Int](repeating: tellsSegments ? segment : 0, count: part.count)
        }
        return PairEncoding(ids: ids, segments: segments, tokens: tokens, length: length + leastLengthOfPair)
    }

    /// How many ids two texts without a token have.
    package var leastLengthOfPair: Int { template.countOfPair }

    /// Appends the ids of a text's tokens, without special tokens around them.
    ///
    /// - Parameter end: with more ids than that, the rest may be left out, unless the beginning is to be
    private func appendTokens(of text: String, upTo end: Int, to ids: inout [Int]) {
        let end = truncatesBeginning ? .max : end
        let beginning = splitter.asksForBeginning && keepsBeginning(of: text)
        for segment in addedTokens.split(text, normalizer) {
            if ids.count > end { break }
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let text, let range, let beginsText):
                if case .bert = splitter {
                    // One after the other: what is beyond the end need not be split.
                    subwords.append(BERTWords(text: text, rest: range), of: text, upTo: end, to: &ids)
                } else {
                    let words = splitter.words(of: text, in: range, beginsText: beginsText && beginning)
                    subwords.append(words.ranges, of: words.text, upTo: end, to: &ids)
                }
            }
        }
    }

    /// Whether a normalised text begins with what its first character became, and that was not dropped.
    private func keepsBeginning(of text: String) -> Bool {
        guard let first = text.unicodeScalars.first else { return false }
        return normalizer.lengthOfBeginning(Array(text.utf8), UTF8.width(first)) > 0
    }
}
