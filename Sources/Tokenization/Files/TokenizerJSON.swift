import JSON

extension Tokenizer {
    /// Reads `tokenizer.json`, as Hugging Face's tokenizers write it: an object that describes each step of a tokenizer.
    ///
    /// - Throws: ``TokenizationError``, without the file's name, for any step that cannot be read.
    init(_ document: JSONValue) throws {
        let isByteLevel =
            Splitter.endsWithBytes(document["pre_tokenizer"]) && document["model"]["vocab"].array == nil
            && !document["model"]["merges"].isNull
        let splitter = try Splitter(document["pre_tokenizer"], mapsBytes: !isByteLevel)
        let (subwords, words, count) = try SubwordModel.read(document["model"], isByteLevel: isByteLevel)
        var vocabulary = words
        var added: [AddedToken] = []
        // The ids of tokens that are in the vocabulary stand there; others follow it.
        var next = count
        for value in document["added_tokens"].array ?? [] {
            var token = try AddedToken(value)
            if token.content.isEmpty { continue }
            if let id = added.last(where: { $0.content.utf8.elementsEqual(token.content.utf8) })?.id
                ?? words.id(of: token.content)
            {
                token.id = id
            } else {
                token.id = next
                next += 1
            }
            vocabulary.add(token.content, id: token.id)
            added.append(token)
        }
        // Whoever wrote down no normaliser for BERT's words wanted none of its steps.
        let normalizer: Normalizer =
            splitter == .bert && document["normalizer"].isNull
            ? .bert(BERTNormalizer(cleans: false, lowercases: false, splitsIdeographs: false))
            : try Normalizer(document["normalizer"])
        self.init(
            vocabulary: vocabulary, normalizer: normalizer, splitter: splitter, subwords: subwords,
            template: try Template(document["post_processor"], vocabulary),
            addedTokens: try AddedTokens(added, normalizer))
        truncatesBeginning = document["truncation"]["direction"].string == "Left"
        specialIDs = Set(added.filter(\.isSpecial).map(\.id))
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
            isNormalized: value["normalized"].bool ?? false, isSpecial: value["special"].bool ?? false)
    }
}
