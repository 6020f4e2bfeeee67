import Foundation
import JSON

extension Tokenizer {
    private static let tokenizerName = "tokenizer.json"
    private static let configurationName = "tokenizer_config.json"
    private static let vocabularyName = "vocab.txt"
    private static let specialTokensName = "special_tokens_map.json"
    private static let addedTokensName = "added_tokens.json"
    /// The names that a tokenizer's files can have.
    package static let fileNames = [
        tokenizerName, configurationName, vocabularyName, specialTokensName, addedTokensName,
    ]

    /// Reads the tokenizer of a model folder: `tokenizer.json` if it is there, else `vocab.txt` and `tokenizer_config.json`.
    ///
    /// - Parameter tokenizerClass: what `config.json` says of it, if anything
    /// - Throws: an error that names the file, and what in it this package cannot do.
    package init(contentsOf folder: URL, tokenizerClass: String? = nil) throws {
        var files: [String: Data] = [:]
        for name in Self.fileNames {
            let file = folder.appending(path: name)
            if FileManager.default.fileExists(atPath: file.path) { files[name] = try readSmallFile(file) }
        }
        try self.init(files: files, in: folder, tokenizerClass: tokenizerClass)
    }

    /// Reads a tokenizer from the contents of its files.
    ///
    /// - Parameters:
    ///   - files: by their names in the folder
    ///   - folder: what errors name
    /// - Throws: an error that names the file, and what in it this package cannot do.
    package init(files: [String: Data], in folder: URL, tokenizerClass: String? = nil) throws {
        func path(_ name: String) -> String { folder.appending(path: name).path }
        func decode<Value: Decodable>(_ name: String) throws -> Value? {
            try files[name].map { try decodeJSON($0, source: path(name)) }
        }
        var settings = try decode(Self.configurationName) ?? TokenizerConfiguration()
        settings.tokenizerClass = settings.tokenizerClass ?? tokenizerClass
        if let data = files[Self.tokenizerName] {
            guard let document = JSONValue(parsing: data) else {
                throw TokenizationError("\(path(Self.tokenizerName)): not valid JSON")
            }
            do {
                try self.init(document)
            } catch let error as TokenizationError {
                throw TokenizationError("\(path(Self.tokenizerName)): \(error)")
            }
            let disagreements = settings.disagreements(with: normalizer)
            if !disagreements.isEmpty {
                warning =
                    "\(folder.path): tokenizer.json and tokenizer_config.json disagree about"
                    + " \(disagreements.joined(separator: ", ")); tokenizer.json counts here, the other for transformers"
            }
        } else if let vocabulary = files[Self.vocabularyName] {
            if let name = settings.otherClass {
                throw TokenizationError(
                    "\(folder.path): tokenizer_class is '\(name)', and there is no tokenizer.json; only BERT's own tokenizer can be"
                        + " read from vocab.txt")
            }
            let newer: SpecialTokens? = try decode(Self.configurationName)
            let older: SpecialTokens? = try decode(Self.specialTokensName)
            var special = SpecialTokens()
            // The older file counts, unless the newer one lists the tokens with their ids.
            for file in settings.added == nil ? [newer, older] : [older, newer] {
                special.names.merge(file?.names ?? [:]) { $1 }
            }
            try self.init(
                vocabularyFile: vocabulary, source: path(Self.vocabularyName), settings, special: special,
                added: decode(Self.addedTokensName) ?? [:])
        } else {
            throw TokenizationError(
                "\(folder.path): has neither \(Self.tokenizerName) nor \(Self.vocabularyName); a BERT model's"
                    + " tokenizer is in one of them")
        }
        self.files = files
    }

    /// Writes the tokenizer's files to a folder: those that it was read from, as they were, and those that every model has.
    ///
    /// - Parameter maximumLength: the model's limit
    /// - Throws: what the file system says.
    package func write(to folder: URL, maximumLength: Int) throws {
        for (name, data) in files { try data.write(to: folder.appending(path: name)) }
        if files[Self.vocabularyName] == nil {
            try vocabulary.fileContents.write(to: folder.appending(path: Self.vocabularyName))
        }
        if files[Self.configurationName] == nil {
            switch normalizer {
            case .bert(let normalizer):
                let settings = TokenizerConfiguration(
                    tokenizerClass: "BertTokenizer", lowercases: normalizer.lowercases,
                    stripsAccents: normalizer.stripsAccents, splitsIdeographs: normalizer.splitsIdeographs,
                    maximumLength: Double(maximumLength))
                try writeJSON(settings, to: folder.appending(path: Self.configurationName))
            }
        }
    }
}
