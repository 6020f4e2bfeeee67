import Foundation
import JSON

extension Tokenizer {
    /// The names that a tokenizer's files can have.
    package static let fileNames = TokenizerFiles.all

    /// Reads the tokenizer of a model folder: `tokenizer.json` if it is there, else `vocab.txt` and `tokenizer_config.json`.
    ///
    /// - Parameter tokenizerClass: what `config.json` says of it, if anything
    /// - Throws: an error that names the file, and what in it this package cannot do.
    package init(contentsOf folder: URL, tokenizerClass: String? = nil) throws {
        let files = try TokenizerFiles(contentsOf: folder)
        func decode<Value: Decodable>(_ name: String) throws -> Value? {
            try files.contents[name].map { try decodeJSON($0, source: folder.appending(path: name).path) }
        }
        var settings: TokenizerConfiguration = try decode(TokenizerFiles.configuration) ?? TokenizerConfiguration()
        settings.tokenizerClass = settings.tokenizerClass ?? tokenizerClass
        if let data = files.contents[TokenizerFiles.tokenizer] {
            let file = folder.appending(path: TokenizerFiles.tokenizer)
            guard let document = JSONValue(parsing: Array(data)) else {
                throw TokenizationError("\(file.path): not valid JSON")
            }
            do {
                try self.init(document, files: files)
            } catch let error as TokenizationError {
                throw TokenizationError("\(file.path): \(error)")
            }
            let disagreements = settings.disagreements(with: normalizer)
            if !disagreements.isEmpty {
                warning =
                    "\(folder.path): tokenizer.json and tokenizer_config.json disagree about"
                    + " \(disagreements.joined(separator: ", ")); tokenizer.json counts here, the other for transformers"
            }
        } else if let vocabulary = files.contents[TokenizerFiles.vocabulary] {
            let file = folder.appending(path: TokenizerFiles.vocabulary)
            try settings.checkClass(folder: folder)
            let newer: SpecialTokensMap = try decode(TokenizerFiles.configuration) ?? SpecialTokensMap()
            let older: SpecialTokensMap = try decode(TokenizerFiles.specialTokens) ?? SpecialTokensMap()
            // The older file counts, unless the newer one lists the tokens with their ids.
            let special = settings.added == nil ? newer.merging(older) : older.merging(newer)
            try self.init(
                vocabularyFile: vocabulary, source: file.path, settings, special: special,
                added: decode(TokenizerFiles.addedTokens) ?? [:], files: files)
        } else {
            throw TokenizationError(
                "\(folder.path): has neither \(TokenizerFiles.tokenizer) nor \(TokenizerFiles.vocabulary); a BERT model's"
                    + " tokenizer is in one of them")
        }
    }

    /// Writes the tokenizer's files to a folder: those that it was read from, as they were, and those that every model has.
    ///
    /// - Parameter maximumLength: the model's limit
    /// - Throws: what the file system says.
    package func write(to folder: URL, maximumLength: Int) throws {
        for (name, data) in files.contents { try data.write(to: folder.appending(path: name)) }
        if files.contents[TokenizerFiles.vocabulary] == nil {
            try vocabulary.fileContents.write(to: folder.appending(path: TokenizerFiles.vocabulary))
        }
        if files.contents[TokenizerFiles.configuration] == nil {
            switch normalizer {
            case .bert(let normalizer):
                try writeJSON(
                    TokenizerConfiguration(normalizer, maximumLength: maximumLength),
                    to: folder.appending(path: TokenizerFiles.configuration))
            }
        }
    }
}
