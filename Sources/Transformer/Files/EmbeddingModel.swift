import Foundation

/// A model for the embeddings of texts: an encoder, with or without a head, or an adapter and the model that it is for.
package struct EmbeddingModel {
    /// The encoder, its tokenizer, and a head that is not used.
    package let folder: ModelFolder
    /// How its embeddings are made.
    package var settings: EmbeddingSettings
    /// How its tokens become one vector.
    package let pooling: EmbeddingPooling

    /// Reads a model.
    ///
    /// - Parameters:
    ///   - base: the folder of the model that an adapter is for; nil: the one that it names
    ///   - pooling: nil: as the folder's sentence-transformers files say, else as its head was trained, else the mean
    /// - Throws: an error that names the file and what is wrong with it.
    package init(contentsOf url: URL, base: URL? = nil, pooling: EmbeddingPooling? = nil) throws {
        guard base != nil || Adapter.isIn(url) else {
            settings = try EmbeddingSettings(of: url, ModelFolder.tokenizer(of: url).tokenizer, pooling: pooling)
            folder = try ModelFolder(
                pretrained: url, head: WantedHead(labels: ["any"], pooling: .mean), pooling: settings.pooling?.reads,
                seed: 0,
                notice: { _ in })
            self.pooling = settings.pooling ?? folder.classifier.configuration.pooling.ofEmbeddings
            return
        }
        folder = try ModelFolder(contentsOf: url, base: base)
        let own = folder.classifier.configuration.pooling.ofEmbeddings
        if let pooling, pooling != own {
            throw ModelError("\(url.path): the adapter was trained with \(own.rawValue) pooling; leave out --pooling")
        }
        let model = base ?? folder.base.map { URL(filePath: $0) } ?? url
        settings = try EmbeddingSettings(of: model, folder.tokenizer, pooling: own)
        self.pooling = own
    }
}

extension Configuration.Pooling {
    /// The same of embeddings.
    fileprivate var ofEmbeddings: EmbeddingPooling {
        switch self {
        case .cls: .cls
        case .mean: .mean
        }
    }
}
