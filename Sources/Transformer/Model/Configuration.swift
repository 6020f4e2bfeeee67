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

    /// How a model knows where a token stands.
    package enum Positions: Sendable, Equatable {
        /// By a table with a row for each place: BERT.
        case learned
        /// By such a table whose first row in use is the one after the padding token's: RoBERTa. That token itself has its own row and no place.
        case learnedAfterPadding
        /// By turning queries and keys: ``AlternatingAttention``.
        case rotary
    }

    /// Which dropout rate what attention returns has.
    package enum OutputDropout: Sendable, Equatable { case hiddenStates, attention, none }

    /// What stands between the row that is read of a text and the classifier.
    package struct DensePooler: Sendable, Equatable {
        package var activation = Activation.tanh
        /// Whether the classifier's dropout stands before it, too.
        package var dropsInput = false
        /// Whether a LayerNorm follows the activation.
        package var hasNorm = false
        package var hasBias = true
        /// Whether it stands there under ``Pooling/mean``, too.
        package var isForMean = false
    }

    /// The number of rows of the token embedding.
    package var vocabularySize: Int
    /// The width of hidden states.
    package var hiddenSize: Int
    /// The width of the embeddings, which are then projected; nil: that of hidden states, and they are not.
    package var embeddingSize: Int?
    /// The number of encoder layers.
    package var layers: Int
    /// The number of attention heads; a divisor of the hidden size.
    package var heads: Int
    /// The width inside the feed-forward sublayer.
    package var intermediateSize: Int
    /// Inside the feed-forward sublayer.
    package var activation: Activation = .gelu
    /// Whether it is a gated linear unit: then the first projection is twice as wide.
    package var isGated = false
    /// Whether queries, keys, values and what attention returns have biases.
    package var hasAttentionBias = true
    /// Whether the projections of the feed-forward sublayer have.
    package var hasFeedForwardBias = true
    /// Whether each LayerNorm has.
    package var hasNormBias = true
    /// Whether the first layer normalises what its attention reads, as pre-norm has it; the embeddings are normalised already.
    package var normalizesFirst = true
    package var positions = Positions.learned
    /// Unused but with rotary positions.
    package var alternation = AlternatingAttention()
    /// The longest sequence, special tokens included.
    package var maximumLength = 512
    /// How many segments there are for texts that are read together; 0: there is no table of them.
    package var segments = 2
    /// Dropout on hidden states.
    package var dropout: Float = 0.1
    /// Dropout before the classifier; nil: the same as on hidden states.
    package var classifierDropout: Float?
    /// Dropout on attention probabilities.
    package var attentionDropout: Float = 0.1
    package var attentionOutputDropout = OutputDropout.hiddenStates
    /// Dropout inside the feed-forward sublayer, in place of that behind it; nil: it is behind it, as on hidden states.
    package var innerDropout: Float?
    /// ε of every LayerNorm and RMSNorm.
    package var layerNormEpsilon: Float = 1e-12
    /// The standard deviation of initial weights.
    package var initializerRange: Float = 0.02
    /// How many standard deviations initial weights are at most away from 0. With it, those of a new head have the deviations of ModernBERT's; nil:
    /// all weights begin as BERT's.
    package var initializerCutoff: Float?
    /// The token that `transformers` fills batches up with.
    package var paddingToken: Int? = 0
    /// The form of the step around each sublayer.
    package var addNorm = AddNormVariant()
    package var pooling: Pooling = .cls
    package var pooler = DensePooler()
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

    /// The row of the table of positions for the first token of a text.
    package var firstPosition: Int { positions == .learnedAfterPadding ? (paddingToken ?? -1) + 1 : 0 }

    /// The rows of that table, as `max_position_embeddings` has them.
    var positionRows: Int {
        get { maximumLength + firstPosition }
        set { maximumLength = newValue - firstPosition }
    }

    /// Whether there is a dense layer between the row that is read of a text and the classifier.
    package var hasPooler: Bool { pooling == .cls || pooler.isForMean }

    /// The dropout rate of what attention returns.
    package var rateOfAttentionOutput: Float {
        switch attentionOutputDropout {
        case .hiddenStates: dropout
        case .attention: attentionDropout
        case .none: 0
        }
    }

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
            ("embedding size", embeddingSize ?? 1, 1 << 16), ("number of labels", labels.count, Self.mostLabels),
        ]
        for (name, value, limit) in sizes {
            try require(value >= 1 && value <= limit, "the \(name) is \(value); it must lie between 1 and \(limit)")
        }
        try require(
            (0...1 << 10).contains(segments), "the number of segments is \(segments); it must lie between 0 and 1024")
        try require((paddingToken ?? 0) >= 0, "pad_token_id is \(paddingToken ?? 0); it must be at least 0")
        try require(maximumLength >= 2, "the maximum length is \(maximumLength); [CLS] and [SEP] alone need 2")
        try require(
            hiddenSize % heads == 0,
            "the hidden size, \(hiddenSize), is not a multiple of the number of attention heads, \(heads)")
        let rates = [
            ("the", dropout), ("the attention", attentionDropout), ("the classifier's", classifierDropout ?? 0),
            ("the feed-forward sublayer's", innerDropout ?? 0),
        ]
        for (name, rate) in rates {
            try require((0..<1).contains(rate), "\(name) dropout rate is \(rate); it must be at least 0 and below 1")
        }
        try require(layerNormEpsilon > 0, "layer_norm_eps is \(layerNormEpsilon); it must be above 0")
        try require(
            positions != .rotary || hiddenSize / heads % 2 == 0,
            "a head has \(hiddenSize / heads) columns; rotary positions need an even number")
        if positions == .rotary, let problem = alternation.problem(layers: layers) { throw ModelError(problem) }
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
        if lora.targets.contains(.pooler) && (!hasPooler || lora.hasPooler) {
            let targets = LoRA.Target.ofLayers.map(\.rawValue).joined(separator: ", ")
            return hasPooler
                ? "LoRA has the target 'pooler', but the model has none: a new one is trained as a whole; choose among \(targets)"
                : "LoRA has the target 'pooler', which mean pooling does not have; choose among \(targets)"
        }
        if addNorm.norm == .batchNorm {
            return "LoRA leaves a model as it is, but BatchNorm remembers every batch; train all of it, without LoRA"
        }
        return nil
    }
}
