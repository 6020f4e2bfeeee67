import Foundation
import JSON

extension Tokenizer {
    static let tokenizerName = "tokenizer.json"
    private static let configurationName = "tokenizer_config.json"
    private static let vocabularyName = "vocab.txt"
    private static let specialTokensName = "special_tokens_map.json"
    private static let addedTokensName = "added_tokens.json"
    private static let tokensName = "vocab.json"
    private static let mergesName = "merges.txt"
    private static let pieceNames = ["sentencepiece.bpe.model", "spiece.model"]
    /// The names that a tokenizer's files can have.
    package static let fileNames =
        [
            tokenizerName, configurationName, vocabularyName, specialTokensName, addedTokensName, tokensName,
            mergesName,
        ] + pieceNames

    /// Reads the tokenizer of a model folder: `tokenizer.json` if it is there, else the files that older versions have in its place, and `tokenizer_config.json`.
    ///
    /// - Parameters:
    ///   - tokenizerClass: what `config.json` says of it, if anything
    ///   - familyClass: the class of a model of SentencePiece where nothing says so; nil: XLM-R's
    /// - Throws: an error that names the file, and what in it this package cannot do.
    package init(contentsOf folder: URL, tokenizerClass: String? = nil, familyClass: String? = nil) throws {
        var files: [String: Data] = [:]
        for name in Self.fileNames {
            let file = folder.appending(path: name)
            if FileManager.default.fileExists(atPath: file.path) { files[name] = try readSmallFile(file) }
        }
        try self.init(files: files, in: folder, tokenizerClass: tokenizerClass, familyClass: familyClass)
    }

    /// Reads a tokenizer from the contents of its files.
    ///
    /// - Parameters:
    ///   - files: by their names in the folder
    ///   - folder: what errors name
    ///   - tokenizerClass: what `config.json` says of it, if anything
    ///   - familyClass: the class of a model of SentencePiece where nothing says so; nil: XLM-R's
    /// - Throws: an error that names the file, and what in it this package cannot do.
    package init(
        files: [String: Data], in folder: URL, tokenizerClass: String? = nil, familyClass: String? = nil
    ) throws {
        func path(_ name: String) -> String { folder.appending(path: name).path }
        func decode<Value: Decodable>(_ name: String) throws -> Value? {
            try files[name].map { try decodeJSON($0, source: path(name)) }
        }
        var settings = try decode(Self.configurationName) ?? TokenizerConfiguration()
        settings.tokenizerClass = settings.tokenizerClass ?? tokenizerClass
        /// Those that the files name, and for other roles those of `usual`.
        func specialTokens(or usual: SpecialTokens) throws -> SpecialTokens {
            let newer: SpecialTokens? = try decode(Self.configurationName)
            let older: SpecialTokens? = try decode(Self.specialTokensName)
            // The older file counts, unless the newer one lists the tokens with their ids.
            let named = settings.added == nil ? [newer, older] : [older, newer]
            return named.reduce(into: usual) { special, file in special.tokens.merge(file?.tokens ?? [:]) { $1 } }
        }
        let pieces = Self.pieceNames.first { files[$0] != nil }
        if let data = files[Self.tokenizerName] {
            guard let document = JSONValue(parsing: data) else {
                throw TokenizationError("\(path(Self.tokenizerName)): not valid JSON")
            }
            do {
                try self.init(document)
            } catch let error as TokenizationError {
                throw TokenizationError("\(path(Self.tokenizerName)): \(error)")
            }
            // It says all that is needed without them.
            special = ((try? specialTokens(or: .usual)) ?? .usual).ids(in: vocabulary)
            if let side = settings.truncationSide { truncatesBeginning = side == "left" }
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
            try self.init(
                vocabularyFile: vocabulary, source: path(Self.vocabularyName), settings,
                special: specialTokens(or: .bert),
                added: decode(Self.addedTokensName) ?? [:])
        } else if let tokens = files[Self.tokensName], let merges = files[Self.mergesName] {
            let special = try specialTokens(or: .roberta)
            try self.init(named: Self.tokensName, in: folder, settings, special, defaultClass: "RobertaTokenizer") {
                try $0.byteLevelBPE(tokens: tokens, merges: merges)
            }
        } else if let pieces, let model = files[pieces] {
            let special = try specialTokens(or: SpecialTokens([:]))
            try self.init(
                named: pieces, in: folder, settings, special, defaultClass: familyClass ?? "XLMRobertaTokenizer"
            ) {
                try $0.sentencePiece(SentencePieceFile(model))
            }
        } else {
            throw TokenizationError(
                "\(folder.path): has no tokenizer: neither \(Self.tokenizerName), \(Self.vocabularyName), \(Self.tokensName) with"
                    + " \(Self.mergesName), nor \(Self.pieceNames.joined(separator: " or "))")
        }
        tellsSegments = settings.tellsSegments
        self.files = files
    }

    /// Reads a tokenizer that is described by its class and the files of its model.
    ///
    /// - Parameter describe: makes the description
    private init(
        named name: String, in folder: URL, _ settings: TokenizerConfiguration, _ special: SpecialTokens,
        defaultClass: String, describe: (inout ClassDescription) throws -> JSONValue
    ) throws {
        do {
            var description = ClassDescription(settings.tokenizerClass ?? defaultClass, settings, special)
            try self.init(try describe(&description))
        } catch let error as TokenizationError {
            throw TokenizationError("\(folder.appending(path: name).path): \(error)")
        }
        self.special = special.ids(in: vocabulary)
        truncatesBeginning = settings.truncationSide == "left"
    }

    /// Writes the tokenizer's files to a folder: those that it was read from, as they were, and those that every model has.
    ///
    /// - Parameter maximumLength: the model's limit
    /// - Throws: what the file system says.
    package func write(to folder: URL, maximumLength: Int) throws {
        for (name, data) in files { try data.write(to: folder.appending(path: name)) }
        if files[Self.vocabularyName] == nil, case .wordPiece = subwords {
            try vocabulary.fileContents.write(to: folder.appending(path: Self.vocabularyName))
        }
        if files[Self.configurationName] == nil, case .bert(let normalizer) = normalizer {
            var settings = TokenizerConfiguration(maximumLength: Double(maximumLength))
            if case .wordPiece = subwords {
                settings.tokenizerClass = "BertTokenizer"
                (settings.lowercases, settings.stripsAccents) = (normalizer.lowercases, normalizer.stripsAccents)
                settings.splitsIdeographs = normalizer.splitsIdeographs
            } else {
                settings.tokenizerClass = TokenizerConfiguration.genericClasses[0]
                settings.inputs = ["input_ids", "token_type_ids", "attention_mask"]
                settings.special = special.mapValues { vocabulary.tokens[$0] }
            }
            try writeJSON(settings, to: folder.appending(path: Self.configurationName))
        }
    }
}
