import Foundation
import TestSupport
import Testing
import Tokenization

/// Tokens of all kinds, learned from texts.
@Suite struct LearnedTokenizerTests {
    static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    /// Stems and endings, each with each, and some words more often than others.
    static let texts = ["walk", "talk", "jump", "laugh"].flatMap { stem in
        ["", "ed", "ing", "s"].map { "they \(stem)\($0) \(stem) and \(stem)\($0)" }
    }

    /// The model in `tokenizer.json`.
    static func model(of tokenizer: Tokenizer) throws -> [String: Any] {
        try withFolder { folder in
            try tokenizer.write(to: folder, maximumLength: 64)
            let data = try Data(contentsOf: folder.appending(path: "tokenizer.json"))
            let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            return try #require(document["model"] as? [String: Any])
        }
    }

    /// Merges by their definition: after each, all pairs are counted again.
    @Test(arguments: [262, 270, 290, 400]) func mergesTheMostFrequentBytes(_ size: Int) throws {
        let tokenizer = try Tokenizer(learnedFrom: Self.texts, size: size, as: .bpe)
        var words = Self.texts.flatMap { $0.split(separator: " ") }.map { word in
            ["Ġ"] + word.map(String.init)
        }
        var ids = Dictionary(uniqueKeysWithValues: zip(tokenizer.vocabulary.tokens.prefix(261), 0...))
        var merges: [[String]] = []
        while ids.count < size {
            var counts: [[String]: Int] = [:]
            for word in words {
                for (left, right) in zip(word, word.dropFirst()) { counts[[left, right], default: 0] += 1 }
            }
            func isBefore(_ a: [String], _ b: [String]) -> Bool {
                (-counts[a]!, ids[a[0]]!, ids[a[1]]!) < (-counts[b]!, ids[b[0]]!, ids[b[1]]!)
            }
            guard let best = counts.keys.min(by: isBefore), counts[best]! >= 2 else { break }
            merges.append(best)
            ids[best.joined()] = ids[best.joined()] ?? ids.count
            words = words.map { word in
                word.reduce(into: []) { merged, piece in
                    // The piece that was merged before is longer than the left one of a pair.
                    if piece == best[1], merged.last == best[0] {
                        merged[merged.count - 1] += piece
                    } else {
                        merged.append(piece)
                    }
                }
            }
        }
        #expect(try #require(Self.model(of: tokenizer)["merges"] as? [[String]]) == merges)
        #expect(tokenizer.vocabulary.tokens == ids.sorted { $0.value < $1.value }.map(\.key))
    }

    /// The best of all ways to divide each word, each by its sum of scores.
    @Test(arguments: [30, 40, 60]) func unigramTakesTheBestWay(_ size: Int) throws {
        let tokenizer = try Tokenizer(learnedFrom: Self.texts, size: size, as: .unigram)
        let vocabulary = try #require(Self.model(of: tokenizer)["vocab"] as? [[Any]])
        var scores: [String: Double] = [:]
        for case (let token as String, let score as Double) in vocabulary.map({ ($0[0], $0[1]) }) {
            scores[token] = score
        }
        #expect(tokenizer.vocabulary.tokens.count == min(size, scores.count) && scores.count > 25)
        #expect(tokenizer.vocabulary.tokens.prefix(5) == Self.special[...])
        // They are probabilities, of which those that were dropped last are missing.
        let sum = scores.filter { !Self.special.contains($0.key) }.reduce(0) { $0 + exp($1.value) }
        #expect(sum > 0.8 && sum < 1)
        func best(_ word: Substring) -> Double {
            if word.isEmpty { return 0 }
            return word.indices.compactMap { end in
                scores[String(word[...end])].map { $0 + best(word[word.index(after: end)...]) }
            }.max() ?? -.infinity
        }
        for word in Set(Self.texts.flatMap { $0.split(separator: " ") }) + ["jalked", "thing", "sandy"] {
            let encoding = tokenizer.encode(String(word), maximumLength: .max)
            let found = encoding.ids[encoding.tokens].reduce(0) { $0 + scores[tokenizer.vocabulary.tokens[$1]]! }
            #expect(abs(found - best("▁\(word)")) < 1e-9, "\(word)")
        }
    }

