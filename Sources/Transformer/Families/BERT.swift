import Kernels

extension Family {
    private typealias Key = ConfigurationKey<Configuration>

    /// Devlin, Chang, Lee & Toutanova, *BERT: Pre-training of Deep Bidirectional Transformers*, 2019. Its values are the defaults
    /// of a ``Configuration``.
    static var bert: Family {
        Family(
            name: "BERT", modelType: "bert", architecturePrefix: "Bert", prefix: "bert.", defaults: defaults { _ in },
            keys: keysOfBERT(positions: \.maximumLength),
            encoderNames: namesOfBERT.merging(["pooler": "pooler.dense"]) { $1 },
            headNames: ["classifier": "classifier"],
            // Published encoders of this layout are often sentence encoders, whose pooler was never trained.
            pooling: .mean)
    }

    /// The keys of families that have BERT's.
    ///
    /// - Parameter positions: what `max_position_embeddings` is
    static func keysOfBERT(positions: WritableKeyPath<Configuration, Int>) -> [ConfigurationKey<Configuration>] {
        [
            Key(required: "vocab_size", \.vocabularySize), Key(required: "hidden_size", \.hiddenSize),
            Key(required: "num_hidden_layers", \.layers), Key(required: "num_attention_heads", \.heads),
            Key(required: "intermediate_size", \.intermediateSize),
            Key("hidden_act", \.activation, names: namesOfActivations), Key("max_position_embeddings", positions),
            Key("type_vocab_size", \.segments), Key("hidden_dropout_prob", \.dropout),
            Key("attention_probs_dropout_prob", \.attentionDropout),
            Key(optional: "classifier_dropout", \.classifierDropout), Key("layer_norm_eps", \.layerNormEpsilon),
        ]
    }

    static let namesOfActivations: KeyValuePairs<String, Activation> = [
        "gelu": .gelu, "gelu_python": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
        "gelu_fast": .geluTanh, "relu": .relu,
    ]

    /// The names of the layers of encoders that are built as BERT's.
    static let namesOfBERT = [
        "embeddings.tokens": "embeddings.word_embeddings",
        "embeddings.positions": "embeddings.position_embeddings",
        "embeddings.segments": "embeddings.token_type_embeddings",
        "embeddings.norm": "embeddings.LayerNorm",
        "layers.#.attention.query": "encoder.layer.#.attention.self.query",
        "layers.#.attention.key": "encoder.layer.#.attention.self.key",
        "layers.#.attention.value": "encoder.layer.#.attention.self.value",
        "layers.#.attention.output": "encoder.layer.#.attention.output.dense",
        "layers.#.attention.norm": "encoder.layer.#.attention.output.LayerNorm",
        "layers.#.attention.branchNorm": "encoder.layer.#.attention.output.BranchNorm",
        "layers.#.attention.residual": "encoder.layer.#.attention.output.residual",
        "layers.#.feedForward.up": "encoder.layer.#.intermediate.dense",
        "layers.#.feedForward.down": "encoder.layer.#.output.dense",
        "layers.#.feedForward.norm": "encoder.layer.#.output.LayerNorm",
        "layers.#.feedForward.branchNorm": "encoder.layer.#.output.BranchNorm",
        "layers.#.feedForward.residual": "encoder.layer.#.output.residual",
        "finalNorm": "encoder.LayerNorm",
    ]
}
