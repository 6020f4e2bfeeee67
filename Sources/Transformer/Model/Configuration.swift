import Kernels

/// The shape of a model: what `config.json` says.
package struct Configuration: Sendable, Equatable {
    /// What the logits are trained for; the raw values are those of `transformers`.
    package enum ProblemType: String, Sendable, Codable, CaseIterable {
        /// Each text has one label: softmax.
        case singleLabel = "single_label_classification"
        /// Each text has any number of labels: a sigmoid for each.
        case multiLabel = "multi_label_classification"
        /// Each text has a number: the logit itself.
        case regression
    }

    /// How the token rows of a text become one row.
    package enum Pooling: String, Sendable, Codable, CaseIterable {
        /// The row of `[CLS]`, through a dense layer and tanh: BERT.
        case cls
        /// The mean over the rows of all tokens.
        case mean
    }

    /// The number of rows of the token embedding.
    package var vocabularySize: Int
    /// The width of hidden states.
    package var hiddenSize: Int
    /// The number of encoder layers.
    package var layers: Int
    /// The number of attention heads; a divisor of the hidden size.
    package var heads: Int
    /// The width inside the feed-forward sublayer.
    package var intermediateSize: Int
    /// Inside the feed-forward sublayer.
    package var activation: Activation = .gelu
    /// The longest sequence, special tokens included.
    package var maximumLength = 512
    /// How many segments a text can have; this package uses the first only.
    package var segments = 2
    /// Dropout on hidden states.
    package var dropout: Float = 0.1
    /// Dropout before the classifier; nil: the same as on hidden states.
    package var classifierDropout: Float?
    /// Dropout on attention probabilities.
    package var attentionDropout: Float = 0.1
    /// ε of every LayerNorm and RMSNorm.
    package var layerNormEpsilon: Float = 1e-12
    /// The standard deviation of initial weights.
    package var initializerRange: Float = 0.02
    /// The token that `transformers` fills batches up with.
    package var paddingToken: Int? = 0
    /// The form of the step around each sublayer.
    package var addNorm = AddNormVariant()
    package var pooling: Pooling = .cls
    package var problemType: ProblemType = .singleLabel
    /// Whether the logits of n-grams are added to the encoder's.
    package var ngrams = false
    /// The adapter beside the weights; nil: there is none.
    package var lora: LoRA?
    /// The names of the classes, in the order of their ids.
    package var labels: [String]

    /// What `transformers` calls the only output of a regression.
    package static let numberLabel = "LABEL_0"

    /// Creates the shape of a model; what is not named here has BERT's value.
    package init(
        vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, intermediateSize: Int, labels: [String]
    ) {
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.layers = layers
        self.heads = heads
        self.intermediateSize = intermediateSize
        self.labels = labels
    }

    static let mostLabels = 1 << 20

    /// Checks that a model of this shape can be built.
    ///
    /// - Throws: ``ModelError`` that names what cannot be.
    package func validate() throws {
        func require(_ condition: Bool, _ message: String) throws {
            if !condition { throw ModelError(message) }
        }
        let sizes = [
            ("vocabulary size", vocabularySize, 1 << 21), ("hidden size", hiddenSize, 1 << 16),
            ("number of layers", layers, 1 << 10), ("number of attention heads", heads, 1 << 12),
            ("intermediate size", intermediateSize, 1 << 18), ("maximum length", maximumLength, 1 << 20),
            ("number of segments", segments, 1 << 10), ("number of labels", labels.count, Self.mostLabels),
        ]
        for (name, value, limit) in sizes {
            try require(value >= 1 && value <= limit, "the \(name) is \(value); it must lie between 1 and \(limit)")
        }
        try require(maximumLength >= 2, "the maximum length is \(maximumLength); [CLS] and [SEP] alone need 2")
        try require(
            hiddenSize % heads == 0,
            "the hidden size, \(hiddenSize), is not a multiple of the number of attention heads, \(heads)")
        let rates = [
            ("the", dropout), ("the attention", attentionDropout), ("the classifier's", classifierDropout ?? 0),
        ]
        for (name, rate) in rates {
            try require((0..<1).contains(rate), "\(name) dropout rate is \(rate); it must be at least 0 and below 1")
        }
        try require(layerNormEpsilon > 0, "layer_norm_eps is \(layerNormEpsilon); it must be above 0")
        if let problem = lora.flatMap(problem) { throw ModelError(problem) }
        if let problem = addNorm.problem { throw ModelError("norm, norm_placement and residual: \(problem)") }
        try require(Set(labels).count == labels.count, "two labels have the same name")
    }

    /// Why a model of this shape cannot have an adapter; nil if it can.
    private func problem(of lora: LoRA) -> String? {
        if !(1...hiddenSize).contains(lora.rank) {
            return "the rank of LoRA is \(lora.rank); it must lie between 1 and the hidden size, \(hiddenSize)"
        }
        if !(lora.alpha > 0 && lora.alpha.isFinite && lora.scale.isFinite) {
            return "alpha of LoRA is \(lora.alpha); it must be above 0"
        }
        if !(0..<1).contains(lora.dropout) {
            return "dropout of LoRA is \(lora.dropout); it must be at least 0 and below 1"
        }
        if lora.targets.isEmpty { return "LoRA has no targets" }
        if lora.targets.contains(.pooler) && (pooling != .cls || lora.hasPooler) {
            let targets = LoRA.Target.ofLayers.map(\.rawValue).joined(separator: ", ")
            return pooling == .cls
                ? "LoRA has the target 'pooler', but the model has none: a new one is trained as a whole; choose among \(targets)"
                : "LoRA has the target 'pooler', which mean pooling does not have; choose among \(targets)"
        }
        if addNorm.norm == .batchNorm {
            return "LoRA leaves a model as it is, but BatchNorm remembers every batch; train all of it, without LoRA"
        }
        return nil
    }
}
