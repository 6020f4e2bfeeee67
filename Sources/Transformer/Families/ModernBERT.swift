extension Family {
    private typealias Key = ConfigurationKey<Configuration>

    /// Warner et al., *Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder*, 2024: pre-norm without biases, gated feed-forward sublayers, and
    /// ``AlternatingAttention``.
    static var modernBERT: Family {
        Family(
            name: "ModernBERT", modelType: "modernbert", architecturePrefix: "ModernBert", prefix: "model.",
            defaults: defaults {
                $0.segments = 0
                $0.positions = .rotary
                $0.maximumLength = 8192
                $0.addNorm = AddNormVariant(.layerNorm, .pre)
                $0.normalizesFirst = false
                $0.isGated = true
                ($0.hasAttentionBias, $0.hasFeedForwardBias, $0.hasNormBias) = (false, false, false)
                ($0.dropout, $0.attentionDropout, $0.innerDropout, $0.classifierDropout) = (0, 0, 0, 0)
                $0.attentionOutputDropout = .attention
                $0.layerNormEpsilon = 1e-5
                $0.initializerCutoff = 2
                $0.paddingToken = 50283
                $0.pooler = Configuration.DensePooler(
                    activation: .gelu, hasNorm: true, hasBias: false, isForMean: true)
            },
            keys: [
                Key(required: "vocab_size", \.vocabularySize), Key(required: "hidden_size", \.hiddenSize),
                Key(required: "num_hidden_layers", \.layers), Key(required: "num_attention_heads", \.heads),
                Key(required: "intermediate_size", \.intermediateSize),
                Key("hidden_activation", \.activation, names: namesOfActivations),
                Key("max_position_embeddings", \.maximumLength), Key("embedding_dropout", \.dropout),
                Key("attention_dropout", \.attentionDropout), Key("mlp_dropout", \.innerDropout),
                Key("classifier_dropout", \.classifierDropout), Key("norm_eps", \.layerNormEpsilon),
                Key("norm_bias", \.hasNormBias), Key("attention_bias", \.hasAttentionBias),
                Key("mlp_bias", \.hasFeedForwardBias), Key("classifier_bias", \.pooler.hasBias),
                Key("classifier_activation", \.pooler.activation, names: namesOfActivations),
                Key("classifier_pooling", \.pooling, names: ["cls": .cls, "mean": .mean]),
                Key("initializer_cutoff_factor", \.initializerCutoff), Key("local_attention", \.alternation.window),
                Key("global_attn_every_n_layers", \.alternation.globalEvery),
                Key("global_rope_theta", \.alternation.globalBase), Key("local_rope_theta", \.alternation.localBase),
                layerTypes, rotaryParameters,
            ],
            encoderNames: [
                "embeddings.tokens": "embeddings.tok_embeddings", "embeddings.norm": "embeddings.norm",
                "layers.#.attention.query": "layers.#.attn.Wqkv", "layers.#.attention.key": "layers.#.attn.Wqkv",
                "layers.#.attention.value": "layers.#.attn.Wqkv", "layers.#.attention.output": "layers.#.attn.Wo",
                "layers.#.attention.norm": "layers.#.attn_norm", "layers.#.feedForward.up": "layers.#.mlp.Wi",
                "layers.#.feedForward.down": "layers.#.mlp.Wo", "layers.#.feedForward.norm": "layers.#.mlp_norm",
                "finalNorm": "final_norm",
            ],
            headNames: ["pooler": "head.dense", "pooler.norm": "head.norm", "classifier": "classifier"],
            fusedLayers: ["query", "key", "value"].map { "layers.#.attention.\($0)" })
    }

    /// `layer_types`, which newer versions of `transformers` have in place of `global_attn_every_n_layers`.
    private static var layerTypes: Key {
        let (all, near) = ("full_attention", "sliding_attention")
        return Key(name: "layer_types") { container, configuration in
            guard let types = try container.decodeIfPresent([String].self, forKey: "layer_types") else { return }
            if let other = types.first(where: { ![all, near].contains($0) }) {
                throw ModelError("layer_types has '\(other)'; known are \(all), \(near)")
            }
            configuration.alternation.setGlobalLayers(types.map { $0 == all })
        } write: { configuration, container in
            let types = (0..<configuration.layers).map { configuration.alternation.isGlobal($0) ? all : near }
            try container.encode(types, forKey: "layer_types")
        }
    }

    /// `rope_parameters`, which newer versions have in place of `global_rope_theta` and `local_rope_theta`. They read these, too, and those are written.
    private static var rotaryParameters: Key {
        struct Parameters: Decodable {
            let type: String?
            let base: Double?
            enum CodingKeys: String, CodingKey { case type = "rope_type", base = "rope_theta" }
        }
        return Key(name: "rope_parameters") { container, configuration in
            let all = try container.decodeIfPresent([String: Parameters?].self, forKey: "rope_parameters") ?? [:]
            for (layers, base) in [
                ("full_attention", \AlternatingAttention.globalBase), ("sliding_attention", \.localBase),
            ] {
                guard let parameters = all[layers] ?? nil else { continue }
                if let type = parameters.type, type != "default" {
                    throw ModelError("rope_type of \(layers) is '\(type)'; only 'default' can be read")
                }
                if let value = parameters.base { configuration.alternation[keyPath: base] = value }
            }
        } write: { _, _ in
        }
    }
}
