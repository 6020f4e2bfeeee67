extension Family {
    private typealias Key = ConfigurationKey<Configuration>

    /// Sanh, Debut, Chaumond & Wolf, *DistilBERT, a Distilled Version of BERT*, 2019: BERT without segments and without its pooler; a head of its own.
    static var distilBERT: Family {
        Family(
            name: "DistilBERT", modelType: "distilbert", architecturePrefix: "DistilBert", prefix: "distilbert.",
            defaults: defaults {
                $0.segments = 0
                $0.attentionOutputDropout = .none
                $0.classifierDropout = 0.2
                $0.pooler.activation = .relu
            },
            keys: [
                Key(required: "vocab_size", \.vocabularySize), Key(required: "dim", \.hiddenSize),
                Key(required: "n_layers", \.layers), Key(required: "n_heads", \.heads),
                Key(required: "hidden_dim", \.intermediateSize),
                Key("activation", \.activation, names: namesOfActivations),
                Key("max_position_embeddings", \.maximumLength), Key("dropout", \.dropout),
                Key("attention_dropout", \.attentionDropout), Key("seq_classif_dropout", \.classifierDropout),
            ],
            encoderNames: [
                "embeddings.tokens": "embeddings.word_embeddings",
                "embeddings.positions": "embeddings.position_embeddings",
                "embeddings.norm": "embeddings.LayerNorm",
                "layers.#.attention.query": "transformer.layer.#.attention.q_lin",
                "layers.#.attention.key": "transformer.layer.#.attention.k_lin",
                "layers.#.attention.value": "transformer.layer.#.attention.v_lin",
                "layers.#.attention.output": "transformer.layer.#.attention.out_lin",
                "layers.#.attention.norm": "transformer.layer.#.sa_layer_norm",
                "layers.#.feedForward.up": "transformer.layer.#.ffn.lin1",
                "layers.#.feedForward.down": "transformer.layer.#.ffn.lin2",
                "layers.#.feedForward.norm": "transformer.layer.#.output_layer_norm",
            ],
            headNames: ["pooler": "pre_classifier", "classifier": "classifier"])
    }
}
