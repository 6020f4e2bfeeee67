import Foundation
import JSON

/// Describes a tokenizer as `tokenizer.json` would, from the files of its model and the class that `transformers` has for it.
struct ClassDescription {
    private let name: String
    private let settings: TokenizerConfiguration
    private var special: SpecialTokens

    init(_ name: String, _ settings: TokenizerConfiguration, _ special: SpecialTokens) {
        // The older names of the same classes.
        self.name = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
        (self.settings, self.special) = (settings, special)
    }

    private func refused(_ classes: String) -> TokenizationError {
        TokenizationError(
            "tokenizer_class is '\(name)', and there is no tokenizer.json; without one, only that of \(classes) can be read from this file"
        )
    }

    /// The tokenizer of RoBERTa: `vocab.json` and `merges.txt`.
    ///
    /// - Throws: ``TokenizationError`` if a file is damaged, or the class is another one.
    mutating func byteLevelBPE(tokens: Data, merges: Data) throws -> JSONValue {
        guard name == "RobertaTokenizer" else { throw refused("RobertaTokenizer") }
        guard let vocabulary = JSONValue(parsing: tokens), let entries = vocabulary.object else {
            throw TokenizationError("is not a JSON object")
        }
        guard let text = String(validating: merges, as: UTF8.self) else {
            throw TokenizationError("merges.txt is not valid UTF-8")
        }
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last == "" { lines.removeLast() }
        let model: [(String, JSONValue)] = [
            ("type", .string("BPE")), ("vocab", vocabulary),
            ("merges", .array(lines.filter { !$0.hasPrefix("#version") }.map(JSONValue.string))),
        ]
        let ids = Dictionary(entries.compactMap { key, value in value.int.map { (Array(key.utf8), $0) } }) { $1 }
        let added = addedTokens(others: [], ids)
        let prefix = settings.addsPrefixSpace ?? false
        func piece(_ role: SpecialTokens.Role) -> JSONValue {
            .array([.string(special.name(role)), id(of: role, added)])
        }
        return .object([
            ("added_tokens", .array(added.map(\.description))),
            ("pre_tokenizer", .object([("type", .string("ByteLevel")), ("add_prefix_space", .bool(prefix))])),
            (
                "post_processor",
                .object([
                    ("type", .string("RobertaProcessing")), ("sep", piece(.separator)), ("cls", piece(.classification)),
                ])
            ),
            ("model", .object(model)),
        ])
    }

    /// The tokenizers of XLM-RoBERTa, CamemBERT and ALBERT: a model of SentencePiece. The first two have their own special tokens before its pieces.
    ///
    /// - Throws: ``TokenizationError`` if the class is another one.
    mutating func sentencePiece(_ file: SentencePieceFile) throws -> JSONValue {
        let isAlbert = name == "AlbertTokenizer"
        special.tokens.merge((isAlbert ? SpecialTokens.albert : .roberta).tokens) { old, _ in old }
        let pieces = file.pieces.map { ($0.text, Double($0.score)) }
        func named(_ roles: SpecialTokens.Role...) -> [(String, Double)] { roles.map { (special.name($0), 0) } }
        let entries: [(String, Double)]
        var unknown = 3
        switch name {
        case "XLMRobertaTokenizer":
            entries = named(.beginning, .padding, .end, .unknown) + pieces.dropFirst(3) + named(.mask)
        case "CamembertTokenizer":
            entries =
                [("<s>NOTUSED", 0)] + named(.padding) + [("</s>NOTUSED", 0)] + named(.unknown) + [
                    ("<unk>NOTUSED", -100)
                ]
                + pieces.dropFirst() + named(.mask)
            unknown = entries.firstIndex { $0.0.utf8.elementsEqual(special.name(.unknown).utf8) } ?? 0
            for index in special.tokens[.mask]?.indices ?? 0..<0 where special.tokens[.mask]![index].isNameOnly {
                special.tokens[.mask]![index].stripsLeft = true
            }
        case "AlbertTokenizer": (entries, unknown) = (pieces, 1)
        default: throw refused("XLMRobertaTokenizer, CamembertTokenizer and AlbertTokenizer")
        }
        let ids = Dictionary(zip(entries.map { Array($0.0.utf8) }, 0...)) { $1 }
        // Pieces of its own that are no part of a text, or are found as they stand.
        let own = file.pieces.filter { $0.kind == .control || $0.kind == .userDefined }.map {
            AddedToken(content: $0.text, id: 0, isSpecial: $0.kind == .control)
        }
        let added = addedTokens(others: own, ids)
        let (first, last): (SpecialTokens.Role, SpecialTokens.Role) =
            isAlbert ? (.classification, .separator) : (.beginning, .end)
        return .object([
            ("added_tokens", .array(added.map(\.description))),
            ("normalizer", normalizer(file.characterMap, isAlbert: isAlbert)),
            (
                "pre_tokenizer",
                .sequence(
                    "pretokenizers",
                    [
                        .object([("type", .string("WhitespaceSplit"))]),
                        .object([
                            ("type", .string("Metaspace")), ("replacement", .string("▁")),
                            ("prepend_scheme", .string(settings.addsPrefixSpace == false ? "never" : "always")),
                        ]),
                    ])
            ),
            ("post_processor", template(first, last, added, segment: isAlbert ? 1 : 0, separators: isAlbert ? 1 : 2)),
            (
                "model",
                .object([
                    ("type", .string("Unigram")), ("unk_id", .number("\(unknown)")),
                    // Written so that no digit is lost.
                    ("vocab", .array(entries.map { .array([.string($0), .number(String(format: "%a", $1))]) })),
                ])
            ),
        ])
    }

