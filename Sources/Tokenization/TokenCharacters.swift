extension Tokenizer {
    /// The characters of each token as n-grams count them, by its id: with a space before those that begin a word, without the prefix of those that go on in one. Special
    /// tokens have none, but for the one that stands for what is unknown.
    package var charactersOfTokens: [[Int32]] {
        if case .wordPiece = subwords { return vocabulary.tokens.map(Self.charactersOfWordPiece) }
        return vocabulary.tokens.enumerated().map { id, token in
            if id == special[.unknown] { return [0x20, 0xFFFD] }
            return specialIDs.contains(id) ? [] : characters(of: token)
        }
    }

    private static func charactersOfWordPiece(_ token: String) -> [Int32] {
        if token == "[UNK]" { return [0x20, 0xFFFD] }
        // By code points: what goes on in a word can be a mark, which makes one character with the prefix.
        let scalars = Array(token.unicodeScalars)
        if scalars.count > 2 && scalars.first == "[" && scalars.last == "]" { return [] }
        let goesOn = scalars.starts(with: WordPiece.continuationPrefix.unicodeScalars)
        return (goesOn ? scalars.dropFirst(2) : [" "] + scalars).map { Int32($0.value) }
    }

    /// Where bytes begin that are no characters: beyond the last code point.
    private static let firstByte: Int32 = 0x110000

    /// The characters of a token whose spaces are visible, and whose bytes can be.
    private func characters(of token: String) -> [Int32] {
        if splitter.endsWithBytes, let bytes = ByteAlphabet.bytes(of: token) {
            if let text = String(validating: bytes, as: UTF8.self) {
                return text.unicodeScalars.map { Int32($0.value) }
            }
            return bytes.map { $0 < 0x80 ? Int32($0) : Self.firstByte + Int32($0) }
        }
        return token.unicodeScalars.map { $0 == "▁" ? 0x20 : Int32($0.value) }
    }
}
