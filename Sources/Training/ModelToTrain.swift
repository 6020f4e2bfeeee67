import Foundation
import Tokenization
import Transformer

extension ModelFolder {
    /// The model that a training begins with: a pretrained one, or a new one whose vocabulary is learned from the texts.
    ///
    /// - Parameters:
    ///   - request: takes over what the model has decided
    ///   - newHead: whether the classifier of the folder is replaced even if it knows all labels
    ///   - texts: of the training data
    ///   - notice: is told what was initialised, and what was not used
    /// - Throws: an error with a message for a person if there is no such model, or none can have such a shape.
    package init(
        toTrain request: inout TrainingRequest, labels: [String], _ problemType: Configuration.ProblemType,
        newHead: Bool = false, texts: [Text], notice: (String) -> Void
    ) throws {
        let hyperparameters = request.hyperparameters
        if let path = request.model {
            try self.init(
                pretrained: URL(filePath: path),
                head: WantedHead(labels: labels, problemType: problemType, isNew: newHead),
                pooling: hyperparameters.pooling, lora: hyperparameters.lora, seed: hyperparameters.seed, notice: notice
            )
            if hyperparameters.trainsHeadOnly && classifier.configuration.pooling == .cls {
                notice(
                    "only the head is trained, on [CLS]: --pooling mean is usually much better where the encoder is frozen"
                )
            }
        } else if let path = request.teacher {
            let teacher = try ModelFolder(contentsOf: URL(filePath: path), notice: notice)
            try teacher.requireFloat32(for: "a part of its layers")
            let all = teacher.classifier.configuration.layers
            let layers = hyperparameters.isSet(\.layers) ? hyperparameters.layers : max(1, all / 2)
            guard layers <= all else {
                throw TrainingError("--layers \(layers): the teacher, of which the model is a part, has \(all) layers")
            }
            self.init(
                classifier: try teacher.classifier.merged(on: hyperparameters.workers).student(layers: layers),
                tokenizer: teacher.tokenizer, family: teacher.family)
            ngrams = teacher.ngrams
            notice("the model begins with \(layers) of the \(all) layers of \(path)")
        } else {
            let tokenizer = try Tokenizer(
                learnedFrom: texts.flatMap(\.parts), size: hyperparameters.vocabSize, as: hyperparameters.tokenizer)
            var configuration = hyperparameters.newConfiguration(for: tokenizer, labels: labels)
            configuration.problemType = problemType
            if let chosen = try request.hyperparameters.chooseLength(for: texts, tokenizer, configuration) {
                notice(chosen)
            }
            configuration.maximumLength = request.hyperparameters.longTexts.maximumLength
            self.init(
                classifier: try SequenceClassifier(configuration, seed: hyperparameters.seed), tokenizer: tokenizer)
        }
        if let path = request.model ?? request.teacher {
            try request.hyperparameters.checkLength(below: classifier.configuration.maximumLength, of: path)
            if let chosen = try request.hyperparameters.chooseLength(for: texts, tokenizer, classifier.configuration) {
                notice(chosen)
            }
            if let dropout = hyperparameters.dropout { try classifier.setDropout(Float(dropout)) }
        }
        request.hyperparameters.adopt(classifier.configuration)
        request.hyperparameters.tokenizer = tokenizer.kind ?? hyperparameters.tokenizer
        settings.readsPairs = texts.first?.second != nil
        // How texts are cut off is a matter of the model's limit.
        settings.longTexts = hyperparameters.longTexts.method == .truncate ? nil : request.hyperparameters.longTexts
    }
}

extension Hyperparameters {
    /// The shape of a new model, which reads texts as far as any could.
    func newConfiguration(for tokenizer: Tokenizer, labels: [String]) -> Configuration {
        var configuration = Configuration(
            vocabularySize: tokenizer.vocabulary.tokens.count, hiddenSize: self.hiddenSize, layers: self.layers,
            heads: self.heads, intermediateSize: self.intermediateSize, labels: labels)
        configuration.maximumLength = self.maxLength ?? HyperparameterDeclarations.longestByData
        configuration.dropout = Float(self.dropout ?? HyperparameterDeclarations.dropoutOfNewModels)
        configuration.attentionDropout = configuration.dropout
        configuration.pooling = self.pooling ?? .mean
        configuration.initializerRange = Float(self.initializerRange)
        configuration.addNorm = addNorm
        configuration.ngrams = self.ngrams == .on
        return configuration
    }
}