    private func normalizer(_ characterMap: [UInt8], isAlbert: Bool) -> JSONValue {
        func replace(_ text: String) -> JSONValue {
            .object([
                ("type", .string("Replace")), ("pattern", .object([("String", .string(text))])),
                ("content", .string("\"")),
            ])
        }
        func step(_ type: String) -> JSONValue { .object([("type", .string(type))]) }
        var steps: [JSONValue] = []
        if isAlbert {
            steps = [replace("``"), replace("''")]
            if settings.keepsAccents != true { steps += [step("NFKD"), step("StripAccents")] }
            if settings.lowercases != false { steps.append(step("Lowercase")) }
        }
        if !characterMap.isEmpty {
            let text = Data(characterMap).base64EncodedString()
            steps.append(.object([("type", .string("Precompiled")), ("precompiled_charsmap", .string(text))]))
        }
        return .sequence("normalizers", steps)
    }

    /// - Parameter separators: how many stand between two texts
    private func template(
        _ first: SpecialTokens.Role, _ last: SpecialTokens.Role, _ added: [AddedToken], segment: Int, separators: Int
    ) -> JSONValue {
        func token(_ role: SpecialTokens.Role, _ segment: Int) -> JSONValue {
            .object([
                ("SpecialToken", .object([("id", .string(special.name(role))), ("type_id", .number("\(segment)"))]))
            ])
        }
        func text(_ name: String, _ segment: Int) -> JSONValue {
            .object([("Sequence", .object([("id", .string(name)), ("type_id", .number("\(segment)"))]))])
        }
        let single = [token(first, 0), text("A", 0), token(last, 0)]
        let between = [JSONValue](repeating: token(last, 0), count: separators - 1)
        let ids = [first, last].map { role in
            (special.name(role), JSONValue.object([("ids", .array([id(of: role, added)]))]))
        }
        return .object([
            ("type", .string("TemplateProcessing")), ("single", .array(single)),
            ("pair", .array(single + between + [text("B", segment), token(last, segment)])),
            ("special_tokens", .object(ids.map { (key: $0.0, value: $0.1) })),
        ])
    }

    /// The special tokens, in the order in which they get ids if they are not in the vocabulary.
    ///
    /// - Parameter ids: of the vocabulary
    private func addedTokens(others: [AddedToken], _ ids: [[UInt8]: Int]) -> [AddedToken] {
        let roles: [SpecialTokens.Role] = [.beginning, .end, .unknown, .separator, .padding, .classification, .mask]
        let named = roles.flatMap { special.tokens[$0] ?? [] }
        let extra = others.isEmpty ? [.additional, .extra].flatMap { special.tokens[$0] ?? [] } : others
        var added: [AddedToken] = []
        var next = ids.count
        for var token in settings.addedInOrder + named + extra
        where !added.contains(where: { $0.content.utf8.elementsEqual(token.content.utf8) }) {
            token.id = ids[Array(token.content.utf8)] ?? next
            if token.id == next { next += 1 }
            added.append(token)
        }
        return added
    }

    private func id(of role: SpecialTokens.Role, _ added: [AddedToken]) -> JSONValue {
        let name = special.name(role)
        return added.first { $0.content.utf8.elementsEqual(name.utf8) }.map { .number("\($0.id)") } ?? .null
    }
}

extension AddedToken {
    /// As `tokenizer.json` has it.
    var description: JSONValue {
        .object([
            ("id", .number("\(id)")), ("content", .string(content)), ("single_word", .bool(boundary == .word)),
            ("lstrip", .bool(stripsLeft)), ("rstrip", .bool(stripsRight)), ("normalized", .bool(isNormalized)),
            ("special", .bool(isSpecial)),
        ])
    }
}

extension JSONValue {
    fileprivate static func sequence(_ key: String, _ steps: [JSONValue]) -> JSONValue {
        .object([("type", .string("Sequence")), (key, .array(steps))])
    }
}
