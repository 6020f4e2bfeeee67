import Foundation
import TestSupport
import Testing
import Tokenization

@Suite struct NormalizerTests {
    static func words(_ text: String, _ normalizer: BERTNormalizer = BERTNormalizer()) -> [String] {
        Splitter.bert.words(of: text, normalizedBy: .bert(normalizer)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What BERT's uncased tokenizer makes of each text, between spaces.
    @Test(arguments: [
        ("Hello,  WORLD!\t\n", "hello , world !"),
        ("don't stop", "don ' t stop"),
        ("$5+3=8 `x` ^~|", "$ 5 + 3 = 8 ` x ` ^ ~ |"),
        ("Café CAFE\u{301} Ångström", "cafe cafe angstrom"),
        ("İstanbul STRASSE straße", "istanbul strasse straße"),
        ("很好，值得！", "很 好 ， 值 得 ！"),
        ("日本語のテキスト", "日 本 語 のテキスト"),
        ("a\u{0}b\u{FFFD}c\u{200D}d\u{AD}e", "abcde"),
        ("a\u{A0}b\u{2003}c\u{3000}d", "a b c d"),
        ("line\u{2028}break", "line break"),
        ("«quoted» — dash…", "« quoted » — dash …"),
        ("👍🏽ok", "👍🏽ok"),
        ("한국어", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{116E}\u{11A8}\u{110B}\u{1165}"),
        ("", ""),
        (" \u{3000} ", ""),
    ])
    func splitsAsBERTsUncasedModelsDo(_ text: String, _ expected: String) {
        let words = Self.words(text)
        #expect(words.joined(separator: " ").unicodeScalars.elementsEqual(expected.unicodeScalars))
    }

    @Test func keepsCaseAndAccentsIfAsked() {
        let cased = BERTNormalizer(lowercases: false)
        #expect(Self.words("Élan VITAL", cased) == ["Élan", "VITAL"])
        let stripped = BERTNormalizer(lowercases: false, stripsAccents: true)
        #expect(Self.words("Élan VITAL", stripped) == ["Elan", "VITAL"])
    }

    @Test func keepsIdeographsTogetherIfAsked() {
        #expect(Self.words("很好 ok", BERTNormalizer(splitsIdeographs: false)) == ["很好", "ok"])
    }
}

@Suite struct TokenizerTests {
    static func tokenizer(_ pieces: String) throws -> Tokenizer {
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + pieces.split(separator: " ").map(String.init)
        return try Tokenizer(tokens: tokens, source: "test")
    }

    static func tokens(_ tokenizer: Tokenizer, _ text: String, limit: Int = 512) -> String {
        tokenizer.encode(text, maximumLength: limit).ids.map { tokenizer.vocabulary.tokens[$0] }.joined(separator: " ")
    }

    @Test func takesTheLongestPiece() throws {
        let tokenizer = try Self.tokenizer("un unaffect ##aff ##able ##ed ##a 好 . ##.")
        #expect(Self.tokens(tokenizer, "Unaffable.") == "[CLS] un ##aff ##able . [SEP]")
        #expect(Self.tokens(tokenizer, "unaffected") == "[CLS] unaffect ##ed [SEP]")
        #expect(Self.tokens(tokenizer, "好好") == "[CLS] 好 好 [SEP]")
        // A word is known as a whole or not at all.
        #expect(Self.tokens(tokenizer, "unaffectedly unx") == "[CLS] [UNK] [UNK] [SEP]")
        #expect(Self.tokens(tokenizer, "") == "[CLS] [SEP]")
    }

    @Test func wordsOverAHundredCharactersAreUnknown() throws {
        let tokenizer = try Self.tokenizer("a ##a é ##é ж ##ж")
        #expect(tokenizer.encode(String(repeating: "a", count: 100), maximumLength: 512).ids.count == 102)
        #expect(Self.tokens(tokenizer, String(repeating: "a", count: 101)) == "[CLS] [UNK] [SEP]")
        // Characters count, not bytes.
        #expect(tokenizer.encode(String(repeating: "ж", count: 100), maximumLength: 512).ids.count == 102)
    }

    /// Special tokens are known by their letters, wherever they stand; anything like them is text.
    @Test func specialTokensInTheText() throws {
        let tokenizer = try Self.tokenizer("a b [ ] mask")
        #expect(Self.tokens(tokenizer, "a[MASK]b [SEP]") == "[CLS] a [MASK] b [SEP] [SEP]")
        #expect(Self.tokens(tokenizer, "[mask]") == "[CLS] [ mask ] [SEP]")
    }

    @Test(arguments: 2...9) func truncatesBeforeTheSeparator(_ limit: Int) throws {
        let tokenizer = try Self.tokenizer("a b c d e f")
        let all = ["[CLS]", "a", "b", "c", "d", "e", "f"]
        #expect(
            Self.tokens(tokenizer, "a b c d e f", limit: limit)
                == (all.prefix(limit - 1) + ["[SEP]"]).joined(separator: " "))
    }

    /// Composed and decomposed accents are equal strings to Swift, and different tokens to a cased model.
    @Test func tokensAreBytes() throws {
        let tokens = ["[UNK]", "[CLS]", "[SEP]", "\u{E9}", "e\u{301}"]
        let tokenizer = try Tokenizer(
            tokens: tokens, normalizer: BERTNormalizer(lowercases: false), source: "test")
        #expect(tokenizer.encode("\u{E9} e\u{301}", maximumLength: 9).ids == [1, 3, 4, 2])
    }

    @Test func aVocabularyNeedsItsSpecialTokens() {
        let error = #expect(throws: TokenizationError.self) {
            try Tokenizer(tokens: ["[UNK]", "[CLS]", "a"], source: "folder/vocab.txt")
        }
        #expect(error?.description.contains("folder/vocab.txt") == true)
        #expect(error?.description.contains("[SEP]") == true)
    }
}

/// Against `transformers`; `scripts/fixtures/tokenizer_ids.py` has written the files.
@Suite struct HardStringsTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func strings() throws -> [String] {
        let text = try String(contentsOf: fixtures.appending(path: "strings.txt"), encoding: .utf8)
        return try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
            try JSONDecoder().decode(String.self, from: Data($0.utf8))
        }
    }

    static let names = [
        "uncased", "cased", "uncased-accents", "cased-stripped", "uncased-whole-chinese", "added",
    ]
    /// Those of other kinds; `scripts/fixtures/subword_ids.py` has written them.
    static let others = [
        "roberta", "llama3", "xlm-roberta", "unigram-of-bytes", "sentencepiece-bpe", "whole-words", "suffixes",
    ]

    /// The ids of every string at every length, from the tokenizer that `folder` has.
    static func check(_ tokenizer: Tokenizer, _ name: String) throws {
        let strings = try strings()
        #expect(strings.count >= 300)
        let expected = try JSONDecoder().decode(
            [[Int]].self, from: Data(contentsOf: fixtures.appending(path: "\(name)/ids.json")))
        try #require(expected.count == strings.count)
        for (string, ids) in zip(strings, expected) {
            for length in 2...(ids.count + 1) {
                let encoding = tokenizer.encode(string, maximumLength: length)
                let cut = length < ids.count
                let before = tokenizer.truncatesBeginning ? 1 : length - 1
                let expected = cut ? ids.prefix(before) + ids.suffix(length - before) : ids
                #expect(encoding.ids == expected, "\(string.debugDescription) at \(length)")
                #expect(encoding.isTruncated == cut)
            }
        }
    }

    /// Two texts, cut off at many lengths.
    @Test(arguments: others) func agreesOnPairs(_ name: String) throws {
        struct Pair: Decodable {
            let index, length: Int
            let ids, segments: [Int]

            init(from decoder: any Decoder) throws {
                var values = try decoder.unkeyedContainer()
                (index, length) = (try values.decode(Int.self), try values.decode(Int.self))
                (ids, segments) = (try values.decode([Int].self), try values.decode([Int].self))
            }
        }
        let folder = Self.fixtures.appending(path: name)
        let tokenizer = try Tokenizer(contentsOf: folder)
        let strings = try Self.strings()
        let pairs = try JSONDecoder().decode([Pair].self, from: Data(contentsOf: folder.appending(path: "pairs.json")))
        #expect(pairs.count > 30)
        for pair in pairs {
            let encoding = tokenizer.encode(
                strings[pair.index], strings[pair.index + 1], maximumLength: pair.length)
            #expect(encoding.ids == pair.ids && encoding.segments == pair.segments, "\(pair.index) at \(pair.length)")
        }
    }

    @Test(arguments: names + others) func agreesWithTransformers(_ name: String) throws {
        try Self.check(try Tokenizer(contentsOf: Self.fixtures.appending(path: name)), name)
    }

    /// The same tokenizers by their vocabulary, as older models have them.
    @Test(arguments: names.dropLast()) func agreesFromVocabularyFiles(_ name: String) throws {
        let source = Self.fixtures.appending(path: name)
        try withFolder { folder in
            try Tokenizer(contentsOf: source).write(to: folder, maximumLength: 512)
            try FileManager.default.removeItem(at: folder.appending(path: "tokenizer.json"))
            try Self.check(try Tokenizer(contentsOf: folder), name)
        }
    }
}

