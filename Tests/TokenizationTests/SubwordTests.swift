import Foundation
import TestSupport
import Testing
import Tokenization

/// Tokenizers of other kinds than BERT's, beside their ids, which ``HardStringsTests`` has.
@Suite struct SubwordTests {
    /// A tokenizer of a small description, in which one text is replaced.
    static func tokenizer(_ old: String = "", _ new: String = "", of description: String = bytes) throws -> Tokenizer {
        try withFolder { folder in
            #expect(old.isEmpty || description.contains(old))
            let text = old.isEmpty ? description : description.replacingOccurrences(of: old, with: new)
            try Data(text.utf8).write(to: folder.appending(path: "tokenizer.json"))
            return try Tokenizer(contentsOf: folder)
        }
    }

    static let template = """
        "post_processor": {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}}
        """
    static let bytes = """
        {"added_tokens": [{"id": 9, "content": "<mask>", "special": true, "lstrip": true}], "normalizer": {"type": "Replace", "pattern": {"Regex": "b+"}, "content": "b"},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, \(template),
        "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2, "Ġ": 3, "ab": 4, "Ġa": 5, "aĠ": 6, "aa": 7}, "merges": [["a", "b"], "Ġ a", "a Ġ", "a a"]}}
        """
    static let unigram = """
        {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}, \(template),
        "model": {"type": "Unigram", "unk_id": 1, "vocab": [["<s>", 0], ["<unk>", 0], ["▁", -2], ["a", -2], ["▁a", -3.5], ["b", -2.5e0]]}}
        """

    @Test func mergesInTheirOrder() throws {
        let tokenizer = try Self.tokenizer()
        #expect(tokenizer.encode("abbb aa", maximumLength: 99).ids == [0, 4, 5, 1])
        // A character without a token is left out, and the space before an added one belongs to it.
        #expect(tokenizer.encode("a? <mask>b", maximumLength: 99).ids == [0, 1, 8, 2])
        #expect(tokenizer.encode("a a", maximumLength: 2).ids == [0, 1])
        let encoding = tokenizer.encode("a", "b", maximumLength: 9)
        #expect(encoding.ids == [0, 1, 2] && encoding.segments == [0, 0, 1])
        #expect(tokenizer.id(of: .mask) == 8)
    }

    @Test func longWordsAreMergedAsShortOnes() throws {
        let tokenizer = try Self.tokenizer()
        for count in [2, 127, 128, 129, 130, 5001] {
            let ids = tokenizer.encode(String(repeating: "a", count: count), maximumLength: .max).ids
            #expect(ids == [0] + [Int](repeating: 7, count: count / 2) + (count % 2 == 0 ? [] : [1]))
        }
    }

    @Test func takesTheBestPath() throws {
        let tokenizer = try Self.tokenizer(of: Self.unigram)
        // Neighbours that are unknown are one token.
        #expect(tokenizer.encode("a xyzb", maximumLength: 99).ids == [0, 4, 2, 1, 5])
    }

