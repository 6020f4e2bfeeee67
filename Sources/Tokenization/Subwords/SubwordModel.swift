/// The third step of a ``Tokenizer``: makes tokens of a word.
///
/// Another model, byte-level BPE or Unigram for example, is another case.
package enum SubwordModel: Sendable {
    case wordPiece(WordPiece)

    /// Appends the ids of the tokens of a word, which is a range of `text`.
    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int]) {
        switch self {
        case .wordPiece(let model): model.append(word, of: text, to: &ids)
        }
    }
}