/// `tokenizer.json` and its companions as they can be.
@Suite struct TokenizerFilesTests {
    /// Calls `body` with the fixture's folder in which one text of one file was replaced.
    static func tokenizer(
        _ file: String, _ old: String, _ new: String, of name: String = "uncased"
    ) throws -> Tokenizer {
        try withFolder { parent in
            let folder = parent.appending(path: name)
            try FileManager.default.copyItem(at: HardStringsTests.fixtures.appending(path: name), to: folder)
            #expect(try replace(old, by: new, in: folder.appending(path: file)))
            return try Tokenizer(contentsOf: folder)
        }
    }

    static let damages = [
        ("\"BertPreTokenizer\"", "\"UnicodeScripts\"", "pre_tokenizer is 'UnicodeScripts'"),
        ("\"BertNormalizer\"", "\"Magic\"", "normalizer is 'Magic'"),
        ("\"type\": \"WordPiece\",\n    \"unk", "\"type\": \"Bag\",\n    \"unk", "of type 'Bag'"),
        ("\"type\": \"WordPiece\",\n    \"unk", "\"type\": \"BPE\",\n    \"unk", "no merges"),
        ("\"type_id\": 0", "\"type_id\": 1", "another template"),
        ("\"unk_token\": \"[UNK]\"", "\"unk_token\": \"<unk>\"", "<unk> is missing"),
        ("\"[MASK]\": 4", "\"[MASK]\": 99999999999", "id of the token '[MASK]'"),
        ("\"[MASK]\": 4", "\"[MASK]\": -4", "id of the token '[MASK]'"),
        ("\"[MASK]\": 4", "\"[MASK]\": ", "not valid JSON"),
    ]

