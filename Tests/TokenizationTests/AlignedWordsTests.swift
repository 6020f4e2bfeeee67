import Foundation
import Testing
import Tokenization

@Suite struct AlignedWordsTests {
    static func tokenizer(_ normalizer: BERTNormalizer = BERTNormalizer()) throws -> Tokenizer {
        let pieces = "good don ' t stop , . ! ( ) a ##b b ##好 好 很 ##t [ ] mask"
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + pieces.split(separator: " ").map(String.init)
        return try Tokenizer(tokens: tokens, normalizer: normalizer, source: "test")
    }

    @Test(arguments: [
        ("", []), (" \n ", []),
        ("good, don't stop.", ["good", ",", "don't", "stop", "."]),
        ("(good)...!", ["(", "good", ")...!"]),
        ("很好，good好!", ["很", "好", "，", "good", "好", "!"]),
        ("a  - b", ["a", "-", "b"]),
        // An added token is one word, and what it touches stays apart.
        ("[MASK] good", ["[MASK]", "good"]),
        ("good [MASK].", ["good", "[MASK]."]),
        // A form feed is dropped, and its neighbours are one word to the model.
        ("a\u{0C}b good", ["a\u{0C}b", "good"]),
        ("e\u{301}, good\u{1F600}!", ["e\u{301}", ",", "good\u{1F600}", "!"]),
    ])
    func words(_ text: String, _ expected: [String]) throws {
        let (encoding, words) = try Self.tokenizer().align(text, maximumLength: 64)
        #expect(words.map(\.text) == expected)
        #expect(words.compactMap(\.tokens).flatMap { $0 } == Array(1..<encoding.ids.count - 1))
    }

    /// Where ideographs are no words to the model, they are none to the reader.
    @Test func unsplitIdeographs() throws {
        let tokenizer = try Self.tokenizer(BERTNormalizer(splitsIdeographs: false))
        #expect(tokenizer.align("很好 good", maximumLength: 64).words.map(\.text) == ["很好", "good"])
    }

    @Test func textsThatAreCutOff() throws {
        let (encoding, words) = try Self.tokenizer().align("good don't stop", maximumLength: 5)
        #expect(encoding.isTruncated && words.map(\.tokens) == [1..<2, 2..<4, nil])
        #expect(words.map(\.place) == [0..<4, 5..<10, 11..<15])
    }

    /// Whatever the text, its words lie in their order, and their tokens are those of the text, each once.
    @Test func randomTexts() throws {
        let alphabet = Array(
            "abg好很,.!'[]() \u{301}\u{200B}\u{0C}\u{85}\u{A0}\u{1F600}\u{FE0F}\u{E0100}İß½".unicodeScalars)
        var state: UInt64 = 1
        func next(_ n: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % n
        }
        let tokenizers = try [
            Self.tokenizer(), Self.tokenizer(BERTNormalizer(lowercases: false)),
            Self.tokenizer(BERTNormalizer(splitsIdeographs: false)),
        ]
        for _ in 0..<2000 {
            var text = ""
            for _ in 0..<next(12) {
                if next(8) == 0 { text += "[MASK]" } else { text.unicodeScalars.append(alphabet[next(alphabet.count)]) }
            }
            for (tokenizer, limit) in zip(tokenizers, [64, 3 + next(6), 64]) {
                let (encoding, words) = tokenizer.align(text, maximumLength: limit)
                #expect(encoding == tokenizer.encode(text, maximumLength: limit))
                #expect(
                    words.compactMap(\.tokens).flatMap { $0 } == Array(1..<encoding.ids.count - 1),
                    "\(text.debugDescription)")
                #expect(zip(words, words.dropFirst()).allSatisfy { $0.place.upperBound <= $1.place.lowerBound })
                let scalars = Array(text.unicodeScalars)
                for word in words { #expect(word.text.unicodeScalars.elementsEqual(scalars[word.place])) }
                // Encoded alone, the words give the same tokens.
                if !encoding.isTruncated {
                    for word in words {
                        let alone = tokenizer.encode(word.text, maximumLength: 64).ids.dropFirst().dropLast()
                        #expect(Array(encoding.ids[word.tokens!]) == Array(alone), "\(text.debugDescription)")
                    }
                }
            }
        }
    }
}
