import Transformer

/// What a user can set about a training. Names follow `transformers`; the defaults suit small models that are trained from
/// random weights.
package struct Hyperparameters: Codable, Sendable, Equatable {
    /// Passes over the training data.
    package var epochs = 8
    /// Examples in a step.
    package var batchSize = 32
    /// At the end of warm-up.
    package var learningRate: Double = 5e-4
    /// Of weights; biases and LayerNorm never decay.
    package var weightDecay: Double = 0.01
    /// The share of all steps in which the learning rate rises.
    package var warmupRatio: Double = 0.1
    /// Gradients with a larger norm are scaled down to it.
    package var maxGradNorm: Double = 1
    /// Special tokens included; longer texts are cut off. Nil: 128, or the model's limit if that is less.
    package var maxLength: Int?
    /// Of hidden states and attention probabilities. Nil: 0.3 in new models, what `config.json` says in others.
    package var dropout: Double?
    /// Of the initial weights, the order of examples, dropout, and what is held out.
    package var seed: UInt64 = 42
    /// That share the work of a step.
    package var threads = 1
    /// End after so many epochs without a better one.
    package var earlyStopping: Int?
    /// The share of the training data that is held out where there is no dev file.
    package var devFraction: Double = 0.1

    // Of new models only:

    package var layers = 2
    package var hiddenSize = 128
    package var heads = 4
    package var intermediateSize = 512
    package var vocabSize = 8000
    package var pooling: Configuration.Pooling = .mean
    package var normPlacement: Configuration.NormPlacement = .post

    /// Chosen by measurement: small models on small data need more than BERT's 0.1.
    package static let dropoutOfNewModels = 0.3

    /// ``maxLength`` where none is given, unless the model's own limit is less.
    package static let defaultMaxLength = 128

    /// Hyper-parameters with their defaults.
    package init() {}

    /// Name and value of each, as the database keeps them.
    var params: [(name: String, value: String)] {
        [
            ("epochs", "\(epochs)"), ("batch_size", "\(batchSize)"), ("learning_rate", "\(learningRate)"),
            ("weight_decay", "\(weightDecay)"), ("warmup_ratio", "\(warmupRatio)"), ("max_grad_norm", "\(maxGradNorm)"),
            ("max_length", maxLength.map { "\($0)" } ?? "none"), ("dropout", dropout.map { "\($0)" } ?? "none"),
            ("seed", "\(seed)"),
            ("threads", "\(threads)"),
            ("early_stopping", earlyStopping.map { "\($0)" } ?? "none"), ("dev_fraction", "\(devFraction)"),
            ("layers", "\(layers)"), ("hidden_size", "\(hiddenSize)"), ("heads", "\(heads)"),
            ("intermediate_size", "\(intermediateSize)"), ("vocab_size", "\(vocabSize)"), ("pooling", pooling.rawValue),
            ("norm_placement", normPlacement.rawValue),
        ]
    }

    /// Takes over what a model has decided.
    mutating func adopt(_ configuration: Configuration) {
        dropout = dropout ?? Double("\(configuration.dropout)")
        maxLength = maxLength ?? min(Self.defaultMaxLength, configuration.maximumLength)
        layers = configuration.layers
        hiddenSize = configuration.hiddenSize
        heads = configuration.heads
        intermediateSize = configuration.intermediateSize
        vocabSize = configuration.vocabularySize
        pooling = configuration.pooling
        normPlacement = configuration.normPlacement
    }
}

/// The learning rate of each step: a linear rise, then a linear fall that would reach 0 one step after the last.
struct LinearSchedule {
    let peak: Double
    let warmupSteps: Int
    let totalSteps: Int

    init(peak: Double, warmupRatio: Double, totalSteps: Int) {
        self.peak = peak
        self.totalSteps = totalSteps
        warmupSteps = Int((warmupRatio * Double(totalSteps)).rounded(.up))
    }

    /// - Parameter step: counted from 0
    func rate(at step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
        return peak * Double(totalSteps - step) / Double(max(totalSteps - warmupSteps, 1))
    }
}
