/// The first step of a ``Tokenizer``: changes the characters of a text before it is split into words.
///
/// Another family of models, or several normalisers in sequence, is another case.
package enum Normalizer: Sendable, Equatable {
    case bert(BERTNormalizer)

    /// Whether texts are made lower case.
    package var lowercases: Bool {
        switch self {
        case .bert(let normalizer): normalizer.lowercases
        }
    }

    /// The normalised text of a range of UTF-8, as UTF-8.
    ///
    /// - Complexity: O(*n*) in the length of the range.
    func normalize(_ text: [UInt8], in range: Range<Int>) -> [UInt8] {
        switch self {
        case .bert(let normalizer): normalizer.normalize(text, in: range)
        }
    }

    /// Whether a character of a text, before it is normalised, separates words.
    func isBoundary(_ scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .bert(let normalizer): normalizer.isBoundary(scalar)
        }
    }
}
