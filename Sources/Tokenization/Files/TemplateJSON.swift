import JSON

extension Template {
    /// Reads the post-processor of a `tokenizer.json`.
    ///
    /// - Parameter vocabulary: added tokens included
    /// - Throws: ``TokenizationError`` that names what cannot be read.
    init(_ value: JSONValue, _ vocabulary: Vocabulary) throws {
        let processors = Self.processors(value)
        let adding = processors.filter { $0["type"].string != "ByteLevel" }
        guard let processor = adding.first, adding.count == 1 else {
            throw TokenizationError(
                "post_processor \(adding.isEmpty ? "adds no token to a text" : "has several steps that add tokens"), which is not computed here"
            )
        }
        func checked(_ id: Int?) throws -> Int {
            guard let id, vocabulary.tokens.indices.contains(id) else {
                throw TokenizationError("post_processor has a token that is not in the vocabulary")
            }
            return id
        }
        switch processor["type"].string {
        case "BertProcessing", "RobertaProcessing":
            let separator = try checked(processor["sep"].array?.last?.int)
            let classification = try checked(processor["cls"].array?.last?.int)
            let bert = Template.bert(classification: classification, separator: separator)
            let end = Piece.token(separator, segment: 0)
            self =
                processor["type"].string == "BertProcessing"
                ? bert
                : Template(
                    before: bert.before, after: bert.after,
                    pair: [.token(classification, segment: 0), .first(segment: 0), end, end, .second(segment: 0), end])
        case "TemplateProcessing":
            let single = try Self.pieces(processor["single"], processor["special_tokens"], checked)
            let pair = try Self.pieces(processor["pair"], processor["special_tokens"], checked)
            guard let place = single.firstIndex(of: .first(segment: 0)) else {
                throw TokenizationError(
                    "post_processor has another template than one with the text in the first segment")
            }
            let around = single.indices.filter { $0 != place }
            let ids = try around.map { index in
                guard case .token(let id, segment: 0) = single[index] else {
                    throw TokenizationError(
                        "post_processor has another template than one of tokens and one text, all in the first segment")
                }
                return id
            }
            guard (1...2).contains(ids.count) else {
                throw TokenizationError("post_processor puts \(ids.count) tokens around a text, and not one or two")
            }
            guard pair.count(where: { if case .first = $0 { true } else { false } }) == 1,
                pair.count(where: { if case .second = $0 { true } else { false } }) == 1
            else {
                throw TokenizationError("post_processor has a template for pairs that does not have both texts once")
            }
            self.init(before: Array(ids[..<place]), after: Array(ids[place...]), pair: pair)
        case let type: throw TokenizationError("post_processor is '\(type ?? "null")', which is not computed here")
        }
    }

    /// The steps of a post-processor, one after the other.
    private static func processors(_ value: JSONValue) -> [JSONValue] {
        if value.isNull { return [] }
        guard value["type"].string == "Sequence" else { return [value] }
        return (value["processors"].array ?? []).flatMap(processors)
    }

    private static func pieces(
        _ value: JSONValue, _ tokens: JSONValue, _ checked: (Int?) throws -> Int
    ) throws -> [Piece] {
        try (value.array ?? []).flatMap { piece -> [Piece] in
            let (token, text) = (piece["SpecialToken"], piece["Sequence"])
            let segment = token["type_id"].int ?? text["type_id"].int ?? 0
            guard (0...1).contains(segment) else {
                throw TokenizationError("post_processor has the type_id \(segment), and not 0 or 1")
            }
            switch (token["id"].string, text["id"].string) {
            case (let name?, nil):
                guard let ids = tokens[name]["ids"].array, !ids.isEmpty else {
                    throw TokenizationError("post_processor has no ids for the token '\(name)'")
                }
                return try ids.map { .token(try checked($0.int), segment: segment) }
            case (nil, "A"): return [.first(segment: segment)]
            case (nil, "B"): return [.second(segment: segment)]
            default: throw TokenizationError("post_processor has another template than one of tokens and texts")
            }
        }
    }
}
