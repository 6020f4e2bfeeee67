import Foundation

/// The files of a tokenizer as they were found, so that they can be written back byte for byte.
struct TokenizerFiles: Sendable {
    var contents: [String: Data] = [:]

    static let tokenizer = "tokenizer.json"
    static let configuration = "tokenizer_config.json"
    static let vocabulary = "vocab.txt"
    static let specialTokens = "special_tokens_map.json"
    static let addedTokens = "added_tokens.json"
    static let all = [tokenizer, configuration, vocabulary, specialTokens, addedTokens]

    init() {}

    /// Reads those that are in a folder.
    init(contentsOf folder: URL) throws {
        for name in Self.all {
            let file = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            do {
                contents[name] = try Data(contentsOf: file)
            } catch {
                throw TokenizationError("\(file.path): cannot be read: \(error.localizedDescription)")
            }
        }
    }
}
