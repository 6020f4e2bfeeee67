/// Turns text into the ids that a model reads: `[CLS]`, the WordPieces of each word, `[SEP]`.
package struct Tokenizer: Sendable {
    /// The tokens and their ids.
    package let vocabulary: Vocabulary
    /// How text is split into words.
    package let normalizer: Normalizer
    /// Tokens that are found in the text before it is split.
    let addedTokens: AddedTokens
    /// Words with more characters than this become `[UNK]`.
    let longestWord: Int
    /// The files that the tokenizer was read from; none if it was made here.
    let files: TokenizerFiles
    /// What a user should know of the files that it was read from.
    package internal(set) var warning: String?

    /// The ids of a text.
    package struct Encoding: Sendable, Equatable {
        /// Special tokens included.
        package let ids: [Int]
        /// Whether the text was longer, and is cut off.
        package let isTruncated: Bool
    }

    /// Creates a tokenizer as BERT's are.
    package init(vocabulary: Vocabulary, normalizer: Normalizer) {
        self.init(
            vocabulary: vocabulary, normalizer: normalizer,
            addedTokens: AddedTokens.special(Vocabulary.learnedSpecialTokens, in: vocabulary), files: TokenizerFiles())
    }

    /// Creates a tokenizer as BERT's are, with a vocabulary learned from texts.
    ///
    /// - Parameter size: the largest number of tokens
    package init(learnedFrom texts: [String], size: Int) throws {
        let normalizer = Normalizer()
        var learner = VocabularyLearner(normalizer: normalizer)
        for text in texts { learner.add(text) }
        self.init(vocabulary: try learner.learn(size: size), normalizer: normalizer)
    }

    init(
        vocabulary: Vocabulary, normalizer: Normalizer, addedTokens: [AddedToken], longestWord: Int = 100,
        files: TokenizerFiles
    ) {
        (self.vocabulary, self.normalizer, self.longestWord) = (vocabulary, normalizer, longestWord)
        self.addedTokens = AddedTokens(addedTokens, normalizer)
        self.files = files
    }

    /// Encodes `text`.
    ///
    /// - Parameter maximumLength: the largest number of ids, at least 2; what is beyond is cut off before `[SEP]`.
    /// - Complexity: O(*n*) in the length of the text, for a given vocabulary.
    package func encode(_ text: String, maximumLength: Int) -> Encoding {
        precondition(maximumLength >= 2, "[CLS] and [SEP] need two places")
        var ids: [Int] = []
        // English has about four bytes to a token.
        ids.reserveCapacity(min(maximumLength, text.utf8.count / 4 + 2))
        ids.append(vocabulary.classification)
        for segment in addedTokens.split(text, normalizer) {
            if ids.count >= maximumLength { break }
            switch segment {
            case .token(let id): ids.append(id)
            case .text(let text, let range):
                for word in Words(of: text, range) {
                    appendPieces(of: word, in: text, to: &ids)
                    if ids.count >= maximumLength { break }
                }
            }
        }
        let isTruncated = ids.count > maximumLength - 1
        if isTruncated { ids.removeSubrange((maximumLength - 1)...) }
        ids.append(vocabulary.separator)
        return Encoding(ids: ids, isTruncated: isTruncated)
    }

    /// Appends the WordPieces (Wu et al., *Google's Neural Machine Translation System*, 2016, section 4.1) of one word, by
    /// BERT's greedy rule: from the left, always the longest token that fits. A word that cannot be covered is one `[UNK]`.
    private func appendPieces(of word: Range<Int>, in text: [UInt8], to ids: inout [Int]) {
        let first = ids.count
        let characters = word.count <= longestWord ? 0 : text[word].count { $0 & 0xC0 != 0x80 }
        var start = word.lowerBound
        while start < word.upperBound {
            let pieces = start == word.lowerBound ? vocabulary.starts : vocabulary.continuations
            guard characters <= longestWord, let match = pieces.longestMatch(in: text, start..<word.upperBound) else {
                ids.removeLast(ids.count - first)
                ids.append(vocabulary.unknown)
                return
            }
            ids.append(match.value)
            start = match.end
        }
    }
}
