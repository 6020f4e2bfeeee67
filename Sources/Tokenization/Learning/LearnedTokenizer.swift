import Foundation
import JSON

/// A kind of tokens that can be learned from texts.
package enum SubwordKind: String, Sendable, CaseIterable {
    case wordPiece = "wordpiece"
    case bpe
    case unigram

    /// The smallest vocabulary that can be learned.
    package var leastSize: Int {
        let special = SpecialTokens.bert.all.count
        // BPE has a token for each byte.
        return self == .bpe ? special + 256 : special + 1
    }
}

extension Tokenizer {
    /// The kind of its tokens; nil if they are whole words.
    package var kind: SubwordKind? {
        switch subwords {
        case .wordPiece: .wordPiece
        case .bpe: .bpe
        case .unigram: .unigram
        case .words: nil
        }
    }

    /// Creates a tokenizer with a vocabulary learned from texts, normalised as BERT's uncased models do, and with BERT's special tokens.
    ///
    /// WordPiece divides texts as BERT does. The others divide them as GPT-2 does, into words, numbers and other characters, each with the space before it, and the text with a space before it;
    /// ideographs are not words of their own. ``BPE`` then has the bytes of UTF-8, and ``Unigram`` characters, with ▁ for a space. They are described by the
    /// `tokenizer.json` of which they are read.
    ///
    /// - Parameter size: the largest number of tokens, at least ``SubwordKind/leastSize``
    package init(learnedFrom texts: [String], size: Int, as kind: SubwordKind) throws {
        switch kind {
        case .wordPiece: try self.init(learnedFrom: texts, size: size)
        case .bpe:
            let splitter = JSONValue.step(
                "ByteLevel",
                [("add_prefix_space", .bool(true)), ("trim_offsets", .bool(true)), ("use_regex", .bool(true))])
            try self.init(learnedFrom: texts, splitter, decoder: splitter) { words in
                let learned = MergeLearner(bytesOf: words, size: size - Self.special.count)
                let tokens = learned.pieces.map { bytes in
                    String(String.UnicodeScalarView(bytes.map { ByteAlphabet.scalars[Int($0)] }))
                }
                let vocabulary = (Self.special + tokens).enumerated().map {
                    (key: $1, value: JSONValue.number("\($0)"))
                }
                let merges = learned.merges.map { JSONValue.array([.string(tokens[$0]), .string(tokens[$1])]) }
                return .step("BPE", [("vocab", .object(vocabulary)), ("merges", .array(merges))])
            }
        case .unigram:
            let splitter = JSONValue.step(
                "Split",
                [
                    ("pattern", .object([("Regex", .string(Splitter.ByteLevel.expression))])),
                    ("behavior", .string(Splitter.Behavior.isolated.rawValue)), ("invert", .bool(false)),
                ])
            let spaces = JSONValue.step(
                "Metaspace",
                [("replacement", .string("▁")), ("prepend_scheme", .string("first")), ("split", .bool(false))])
            let steps = JSONValue.step("Sequence", [("pretokenizers", .array([splitter, spaces]))])
            try self.init(learnedFrom: texts, steps, decoder: spaces) { words in
                let learned = UnigramLearner(words, size: size - Self.special.count).pieces
                let scores =
                    Self.special.map { ($0, 0) } + learned.map { (String(decoding: $0.text, as: UTF8.self), $0.score) }
                return .step(
                    "Unigram",
                    [
                        ("unk_id", .number("\(Self.special.firstIndex(of: SpecialTokens.bert.name(.unknown)) ?? 0)")),
                        ("vocab", .array(scores.map { .array([.string($0), .number("\($1)")]) })),
                    ])
            }
        }
    }

    /// The special tokens, with the first ids.
    private static let special = SpecialTokens.bert.all

    /// - Parameters:
    ///   - splitter: the pre-tokenizer
    ///   - learn: makes the model of how often each word occurs
    private init(
        learnedFrom texts: [String], _ splitter: JSONValue, decoder: JSONValue, learn: ([[UInt8]: Int]) -> JSONValue
    ) throws {
        let normalizer = JSONValue.step(
            "BertNormalizer",
            [
                ("clean_text", .bool(true)), ("handle_chinese_chars", .bool(false)), ("strip_accents", .null),
                ("lowercase", .bool(true)),
            ])
        func piece(_ role: SpecialTokens.Role) -> JSONValue {
            let name = SpecialTokens.bert.name(role)
            return .array([.string(name), .number("\(Self.special.firstIndex(of: name) ?? 0)")])
        }
        let added = Self.special.enumerated().map { AddedToken(content: $1, id: $0, isSpecial: true) }
        let words = try Splitter(splitter, mapsBytes: false).countedWords(of: texts, Normalizer(normalizer))
        let document = JSONValue.object([
            ("added_tokens", .array(added.map(\.description))), ("normalizer", normalizer),
            ("pre_tokenizer", splitter),
            (
                "post_processor",
                .step("BertProcessing", [("sep", piece(.separator)), ("cls", piece(.classification))])
            ),
            ("decoder", decoder), ("model", learn(words)),
        ])
        try self.init(
            files: [Self.tokenizerName: Data(document.utf8)], in: URL(filePath: "the learned vocabulary"))
    }
}

extension Splitter {
    /// How often each word of some texts occurs.
    func countedWords(of texts: [String], _ normalizer: Normalizer) -> [[UInt8]: Int] {
        var counts: [[UInt8]: Int] = [:]
        for text in texts {
            for word in words(of: text, normalizedBy: normalizer) { counts[word, default: 0] += 1 }
        }
        return counts
    }
}

extension JSONValue {
    /// A step of `tokenizer.json`.
    fileprivate static func step(_ type: String, _ settings: [(String, JSONValue)]) -> JSONValue {
        .object([("type", .string(type))] + settings.map { (key: $0, value: $1) })
    }
}
