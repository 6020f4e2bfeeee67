extension Family {
    private typealias Key = ConfigurationKey<Configuration>

    /// Devlin, Chang, Lee & Toutanova, *BERT: Pre-training of Deep Bidirectional Transformers*, 2019. Its values are the defaults
    /// of a ``Configuration``.
    static var bert: Family {
        Family(
            name: "BERT", modelType: "bert", architecturePrefix: "Bert",
            keys: [
                Key(required: "vocab_size", \.vocabularySize), Key(required: "hidden_size", \.hiddenSize),
                Key(required: "num_hidden_layers", \.layers), Key(required: "num_attention_heads", \.heads),
                Key(required: "intermediate_size", \.intermediateSize),
                Key(
                    "hidden_act", \.activation,
                    names: [
                        "gelu": .gelu, "gelu_python": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
                        "gelu_fast": .geluTanh, "relu": .relu,
                    ]),
                Key("max_position_embeddings", \.maximumLength), Key("type_vocab_size", \.segments),
                Key("hidden_dropout_prob", \.dropout), Key("attention_probs_dropout_prob", \.attentionDropout),
                Key(optional: "classifier_dropout", \.classifierDropout), Key("layer_norm_eps", \.layerNormEpsilon),
            ],
            layerNames: [
                "embeddings.tokens": "bert.embeddings.word_embeddings",
                "embeddings.positions": "bert.embeddings.position_embeddings",
                "embeddings.segments": "bert.embeddings.token_type_embeddings",
                "embeddings.norm": "bert.embeddings.LayerNorm",
                "layers.#.attention.query": "bert.encoder.layer.#.attention.self.query",
                "layers.#.attention.key": "bert.encoder.layer.#.attention.self.key",
                "layers.#.attention.value": "bert.encoder.layer.#.attention.self.value",
                "layers.#.attention.output": "bert.encoder.layer.#.attention.output.dense",
                "layers.#.attention.norm": "bert.encoder.layer.#.attention.output.LayerNorm",
                "layers.#.attention.branchNorm": "bert.encoder.layer.#.attention.output.BranchNorm",
                "layers.#.attention.residual": "bert.encoder.layer.#.attention.output.residual",
                "layers.#.feedForward.up": "bert.encoder.layer.#.intermediate.dense",
                "layers.#.feedForward.down": "bert.encoder.layer.#.output.dense",
                "layers.#.feedForward.norm": "bert.encoder.layer.#.output.LayerNorm",
                "layers.#.feedForward.branchNorm": "bert.encoder.layer.#.output.BranchNorm",
                "layers.#.feedForward.residual": "bert.encoder.layer.#.output.residual",
                "finalNorm": "bert.encoder.LayerNorm",
                "pooler": "bert.pooler.dense",
                "classifier": "classifier",
            ],
            // Older versions of `transformers` have saved them.
            derivedTensors: ["bert.embeddings.position_ids", "bert.embeddings.token_type_ids"],
            currentName: { tensor in
                // Encoders alone have no prefix; the first files had TensorFlow's names for the parameters of LayerNorm.
                let isAlone = ["embeddings.", "encoder.", "pooler."].contains(where: tensor.hasPrefix)
                return (isAlone ? "bert." + tensor : tensor)
                    .replacing(/LayerNorm\.gamma$/, with: "LayerNorm.weight")
                    .replacing(/LayerNorm\.beta$/, with: "LayerNorm.bias")
            })
    }
}
