import Foundation

/// The tokens that have a special meaning, by their names.
package struct SpecialTokens: Sendable, Equatable {
    /// For words that are not known.
    package var unknown = "[UNK]"
    /// Before a text.
    package var classification = "[CLS]"
    /// After a text.
    package var separator = "[SEP]"
}

/// The tokens that a model knows; a token's id is its place.
package struct Vocabulary: Sendable {
    /// The tokens in the order of their ids. Those that go on within a word begin with `##`. An id without a token has an empty
    /// one.
    package private(set) var tokens: [String]
    let unknown: Int
    let classification: Int
    let separator: Int
    let starts: ByteStrings
    let continuations: ByteStrings

    /// The tokens that a learned vocabulary begins with.
    static let learnedSpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    /// Creates a vocabulary. Of two tokens of the same name, the later counts.
    ///
    /// - Parameters:
    ///   - continuationPrefix: what tokens within a word begin with
    ///   - source: what an error names as the origin of `tokens`
    /// - Throws: ``TokenizationError`` if a special token is missing.
    package init(
        tokens: [String], special: SpecialTokens = SpecialTokens(), continuationPrefix: String = "##", source: String
    ) throws {
        let prefix = continuationPrefix.utf8
        var starts = ByteStrings(count: tokens.count)
        var continuations = ByteStrings(count: 0)
        for (id, token) in tokens.enumerated() {
            starts.insert(token.utf8, value: id)
            if token.utf8.starts(with: prefix) { continuations.insert(token.utf8.dropFirst(prefix.count), value: id) }
        }
        func id(of token: String) throws -> Int {
            guard let id = starts[token.utf8] else {
                throw TokenizationError(
                    "\(source): the token \(token) is missing; a BERT vocabulary has \(special.unknown),"
                        + " \(special.classification) and \(special.separator) among its tokens")
            }
            return id
        }
        unknown = try id(of: special.unknown)
        classification = try id(of: special.classification)
        separator = try id(of: special.separator)
        (self.tokens, self.starts, self.continuations) = (tokens, starts, continuations)
    }

    /// Gives `token` an id without making it a WordPiece.
    mutating func add(_ token: String, id: Int) {
        while tokens.count <= id { tokens.append("") }
        tokens[id] = token
    }

    /// The id of a token, by its bytes.
    func id(of token: String) -> Int? { starts[token.utf8] }

    /// Creates the vocabulary that a `vocab.txt` contains: one token a line.
    ///
    /// - Throws: ``TokenizationError`` if it is not UTF-8, or lacks a special token.
    package init(fileContents data: Data, special: SpecialTokens = SpecialTokens(), source: String) throws {
        let bytes = Array(data)
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw TokenizationError("\(source): the vocabulary is not valid UTF-8")
        }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last == "" { lines.removeLast() }
        try self.init(tokens: lines, special: special, source: source)
    }

    /// The text of `vocab.txt`.
    package var fileContents: String { tokens.map { $0 + "\n" }.joined() }
}

/// Why text cannot be tokenized.
package struct TokenizationError: LocalizedError, CustomStringConvertible {
    /// What went wrong, where, and what to do.
    package let description: String
    /// The same, for Foundation.
    package var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}
