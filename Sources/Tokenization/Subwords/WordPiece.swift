/// BERT's subword model (Wu et al., *Google's Neural Machine Translation System*, 2016, section 4.1): from the left, always the
/// longest token that fits. A word that cannot be covered is one unknown token.
package struct WordPiece: Sendable {
    /// What tokens begin with that go on within a word.
    static let continuationPrefix = "##"
    /// Words with more characters than this are unknown, unless a tokenizer says otherwise.
    static let longestWord = 100
    /// The most that a tokenizer may say: the work for a word grows with the square of its length.
    static let longestLongestWord = 1000

    /// The tokens that a word can begin with, and those that can go on in it, without their prefix.
    private let beginnings: ByteStrings
    private let continuations: ByteStrings
    /// The id of the unknown token.
    private let unknown: Int
    private let longestWord: Int

    init(
        _ vocabulary: Vocabulary, unknown: Int, continuationPrefix: String = continuationPrefix,
        longestWord: Int = longestWord
    ) {
        beginnings = vocabulary.ids
        let prefix = continuationPrefix.utf8
        continuations = ByteStrings(
            vocabulary.tokens.enumerated().filter { $0.element.utf8.starts(with: prefix) }
                .map { ($0.element.utf8.dropFirst(prefix.count), $0.offset) })
        (self.unknown, self.longestWord) = (unknown, longestWord)
    }

    /// Appends the ids of the tokens of a word, which is a range of `text`.
    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int]) {
        let first = ids.count
        let characters = word.count <= longestWord ? 0 : text[word].count { $0 & 0xC0 != 0x80 }
        var start = word.lowerBound
        while start < word.upperBound {
            let pieces = start == word.lowerBound ? beginnings : continuations
            guard characters <= longestWord, let match = pieces.longestMatch(in: text, start..<word.upperBound) else {
                ids.removeLast(ids.count - first)
                ids.append(unknown)
                return
            }
            ids.append(match.value)
            start = match.end
        }
    }
}
