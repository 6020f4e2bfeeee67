import Foundation

extension Tokenizer {
    /// Puts together what `vocab.txt`, `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say.
    init(
        _ vocabularyFile: Data, source: String, _ settings: TokenizerConfiguration, special map: SpecialTokensMap?,
        added numbered: [String: Int], files: TokenizerFiles
    ) throws {
        // The map is the older file: it counts, unless the newer one lists the tokens with their ids.
        let older = map ?? SpecialTokensMap()
        let names = settings.added == nil ? settings.special.merging(older) : older.merging(settings.special)
        var special = SpecialTokens()
        special.unknown = names.unknown?.content ?? special.unknown
        special.classification = names.classification?.content ?? special.classification
        special.separator = names.separator?.content ?? special.separator
        var vocabulary = try Vocabulary(fileContents: vocabularyFile, special: special, source: source)
        let named = [
            special.unknown, special.classification, special.separator, names.padding?.content ?? "[PAD]",
            names.mask?.content ?? "[MASK]",
        ]
        var added = AddedTokens.special(named + names.others.map(\.content), in: vocabulary)
        var listed = numbered.map { AddedToken(content: $0, id: $1, isNormalized: true) }
        for (id, token) in settings.added ?? [:] {
            guard let id = Int(id) else { continue }
            listed.append(
                AddedToken(
                    content: token.content, id: id, boundary: token.isSingleWord == true ? .word : .none,
                    stripsLeft: token.stripsLeft ?? false, stripsRight: token.stripsRight ?? false,
                    isNormalized: token.isNormalized ?? !(token.isSpecial ?? false)))
        }
        for token in listed.sorted(by: { $0.id < $1.id }) {
            guard token.id >= 0 && token.id < Self.mostTokens else {
                throw TokenizationError("\(source): the id of '\(token.content)' is not one that a token can have")
            }
            vocabulary.add(token.content, id: token.id)
            added.removeAll { $0.content.utf8.elementsEqual(token.content.utf8) }
            added.append(token)
        }
        added += (settings.neverSplit ?? []).map {
            AddedToken(content: $0, id: vocabulary.id(of: $0) ?? vocabulary.unknown, boundary: .whiteSpace)
        }
        self.init(vocabulary: vocabulary, normalizer: settings.normalizer, addedTokens: added, files: files)
    }
}

/// `tokenizer_config.json` as `transformers` writes it for BERT.
struct TokenizerConfiguration: Codable {
    var tokenizerClass: String?
    var lowercases: Bool?
    var stripsAccents: Bool?
    var splitsIdeographs: Bool?
    var maximumLength: Double?
    var neverSplit: [String]?
    var added: [String: NamedToken]?
    /// The keys of ``SpecialTokensMap`` can stand here too.
    var special = SpecialTokensMap()

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

    init(_ normalizer: Normalizer, maximumLength: Int) {
        tokenizerClass = "BertTokenizer"
        lowercases = normalizer.lowercases
        stripsAccents = normalizer.stripsAccents
        splitsIdeographs = normalizer.splitsIdeographs
        self.maximumLength = Double(maximumLength)
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        tokenizerClass = try container.decodeIfPresent(String.self, forKey: .tokenizerClass)
        lowercases = try container.decodeIfPresent(Bool.self, forKey: .lowercases)
        stripsAccents = try container.decodeIfPresent(Bool.self, forKey: .stripsAccents)
        splitsIdeographs = try container.decodeIfPresent(Bool.self, forKey: .splitsIdeographs)
        maximumLength = try container.decodeIfPresent(Double.self, forKey: .maximumLength)
        neverSplit = try container.decodeIfPresent([String].self, forKey: .neverSplit)
        added = try container.decodeIfPresent([String: NamedToken].self, forKey: .added)
        special = try SpecialTokensMap(from: decoder)
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

    /// The keys that say something else than `normalizer` does; a key that is missing stands for its default.
    func disagreements(with normalizer: Normalizer) -> [String] {
        if Self.genericClasses.contains(tokenizerClass ?? "") { return [] }
        let own = self.normalizer
        let pairs: [(CodingKeys, Bool)] = [
            (.lowercases, own.lowercases == normalizer.lowercases),
            (.stripsAccents, own.stripsAccents == normalizer.stripsAccents),
            (.splitsIdeographs, own.splitsIdeographs == normalizer.splitsIdeographs),
        ]
        return pairs.filter { !$0.1 }.map(\.0.rawValue)
    }

    var normalizer: Normalizer {
        Normalizer(
            lowercases: lowercases ?? true, stripsAccents: stripsAccents, splitsIdeographs: splitsIdeographs ?? true)
    }
}

/// `special_tokens_map.json`
struct SpecialTokensMap: Decodable {
    var unknown: NamedToken?
    var classification: NamedToken?
    var separator: NamedToken?
    var padding: NamedToken?
    var mask: NamedToken?
    var additional: [NamedToken]?
    /// The same, as newer versions call it.
    var extra: [NamedToken]?

    enum CodingKeys: String, CodingKey {
        case unknown = "unk_token"
        case classification = "cls_token"
        case separator = "sep_token"
        case padding = "pad_token"
        case mask = "mask_token"
        case additional = "additional_special_tokens"
        case extra = "extra_special_tokens"
    }

    init() {}

    /// Special tokens without a role.
    var others: [NamedToken] { (additional ?? []) + (extra ?? []) }

    /// The same, with the names of `other` where it has some.
    func merging(_ other: SpecialTokensMap) -> SpecialTokensMap {
        var result = self
        result.unknown = other.unknown ?? unknown
        result.classification = other.classification ?? classification
        result.separator = other.separator ?? separator
        result.padding = other.padding ?? padding
        result.mask = other.mask ?? mask
        result.additional = other.additional ?? additional
        result.extra = other.extra ?? extra
        return result
    }
}

/// A token by its name alone, or with how it is found.
struct NamedToken: Codable {
    let content: String
    var isSingleWord: Bool?
    var stripsLeft: Bool?
    var stripsRight: Bool?
    var isNormalized: Bool?
    var isSpecial: Bool?

    enum CodingKeys: String, CodingKey {
        case content
        case isSingleWord = "single_word"
        case stripsLeft = "lstrip"
        case stripsRight = "rstrip"
        case isNormalized = "normalized"
        case isSpecial = "special"
    }

    init(from decoder: any Decoder) throws {
        if let content = try? decoder.singleValueContainer().decode(String.self) {
            self.content = content
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        content = try container.decode(String.self, forKey: .content)
        isSingleWord = try container.decodeIfPresent(Bool.self, forKey: .isSingleWord)
        stripsLeft = try container.decodeIfPresent(Bool.self, forKey: .stripsLeft)
        stripsRight = try container.decodeIfPresent(Bool.self, forKey: .stripsRight)
        isNormalized = try container.decodeIfPresent(Bool.self, forKey: .isNormalized)
        isSpecial = try container.decodeIfPresent(Bool.self, forKey: .isSpecial)
    }
}
