import Foundation

extension Tokenizer {
    /// Puts together what `vocab.txt`, `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say.
    ///
    /// - Parameters:
    ///   - data: the content of `vocab.txt`
    ///   - source: what an error names as that file
    ///   - map: the names of special tokens
    ///   - numbered: the ids of added tokens, by their names
    init(
        vocabularyFile data: Data, source: String, _ settings: TokenizerConfiguration, special map: SpecialTokensMap,
        added numbered: [String: Int], files: TokenizerFiles
    ) throws {
        var special = SpecialTokens()
        special.unknown = map[.unknown].first ?? special.unknown
        special.classification = map[.classification].first ?? special.classification
        special.separator = map[.separator].first ?? special.separator
        var vocabulary = try Vocabulary(fileContents: data, source: source)
        let (unknown, template) = try special.ids(in: vocabulary, source: source)
        let model = WordPiece(vocabulary, unknown: unknown)
        let named = [
            special.unknown, special.classification, special.separator, map[.padding].first ?? "[PAD]",
            map[.mask].first ?? "[MASK]",
        ]
        var added = AddedToken.special(named + map[.additional] + map[.extra], in: vocabulary)
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
        self.init(
            vocabulary: vocabulary, normalizer: .bert(settings.normalizer), splitter: .bert,
            subwords: .wordPiece(model), template: template, addedTokens: added, files: files)
    }
}
