/// The second step of a ``Tokenizer``: splits normalised text into words, of which the ``SubwordModel`` takes one at a time.
///
/// Another way to split, by a regular expression for example, is another case.
package enum Splitter: Sendable, Equatable {
    /// At white space, which is dropped, and at punctuation, of which each character is a word.
    case bert

    /// The words of a range of a text, as ranges of its UTF-8.
    func words(of text: [UInt8], in range: Range<Int>) -> Words { Words(splitter: self, text: text, rest: range) }

    /// The words of a whole text, each as UTF-8.
    package func words(of text: String, normalizedBy normalizer: Normalizer) -> [[UInt8]] {
        let text = Array(text.utf8)
        let normalized = normalizer.normalize(text, in: text.indices)
        return words(of: normalized, in: normalized.indices).map { Array(normalized[$0]) }
    }

    /// The words of a text, found one after the other.
    struct Words: Sequence, IteratorProtocol {
        let splitter: Splitter
        let text: [UInt8]
        /// What has not been split yet.
        var rest: Range<Int>

        mutating func next() -> Range<Int>? {
            switch splitter {
            case .bert: nextOfBERT()
            }
        }

        private mutating func nextOfBERT() -> Range<Int>? {
            var start = rest.lowerBound
            var end = start
            while end < rest.upperBound {
                let scalar = text.scalar(at: end)
                let kind = scalar.kind
                if kind != .letter && start < end { break }
                end += UTF8.width(scalar)
                if kind == .punctuation { break }
                if kind == .space { start = end }
            }
            rest = end..<rest.upperBound
            return start < end ? start..<end : nil
        }
    }
}