    @Test(arguments: damages) func refusesWhatItCannotDo(_ old: String, _ new: String, _ message: String) {
        let error = #expect(throws: TokenizationError.self) {
            try Self.tokenizer("tokenizer.json", old, new)
        }
        #expect(error?.description.contains("tokenizer.json: ") == true)
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func tokenizerJSONCountsWhereItsCompanionDisagrees() throws {
        let tokenizer = try Self.tokenizer("tokenizer.json", "\"lowercase\": true", "\"lowercase\": false")
        #expect(tokenizer.normalizer == .bert(BERTNormalizer(lowercases: false)))
        #expect(tokenizer.warning?.contains("disagree about do_lower_case") == true)
        #expect(try Tokenizer(contentsOf: HardStringsTests.fixtures.appending(path: "cased")).warning == nil)
    }

    @Test func wordsAreUnknownBeyondTheLengthThatItStates() throws {
        let tokenizer = try Self.tokenizer(
            "tokenizer.json", "\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 3")
        #expect(tokenizer.encode("abc abcd", maximumLength: 9).ids.filter { $0 == 1 }.count == 1)
    }

    @Test func controlCharactersStayIfItStatesSo() throws {
        let tokenizer = try Self.tokenizer("tokenizer.json", "\"clean_text\": true", "\"clean_text\": false")
        #expect(tokenizer.encode("a\u{AD}b", maximumLength: 9).ids.count == 5)
    }

