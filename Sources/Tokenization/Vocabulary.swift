import Foundation

/// The tokens that a model knows; a token's id is its place.
package struct Vocabulary: Sendable {
    /// The tokens in the order of their ids. Those that go on within a word begin with `##`.
    package let tokens: [String]
    let unknown: Int
    let classification: Int
    let separator: Int
    let starts: ByteTrie
    let continuations: ByteTrie

    /// The tokens that a learned vocabulary begins with.
    static let specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    /// Creates a vocabulary.
    ///
    /// - Parameter source: what an error names as the origin of `tokens`
    /// - Throws: ``TokenizationError`` if `[UNK]`, `[CLS]` or `[SEP]` is missing.
    package init(tokens: [String], source: String) throws {
        func id(of token: String) throws -> Int {
            guard let id = tokens.lastIndex(where: { $0.utf8.elementsEqual(token.utf8) }) else {
                throw TokenizationError(
                    "\(source): the token \(token) is missing; a BERT vocabulary has one token a line, \(token) among them"
                )
            }
            return id
        }
        self.tokens = tokens
        unknown = try id(of: "[UNK]")
        classification = try id(of: "[CLS]")
        separator = try id(of: "[SEP]")
        let bytes = tokens.reduce(0) { $0 + $1.utf8.count }
        var starts = ByteTrie(bytes: bytes)
        var continuations = ByteTrie(bytes: bytes)
        for (id, token) in tokens.enumerated() where !token.isEmpty {
            if token.utf8.starts(with: "##".utf8) && token.utf8.count > 2 {
                continuations.insert(token.utf8.dropFirst(2), value: id)
            }
            starts.insert(token.utf8, value: id)
        }
        (self.starts, self.continuations) = (starts, continuations)
    }

    /// Reads `vocab.txt`: one token a line.
    ///
    /// - Throws: ``TokenizationError`` if the file cannot be read, is not UTF-8, or lacks a special token.
    package init(contentsOf file: URL) throws {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw TokenizationError("\(file.path): cannot read the vocabulary: \(error.localizedDescription)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw TokenizationError("\(file.path): the vocabulary is not valid UTF-8")
        }
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(Substring(line.last == UInt8(ascii: "\r") ? line.dropLast() : line))
        }
        if lines.last == "" { lines.removeLast() }
        try self.init(tokens: lines, source: file.path)
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
