import ArgumentParser
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// How a model is trained.
struct TrainingOptions: ParsableArguments {
    private static let defaults = Hyperparameters()

    /// A default that depends on what is trained.
    private static func defaults(_ value: (Hyperparameters) -> some Any) -> String {
        let values = Hyperparameters.Kind.allCases.map { "\(value(Hyperparameters(for: $0)))" }
        return "(default: \(values[0]); with --model \(values[1]); with --train-layers head \(values[2]))"
    }

    @Option(
        help: """
            What of --model is trained: all, head (what is on top of the encoder; the encoder runs over each text once, and \
            epochs then take milliseconds), or a number: the head and so many layers from the top.
            """)
    var trainLayers = Hyperparameters.TrainLayers.all

    @Flag(help: "Train the embeddings too, where --train-layers is not all.")
    var trainEmbeddings = false

    @Option(
        help: """
            How tokens become one vector: cls (BERT's) or mean. (default: as --model says, else \
            \(Configuration.Pooling.mean.rawValue))
            """)
    var pooling: Configuration.Pooling?

    @Option(help: "Passes over the training data. \(defaults { $0.epochs })")
    var epochs: Int?

    @Option(help: "Texts in a step.")
    var batchSize = defaults.batchSize

    @Option(help: "Batches whose gradients make one step: the same as batches so many times as large, in less memory.")
    var gradientAccumulation = defaults.gradientAccumulation

    @Option(
        help: "The learning rate at the end of warm-up; it then falls linearly to 0. \(defaults { $0.learningRate })")
    var learningRate: Double?

    @Option(
        help: """
            What the learning rate is multiplied with from each layer to the one below it; 1 is the same for all. \
            \(defaults { $0.layerDecay })
            """)
    var layerDecay: Double?

    @Option(help: "How much of each label's probability is spread over all labels: 0.1, say.")
    var labelSmoothing = defaults.labelSmoothing

    @Option(
        help: ArgumentHelp(
            """
            How much each label counts: none (all the same), balanced (the rarer, the more), or label=weight,… (1 for the \
            others).
            """, valueName: "weights"))
    var classWeights = Hyperparameters.ClassWeights.none

    @Option(help: "AdamW's decay of weights; biases and LayerNorm do not decay.")
    var weightDecay = defaults.weightDecay

    @Option(help: "The share of steps in which the learning rate rises.")
    var warmupRatio = defaults.warmupRatio

    @Option(
        help: ArgumentHelp(
            """
            What the labels are: single_label_classification (each text has one) or multi_label_classification (any number, \
            between '|' or as a JSON array). (default: the latter if a label of the training data has a '|' or is an array)
            """, valueName: "type"))
    var problemType: Configuration.ProblemType?

    @Option(
        help: """
            Read so many tokens of a text at a time, special tokens included. (default: \(Hyperparameters.defaultMaxLength), or \
            the limit of --model if that is less)
            """)
    var maxLength: Int?

    @OptionGroup
    var longTexts: LongTextOptions

    @Option(help: "Scale gradients down to this norm.")
    var maxGradNorm = defaults.maxGradNorm

    @Option(
        help:
            "The share of hidden states and attention probabilities that is dropped. (default: \(Hyperparameters.dropoutOfNewModels), or as --model says)"
    )
    var dropout: Double?

    @Option(
        help: """
            The seed of everything random. The same seed and threads give the same model, bit for bit. (default: \(defaults.seed))
            """)
    var seed: UInt64?

    @Option(help: "Threads to use. (default: one for each processor)")
    var threads: Int?

    func validate() throws {
        try longTexts.requireWindows(longTexts.longTexts ?? .truncate)
        try requirePositive(epochs, "--epochs")
        try requirePositive(gradientAccumulation, "--gradient-accumulation")
        try requirePositive(batchSize, "--batch-size")
        try requirePositive(threads, "--threads", atMost: mostThreads)
        try requirePositive(maxLength, "--max-length")
        guard seed ?? 0 <= UInt64(Int64.max) else { throw ValidationError("--seed must be at most \(Int64.max).") }
        guard maxLength ?? 2 >= 2 else { throw ValidationError("--max-length must be at least 2: [CLS] and [SEP].") }
        guard learningRate ?? 1 > 0 && learningRate ?? 1 < .infinity else {
            throw ValidationError("--learning-rate must be above 0.")
        }
        guard layerDecay ?? 1 > 0 && layerDecay ?? 1 <= 1 else {
            throw ValidationError("--layer-decay must be above 0 and at most 1.")
        }
        guard (0..<1).contains(labelSmoothing) else {
            throw ValidationError("--label-smoothing must be at least 0 and below 1.")
        }
        if trainEmbeddings && trainLayers == .all {
            throw ValidationError("--train-embeddings is for --train-layers head or a number; 'all' has them already.")
        }
        guard weightDecay >= 0 && weightDecay.isFinite else {
            throw ValidationError("--weight-decay must be 0 or more.")
        }
        guard (0...1).contains(warmupRatio) else { throw ValidationError("--warmup-ratio must lie between 0 and 1.") }
        guard maxGradNorm > 0 && maxGradNorm.isFinite else { throw ValidationError("--max-grad-norm must be above 0.") }
        guard (0..<1).contains(dropout ?? 0) else { throw ValidationError("--dropout must be at least 0 and below 1.") }
    }