    /// A tokenizer of a small `vocab.txt` and these companions.
    static func tokenizer(configuration: String = "{}", map: String? = nil, added: String? = nil) throws -> Tokenizer {
        try withFolder { folder in
            let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "C++", "c", "+", "x", "<s>"]
            let files: [String: String?] = [
                "vocab.txt": tokens.joined(separator: "\n"), "tokenizer_config.json": configuration,
                "special_tokens_map.json": map, "added_tokens.json": added,
            ]
            for (name, text) in files {
                if let text { try Data(text.utf8).write(to: folder.appending(path: name)) }
            }
            return try Tokenizer(contentsOf: folder)
        }
    }

    /// Words, and not parts of them. `transformers` has this in its slow tokenizers only.
    @Test func wordsThatAreNeverSplit() throws {
        let tokenizer = try Self.tokenizer(configuration: #"{"never_split": ["C++", "F#"], "do_lower_case": true}"#)
        #expect(tokenizer.encode("C++ c++ F# xC++", maximumLength: 20).ids == [2, 5, 6, 7, 7, 1, 1, 7, 7, 3])
    }

    /// As `transformers` 5.24 has it.
    @Test(arguments: [
        (#"{}"#, true), (#"{"tokenizer_class": "BertTokenizer"}"#, true),
        (#"{"tokenizer_class": "DistilBertTokenizer"}"#, false),
        (#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#, false),
        (#"{"tokenizer_class": "TokenizersBackend", "model_input_names": ["input_ids", "token_type_ids"]}"#, true),
        (#"{"tokenizer_class": "BertTokenizer", "model_input_names": ["input_ids", "attention_mask"]}"#, false),
    ]) func segmentsAreToldIfItStatesSo(_ configuration: String, _ isTold: Bool) throws {
        let pair = try Self.tokenizer(configuration: configuration).encode("x", "c", maximumLength: 9)
        #expect(pair.ids == [2, 8, 3, 6, 3] && pair.segments == (isTold ? [0, 0, 0, 1, 1] : [0, 0, 0, 0, 0]))
    }

    @Test func specialTokensHaveManyPlaces() throws {
        func ids(_ tokenizer: Tokenizer) -> [Int] { tokenizer.encode("x<s>x", maximumLength: 9).ids }
        #expect(ids(try Self.tokenizer()) == [2, 8, 1, 1, 1, 8, 3])
        #expect(ids(try Self.tokenizer(map: #"{"additional_special_tokens": ["<s>"]}"#)) == [2, 8, 9, 8, 3])
        #expect(
            ids(try Self.tokenizer(configuration: #"{"extra_special_tokens": [{"content": "<s>"}]}"#)) == [
                2, 8, 9, 8, 3,
            ])
        #expect(ids(try Self.tokenizer(added: #"{"<s>": 9}"#)) == [2, 8, 9, 8, 3])
        #expect(
            ids(try Self.tokenizer(configuration: #"{"cls_token": "c"}"#, map: #"{"cls_token": "<s>"}"#))
                == [9, 8, 9, 8, 3])
    }

    @Test func otherTokenizersAreRefused() {
        let error = #expect(throws: TokenizationError.self) {
            try Self.tokenizer(configuration: #"{"tokenizer_class": "BertJapaneseTokenizer"}"#)
        }
        #expect(error?.description.contains("'BertJapaneseTokenizer'") == true)
    }

    /// A token of which nothing is left once it is normalised is never found.
    @Test func tokensThatVanish() throws {
        let configuration = #"{"added_tokens_decoder": {"11": {"content": "\#u{200B}", "normalized": true}}}"#
        #expect(try Self.tokenizer(configuration: configuration).encode("x", maximumLength: 9).ids == [2, 8, 3])
    }

    /// What was read is given back byte for byte.
    @Test func comesBackAsItWas() throws {
        let source = HardStringsTests.fixtures.appending(path: "added")
        try withFolder { folder in
            try Tokenizer(contentsOf: source).write(to: folder, maximumLength: 512)
            for name in ["tokenizer.json", "tokenizer_config.json"] {
                let (written, read) = (folder.appending(path: name), source.appending(path: name))
                #expect(try Data(contentsOf: written) == Data(contentsOf: read))
            }
        }
    }

    /// Tokens that differ only in how an accent is composed are two tokens.
    @Test func keysAreBytes() throws {
        let tokenizer = try Self.tokenizer(
            "tokenizer.json", "\"[PAD]\": 0,", "\"[PAD]\": 0, \"caf\\u00e9\": 1700, \"cafe\\u0301\": 1701,",
            of: "uncased-accents")
        #expect(tokenizer.encode("caf\u{E9} cafe\u{301}", maximumLength: 9).ids == [2, 1700, 1701, 3])
    }
}

@Suite struct LearnedVocabularyTests {
    static func learn(_ texts: [String], size: Int) throws -> [String] {
        try Tokenizer(learnedFrom: texts, size: size).vocabulary.tokens
    }

    /// The example of the paper that brought pair merging to words. `e s` and `s t` both occur nine times; the pair with the
    /// smaller ids is merged first.
    @Test func mergesTheMostFrequentPairs() throws {
        let text =
            Array(repeating: "low", count: 5) + Array(repeating: "lower", count: 2)
            + Array(repeating: "newest", count: 6) + Array(repeating: "widest", count: 3)
        let tokens = try Self.learn([text.joined(separator: " ")], size: 27)
        #expect(tokens.prefix(5) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
        #expect(tokens.dropFirst(5).prefix(8) == ["d", "e", "i", "l", "n", "o", "r", "s"])
        #expect(tokens.contains("##es"))
        #expect(tokens.contains("##est"))
        #expect(tokens.firstIndex(of: "##es")! < tokens.firstIndex(of: "##est")!)
    }

    /// Twice the input is at most two and a half times the work, also where words are long.
    @Test func workGrowsWithTheText() {
        func work(_ length: Int) -> Int {
            var state: UInt64 = 1
            let word = (0..<length).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(ascii: "a") + UInt8(state >> 59)
            }
            return MergeLearner(wordPiecesOf: [word: 2, word.reversed(): 3], size: 30_000).placesRead
        }
        let (once, twice) = (work(20_000), work(40_000))
        #expect(Double(twice) <= 2.5 * Double(once), "\(once) \(twice)")
    }

    static let texts = ["the hotel was clean", "the film was dull", "a dull hotel", "clean, clean film", "很好 很差", "很好"]

    @Test func doesNotDependOnTheOrderOfTexts() throws {
        #expect(try Self.learn(Self.texts.reversed(), size: 60) == Self.learn(Self.texts, size: 60))
    }

    @Test func hasEachTokenOnce() throws {
        let tokens = try Self.learn(Self.texts, size: 60)
        #expect(Set(tokens).count == tokens.count)
    }

    @Test func hasNoCharacterThatOccursOnceOnly() throws {
        let tokens = try Self.learn(Self.texts, size: 60)
        #expect(tokens.contains("很") && tokens.contains("好"))
        #expect(!tokens.contains("差"))
    }

    @Test func neverExceedsItsSize() throws {
        let texts = ["abcdefgh abcdefgh hgfedcba hgfedcba"]
        for size in [6, 10, 14, 30] { #expect(try Self.learn(texts, size: size).count <= size) }
    }

    /// A combining mark after `##` must not melt into it.
    @Test func marksStayApart() throws {
        let tokenizer = try Tokenizer(
            learnedFrom: Array(repeating: "ka\u{301} ka\u{301}t", count: 3), size: 100,
            normalizer: BERTNormalizer(lowercases: false))
        #expect(tokenizer.encode("ka\u{301}t", maximumLength: 9).ids.count == 3)
        #expect(tokenizer.vocabulary.tokens.contains { $0.utf8.elementsEqual("##\u{301}".utf8) })
    }

    @Test func comesBackFromItsFileByteForByte() throws {
        let tokenizer = try Tokenizer(tokens: ["[UNK]", "[CLS]", "[SEP]", "##\u{301}", " ", "x"], source: "test")
        try withFolder { folder in
            try tokenizer.write(to: folder, maximumLength: 512)
            let again = try Tokenizer(contentsOf: folder)
            #expect(
                again.vocabulary.tokens.map { Array($0.utf8) } == tokenizer.vocabulary.tokens.map { Array($0.utf8) })
        }
    }
}
