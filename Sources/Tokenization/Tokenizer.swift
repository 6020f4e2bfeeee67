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
    /// The files that the tokenizer was read from, by their names, to be written back byte for byte; none if it was made here.
    var files: [String: Data] = [:]
    /// What a user should know of the files that it was read from.
    package internal(set) var warning: String?

    /// The ids of a text.
    package struct Encoding: Sendable, Equatable {
        /// Special tokens included.
        package let ids: [Int]
        /// Whether the text was longer, and is cut off.
        package let isTruncated: Bool
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
        let special = SpecialTokens()
        let (unknown, template) = try special.ids(in: vocabulary, source: source)
        self.init(
            vocabulary: vocabulary, normalizer: .bert(normalizer), splitter: .bert,
            subwords: .wordPiece(WordPiece(vocabulary, unknown: unknown)), template: template,
            addedTokens: try AddedTokens(AddedToken.special(special.all, in: vocabulary), .bert(normalizer)))
    }

    /// Creates a tokenizer as BERT's are, with a vocabulary learned from texts.
    ///
    /// - Parameter size: the largest number of tokens
    package init(learnedFrom texts: [String], size: Int, normalizer: BERTNormalizer = BERTNormalizer()) throws {
        var counts: [[UInt8]: Int] = [:]
        for text in texts {
            for word in Splitter.bert.words(of: text, normalizedBy: .bert(normalizer)) { counts[word, default: 0] += 1 }
        }
        let special = SpecialTokens().all
        let learned = WordPieceLearner(counts, size: size - special.count).tokens
        try self.init(tokens: special + learned, normalizer: normalizer, source: "the learned vocabulary")
    }

    /// Encodes `text`.
    ///
    /// - Parameter maximumLength: the largest number of ids, at least 2; what is beyond is cut off before `[SEP]`.
    /// - Complexity: O(*n*) in the length of the text, for a given vocabulary.
    package func encode(_ text: String, maximumLength: Int) -> Encoding {
        precondition(maximumLength >= 2, "the special tokens need two places")
        var ids: [Int] = []
        // English has about four bytes to a token.
        ids.reserveCapacity(min(maximumLength, text.utf8.count / 4 + 2))
        ids.append(template.before)
        for segment in addedTokens.split(text, normalizer) {
            if ids.count >= maximumLength { break }
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let text, let range):
                for word in splitter.words(of: text, in: range) {
                    subwords.append(word, of: text, to: &ids)
                    if ids.count >= maximumLength { break }
                }
            }
        }
        let isTruncated = ids.count > maximumLength - 1
        if isTruncated { ids.removeSubrange((maximumLength - 1)...) }
        ids.append(template.after)
        return Encoding(ids: ids, isTruncated: isTruncated)
    }
}
