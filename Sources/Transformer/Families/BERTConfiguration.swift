import JSON
import Kernels
import Tokenization

/// `config.json` as `transformers` writes it for BERT.
///
/// Keys that change the arithmetic are honoured here, or refused by ``UnsupportedKeys``.
struct BERTConfiguration: Codable {
    var architectures: [String]?
    var modelType: String?
    var vocabularySize: Int
    var hiddenSize: Int
    var layers: Int
    var heads: Int
    var intermediateSize: Int
    var activation: String?
    var maximumLength: Int?
    var segments: Int?
    var dropout: Float?
    var attentionDropout: Float?
    var classifierDropout: Float?
    var layerNormEpsilon: Float?
    var initializerRange: Float?
    var padding: Int?
    var id2label: [String: String]?
    var label2id: WrittenOnly<[String: Int]>?
    var problemType: String?
    var tokenizerClass: String?
    var pooling: Configuration.Pooling?
    var normPlacement: Configuration.NormPlacement?
    var temperature: Double?
    var threshold: Double?
    var longTexts: LongTexts.Method?
    var longTextsMaximumLength: Int?
    var longTextsStride: Int?

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
        case classifierDropout = "classifier_dropout"
        case layerNormEpsilon = "layer_norm_eps"
        case initializerRange = "initializer_range"
        case padding = "pad_token_id"
        case problemType = "problem_type"
        case tokenizerClass = "tokenizer_class"
        case normPlacement = "norm_placement"
        case temperature = "calibration_temperature"
        case threshold = "decision_threshold"
        case longTexts = "long_texts"
        case longTextsMaximumLength = "long_texts_max_length"
        case longTextsStride = "long_texts_stride"

        /// What ``InferenceSettings`` become.
        static let ofSettings = [temperature, threshold, longTexts, longTextsMaximumLength, longTextsStride]
    }

    /// The names of `hidden_act`. The first of each activation is the one that is written.
    private static let activations: [(name: String, activation: Activation)] = [
        ("gelu", .gelu), ("gelu_python", .gelu), ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh),
        ("gelu_fast", .geluTanh), ("relu", .relu),
    ]

    /// The architecture that the package writes, and whose head it can read.
    private static let architecture = "BertForSequenceClassification"

    init(_ configuration: Configuration, _ settings: InferenceSettings) {
        architectures = [Self.architecture]
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
        classifierDropout = configuration.classifierDropout
        layerNormEpsilon = configuration.layerNormEpsilon
        initializerRange = configuration.initializerRange
        padding = configuration.paddingToken
        let numbered = configuration.labels.enumerated()
        id2label = Dictionary(uniqueKeysWithValues: numbered.map { (String($0.offset), $0.element) })
        label2id = WrittenOnly(value: Dictionary(uniqueKeysWithValues: numbered.map { ($0.element, $0.offset) }))
        problemType = configuration.problemType.rawValue
        pooling = configuration.pooling
        normPlacement = configuration.normPlacement
        temperature = settings.temperature == 1 ? nil : settings.temperature
        threshold = settings.threshold
        longTexts = settings.longTexts?.method
        longTextsMaximumLength = settings.longTexts?.maximumLength
        longTextsStride = settings.longTexts?.stride
    }

    /// How the classifier is used; a model of somebody else says nothing of it.
    func inferenceSettings(of configuration: Configuration) throws -> InferenceSettings {
        var settings = InferenceSettings()
        settings.temperature = temperature ?? 1
        settings.threshold = threshold
        settings.longTexts = longTexts.map {
            LongTexts(
                $0, maximumLength: longTextsMaximumLength ?? configuration.maximumLength, stride: longTextsStride)
        }
        try settings.validate(for: configuration)
        return settings
    }

    /// Whether a tensor called `classifier.weight` classifies whole texts. Other models call theirs the same: those that
    /// classify tokens, for example.
    var classifiesTexts: Bool { architectures?.contains(Self.architecture) ?? true }

    /// What the head of `labels` is for; nil if it is no classifier. `transformers` takes a head for a regression if it has only
    /// one label, and nothing else is said.
    func problemType(of labels: [String]) -> Configuration.ProblemType? {
        guard let problemType else { return labels.count > 1 ? .singleLabel : nil }
        let known = Configuration.ProblemType(rawValue: problemType)
        return known == .singleLabel && labels.count == 1 ? nil : known
    }

    /// The names of the classes, by id; where there are none, what `transformers` calls them.
    ///
    /// - Parameter count: how many classes the head has
    /// - Throws: ``ModelError`` if an id is missing, or there are more classes than a model can have.
    func labels(count: Int) throws -> [String] {
        guard count <= Configuration.mostLabels else { throw ModelError("the classifier has \(count) labels") }
        guard let id2label else { return (0..<count).map { "LABEL_\($0)" } }
        return try (0..<id2label.count).map { id in
            guard let label = id2label[String(id)] else {
                throw ModelError("id2label has no entry for id \(id)")
            }
            return label
        }
    }

    /// What the file says; a value that is missing is BERT's.
    ///
    /// - Throws: ``ModelError``, without the file's name, if it is not a model of this package.
    func configuration(labels: [String], pooling: Configuration.Pooling) throws -> Configuration {
        guard modelType ?? "bert" == "bert" else {
            throw ModelError("model_type is '\(modelType ?? "")'; only 'bert' can be read")
        }
        if modelType == nil, let other = architectures?.first(where: { !$0.hasPrefix("Bert") }) {
            throw ModelError("the architecture is '\(other)'; only BERT's can be read")
        }
        let name = activation ?? "gelu"
        guard let activation = Self.activations.first(where: { $0.name == name })?.activation else {
            let known = Self.activations.map(\.name).joined(separator: ", ")
            throw ModelError("hidden_act is '\(name)'; known are \(known)")
        }
        var configuration = Configuration(
            vocabularySize: vocabularySize, hiddenSize: hiddenSize, layers: layers, heads: heads,
            intermediateSize: intermediateSize, labels: labels)
        configuration.activation = activation
        configuration.maximumLength = maximumLength ?? configuration.maximumLength
        configuration.segments = segments ?? configuration.segments
        configuration.dropout = dropout ?? configuration.dropout
        configuration.attentionDropout = attentionDropout ?? configuration.attentionDropout
        configuration.classifierDropout = classifierDropout
        configuration.layerNormEpsilon = layerNormEpsilon ?? configuration.layerNormEpsilon
        configuration.initializerRange = initializerRange ?? configuration.initializerRange
        configuration.paddingToken = padding
        configuration.pooling = pooling
        configuration.normPlacement = normPlacement ?? configuration.normPlacement
        try configuration.validate()
        return configuration
    }
}

