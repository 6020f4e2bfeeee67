/// The last step of a ``Tokenizer``: which special tokens stand around the tokens of a text. BERT's is `[CLS] A [SEP]`.
///
/// What stands between two texts, for models of pairs, belongs here.
struct Template: Sendable, Equatable {
    /// The id before a text.
    let before: Int
    /// The id after it.
    let after: Int
}

/// The names of the tokens that have a special meaning, by their roles.
struct SpecialTokens {
    /// What a token is for, by its key in `special_tokens_map.json`.
    enum Role: String, CodingKey, CaseIterable {
        case padding = "pad_token"
        /// For words that are not known.
        case unknown = "unk_token"
        /// Before a text.
        case classification = "cls_token"
        /// After a text.
        case separator = "sep_token"
        case mask = "mask_token"
        /// Any number of tokens without a role; newer versions call them `extra`.
        case additional = "additional_special_tokens"
        case extra = "extra_special_tokens"
    }

    /// Those of BERT, unless a tokenizer says otherwise.
    var names: [Role: [String]] = [
        .padding: ["[PAD]"], .unknown: ["[UNK]"], .classification: ["[CLS]"], .separator: ["[SEP]"], .mask: ["[MASK]"],
    ]

    /// The names of all roles, one after the other.
    var all: [String] { Role.allCases.flatMap { names[$0] ?? [] } }

    /// The ids of the tokens that every text needs.
    ///
    /// - Parameter source: what an error names as the origin of the vocabulary
    /// - Throws: ``TokenizationError`` if one is missing.
    func ids(in vocabulary: Vocabulary, source: String) throws -> (unknown: Int, template: Template) {
        let required = [Role.unknown, .classification, .separator].map { names[$0]?.first ?? "" }
        let ids = try required.map { token in
            guard let id = vocabulary.id(of: token) else {
                throw TokenizationError(
                    "\(source): the token \(token) is missing; a BERT vocabulary has \(required[0]), \(required[1]) and"
                        + " \(required[2]) among its tokens")
            }
            return id
        }
        return (ids[0], Template(before: ids[1], after: ids[2]))
    }
}
