import JSON

extension SubwordModel {
    /// Reads the model of a `tokenizer.json`.
    ///
    /// - Parameter isByteLevel: whether the words are bytes, where the model's tokens have a character for each
    /// - Returns: the model, its vocabulary, and how many tokens that has
    /// - Throws: ``TokenizationError`` that names what cannot be read.
    static func read(
        _ value: JSONValue, isByteLevel: Bool
    ) throws -> (model: SubwordModel, vocabulary: Vocabulary, count: Int) {
        // Old files do not name the type.
        let type =
            value["type"].string
            ?? (value["merges"].isNull ? value["vocab"].array == nil ? "WordPiece" : "Unigram" : "BPE")
        switch type {
        case "Unigram": return try unigram(value)
        case "WordPiece", "BPE", "WordLevel": break
        default: throw TokenizationError("the model is of type '\(type)', which is not computed here")
        }
        guard let entries = value["vocab"].object else { throw TokenizationError("the model has no vocab") }
        var ids: [(token: String, id: Int)] = []
        var tokens: [String] = []
        for (token, value) in entries {
            guard let id = value.int, Vocabulary.possibleIDs.contains(id) else {
                throw TokenizationError("the id of the token '\(token)' is not one that a token can have")
            }
            while tokens.count <= id { tokens.append("") }
            tokens[id] = token
            ids.append((token, id))
        }
        let vocabulary = Vocabulary(tokens)
        let unknown = value["unk_token"].string.map { name in
            (name: name, id: vocabulary.id(of: name))
        }
        func requireUnknown() throws -> Int {
            guard let id = unknown?.id else {
                throw TokenizationError("model.vocab: the unknown token \(unknown?.name ?? "") is missing")
            }
            return id
        }
        switch type {
        case "WordLevel": return (.words(vocabulary, unknown: try requireUnknown()), vocabulary, ids.count)
        case "BPE":
            if let dropout = value["dropout"].double, dropout != 0 {
                throw TokenizationError("the model leaves out merges at random (dropout), which is not computed here")
            }
            var settings = BPE.Settings()
            settings.isByteLevel = isByteLevel
            settings.unknown = unknown?.name.isEmpty == false ? try requireUnknown() : unknown?.id
            settings.fusesUnknown = value["fuse_unk"].bool ?? false
            settings.fallsBackToBytes = value["byte_fallback"].bool ?? false
            settings.ignoresMerges = value["ignore_merges"].bool ?? false
            settings.prefix = value["continuing_subword_prefix"].string ?? ""
            settings.suffix = value["end_of_word_suffix"].string ?? ""
            guard settings.prefix.utf8.count + settings.suffix.utf8.count <= longestToken else {
                throw TokenizationError(
                    "the model has a prefix or suffix of subwords of more than \(longestToken) bytes")
            }
            if isByteLevel, !settings.prefix.isEmpty || !settings.suffix.isEmpty {
                throw TokenizationError(
                    "the model has bytes, and a prefix or suffix of subwords, which is not computed here")
            }
            guard let lines = value["merges"].array else { throw TokenizationError("the model has no merges") }
            let merges = try lines.map { merge in
                let parts =
                    merge.array?.compactMap(\.string) ?? merge.string?.split(
                        separator: " ", omittingEmptySubsequences: false
                    ).map(String.init) ?? []
                guard parts.count == 2 else { throw TokenizationError("a merge of the model is not one of two tokens") }
                return (parts[0], parts[1])
            }
            return (.bpe(try BPE(ids, merges: merges, settings)), vocabulary, ids.count)
        default:
            let longestWord = value["max_input_chars_per_word"].int ?? WordPiece.longestWord
            guard (0...WordPiece.longestLongestWord).contains(longestWord) else {
                throw TokenizationError(
                    "max_input_chars_per_word is \(longestWord); it must lie between 0 and \(WordPiece.longestLongestWord)"
                )
            }
            let wordPiece = WordPiece(
                vocabulary, unknown: try requireUnknown(),
                continuationPrefix: value["continuing_subword_prefix"].string ?? WordPiece.continuationPrefix,
                longestWord: longestWord)
            return (.wordPiece(wordPiece), vocabulary, ids.count)
        }
    }

    /// At every place of a text, so many bytes may have to be read.
    private static let longestToken = 1000

    private static func unigram(_ value: JSONValue) throws -> (model: SubwordModel, vocabulary: Vocabulary, count: Int)
    {
        guard let entries = value["vocab"].array else { throw TokenizationError("the model has no vocab") }
        guard entries.count <= Vocabulary.possibleIDs.count else {
            throw TokenizationError("the model has \(entries.count) tokens")
        }
        let pieces = try entries.map { entry in
            guard let pair = entry.array, pair.count == 2, let token = pair[0].string, let score = score(pair[1]),
                score.isFinite
            else {
                throw TokenizationError("an entry of the model's vocab is not a token with a score")
            }
            guard token.utf8.count <= longestToken else {
                throw TokenizationError("the token '\(token.prefix(20))…' has more than \(longestToken) bytes")
            }
            return (token: token, score: score)
        }
        guard let unknown = value["unk_id"].int, pieces.indices.contains(unknown) else {
            throw TokenizationError(
                "the model has no unk_id, or none of a token: characters that no token has are not computed without")
        }
        let model = Unigram(pieces, unknown: unknown, fallsBackToBytes: value["byte_fallback"].bool ?? false)
        return (.unigram(model), Vocabulary(pieces.map(\.token)), pieces.count)
    }

    /// A number as `serde_json` reads it, with which Hugging Face's tokenizers read their files: up to a unit in the last place beside the nearest one.
    private static func score(_ value: JSONValue) -> Double? {
        guard case .number(let text) = value else { return nil }
        // In hexadecimal digits, which no file has, it is exact.
        if text.contains("x") { return Double(text) }
        var (digits, exponent): (UInt64, Int) = (0, 0)
        let parts = text.lowercased().split(separator: "e")
        var isFraction = false
        for character in parts[0].utf8 {
            if character == UInt8(ascii: ".") { isFraction = true }
            guard (48...57).contains(character) else { continue }
            let (product, overflows) = digits.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.addingReportingOverflow(UInt64(character - 48))
            if overflows || overflowsToo {
                // Further digits count for nothing but their place.
                if !isFraction { exponent += 1 }
                continue
            }
            digits = sum
            if isFraction { exponent -= 1 }
        }
        if parts.count > 1 {
            guard let written = Int(parts[1]), abs(written) < 400 else { return Double(text) }
            exponent += written
        }
        let power = Double("1e\(abs(exponent))") ?? .infinity
        let magnitude = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return text.hasPrefix("-") ? -magnitude : magnitude
    }
}
