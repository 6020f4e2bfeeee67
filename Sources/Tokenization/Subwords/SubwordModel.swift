/// The third step of a ``Tokenizer``: makes tokens of a word.
package enum SubwordModel: Sendable {
    case wordPiece(WordPiece)
    case bpe(BPE)
    case unigram(Unigram)
    /// A word is a token, or unknown.
    case words(Vocabulary, unknown: Int)

    /// Appends the ids of the tokens of a word, which is a range of `text`.
    ///
    /// - Parameter scratch: memory that means nothing between two calls
    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int], _ scratch: inout SubwordScratch) {
        switch self {
        case .wordPiece(let model): model.append(word, of: text, to: &ids)
        case .bpe(let model): model.append(word, of: text, to: &ids, &scratch.merges)
        case .unigram(let model): model.append(word, of: text, to: &ids, &scratch.paths)
        case .words(let vocabulary, let unknown): ids.append(vocabulary.ids.value(of: text, word) ?? unknown)
        }
    }
}

/// What subword models work with.
struct SubwordScratch {
    var merges = BPE.Scratch()
    /// Of Unigram's places, the best path to each.
    var paths: [Unigram.Path] = []
}
