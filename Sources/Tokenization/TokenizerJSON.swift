import JSON

extension Tokenizer {
    /// Reads `tokenizer.json`, as Hugging Face's tokenizers write it.
    ///
    /// - Throws: ``TokenizationError``, without the file's name, for anything that is not BERT's.
    init(_ document: JSONValue, files: TokenizerFiles) throws {
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
    static let mostTokens = 1 << 24

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
}