/// A value that is written for others, and not read.
struct WrittenOnly<Value: Encodable>: Codable {
    var value: Value?

    init(value: Value) { self.value = value }
    init(from decoder: any Decoder) throws {}
    func encode(to encoder: any Swift.Encoder) throws { try value.encode(to: encoder) }
}

/// Keys of `config.json` that would change the arithmetic to one that this package does not have. Decoding fails if one of them
/// has a value that does.
struct UnsupportedKeys: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case positionEmbeddingType = "position_embedding_type"
        case isDecoder = "is_decoder"
        case addCrossAttention = "add_cross_attention"
        case prunedHeads = "pruned_heads"
        case quantizationConfig = "quantization_config"
        case autoMap = "auto_map"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in Key.allCases where try container.contains(key) && !container.decodeNil(forKey: key) {
            if let flag = try? container.decode(Bool.self, forKey: key), !flag { continue }
            if let text = try? container.decode(String.self, forKey: key), text == "absolute" { continue }
            if let map = try? container.decode([String: Ignored].self, forKey: key), map.isEmpty { continue }
            if let list = try? container.decode([Ignored].self, forKey: key), list.isEmpty { continue }
            let value = try? container.decode(String.self, forKey: key)
            throw JSONFileError(
                "\(key.rawValue)\(value.map { " '\($0)'" } ?? "") asks for other arithmetic than BERT's, which is not"
                    + " supported")
        }
    }

    /// Any value.
    private struct Ignored: Decodable {
        init(from decoder: any Decoder) throws {}
    }
}

/// `1_Pooling/config.json` of a sentence-transformers folder: how its tokens become one vector.
struct SentencePooling: Decodable {
    /// Nil if it is a way that this package does not have.
    let pooling: Configuration.Pooling?

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static let prefix = "pooling_mode_"

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        var modes = container.allKeys.filter {
            $0.stringValue.hasPrefix(Self.prefix) && (try? container.decode(Bool.self, forKey: $0)) == true
        }.map { String($0.stringValue.dropFirst(Self.prefix.count)) }
        // Newer versions name the mode.
        if let mode = try? container.decode(String.self, forKey: Key(stringValue: "pooling_mode")) { modes = [mode] }
        switch modes {
        case ["mean_tokens"], ["mean"]: pooling = .mean
        case ["cls_token"], ["cls"]: pooling = .cls
        default: pooling = nil
        }
    }
}
