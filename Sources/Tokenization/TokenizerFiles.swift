import Foundation

/// The files of a tokenizer as they were found, so that they can be given back byte for byte.
struct TokenizerFiles: Sendable {
    var contents: [String: Data] = [:]

    static let tokenizer = "tokenizer.json"
    static let configuration = "tokenizer_config.json"
    static let vocabulary = "vocab.txt"
    static let specialTokens = "special_tokens_map.json"
    static let addedTokens = "added_tokens.json"
    static let all = [tokenizer, configuration, vocabulary, specialTokens, addedTokens]

    init() {}

    /// Reads those that are in a folder.
    init(contentsOf folder: URL) throws {
        for name in Self.all {
            let file = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            do {
                contents[name] = try Data(contentsOf: file)
            } catch {
                throw TokenizationError("\(file.path): cannot be read: \(error.localizedDescription)")
            }
        }
    }
}

extension Tokenizer {
    /// The names that a tokenizer's files can have.
    package static let fileNames = TokenizerFiles.all

    /// Reads the tokenizer of a model folder: `tokenizer.json` if it is there, else `vocab.txt` and `tokenizer_config.json`.
    ///
    /// - Parameter tokenizerClass: what `config.json` says of it, if anything
    /// - Throws: an error that names the file, and what in it this package cannot do.
    package init(contentsOf folder: URL, tokenizerClass: String? = nil) throws {
        let files = try TokenizerFiles(contentsOf: folder)
        func decode<Value: Decodable>(_ name: String) throws -> Value? {
            try files.contents[name].map { try decodeJSON($0, source: folder.appending(path: name).path) }
        }
        var settings: TokenizerConfiguration = try decode(TokenizerFiles.configuration) ?? TokenizerConfiguration()
        settings.tokenizerClass = settings.tokenizerClass ?? tokenizerClass
        if let data = files.contents[TokenizerFiles.tokenizer] {
            let file = folder.appending(path: TokenizerFiles.tokenizer)
            guard let document = JSONValue(parsing: Array(data)) else {
                throw TokenizationError("\(file.path): not valid JSON")
            }
            do {
                try self.init(document, files: files)
            } catch let error as TokenizationError {
                throw TokenizationError("\(file.path): \(error)")
            }
            let disagreements = settings.disagreements(with: normalizer)
            if !disagreements.isEmpty {
                warning =
                    "\(folder.path): tokenizer.json and tokenizer_config.json disagree about"
                    + " \(disagreements.joined(separator: ", ")); tokenizer.json counts here, the other for transformers"
            }
        } else if let vocabulary = files.contents[TokenizerFiles.vocabulary] {
            let file = folder.appending(path: TokenizerFiles.vocabulary)
            try settings.checkClass(folder: folder)
            try self.init(
                vocabulary, source: file.path, settings, special: decode(TokenizerFiles.specialTokens),
                added: decode(TokenizerFiles.addedTokens) ?? [:], files: files)
        } else {
            throw TokenizationError(
                "\(folder.path): has neither \(TokenizerFiles.tokenizer) nor \(TokenizerFiles.vocabulary); a BERT model's"
                    + " tokenizer is in one of them")
        }
    }

    /// Writes the tokenizer's files to a folder: those that it was read from, as they were, and those that every model has.
    ///
    /// - Parameter maximumLength: the model's limit
    /// - Throws: what the file system says.
    package func write(to folder: URL, maximumLength: Int) throws {
        for (name, data) in files.contents { try data.write(to: folder.appending(path: name)) }
        if files.contents[TokenizerFiles.vocabulary] == nil {
            try Data(vocabulary.fileContents.utf8).write(to: folder.appending(path: TokenizerFiles.vocabulary))
        }
        if files.contents[TokenizerFiles.configuration] == nil {
            try writeJSON(
                TokenizerConfiguration(normalizer, maximumLength: maximumLength),
                to: folder.appending(path: TokenizerFiles.configuration))
        }
    }

    // MARK: tokenizer.json