    /// Where each word with an ending occurs once, so that it is no token by itself, it is a stem and an ending.
    @Test func unigramFindsStemsAndEndings() throws {
        let stems = ["walk", "talk", "jump", "laugh", "paint", "clean", "point", "count"]
        let texts = stems.map { "\($0) \($0) \($0)ed \($0)ing \($0)s" }
        let tokenizer = try Tokenizer(learnedFrom: texts, size: 40, as: .unigram)
        for word in ["laughed", "counting", "jumping", "painted"] {
            let encoding = tokenizer.encode(word, maximumLength: 9)
            let tokens = encoding.ids[encoding.tokens].map { tokenizer.vocabulary.tokens[$0] }
            #expect(
                tokens.count == 2 && tokens.joined() == "▁\(word)" && ["ed", "ing"].contains(tokens[1]), "\(tokens)")
        }
    }

    @Test(arguments: SubwordKind.allCases) func doesNotDependOnTheOrderOfTexts(_ kind: SubwordKind) throws {
        let texts = try HardStringsTests.strings() + Self.texts
        let tokenizer = try Tokenizer(learnedFrom: texts, size: 400, as: kind)
        let other = try Tokenizer(learnedFrom: texts.reversed(), size: 400, as: kind)
        #expect(tokenizer.vocabulary.tokens == other.vocabulary.tokens && tokenizer.kind == kind)
        #expect(tokenizer.vocabulary.tokens.count == 400)
        #expect(tokenizer.vocabulary.tokens.prefix(5) == Self.special[...])
    }

    /// What is written is read as the same tokenizer, and `explain` finds its words.
    @Test(arguments: SubwordKind.allCases) func comesBackAsItWas(_ kind: SubwordKind) throws {
        let strings = try HardStringsTests.strings()
        let tokenizer = try Tokenizer(learnedFrom: strings + strings, size: 600, as: kind)
        let read = try withFolder { folder in
            try tokenizer.write(to: folder, maximumLength: 64)
            return try Tokenizer(contentsOf: folder)
        }
        #expect(read.warning == nil && read.kind == kind)
        for role in [SpecialTokens.Role.padding, .unknown, .classification, .separator, .mask] {
            #expect(read.id(of: role) == tokenizer.id(of: role) && read.id(of: role) != nil)
        }
        for string in strings {
            let encoding = tokenizer.encode(string, maximumLength: 40)
            #expect(read.encode(string, maximumLength: 40) == encoding)
            let words = tokenizer.align(string, maximumLength: 40).words
            #expect(words.compactMap(\.tokens).flatMap { $0 } == Array(encoding.tokens), "\(string.debugDescription)")
        }
        #expect(read.charactersOfTokens == tokenizer.charactersOfTokens)
    }

    /// Nothing is unknown to bytes, and a character that occurs once is to the others.
    @Test(arguments: SubwordKind.allCases) func whatIsUnknown(_ kind: SubwordKind) throws {
        let tokenizer = try Tokenizer(learnedFrom: Self.texts + ["好"], size: 300, as: kind)
        let ids = tokenizer.encode("they 好 [MASK]", maximumLength: 20).ids
        #expect(ids.contains(1) == (kind != .bpe) && ids.contains(4))
        #expect(try Tokenizer(learnedFrom: [], size: 300, as: kind).encode("a", maximumLength: 9).ids.count >= 3)
    }

    /// Long words without a space, and characters that nothing stands beside.
    @Test func unigramOfLongWords() throws {
        let texts = [String(repeating: "=", count: 5000), String(repeating: "ab", count: 3000), "\u{0}\u{0}", "", "  "]
        let tokenizer = try Tokenizer(learnedFrom: texts, size: 50, as: .unigram)
        #expect(tokenizer.encode(texts[0], maximumLength: .max).ids.count < 1000)
    }
}
