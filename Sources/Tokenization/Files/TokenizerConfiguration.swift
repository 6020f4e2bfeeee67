/// `tokenizer_config.json` as `transformers` writes it for BERT.
struct TokenizerConfiguration: Codable {
    var tokenizerClass: String?
    var lowercases: Bool?
    var stripsAccents: Bool?
    var splitsIdeographs: Bool?
    var maximumLength: Double?
    /// Which end of a long text is cut off: `left` or `right`.
    var truncationSide: String?
    /// Words that are tokens as they stand.
    var neverSplit: [String]?
    /// Tokens by their ids.
    var added: [String: AddedToken]?

    enum CodingKeys: String, CodingKey {
        case tokenizerClass = "tokenizer_class"
        case lowercases = "do_lower_case"
        case stripsAccents = "strip_accents"
        case splitsIdeographs = "tokenize_chinese_chars"
        case maximumLength = "model_max_length"
        case truncationSide = "truncation_side"
        case addsPrefixSpace = "add_prefix_space"
        case keepsAccents = "keep_accents"
        case neverSplit = "never_split"
        case added = "added_tokens_decoder"
        case inputs = "model_input_names"
    }

    /// Whether a space is put before a text.
    var addsPrefixSpace: Bool?
    /// Whether accents are kept where SentencePiece's rules do not say so.
    var keepsAccents: Bool?

    /// The tokens of ``added`` in the order of their ids.
    var addedInOrder: [AddedToken] {
        (added ?? [:]).compactMap { id, token in Int(id).map { ($0, token) } }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// What a model takes.
    var inputs: [String]?
    /// Whether a model takes which of two texts a token is of, also where ``inputs`` does not say it; `transformers` leaves it out else.
    var tellsSegments: Bool {
        inputs?.contains("token_type_ids")
            ?? [nil, "BertTokenizer", "BertTokenizerFast", "ElectraTokenizer", "ElectraTokenizerFast"].contains(
                tokenizerClass)
    }
    /// The special tokens of a generic tokenizer, which are read by ``SpecialTokens``.
    var special: [SpecialTokens.Role: String] = [:]

    /// Writes what a tokenizer has that was made here.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(tokenizerClass, forKey: .tokenizerClass)
        if !special.isEmpty {
            var roles = encoder.container(keyedBy: SpecialTokens.Role.self)
            for (role, name) in special { try roles.encode(name, forKey: role) }
            try container.encode(inputs, forKey: .inputs)
            return try container.encode(maximumLength, forKey: .maximumLength)
        }
        try container.encode(lowercases, forKey: .lowercases)
        try container.encode(stripsAccents, forKey: .stripsAccents)
        try container.encode(splitsIdeographs, forKey: .splitsIdeographs)
        try container.encode(maximumLength, forKey: .maximumLength)
    }

    /// The classes whose tokenizers are BERT's. For the generic ones, `transformers` reads `tokenizer.json` alone.
    private static let classes = [
        "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast",
    ]
    static let genericClasses = ["PreTrainedTokenizerFast", "TokenizersBackend"]

    /// The class, where its tokenizers split text otherwise before they look into `vocab.txt`.
    var otherClass: String? { tokenizerClass.flatMap { (Self.classes + Self.genericClasses).contains($0) ? nil : $0 } }

    /// The keys that say something else than `other` does; a key that is missing stands for its default.
    func disagreements(with other: Normalizer) -> [String] {
        guard case .bert(let other) = other, !Self.genericClasses.contains(tokenizerClass ?? "") else { return [] }
        let settings: [(key: CodingKeys, value: KeyPath<BERTNormalizer, Bool>)] = [
            (.lowercases, \.lowercases), (.stripsAccents, \.stripsAccents), (.splitsIdeographs, \.splitsIdeographs),
        ]
        return settings.filter { normalizer[keyPath: $0.value] != other[keyPath: $0.value] }.map(\.key.rawValue)
    }

    var normalizer: BERTNormalizer {
        BERTNormalizer(
            lowercases: lowercases ?? true, stripsAccents: stripsAccents, splitsIdeographs: splitsIdeographs ?? true)
    }
}

extension SpecialTokens: Decodable {
    /// Reads the tokens that a file has, `special_tokens_map.json` or `tokenizer_config.json`, and no others.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Role.self)
        self.init([:])
        for role in Role.allCases {
            switch role {
            case .additional, .extra:
                // Newer versions of transformers write the extra ones as an object by their roles, mostly an empty one.
                if let byRole = try? container.decode([String: AddedToken].self, forKey: role) {
                    tokens[role] = byRole.values.sorted { $0.content < $1.content }
                } else {
                    tokens[role] = try container.decodeIfPresent([AddedToken].self, forKey: role)
                }
            default: tokens[role] = try container.decodeIfPresent(AddedToken.self, forKey: role).map { [$0] }
            }
        }
        tokens = tokens.mapValues { $0.map(\.special) }
    }
}

extension AddedToken {
    /// The same, as a special token; one of which nothing but the name is known is found in the text as it stands.
    fileprivate var special: AddedToken {
        var token = self
        token.isSpecial = true
        token.isNormalized = isNormalized && !isNameOnly
        return token
    }
}

extension AddedToken: Decodable {
    private enum Key: String, CodingKey {
        case content, lstrip, rstrip, normalized, special
        case singleWord = "single_word"
    }

    /// Reads a token by its name alone, or with how it is found. Its id stands elsewhere.
    init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            self.init(content: name, id: 0, isNormalized: true, isNameOnly: true)
            return
        }
        let container = try decoder.container(keyedBy: Key.self)
        func flag(_ key: Key) throws -> Bool? { try container.decodeIfPresent(Bool.self, forKey: key) }
        let isSpecial = try flag(.special) ?? false
        self.init(
            content: try container.decode(String.self, forKey: .content), id: 0,
            boundary: try flag(.singleWord) == true ? .word : .none, stripsLeft: try flag(.lstrip) ?? false,
            stripsRight: try flag(.rstrip) ?? false, isNormalized: try flag(.normalized) ?? !isSpecial,
            isSpecial: isSpecial)
    }
}