    /// Checks that the options are for the model that is trained.
    func validate(model: String?, _ shape: ShapeOptions) throws {
        if model != nil && !shape.isEmpty {
            throw ValidationError(
                "--layers, --hidden-size, --heads, --intermediate-size, --vocab-size and --norm-placement are for new models;"
                    + " --model has decided them.")
        }
        if model == nil && trainLayers != .all {
            throw ValidationError("--train-layers is for pretrained models: give one with --model.")
        }
    }

    /// What was asked for, and the defaults of what is trained.
    func hyperparameters(model: String?, _ shape: ShapeOptions) -> Hyperparameters {
        let headOnly = trainLayers == .head && !trainEmbeddings
        var hyperparameters = Hyperparameters(for: model == nil ? .newModel : headOnly ? .headOnly : .fineTuning)
        apply(to: &hyperparameters)
        shape.apply(to: &hyperparameters)
        return hyperparameters
    }

    private func apply(to hyperparameters: inout Hyperparameters) {
        hyperparameters.problemType = problemType
        hyperparameters.longTextsMethod = longTexts.longTexts ?? .truncate
        hyperparameters.stride = longTexts.stride
        hyperparameters.trainLayers = trainLayers
        hyperparameters.trainEmbeddings = trainEmbeddings
        hyperparameters.pooling = pooling
        hyperparameters.epochs = epochs ?? hyperparameters.epochs
        hyperparameters.batchSize = batchSize
        hyperparameters.gradientAccumulation = gradientAccumulation
        hyperparameters.learningRate = learningRate ?? hyperparameters.learningRate
        hyperparameters.layerDecay = layerDecay ?? hyperparameters.layerDecay
        hyperparameters.labelSmoothing = labelSmoothing
        hyperparameters.classWeights = classWeights
        hyperparameters.weightDecay = weightDecay
        hyperparameters.warmupRatio = warmupRatio
        hyperparameters.maxLength = maxLength
        hyperparameters.maxGradNorm = maxGradNorm
        hyperparameters.dropout = dropout
        hyperparameters.seed = seed ?? hyperparameters.seed
        hyperparameters.threads = threads ?? hyperparameters.threads
    }
}

/// The shape of a model that is trained from random weights.
struct ShapeOptions: ParsableArguments {
    private static let defaults = Hyperparameters()

    @Option(help: "Encoder layers. (default: \(defaults.layers))")
    var layers: Int?

    @Option(help: "The width of hidden states. (default: \(defaults.hiddenSize))")
    var hiddenSize: Int?

    @Option(help: "Attention heads; they divide the hidden size. (default: \(defaults.heads))")
    var heads: Int?

    @Option(help: "The width inside the feed-forward sublayer. (default: \(defaults.intermediateSize))")
    var intermediateSize: Int?

    @Option(help: "The largest vocabulary that is learned. (default: \(defaults.vocabSize))")
    var vocabSize: Int?

    @Option(
        help: ArgumentHelp(
            "Where LayerNorm stands: post (BERT's: after the residual sum) or pre (before the sublayer). (default: \(defaults.normPlacement.rawValue))"
        ))
    var normPlacement: Configuration.NormPlacement?

    /// Whether nothing was said.
    var isEmpty: Bool {
        layers == nil && hiddenSize == nil && heads == nil && intermediateSize == nil && vocabSize == nil
            && normPlacement == nil
    }

    func validate() throws {
        try requirePositive(layers, "--layers")
        try requirePositive(hiddenSize, "--hidden-size")
        try requirePositive(heads, "--heads")
        try requirePositive(intermediateSize, "--intermediate-size")
        guard (hiddenSize ?? Self.defaults.hiddenSize) % (heads ?? Self.defaults.heads) == 0 else {
            throw ValidationError("--hidden-size must be a multiple of --heads.")
        }
        guard (vocabSize ?? 10) >= 10 else { throw ValidationError("--vocab-size must be at least 10.") }
    }

    func apply(to hyperparameters: inout Hyperparameters) {
        hyperparameters.layers = layers ?? hyperparameters.layers
        hyperparameters.hiddenSize = hiddenSize ?? hyperparameters.hiddenSize
        hyperparameters.heads = heads ?? hyperparameters.heads
        hyperparameters.intermediateSize = intermediateSize ?? hyperparameters.intermediateSize
        hyperparameters.vocabSize = vocabSize ?? hyperparameters.vocabSize
        hyperparameters.normPlacement = normPlacement ?? hyperparameters.normPlacement
    }
}

extension Hyperparameters.TrainLayers: ExpressibleByArgument {
    package init?(argument: String) {
        switch argument {
        case "all": self = .all
        case "head": self = .head
        default:
            guard let count = Int(argument), count >= 1 else { return nil }
            self = .top(count)
        }
    }

    package var defaultValueDescription: String { text }
}

extension Hyperparameters.ClassWeights: ExpressibleByArgument {
    package init?(argument: String) {
        switch argument {
        case "none": self = .none
        case "balanced": self = .balanced
        default:
            var weights: [String: Double] = [:]
            for entry in argument.split(separator: ",", omittingEmptySubsequences: false) {
                // The last sign, because a label can have one.
                guard let sign = entry.lastIndex(of: "="), sign > entry.startIndex,
                    let weight = Double(entry[entry.index(after: sign)...]), weight > 0, weight < 1e6,
                    weights.updateValue(weight, forKey: String(entry[..<sign])) == nil
                else { return nil }
            }
            self = .byLabel(weights)
        }
    }

    package var defaultValueDescription: String { text }
}

extension Configuration.Pooling: ExpressibleByArgument {}
extension Configuration.ProblemType: ExpressibleByArgument {}
extension Configuration.NormPlacement: ExpressibleByArgument {}
