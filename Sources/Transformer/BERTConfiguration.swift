import Kernels
import Tokenization

/// `config.json` as `transformers` writes it for BERT.
struct BERTConfiguration: Codable {
    var architectures: [String]?
    var modelType: String
    var vocabularySize: Int
    var hiddenSize: Int
    var layers: Int
    var heads: Int
    var intermediateSize: Int
    var activation: String
    var maximumLength: Int
    var segments: Int
    var dropout: Float
    var attentionDropout: Float
    var layerNormEpsilon: Float
    var initializerRange: Float
    var padding: Int?
    var id2label: [String: String]
    var label2id: [String: Int]?
    var problemType: String?
    var pooling: Configuration.Pooling?
    var normPlacement: Configuration.NormPlacement?

    enum CodingKeys: String, CodingKey {
        case architectures, id2label, label2id, pooling
        case modelType = "model_type"
        case vocabularySize = "vocab_size"
        case hiddenSize = "hidden_size"
        case layers = "num_hidden_layers"
        case heads = "num_attention_heads"
        case intermediateSize = "intermediate_size"
        case activation = "hidden_act"
        case maximumLength = "max_position_embeddings"
        case segments = "type_vocab_size"
        case dropout = "hidden_dropout_prob"
        case attentionDropout = "attention_probs_dropout_prob"
        case layerNormEpsilon = "layer_norm_eps"
        case initializerRange = "initializer_range"
        case padding = "pad_token_id"
        case problemType = "problem_type"
        case normPlacement = "norm_placement"
    }

    /// The names of `hidden_act`.
    private static let activations: [(name: String, activation: Activation)] = [
        ("gelu", .gelu), ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh), ("relu", .relu),
    ]

    init(_ configuration: Configuration) {
        architectures = ["BertForSequenceClassification"]
        modelType = "bert"
        vocabularySize = configuration.vocabularySize
        hiddenSize = configuration.hiddenSize
        layers = configuration.layers
        heads = configuration.heads
        intermediateSize = configuration.intermediateSize
        activation = Self.activations.first { $0.activation == configuration.activation }!.name
        maximumLength = configuration.maximumLength
        segments = configuration.segments
        dropout = configuration.dropout
        attentionDropout = configuration.attentionDropout
        layerNormEpsilon = configuration.layerNormEpsilon
        initializerRange = configuration.initializerRange
        padding = 0
        let numbered = configuration.labels.enumerated()
        id2label = Dictionary(uniqueKeysWithValues: numbered.map { (String($0.offset), $0.element) })
        label2id = Dictionary(uniqueKeysWithValues: numbered.map { ($0.element, $0.offset) })
        problemType = "single_label_classification"
        pooling = configuration.pooling
        normPlacement = configuration.normPlacement
    }

    /// What the file says.
    ///
    /// - Parameter source: what an error names as the file
    /// - Throws: ``ModelError`` if it is not a model of this package.
    func configuration(source: String) throws -> Configuration {
        func unsupported(_ cause: String) -> ModelError { ModelError("\(source): \(cause)") }
        guard modelType == "bert" else { throw unsupported("model_type is '\(modelType)'; only 'bert' can be read") }
        guard let activation = Self.activations.first(where: { $0.name == activation })?.activation else {
            let known = Self.activations.map(\.name).joined(separator: ", ")
            throw unsupported("hidden_act is '\(activation)'; known are \(known)")
        }
        let labels = try (0..<id2label.count).map { id in
            guard let label = id2label[String(id)] else { throw unsupported("id2label has no entry for id \(id)") }
            return label
        }
        var configuration = Configuration(
            vocabularySize: vocabularySize, hiddenSize: hiddenSize, layers: layers, heads: heads,
            intermediateSize: intermediateSize, labels: labels)
        configuration.activation = activation
        configuration.maximumLength = maximumLength
        configuration.segments = segments
        configuration.dropout = dropout
        configuration.attentionDropout = attentionDropout
        configuration.layerNormEpsilon = layerNormEpsilon
        configuration.initializerRange = initializerRange
        configuration.pooling = pooling ?? .cls
        configuration.normPlacement = normPlacement ?? .post
        do {
            try configuration.validate()
        } catch let error as ModelError {
            throw unsupported(error.description)
        }
        return configuration
    }
}

/// `tokenizer_config.json` as `transformers` writes it for BERT.
struct TokenizerConfiguration: Codable {
    var tokenizerClass: String?
    var lowercases: Bool?
    var stripsAccents: Bool?
    var splitsIdeographs: Bool?
    var maximumLength: Double?

    enum CodingKeys: String, CodingKey {
        case tokenizerClass = "tokenizer_class"
        case lowercases = "do_lower_case"
        case stripsAccents = "strip_accents"
        case splitsIdeographs = "tokenize_chinese_chars"
        case maximumLength = "model_max_length"
    }

    init(_ normalizer: Normalizer, maximumLength: Int) {
        tokenizerClass = "BertTokenizer"
        lowercases = normalizer.lowercases
        stripsAccents = normalizer.stripsAccents
        splitsIdeographs = normalizer.splitsIdeographs
        self.maximumLength = Double(maximumLength)
    }

    var normalizer: Normalizer {
        Normalizer(
            lowercases: lowercases ?? true, stripsAccents: stripsAccents, splitsIdeographs: splitsIdeographs ?? true)
    }
}
