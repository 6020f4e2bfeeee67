/// Turns text into the ids that a model reads: `[CLS]`, the WordPieces of each word, `[SEP]`.
package struct Tokenizer: Sendable {
    /// The tokens and their ids.
    package let vocabulary: Vocabulary
    /// How text is split into words.
    package let normalizer: Normalizer

    /// Words with more characters than this become `[UNK]`.
    private static let longestWord = 100

    /// Creates a tokenizer.
    package init(vocabulary: Vocabulary, normalizer: Normalizer) {
        (self.vocabulary, self.normalizer) = (vocabulary, normalizer)
    }

    /// The ids of `text`, special tokens included.
    ///
    /// - Parameter maximumLength: the largest number of ids, at least 2; what is beyond is cut off before `[SEP]`.
    package func encode(_ text: String, maximumLength: Int) -> [Int] {
        precondition(maximumLength >= 2, "[CLS] and [SEP] need two places")
        var ids = [vocabulary.classification]
        for word in normalizer.words(of: text) {
            appendPieces(of: word, to: &ids)
            if ids.count >= maximumLength { break }
        }
        if ids.count > maximumLength - 1 { ids.removeSubrange((maximumLength - 1)...) }
        ids.append(vocabulary.separator)
        return ids
    }

    /// Appends the WordPieces (Wu et al., *Google's Neural Machine Translation System*, 2016, section 4.1) of one word, by
    /// BERT's greedy rule: from the left, always the longest token that fits. A word that cannot be covered is one `[UNK]`.
    private func appendPieces(of word: [UInt8], to ids: inout [Int]) {
        let first = ids.count
        let characters = word.count <= Self.longestWord ? 0 : word.count { $0 & 0xC0 != 0x80 }
        var start = 0
        while start < word.count {
            let trie = start == 0 ? vocabulary.starts : vocabulary.continuations
            guard characters <= Self.longestWord, let match = trie.longestMatch(in: word, from: start) else {
                ids.removeSubrange(first...)
                ids.append(vocabulary.unknown)
                return
            }
            ids.append(match.value)
            start = match.end
        }
    }
}
