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
    /// - Throws: an error that names the file, and what in it this package cannot do.
    package init(contentsOf folder: URL) throws {
        let files = try TokenizerFiles(contentsOf: folder)
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
            if files.contents[TokenizerFiles.configuration] != nil {
                let settings: TokenizerConfiguration = try readJSON(
                    folder.appending(path: TokenizerFiles.configuration))
                let disagreements = settings.disagreements(with: normalizer)
                if !disagreements.isEmpty {
                    warning =
                        "\(folder.path): tokenizer.json and tokenizer_config.json disagree about"
                        + " \(disagreements.joined(separator: ", ")); tokenizer.json counts"
                }
            }
        } else {
            try self.init(vocabularyIn: folder, files: files)
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

    /// Reads `vocab.txt`, and what `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say, where they
    /// are there.
    private init(vocabularyIn folder: URL, files: TokenizerFiles) throws {
        guard files.contents[TokenizerFiles.vocabulary] != nil else {
            throw TokenizationError(
                "\(folder.path): has neither \(TokenizerFiles.tokenizer) nor \(TokenizerFiles.vocabulary); a BERT model's"
                    + " tokenizer is in one of them")
        }
        func read<Value: Decodable>(_ name: String) throws -> Value? {
            files.contents[name] == nil ? nil : try readJSON(folder.appending(path: name))
        }
        let settings: TokenizerConfiguration = try read(TokenizerFiles.configuration) ?? TokenizerConfiguration()
        let map: SpecialTokensMap? = try read(TokenizerFiles.specialTokens)
        let names = (map ?? SpecialTokensMap()).merging(settings.special)
        var special = SpecialTokens()
        special.unknown = names.unknown?.content ?? special.unknown
        special.classification = names.classification?.content ?? special.classification
        special.separator = names.separator?.content ?? special.separator
        var vocabulary = try Vocabulary(
            contentsOf: folder.appending(path: TokenizerFiles.vocabulary), special: special)
        var added = AddedTokens.special(
            [
                special.unknown, special.classification, special.separator, names.padding?.content ?? "[PAD]",
                names.mask?.content ?? "[MASK]",
            ], in: vocabulary)
        let numbered: [String: Int] = try read(TokenizerFiles.addedTokens) ?? [:]
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
                throw TokenizationError("\(folder.path): the id of '\(token.content)' is not one that a token can have")
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

    /// The keys that say something else than `normalizer` does.
    func disagreements(with normalizer: Normalizer) -> [String] {
        let pairs: [(CodingKeys, Bool?, Bool)] = [
            (.lowercases, lowercases, normalizer.lowercases), (.stripsAccents, stripsAccents, normalizer.stripsAccents),
            (.splitsIdeographs, splitsIdeographs, normalizer.splitsIdeographs),
        ]
        return pairs.filter { $0.1 ?? $0.2 != $0.2 }.map(\.0.rawValue)
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

    enum CodingKeys: String, CodingKey {
        case unknown = "unk_token"
        case classification = "cls_token"
        case separator = "sep_token"
        case padding = "pad_token"
        case mask = "mask_token"
    }

    init() {}

    /// The same, with the names of `other` where it has some.
    func merging(_ other: SpecialTokensMap) -> SpecialTokensMap {
        var result = self
        result.unknown = other.unknown ?? unknown
        result.classification = other.classification ?? classification
        result.separator = other.separator ?? separator
        result.padding = other.padding ?? padding
        result.mask = other.mask ?? mask
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
