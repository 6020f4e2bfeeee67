/// The third step of a ``Tokenizer``: makes tokens of a word.
package enum SubwordModel: Sendable {
    case wordPiece(WordPiece)
    case bpe(BPE)
    case unigram(Unigram)
    /// A word is a token, or unknown.
    case words(Vocabulary, unknown: Int)

    /// Appends the ids of the tokens of words, which are ranges of `text`.
    ///
    /// - Parameter end: with more ids than that, the rest is left out
    func append(_ words: some Sequence<Range<Int>>, of text: [UInt8], upTo end: Int, to ids: inout [Int]) {
        /// Takes the words one after the other. The model is looked up before, and not for each of them.
        func forEachWord(_ append: (Range<Int>, inout [Int]) -> Void) {
            for word in words {
                append(word, &ids)
                if ids.count > end { break }
            }
        }
        switch self {
        case .wordPiece(let model): forEachWord { model.append($0, of: text, to: &$1) }
        case .bpe(let model):
            var scratch = BPE.Scratch()
            forEachWord { model.append($0, of: text, to: &$1, &scratch) }
        case .unigram(let model):
            var paths: [Unigram.Path] = []
            forEachWord { model.append($0, of: text, to: &$1, &paths) }
        case .words(let vocabulary, let unknown):
            forEachWord { $1.append(vocabulary.ids.value(of: text, $0) ?? unknown) }
        }
    }
}
