/// The last step of a ``Tokenizer``: which special tokens stand around the tokens of a text. BERT's is `[CLS] A [SEP]`.
///
/// What stands between two texts, for models of pairs, belongs here.
struct Template: Sendable, Equatable {
    /// The id before a text.
    let before: Int
    /// The id after it.
    let after: Int
}

/// The tokens that have a special meaning, by their names.
struct SpecialTokens {
    /// For words that are not known.
    var unknown = "[UNK]"
    /// Before a text.
    var classification = "[CLS]"
    /// After a text.
    var separator = "[SEP]"

    /// The ids of the tokens.
    ///
    /// - Parameter source: what an error names as the origin of the vocabulary
    /// - Throws: ``TokenizationError`` if one is missing.
    func ids(in vocabulary: Vocabulary, source: String) throws -> (unknown: Int, template: Template) {
        func id(of token: String) throws -> Int {
            guard let id = vocabulary.id(of: token) else {
                throw TokenizationError(
                    "\(source): the token \(token) is missing; a BERT vocabulary has \(unknown), \(classification) and"
                        + " \(separator) among its tokens")
            }
            return id
        }
        return (try id(of: unknown), Template(before: try id(of: classification), after: try id(of: separator)))
    }
}