    /// The parts of a description that cannot be, or are not computed.
    static let damages = [
        (bytes, "\"a\", \"b\"]", "\"a\", \"z\"]", "the token 'z'"), (bytes, "Ġ a\"", "Ġ a b\"", "a merge of the model"),
        (bytes, "\"merges\"", "\"dropout\": 0.5, \"merges\"", "dropout"),
        (bytes, "\"merges\"", "\"unk_token\": \"?\", \"merges\"", "unknown token ? is missing"),
        (bytes, "\"aa\": 7", "\"aa\": 70000000", "the id of the token 'aa'"),
        (bytes, "\"b+\"", "\"(b+\"", "not closed"), (bytes, "\"b+\"", "\"(?<n>b)\"", "has a group"),
        (bytes, "\"b+\"", "\"\\\\p{Han}\"", "the property 'Han'"), (bytes, "\"b+\"", "\"(b)\\\\1\"", "asks for \\1"),
        (bytes, "\"b+\"", "\"(((b{999}){999}){999}){999}\"", "too long"),
        (bytes, "\"b+\"", "\"(b*)*\"", "can be empty"), (bytes, "\"b+\"", "\"[[:alpha:]]\"", "POSIX"),
        (bytes, "\"b+\"", "\"\(String(repeating: "(", count: 500))\"", "groups in groups"),
        (bytes, "\"content\": \"b\"", "\"content\": \"\(String(repeating: "b", count: 20_000))\"", "thousands"),
        (bytes, "\"ids\": [0]", "\"ids\": [10]", "not in the vocabulary"),
        (bytes, "\"ids\": [0]", "\"ids\": []", "no ids"),
        (bytes, "TemplateProcessing", "ByteLevel", "adds no token"), (bytes, "TemplateProcessing", "Other", "'Other'"),
        (bytes, "\"ByteLevel\", \"add", "\"UnicodeScripts\", \"add", "'UnicodeScripts'"),
        (unigram, "\"unk_id\": 1", "\"unk_id\": 6", "unk_id"), (unigram, "-3.5", "-1e999", "score"),
        (unigram, "-3.5", "\"NaN\"", "score"), (unigram, "\"always\"", "\"never\", \"x\": [", "not valid JSON"),
        (unigram, "\"always\"", "\"often\"", "'often'"),
        (unigram, "\"always\"", "\"first\", \"add_prefix_space\": false", "contradict"),
        (
            unigram, "{\"pre",
            "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"////////\"}, \"pre", "damaged"
        ),
        (unigram, "[\"b\"", "[\"\(String(repeating: "b", count: 2000))\"", "1000 bytes"),
    ]  // swift-format-ignore

    @Test(arguments: damages.indices) func refusesWhatItCannotDo(_ index: Int) {
        let (description, old, new, message) = Self.damages[index]
        let error = #expect(throws: TokenizationError.self) { try Self.tokenizer(old, new, of: description) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    /// Patterns that backtrack for ever where that is not watched.
    @Test(.timeLimit(.minutes(1)), arguments: ["(b+)+c", "(b|b)*c|x", "(?=(b+b+)+c)b", "b{1,1000}b{1,1000}c"])
    func patternsEnd(_ pattern: String) throws {
        let tokenizer = try Self.tokenizer("b+", pattern)
        #expect(tokenizer.encode(String(repeating: "b", count: 300), maximumLength: .max).ids.count == 301)
    }

    /// Long runs of characters that a pattern tries from each of them on, in vain.
    @Test(.timeLimit(.minutes(1)), arguments: ["b+c", "b+$c?d|x", "(?:b{2,}|b*b)c", "bb+(?=c)"])
    func longRunsTakeTimeOfTheirLength(_ pattern: String) throws {
        let tokenizer = try Self.tokenizer("b+", pattern)
        let text = String(repeating: "b", count: 100_000) + "a"
        #expect(tokenizer.encode(text, maximumLength: .max).ids.count == 100_002)
    }

    @Test func wordsHaveTheirTokens() throws {
        let fixture = HardStringsTests.fixtures
        let bytes = try Tokenizer(contentsOf: fixture.appending(path: "roberta"))
        #expect(
            bytes.align("(good)  很好，ok ", maximumLength: 99).words.map(\.text)
                == ["(", "good", ")", "很", "好", "，", "ok"])
        let pieces = try Tokenizer(contentsOf: fixture.appending(path: "xlm-roberta"))
        // What is one token is one word.
        #expect(pieces.align("it's 很好.", maximumLength: 99).words.map(\.text) == ["it's", "很好", "."])
        #expect(pieces.align("it's so", maximumLength: 4).words.last?.tokens == nil)
    }

    /// Whatever the text, its words lie in their order, and their tokens are those of the text, each once.
    @Test(arguments: HardStringsTests.others) func alignsAllTokens(_ name: String) throws {
        let tokenizer = try Tokenizer(contentsOf: HardStringsTests.fixtures.appending(path: name))
        for (index, text) in try HardStringsTests.strings().enumerated() {
            let (encoding, words) = tokenizer.align(text, maximumLength: 4 + index % 40)
            #expect(words.compactMap(\.tokens).flatMap { $0 } == Array(encoding.tokens), "\(text.debugDescription)")
            #expect(zip(words, words.dropFirst()).allSatisfy { $0.place.upperBound <= $1.place.lowerBound })
        }
    }

    /// What n-grams count of a token.
    @Test func tokensHaveCharacters() throws {
        #expect(try Self.tokenizer().charactersOfTokens.suffix(5) == [[97, 98], [32, 97], [97, 32], [97, 97], []])
        let pieces = try Self.tokenizer(of: Self.unigram)
        #expect(pieces.charactersOfTokens == [[60, 115, 62], [0x20, 0xFFFD], [0x20], [97], [0x20, 97], [98]])
    }

    /// Folders of older models, with the ids that `transformers` makes with them.
    @Test(arguments: ["XLMRobertaTokenizer", "CamembertTokenizer"]) func readsSentencePiece(_ name: String) throws {
        let folder = HardStringsTests.fixtures.appending(path: name)
        try HardStringsTests.check(try Tokenizer(contentsOf: folder), name)
        let model = try Data(contentsOf: folder.appending(path: "sentencepiece.bpe.model"))
        for length in stride(from: 0, to: 3000, by: 37) {
            _ = try? Tokenizer(files: ["sentencepiece.bpe.model": model.prefix(length)], in: folder)
        }
        let error = #expect(throws: TokenizationError.self) {
            try Tokenizer(files: ["spiece.model": model], in: folder, tokenizerClass: "T5Tokenizer")
        }
        #expect(error?.description.contains("'T5Tokenizer'") == true)
    }

    /// RoBERTa's older files.
    @Test func readsVocabularyAndMerges() throws {
        let source = HardStringsTests.fixtures.appending(path: "roberta")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: source.appending(path: "tokenizer.json")))
                as? [String: Any])
        let model = try #require(document["model"] as? [String: Any])
        let merges = try #require(model["merges"] as? [[String]]).map { $0.joined(separator: " ") }
        let mask = #"{"mask_token": {"content": "<mask>", "lstrip": true, "special": true}}"#
        let files = [
            "vocab.json": try JSONSerialization.data(withJSONObject: try #require(model["vocab"])),
            "merges.txt": Data(("#version: 0.2\n" + merges.joined(separator: "\n") + "\n").utf8),
            "tokenizer_config.json": Data(mask.utf8),
        ]
        try HardStringsTests.check(try Tokenizer(files: files, in: source), "roberta")
        try withFolder { folder in
            try Tokenizer(files: files, in: source).write(to: folder, maximumLength: 512)
            let written = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            #expect(written == files.keys.sorted())
        }
    }
}
