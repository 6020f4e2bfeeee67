import Foundation

/// The tokens that a model knows; a token's id is its place.
package struct Vocabulary: Sendable {
    /// By id. An id without a token has an empty one.
    package private(set) var tokens: [String]
    /// The ids of the tokens that words are made of, by their bytes: Swift takes strings for equal that differ in how their
    /// accents are composed.
    let ids: ByteStrings

    /// The largest vocabularies have a million tokens: an id far beyond is a mistake, and would take memory for all ids below it.
    static let possibleIDs = 0..<1 << 21

    /// Creates a vocabulary. Of two tokens of the same name, the later counts.
    init(_ tokens: [String]) {
        self.tokens = tokens
        ids = ByteStrings(tokens.enumerated().map { ($0.element.utf8, $0.offset) })
    }

    /// Creates the vocabulary that a `vocab.txt` contains: one token a line.
    ///
    /// - Parameter source: what an error names as the file
    /// - Throws: ``TokenizationError`` if it is not UTF-8.
    init(fileContents data: Data, source: String) throws {
        let bytes = Array(data)
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw TokenizationError("\(source): the vocabulary is not valid UTF-8")
        }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last == "" { lines.removeLast() }
        self.init(lines)
    }

    /// The text of `vocab.txt`.
    var fileContents: Data { Data(tokens.map { $0 + "\n" }.joined().utf8) }

    /// Gives a token an id, so that it is found in texts as it stands, but no word is made of it.
    mutating func add(_ token: String, id: Int) {
        while tokens.count <= id { tokens.append("") }
        tokens[id] = token
    }

    /// The id of one of the tokens that words are made of; nil if there is no such token.
    func id(of token: String) -> Int? { ids[token.utf8] }

    /// The id of any token, also of one that no word is made of.
    func anyID(of token: String) -> Int? {
        id(of: token) ?? tokens.firstIndex { $0.utf8.elementsEqual(token.utf8) }
    }
}
