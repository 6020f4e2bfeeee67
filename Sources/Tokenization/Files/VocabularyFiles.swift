import Foundation

extension Tokenizer {
    /// Puts together what `vocab.txt`, `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say.
    ///
    /// - Parameters:
    ///   - data: the content of `vocab.txt`
    ///   - source: what an error names as that file
    ///   - numbered: the ids of added tokens, by their names
    init(
        vocabularyFile data: Data, source: String, _ settings: TokenizerConfiguration, special: SpecialTokens,
        added numbered: [String: Int]
    ) throws {
        var vocabulary = try Vocabulary(fileContents: data, source: source)
        let (unknown, template) = try special.ids(in: vocabulary, source: source)
        let model = WordPiece(vocabulary, unknown: unknown)
        var added = AddedToken.special(special.all, in: vocabulary)
        var listed = numbered.map { AddedToken(content: $0, id: $1, isNormalized: true) }
        for (id, token) in settings.added ?? [:] {
            guard let id = Int(id) else { continue }
            var token = token
            token.id = id
            listed.append(token)
        }
        for token in listed.sorted(by: { $0.id < $1.id }) {
            guard Vocabulary.possibleIDs.contains(token.id) else {
                throw TokenizationError("\(source): the id of '\(token.content)' is not one that a token can have")
            }
            vocabulary.add(token.content, id: token.id)
            added.removeAll { $0.content.utf8.elementsEqual(token.content.utf8) }
            added.append(token)
        }
        added += (settings.neverSplit ?? []).map {
            AddedToken(content: $0, id: vocabulary.id(of: $0) ?? unknown, boundary: .whiteSpace)
        }
        let normalizer = Normalizer.bert(settings.normalizer)
        self.init(
            vocabulary: vocabulary, normalizer: normalizer, splitter: .bert, subwords: .wordPiece(model),
            template: template, addedTokens: try AddedTokens(added, normalizer))
        truncatesBeginning = settings.truncationSide == "left"
        self.special = special.ids(in: vocabulary)
    }
}
