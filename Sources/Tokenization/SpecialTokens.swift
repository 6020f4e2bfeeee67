/// The names of the tokens that have a special meaning, by their roles.
package struct SpecialTokens {
    /// What a token is for, by its key in `special_tokens_map.json`.
    package enum Role: String, CodingKey, CaseIterable {
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
        /// Before and after a text, for models that also write.
        case beginning = "bos_token"
        case end = "eos_token"
    }

    /// The tokens of each role.
    var tokens: [Role: [AddedToken]]

    init(_ names: [Role: [String]]) {
        tokens = names.mapValues { $0.map { AddedToken(content: $0, id: 0, isSpecial: true, isNameOnly: true) } }
    }

    /// Those of BERT, unless a tokenizer says otherwise.
    static let bert = SpecialTokens([
        .padding: ["[PAD]"], .unknown: ["[UNK]"], .classification: ["[CLS]"], .separator: ["[SEP]"], .mask: ["[MASK]"],
    ])

    /// Those of BERT and of RoBERTa.
    static let usual = SpecialTokens([
        .padding: ["[PAD]", "<pad>"], .unknown: ["[UNK]", "<unk>"], .classification: ["[CLS]", "<s>"],
        .separator: ["[SEP]", "</s>"], .mask: ["[MASK]", "<mask>"],
    ])

    /// Those of RoBERTa, and of those that came after it.
    static let roberta = SpecialTokens([
        .beginning: ["<s>"], .end: ["</s>"], .unknown: ["<unk>"], .separator: ["</s>"], .padding: ["<pad>"],
        .classification: ["<s>"], .mask: ["<mask>"],
    ])

    /// Those of ALBERT.
    static let albert = SpecialTokens([
        .beginning: ["[CLS]"], .end: ["[SEP]"], .unknown: ["<unk>"], .separator: ["[SEP]"], .padding: ["<pad>"],
        .classification: ["[CLS]"], .mask: ["[MASK]"],
    ])

    /// The name of the token of a role; empty if there is none.
    func name(_ role: Role) -> String { tokens[role]?.first?.content ?? "" }

    /// The names of all roles, one after the other.
    var all: [String] { Role.allCases.flatMap { tokens[$0] ?? [] }.map(\.content) }

    /// The ids of the tokens that have a role, as far as they are in a vocabulary.
    func ids(in vocabulary: Vocabulary) -> [Role: Int] {
        tokens.compactMapValues { tokens in tokens.lazy.compactMap { vocabulary.anyID(of: $0.content) }.first }
    }

    /// The ids of the tokens that every text needs.
    ///
    /// - Parameter source: what an error names as the origin of the vocabulary
    /// - Throws: ``TokenizationError`` if one is missing.
    func ids(in vocabulary: Vocabulary, source: String) throws -> (unknown: Int, template: Template) {
        let required = [Role.unknown, .classification, .separator].map(name)
        let ids = try required.map { token in
            guard let id = vocabulary.id(of: token) else {
                throw TokenizationError(
                    "\(source): the token \(token) is missing; a BERT vocabulary has \(required[0]), \(required[1]) and"
                        + " \(required[2]) among its tokens")
            }
            return id
        }
        return (ids[0], .bert(classification: ids[1], separator: ids[2]))
    }
}
