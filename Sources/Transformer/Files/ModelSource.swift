import Foundation
import JSON
import Tokenization

/// What a folder to be read has besides the weights, and how it understands these.
struct ModelSource {
    let folder: URL
    let config: ConfigurationFile
    let tokenizer: Tokenizer

    /// Where the configuration is.
    var file: URL { folder.appending(path: ModelFile.configuration) }

    func weights() throws -> Weights { try Weights(contentsOf: folder, of: config.family) }

    init(_ folder: URL) throws {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isDirectory), isDirectory else {
            throw ModelError(
                "\(folder.path): no such model folder; train one with: addnorm train --output \(folder.path)")
        }
        let files = FileManager.default
        if !files.fileExists(atPath: folder.appending(path: ModelFile.configuration).path) {
            let inside = ((try? files.contentsOfDirectory(atPath: folder.path)) ?? []).sorted {
                $0.localizedStandardCompare($1) == .orderedAscending
            }.filter { files.fileExists(atPath: folder.appending(path: "\($0)/\(ModelFile.configuration)").path) }
            throw ModelError(
                "\(folder.path): no model: there is no \(ModelFile.configuration) in it"
                    + (inside.isEmpty
                        ? ""
                        : "; there are models in \(inside.prefix(10).map { "\(folder.path)/\($0)" }.joined(separator: ", "))")
            )
        }
        self.folder = folder
        config = try readJSON(folder.appending(path: ModelFile.configuration))
        tokenizer = try Tokenizer(
            contentsOf: folder, tokenizerClass: config.tokenizerClass, familyClass: config.family.tokenizerClass)
    }

    /// Refuses weights of 8 bits, which have no gradients.
    ///
    /// - Throws: ``ModelError`` if the folder has them.
    func requireFloat32() throws {
        guard config.weightFormat != nil else { return }
        throw ModelError(
            "\(folder.path): the model is compressed to 8 bits, which is for 'predict' and 'evaluate'; take the one that it was made of"
        )
    }

    /// The labels of the classifier for texts; nil if there is none.
    func labels(of weights: Weights) throws -> [String]? {
        guard config.classifiesTexts, let count = weights.rows(of: "classifier.weight") else { return nil }
        return try ModelError.naming(file) { try config.labels(count: count) }
    }

    func configuration(labels: [String], pooling: Configuration.Pooling) throws -> Configuration {
        try ModelError.naming(file) {
            let configuration = try config.configuration(labels: labels, pooling: pooling)
            let tokens = tokenizer.vocabulary.tokens.count
            guard tokens <= configuration.vocabularySize else {
                throw ModelError(
                    "vocab_size is \(configuration.vocabularySize), but the tokenizer has \(tokens) tokens; they belong"
                        + " to different models")
            }
            return configuration
        }
    }

    func settings(of configuration: Configuration) throws -> InferenceSettings {
        try ModelError.naming(file) { try config.inferenceSettings(of: configuration) }
    }

    /// What a sentence-transformers folder says of its pooling; nil if it is none.
    func sentencePooling() throws -> Configuration.Pooling? {
        let file = folder.appending(path: ModelFile.pooling)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let settings: SentencePooling = try readJSON(file)
        switch settings.pooling {
        case .cls: return .cls
        case .mean: return .mean
        case .max, nil:
            throw ModelError(
                "\(file.path): asks for the pooling \(settings.modes.map { "'\($0)'" }.joined(separator: " and ")), not for the mean or"
                    + " [CLS]; choose one with --pooling")
        }
    }
}
