import Foundation
import JSON
import Tokenization

/// How embeddings are made of texts: what a sentence-transformers folder says, or somebody else.
package struct EmbeddingSettings: Sendable, Equatable {
    /// How tokens become one vector; nil: as the model's head reads them.
    package var pooling: EmbeddingPooling?
    /// Whether an embedding is divided by its length.
    package var normalizes = false
    /// The most tokens that are read of a text; nil: as many as the encoder can.
    package var maximumLength: Int?
    /// What is put before each text.
    package var prompt = ""

    private struct Module: Decodable { let type: String }

    private struct Limits: Decodable {
        let maximumLength: Int?
        let lowercases: Bool?
        enum CodingKeys: String, CodingKey { case maximumLength = "max_seq_length", lowercases = "do_lower_case" }
    }

    private struct Prompts: Decodable {
        let prompts: [String: String]?
        let name: String?
        enum CodingKeys: String, CodingKey { case prompts, name = "default_prompt_name" }
    }

    private struct TokenizerLimit: Decodable {
        let maximumLength: Double?
        enum CodingKeys: String, CodingKey { case maximumLength = "model_max_length" }
    }

    /// Reads what is there of the files that sentence-transformers puts into a folder.
    ///
    /// - Parameters:
    ///   - tokenizer: the folder's
    ///   - pooling: what is wanted in place of the folder's, which then can be one that is not computed here
    /// - Throws: an error that names the file, if it is damaged or asks for what is not computed here.
    package init(of folder: URL, _ tokenizer: Tokenizer, pooling: EmbeddingPooling?) throws {
        func read<Value: Decodable>(_ name: String) throws -> Value? {
            let file = folder.appending(path: name)
            return FileManager.default.fileExists(atPath: file.path) ? try readJSON(file) : nil
        }
        func refuse(_ name: String, _ cause: String) -> ModelError {
            ModelError("\(folder.appending(path: name).path): \(cause)")
        }
        let list: [Module]? = try read(ModelFile.modules)
        let modules = list ?? []
        for (place, module) in modules.enumerated() {
            switch (module.type.split(separator: ".").last, place) {
            case ("Transformer", 0), ("Pooling", 1): continue
            case ("Normalize", modules.count - 1): normalizes = true
            default:
                throw refuse(ModelFile.modules, "module \(place + 1), '\(module.type)', is not computed here")
            }
        }

        let own: SentencePooling? = try read(ModelFile.pooling)
        if pooling == nil, let own, own.pooling == nil {
            let names = own.modes.map { "'\($0)'" }.joined(separator: " and ")
            let ways = EmbeddingPooling.allCases.map(\.rawValue).joined(separator: ", ")
            throw refuse(
                ModelFile.pooling, "the pooling \(names) is not computed here; choose one with --pooling: \(ways)")
        }
        self.pooling = pooling ?? own?.pooling

        if let limits: Limits = try ModelFile.sentenceLimits.lazy.compactMap({ try read($0) as Limits? }).first {
            if limits.lowercases == true && !tokenizer.normalizer.lowercases {
                throw refuse(
                    ModelFile.sentenceLimits[0],
                    "asks for texts in lower case (do_lower_case), which its tokenizer does not make of them; that is not computed here"
                )
            }
            maximumLength = limits.maximumLength
        }
        if list != nil && maximumLength == nil {
            let limit: TokenizerLimit? = try read("tokenizer_config.json")
            maximumLength = (limit?.maximumLength).flatMap { Int(exactly: min($0, 1e9).rounded()) }
        }
        maximumLength = maximumLength.map { max(2, $0) }

        let prompts: Prompts? = try read(ModelFile.prompts)
        if let name = prompts?.name {
            guard let prompt = prompts?.prompts?[name] else {
                throw refuse(ModelFile.prompts, "default_prompt_name is '\(name)', which is not among its prompts")
            }
            if !prompt.isEmpty && own?.includesPrompt == false {
                throw refuse(
                    ModelFile.pooling,
                    "leaves out the tokens of the prompt '\(name)' (include_prompt), which is not computed here")
            }
            self.prompt = prompt
        }
    }
}
