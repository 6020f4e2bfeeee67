import Foundation
import JSON

/// What a sentence-transformers folder says of its embeddings, besides the pooling.
package struct EmbeddingSettings: Sendable, Equatable {
    /// Whether an embedding is divided by its length.
    package private(set) var normalizes = false
    /// The most tokens that are read of a text; nil: as many as the encoder can.
    package private(set) var maximumLength: Int?

    private struct Module: Decodable { let type: String }

    private struct Limits: Decodable {
        let maximumLength: Int?
        enum CodingKeys: String, CodingKey { case maximumLength = "max_seq_length" }
    }

    /// Reads what is there of a folder's `modules.json` and `sentence_bert_config.json`.
    ///
    /// - Throws: an error that names the file, if it is damaged or asks for what is not computed here.
    package init(of folder: URL) throws {
        func read<Value: Decodable>(_ name: String) throws -> Value? {
            let file = folder.appending(path: name)
            return FileManager.default.fileExists(atPath: file.path) ? try readJSON(file) : nil
        }
        let modules: [Module] = try read(ModelFile.modules) ?? []
        for (place, module) in modules.enumerated() {
            switch (module.type.split(separator: ".").last, place) {
            case ("Transformer", 0), ("Pooling", 1): continue
            case ("Normalize", modules.count - 1): normalizes = true
            default:
                throw ModelError(
                    "\(folder.appending(path: ModelFile.modules).path): module \(place + 1), '\(module.type)', is not computed here"
                )
            }
        }
        let limits: Limits? = try read(ModelFile.sentenceLimits)
        maximumLength = limits?.maximumLength.map { max(2, $0) }
    }
}

extension ModelFolder {
    /// Reads a model for the embeddings of texts: an encoder, with or without a head, or an adapter and the model that it is for.
    ///
    /// - Parameters:
    ///   - base: the folder of the model that an adapter is for; nil: the one that it names
    ///   - pooling: nil: as the folder says, else `mean`
    /// - Throws: an error that names the file and what is wrong with it.
    package init(embeddingIn folder: URL, base: URL?, pooling: Configuration.Pooling?) throws {
        guard base != nil || Adapter.isIn(folder) else {
            try self.init(
                pretrained: folder, head: WantedHead(labels: ["any"]), pooling: pooling, lora: nil, seed: 0,
                notice: { _ in })
            return
        }
        try self.init(contentsOf: folder, base: base)
        let own = classifier.configuration.pooling
        if let pooling, pooling != own {
            throw ModelError(
                "\(folder.path): the adapter was trained with \(own.rawValue) pooling; leave out --pooling")
        }
    }
}
