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
        newHead: Bool = false, texts: [String], notice: (String) -> Void
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
            try request.hyperparameters.limitLength(to: classifier.configuration.maximumLength, of: path)
            if let dropout = hyperparameters.dropout { try classifier.setDropout(Float(dropout)) }
        } else {
            let tokenizer = try Tokenizer(learnedFrom: texts, size: hyperparameters.vocabSize)
            var configuration = Configuration(
                vocabularySize: tokenizer.vocabulary.tokens.count, hiddenSize: hyperparameters.hiddenSize,
                layers: hyperparameters.layers, heads: hyperparameters.heads,
                intermediateSize: hyperparameters.intermediateSize, labels: labels)
            configuration.problemType = problemType
            configuration.maximumLength = hyperparameters.longTexts.maximumLength
            request.hyperparameters.maxLength = configuration.maximumLength
            configuration.dropout = Float(hyperparameters.dropout ?? HyperparameterDeclarations.dropoutOfNewModels)
            configuration.attentionDropout = configuration.dropout
            configuration.pooling = hyperparameters.pooling ?? .mean
            configuration.initializerRange = Float(hyperparameters.initializerRange)
            configuration.addNorm = hyperparameters.addNorm
            self.init(
                classifier: try SequenceClassifier(configuration, seed: hyperparameters.seed), tokenizer: tokenizer)
        }
        request.hyperparameters.adopt(classifier.configuration)
        // How texts are cut off is a matter of the model's limit.
        settings.longTexts = hyperparameters.longTexts.method == .truncate ? nil : request.hyperparameters.longTexts
    }
}
