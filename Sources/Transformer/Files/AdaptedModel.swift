import Foundation
import JSON
import Kernels

/// An adapter and what the model that it is for has besides: all that a classifier is made of.
struct AdaptedModel {
    let base: URL
    let source: ModelSource
    /// Of the model, without what the adapter has in its place.
    let weights: Weights
    let configuration: Configuration
    let settings: InferenceSettings
    /// The adapter's parameters, by their names.
    let values: [String: Matrix]

    /// Reads an adapter, and opens the model.
    ///
    /// - Parameter base: the model's folder; nil: the one that the adapter names
    /// - Throws: an error that names the file and what is wrong with it.
    init(contentsOf folder: URL, base: URL?) throws {
        let adapter = try Adapter(contentsOf: folder)
        let base = try base ?? adapter.base()
        if Adapter.isIn(base) {
            throw ModelError("\(base.path): is an adapter itself; --model is the model that both were made for")
        }
        let source = try ModelSource(base)
        try source.requireFloat32()
        let family = source.config.family
        var weights = try source.weights()
        let own = try adapter.configurationFile()
        let file = folder.appending(path: ModelFile.configuration)
        let labels: [String]
        if let count = adapter.labelCount(family: family) {
            weights.setAside(layer: "classifier")
            labels =
                try own.map { own in try ModelError.naming(file) { try own.labels(count: count) } }
                ?? source.config.labels(ofHeadWith: count)
        } else if let known = try source.labels(of: weights) {
            labels = known
        } else {
            throw ModelError(
                "\(folder.path): the adapter has no classifier, and \(base.path) has none: it was trained without"
                    + " task_type SEQ_CLS or modules_to_save, and its head is lost; train it again")
        }
        let config = own ?? source.config
        guard let problemType = config.problemType(of: labels) else {
            throw ModelError(
                "\(folder.path): problem_type is '\(config.problemType ?? "regression")', with \(labels.count) labels;"
                    + " only 'single_label_classification' with several labels, 'multi_label_classification', and 'regression' with one can be read"
            )
        }
        let pooling = config.pooling ?? .cls
        if adapter.hasPooler(family: family) { weights.setAside(layer: "pooler") }
        // Of the model's own file for what it checks besides.
        var configuration = try source.configuration(labels: labels, pooling: pooling)
        if let own {
            configuration = try ModelError.naming(file) { try own.configuration(labels: labels, pooling: pooling) }
        }
        configuration.problemType = problemType
        // They belong to the head that the adapter has replaced.
        configuration.ngrams = false
        configuration.lora = try adapter.lora(for: configuration, family: family)
        try ModelError.naming(folder.appending(path: ModelFile.adapterConfiguration)) { try configuration.validate() }
        values = try adapter.values(of: SequenceClassifier.layout(of: configuration), family: family)
        settings = try ModelError.naming(file) { [configuration] in
            try own?.inferenceSettings(of: configuration) ?? InferenceSettings()
        }
        (self.base, self.source, self.weights, self.configuration) = (base, source, weights, configuration)
    }
}

extension ConfigurationFile {
    /// The labels of a head of so many that is not the model's own: by their names here, if there are as many.
    fileprivate func labels(ofHeadWith count: Int) throws -> [String] {
        let own = try? labels(count: count)
        return own.flatMap { $0.count == count ? $0 : nil } ?? (0..<count).map { "LABEL_\($0)" }
    }
}
