import Foundation
import Testing
import Tokenization

/// The tokenizer by its definition: every step of its own, over all characters of the text.
private struct Definition {
    private let normalizer: BERTNormalizer
    private var ids: [[Unicode.Scalar]: Int] = [:]

    init(_ normalizer: BERTNormalizer, tokens: [String] = []) {
        self.normalizer = normalizer
        for (id, token) in tokens.enumerated() { ids[Array(token.unicodeScalars)] = id }
    }

    /// The special tokens that are found in the text, as it stands.
    private static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map { Array($0.unicodeScalars) }

    func ids(_ text: String) -> [Int] {
        var result: [Int] = []
        var rest = Array(text.unicodeScalars)[...]
        var part: [Unicode.Scalar] = []
        func endPart() {
            for word in words(part) { result += pieces(of: word) }
            part = []
        }
        while let first = rest.first {
            if let token = Self.special.first(where: rest.starts(with:)) {
                endPart()
                result.append(ids[token]!)
                rest.removeFirst(token.count)
            } else {
                part.append(first)
                rest.removeFirst()
            }
        }
        endPart()
        return result
    }

    private func pieces(of word: [Unicode.Scalar]) -> [Int] {
        var result: [Int] = []
        var start = 0
        while start < word.count {
            let prefix: [Unicode.Scalar] = start == 0 ? [] : ["#", "#"]
            let ends = (start + 1...word.count).reversed()
            guard word.count <= 100, let end = ends.first(where: { ids[prefix + word[start..<$0]] != nil }) else {
                return [ids[Array("[UNK]".unicodeScalars)]!]
            }
            result.append(ids[prefix + word[start..<end]]!)
            start = end
        }
        return result
    }

    func words(_ text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        var scalars = text
        if normalizer.cleans {
            scalars.removeAll { $0 == "\0" || $0 == "\u{FFFD}" || isControl($0) && !["\t", "\n", "\r"].contains($0) }
            scalars = scalars.map { $0.properties.isWhitespace ? " " : $0 }
        }
        if normalizer.splitsIdeographs { scalars = scalars.flatMap { isIdeograph($0) ? [" ", $0, " "] : [$0] } }
        if normalizer.stripsAccents {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            scalars = String(view).decomposedStringWithCanonicalMapping.unicodeScalars.filter {
                $0.properties.generalCategory != .nonspacingMark
            }
        }
        if normalizer.lowercases { scalars = scalars.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) } }
        return scalars.split(whereSeparator: \.properties.isWhitespace).flatMap { word in
            var words: [[Unicode.Scalar]] = [[]]
            for scalar in word {
                if isPunctuation(scalar) { words += [[scalar], []] } else { words[words.count - 1].append(scalar) }
            }
            return words.filter { !$0.isEmpty }
        }
    }

    private func isControl(_ scalar: Unicode.Scalar) -> Bool {
        [.control, .format, .privateUse].contains(scalar.properties.generalCategory)
    }

    private func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        [0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF].contains { $0.contains(scalar.value) }
    }

    private func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return (33...126).contains(scalar.value) && !scalar.properties.isAlphabetic
                && scalar.properties.numericType == nil
        }
        return [
            .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation,
        ].contains(scalar.properties.generalCategory)
    }
}

/// What is fast, for ASCII, for frequent characters and for words that are tokens, must not make a difference.
@Suite struct DefinitionTests {
    static let normalizers = (0..<16).map { bits in
        BERTNormalizer(
            cleans: bits & 8 == 0, lowercases: bits & 1 == 0, stripsAccents: bits & 2 == 0,
            splitsIdeographs: bits & 4 == 0)
    }

    static let atoms = [
        "a", "B", "the", "Movie", "ing", "unaffable", " ", "  ", ".", "'", "##", "[", "[M", "[CLS]", "[MASK]", "[mask]",
        "\t", "\n", "\0", "\u{7F}", "\u{85}", "\u{B}", "\u{A0}", "\u{AD}", "é", "É", "e\u{301}", "\u{301}", "\u{327}",
        "\u{302E}", "\u{1D165}", "\u{345}", "İ", "ẞ", "Σ", "ﬁ", "\u{212B}", "好", "的", "\u{F900}", "\u{20000}",
        "\u{4DC0}", "，", "。", "“", "—", "～", "\u{2028}", "\u{3000}", "\u{200D}", "\u{FFFD}", "\u{E000}", "👍🏽", "한", "が",
        "か\u{3099}", "Ж", "й", "ب\u{64B}", "क\u{93C}", "½", "Ａ", String(repeating: "a", count: 99),
        String(repeating: "ж", count: 98),
    ]

    /// Every character of Unicode's first plane that the tables of Hugging Face's tokenizers have as Swift has it, among others;
    /// of the large blocks that are all alike, some.
    @Test(arguments: normalizers) func everyCharacterIsTreatedByTheDefinition(_ normalizer: BERTNormalizer) {
        let definition = Definition(normalizer)
        let changed: [UInt32] = [0x166D, 0x1734, 0x1885, 0x1886, 0xA9BD]
        let large: [ClosedRange<UInt32>] = [0x3400...0xA4CF, 0xAC00...0xF8FF]
        let values = (1...0xFFFF).filter { value in value % 32 == 0 || !large.contains { $0.contains(value) } }
        let scalars = values.compactMap(Unicode.Scalar.init).filter {
            $0.isASCII || (1...8).contains($0.properties.age?.major ?? 0) && !changed.contains($0.value)
        }
        for start in stride(from: 0, to: scalars.count, by: 50) {
            let some = scalars[start..<min(start + 50, scalars.count)]
            let text = some.flatMap { [$0, "a", $0, "\u{327}", "好", "é", $0, " "] } + some
            var view = String.UnicodeScalarView()
            view.append(contentsOf: text)
            let words = Splitter.bert.words(of: String(view), normalizedBy: .bert(normalizer)).map {
                Array(String(decoding: $0, as: UTF8.self).unicodeScalars)
            }
            #expect(words == definition.words(text), "from \(String(some.first!.value, radix: 16))")
        }
    }

    @Test(arguments: normalizers) func randomMixturesGiveTheIDsOfTheDefinition(_ normalizer: BERTNormalizer) throws {
        let tokenizer = try Tokenizer(learnedFrom: Self.atoms + Self.atoms, size: 200, normalizer: normalizer)
        let tokens = tokenizer.vocabulary.tokens
        let (first, last) = (tokens.firstIndex(of: "[CLS]")!, tokens.firstIndex(of: "[SEP]")!)
        let definition = Definition(normalizer, tokens: tokens)
        var random = Random(state: 7)
        for _ in 0..<1000 {
            let text = (0..<Int.random(in: 0...12, using: &random))
                .map { _ in Self.atoms.randomElement(using: &random)! }.joined()
            let inner = definition.ids(text)
            let length = Int.random(in: 2...(inner.count + 3), using: &random)
            let encoding = tokenizer.encode(text, maximumLength: length)
            #expect(encoding.ids == [first] + inner.prefix(length - 2) + [last], "\(text.debugDescription)")
            #expect(encoding.isTruncated == (inner.count > length - 2))
        }
    }

    /// SplitMix64: the same numbers in every run.
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }
}
