import JSON

extension Tokenizer {
    /// Reads `tokenizer.json`, as Hugging Face's tokenizers write it: an object that describes each step of a tokenizer.
    ///
    /// - Throws: ``TokenizationError``, without the file's name, for any step that cannot be read.
    init(_ document: JSONValue) throws {
        let model = document["model"]
        // Old files do not name the type.
        guard model["type"].string ?? "WordPiece" == "WordPiece", let entries = model["vocab"].object else {
            throw TokenizationError("the model is of type '\(model["type"].string ?? "")'; only WordPiece can be read")
        }
        let splitter = try Splitter(document["pre_tokenizer"])
        var special = try SpecialTokens(template: document["post_processor"])
        if let unknown = model["unk_token"].string { special.names[.unknown] = [unknown] }
        var tokens: [String] = []
        for (token, value) in entries {
            guard let id = value.int, Vocabulary.possibleIDs.contains(id) else {
                throw TokenizationError("the id of the token '\(token)' is not one that a token can have")
            }
            while tokens.count <= id { tokens.append("") }
            tokens[id] = token
        }
        var vocabulary = Vocabulary(tokens)
        let (unknown, template) = try special.ids(in: vocabulary, source: "model.vocab")
        let longestWord = model["max_input_chars_per_word"].int ?? WordPiece.longestWord
        guard (0...WordPiece.longestLongestWord).contains(longestWord) else {
            throw TokenizationError(
                "max_input_chars_per_word is \(longestWord); it must lie between 0 and \(WordPiece.longestLongestWord)")
        }
        let wordPiece = WordPiece(
            vocabulary, unknown: unknown,
            continuationPrefix: model["continuing_subword_prefix"].string ?? WordPiece.continuationPrefix,
            longestWord: longestWord)
        let added = try (document["added_tokens"].array ?? []).map(AddedToken.init)
        for token in added { vocabulary.add(token.content, id: token.id) }
        let normalizer = try Normalizer(document["normalizer"])
        self.init(
            vocabulary: vocabulary, normalizer: normalizer, splitter: splitter, subwords: .wordPiece(wordPiece),
            template: template, addedTokens: try AddedTokens(added, normalizer))
    }
}

extension JSONValue {
    /// - Throws: ``TokenizationError`` if the type of a step is not one of `types`.
    fileprivate func requireType(_ types: String..., of step: String) throws {
        guard let type = self["type"].string, types.contains(type) else {
            throw TokenizationError(
                "\(step) is '\(self["type"].string ?? "null")'; only \(types.joined(separator: " and ")) can be read")
        }
    }
}

extension Normalizer {
    fileprivate init(_ value: JSONValue) throws {
        if value.isNull {
            self = .bert(BERTNormalizer(cleans: false, lowercases: false, splitsIdeographs: false))
            return
        }
        try value.requireType("BertNormalizer", of: "normalizer")
        self = .bert(
            BERTNormalizer(
                cleans: value["clean_text"].bool ?? true, lowercases: value["lowercase"].bool ?? true,
                stripsAccents: value["strip_accents"].bool,
                splitsIdeographs: value["handle_chinese_chars"].bool ?? true))
    }
}

extension Splitter {
    fileprivate init(_ value: JSONValue) throws {
        try value.requireType("BertPreTokenizer", of: "pre_tokenizer")
        self = .bert
    }
}

extension SpecialTokens {
    /// Reads which tokens a post-processor puts before and after a text.
    fileprivate init(template value: JSONValue) throws {
        try value.requireType("TemplateProcessing", "BertProcessing", of: "post_processor")
        self.init()
        if let first = value["cls"].array?.first?.string, let last = value["sep"].array?.first?.string {
            names.merge([.classification: [first], .separator: [last]]) { $1 }
            return
        }
        let pieces = value["single"].array ?? []
        let tokens = pieces.map { $0["SpecialToken"]["id"].string }
        guard pieces.count == 3, let first = tokens[0], pieces[1]["Sequence"]["id"].string == "A", let last = tokens[2],
            pieces.allSatisfy({ ($0["SpecialToken"]["type_id"].int ?? $0["Sequence"]["type_id"].int) == 0 })
        else {
            throw TokenizationError(
                "post_processor has another template than BERT's, which is one token, the text, and one token")
        }
        names.merge([.classification: [first], .separator: [last]]) { $1 }
    }
}

extension AddedToken {
    fileprivate init(_ value: JSONValue) throws {
        guard let content = value["content"].string, let id = value["id"].int, Vocabulary.possibleIDs.contains(id)
        else {
            throw TokenizationError("an entry of added_tokens has no content, or no id that a token can have")
        }
        self.init(
            content: content, id: id, boundary: value["single_word"].bool == true ? .word : .none,
            stripsLeft: value["lstrip"].bool ?? false, stripsRight: value["rstrip"].bool ?? false,
            isNormalized: value["normalized"].bool ?? false)
    }
}
