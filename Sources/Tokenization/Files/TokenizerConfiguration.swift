import Foundation

/// `tokenizer_config.json` as `transformers` writes it for BERT.
struct TokenizerConfiguration: Codable {
    var tokenizerClass: String?
    private var lowercases: Bool?
    private var stripsAccents: Bool?
    private var splitsIdeographs: Bool?
    private var maximumLength: Double?
    /// Words that are tokens as they stand.
    private(set) var neverSplit: [String]?
    /// Tokens by their ids.
    private(set) var added: [String: AddedToken]?

    enum CodingKeys: String, CodingKey {
        case tokenizerClass = "tokenizer_class"
        case lowercases = "do_lower_case"
        case stripsAccents = "strip_accents"
        case splitsIdeographs = "tokenize_chinese_chars"
        case maximumLength = "model_max_length"
        case neverSplit = "never_split"
        case added = "added_tokens_decoder"
    }

    init() {}

    init(_ normalizer: BERTNormalizer, maximumLength: Int) {
        tokenizerClass = "BertTokenizer"
        lowercases = normalizer.lowercases
        stripsAccents = normalizer.stripsAccents
        splitsIdeographs = normalizer.splitsIdeographs
        self.maximumLength = Double(maximumLength)
    }

    /// Writes what a tokenizer has that was made here.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(tokenizerClass, forKey: .tokenizerClass)
        try container.encode(lowercases, forKey: .lowercases)
        try container.encode(stripsAccents, forKey: .stripsAccents)
        try container.encode(splitsIdeographs, forKey: .splitsIdeographs)
        try container.encode(maximumLength, forKey: .maximumLength)
    }

    /// The classes whose tokenizers are BERT's. For the generic ones, `transformers` reads `tokenizer.json` alone.
    private static let classes = [
        "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast",
    ]
    private static let genericClasses = ["PreTrainedTokenizerFast", "TokenizersBackend"]

    /// Refuses tokenizers that split text otherwise before they look into `vocab.txt`.
    func checkClass(folder: URL) throws {
        if let name = tokenizerClass, !(Self.classes + Self.genericClasses).contains(name) {
            throw TokenizationError(
                "\(folder.path): tokenizer_class is '\(name)', and there is no tokenizer.json; only BERT's own tokenizer can be"
                    + " read from vocab.txt")
        }
    }

    /// The keys that say something else than `other` does; a key that is missing stands for its default.
    func disagreements(with other: Normalizer) -> [String] {
        guard case .bert(let other) = other, !Self.genericClasses.contains(tokenizerClass ?? "") else { return [] }
        let own = normalizer
        let pairs: [(CodingKeys, Bool)] = [
            (.lowercases, own.lowercases == other.lowercases),
            (.stripsAccents, own.stripsAccents == other.stripsAccents),
            (.splitsIdeographs, own.splitsIdeographs == other.splitsIdeographs),
        ]
        return pairs.filter { !$0.1 }.map(\.0.rawValue)
    }

    var normalizer: BERTNormalizer {
        BERTNormalizer(
            lowercases: lowercases ?? true, stripsAccents: stripsAccents, splitsIdeographs: splitsIdeographs ?? true)
    }
}

/// `special_tokens_map.json`: the names of tokens by their roles. The same keys can stand in `tokenizer_config.json`.
struct SpecialTokensMap: Decodable {
    private var names: [Role: [String]] = [:]

    enum Role: String, CodingKey, CaseIterable {
        case unknown = "unk_token"
        case classification = "cls_token"
        case separator = "sep_token"
        case padding = "pad_token"
        case mask = "mask_token"
        /// Any number of tokens without a role; newer versions call them `extra`.
        case additional = "additional_special_tokens"
        case extra = "extra_special_tokens"
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Role.self)
        for role in Role.allCases {
            switch role {
            case .additional, .extra:
                names[role] = try container.decodeIfPresent([AddedToken].self, forKey: role)?.map(\.content)
            default: names[role] = try container.decodeIfPresent(AddedToken.self, forKey: role).map { [$0.content] }
            }
        }
    }

    /// The names of the tokens of a role, none if nothing is said of it.
    subscript(role: Role) -> [String] { names[role] ?? [] }

    /// The same, with the names of `other` where it has some.
    func merging(_ other: SpecialTokensMap) -> SpecialTokensMap {
        var result = self
        result.names.merge(other.names) { $1 }
        return result
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
            self.init(content: name, id: 0, isNormalized: true)
            return
        }
        let container = try decoder.container(keyedBy: Key.self)
        func flag(_ key: Key) throws -> Bool? { try container.decodeIfPresent(Bool.self, forKey: key) }
        let isSpecial = try flag(.special) ?? false
        self.init(
            content: try container.decode(String.self, forKey: .content), id: 0,
            boundary: try flag(.singleWord) == true ? .word : .none, stripsLeft: try flag(.lstrip) ?? false,
            stripsRight: try flag(.rstrip) ?? false, isNormalized: try flag(.normalized) ?? !isSpecial)
    }
}