    /// Reads `tokenizer.json`, as Hugging Face's tokenizers write it.
    ///
    /// - Throws: ``TokenizationError``, without the file's name, for anything that is not BERT's.
    private init(_ document: JSONValue, files: TokenizerFiles) throws {
        let model = document["model"]
        // Old files do not name the type.
        guard model["type"].string ?? "WordPiece" == "WordPiece", let entries = model["vocab"].object else {
            throw TokenizationError("the model is of type '\(model["type"].string ?? "")'; only WordPiece can be read")
        }
        try Self.require(document["pre_tokenizer"], isOneOf: ["BertPreTokenizer"], "pre_tokenizer")
        let post = document["post_processor"]
        try Self.require(post, isOneOf: ["TemplateProcessing", "BertProcessing"], "post_processor")
        var special = SpecialTokens()
        special.unknown = model["unk_token"].string ?? special.unknown
        (special.classification, special.separator) = try Self.template(post)
        var tokens: [String] = []
        for (token, value) in entries {
            guard let id = value.int, id >= 0, id < Self.mostTokens else {
                throw TokenizationError("the id of the token '\(token)' is not one that a token can have")
            }
            while tokens.count <= id { tokens.append("") }
            tokens[id] = token
        }
        var vocabulary = try Vocabulary(
            tokens: tokens, special: special,
            continuationPrefix: model["continuing_subword_prefix"].string ?? "##", source: "model.vocab")
        let added = try (document["added_tokens"].array ?? []).map(Self.addedToken)
        for token in added { vocabulary.add(token.content, id: token.id) }
        self.init(
            vocabulary: vocabulary, normalizer: try Self.normalizer(document["normalizer"]), addedTokens: added,
            longestWord: model["max_input_chars_per_word"].int ?? 100, files: files)
    }

    /// More than any model has; a larger id is a mistake.
    private static let mostTokens = 1 << 24

    private static func require(_ value: JSONValue, isOneOf types: [String], _ name: String) throws {
        guard let type = value["type"].string, types.contains(type) else {
            throw TokenizationError(
                "\(name) is '\(value["type"].string ?? "null")'; only \(types.joined(separator: " and ")) can be read")
        }
    }

    /// The tokens that a post-processor puts before and after a text.
    private static func template(_ processor: JSONValue) throws -> (first: String, last: String) {
        if let first = processor["cls"].array?.first?.string, let last = processor["sep"].array?.first?.string {
            return (first, last)
        }
        let pieces = processor["single"].array ?? []
        let tokens = pieces.map { $0["SpecialToken"]["id"].string }
        guard pieces.count == 3, let first = tokens[0], pieces[1]["Sequence"]["id"].string == "A", let last = tokens[2],
            pieces.allSatisfy({ ($0["SpecialToken"]["type_id"].int ?? $0["Sequence"]["type_id"].int) == 0 })
        else {
            throw TokenizationError(
                "post_processor has another template than BERT's, which is one token, the text, and one token")
        }
        return (first, last)
    }

    private static func normalizer(_ value: JSONValue) throws -> Normalizer {
        var normalizer = Normalizer(lowercases: false, stripsAccents: false, splitsIdeographs: false)
        normalizer.cleans = false
        if value.isNull { return normalizer }
        try require(value, isOneOf: ["BertNormalizer"], "normalizer")
        normalizer = Normalizer(
            lowercases: value["lowercase"].bool ?? true, stripsAccents: value["strip_accents"].bool,
            splitsIdeographs: value["handle_chinese_chars"].bool ?? true)
        normalizer.cleans = value["clean_text"].bool ?? true
        return normalizer
    }

    private static func addedToken(_ value: JSONValue) throws -> AddedToken {
        guard let content = value["content"].string, let id = value["id"].int, id >= 0, id < mostTokens else {
            throw TokenizationError("an entry of added_tokens has no content, or no id that a token can have")
        }
        return AddedToken(
            content: content, id: id, boundary: value["single_word"].bool == true ? .word : .none,
            stripsLeft: value["lstrip"].bool ?? false, stripsRight: value["rstrip"].bool ?? false,
            isNormalized: value["normalized"].bool ?? false)
    }

    // MARK: vocab.txt

    /// Puts together what `vocab.txt`, `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say.
    private init(
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
private struct TokenizerConfiguration: Codable {
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
private struct SpecialTokensMap: Decodable {
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
private struct NamedToken: Codable {
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
