import JSON

/// `config.json`: what is the family's own, what all families have in it, and the keys of this package.
///
/// Keys that change the arithmetic are honoured, or refused by ``UnsupportedKeys``.
struct ConfigurationFile: Codable {
    /// Whose format the file has.
    let family: Family
    /// The shape of the model, but for its head.
    private var shape: Configuration
    let head: HeadKeys

    /// Keys of the shape that do not depend on the family.
    private static var sharedKeys: [ConfigurationKey] {
        [
            ConfigurationKey("initializer_range", \.initializerRange),
            ConfigurationKey(optional: "pad_token_id", \.paddingToken),
            ConfigurationKey("norm_placement", \.normPlacement),
        ]
    }

    /// What the classifier is, and how it is used.
    struct HeadKeys: Codable {
        var architectures: [String]?
        var modelType: String?
        var id2label: [String: String]?
        var label2id: WrittenOnly<[String: Int]>?
        var problemType: String?
        var tokenizerClass: String?
        /// Nil in folders that others have written.
        var pooling: Configuration.Pooling?
        var temperature: Double?
        var threshold: Double?
        var longTexts: LongTexts.Method?
        var longTextsMaximumLength: Int?
        var longTextsStride: Int?

        enum CodingKeys: String, CodingKey {
            case architectures, id2label, label2id, pooling
            case modelType = "model_type"
            case problemType = "problem_type"
            case tokenizerClass = "tokenizer_class"
            case temperature = "calibration_temperature"
            case threshold = "decision_threshold"
            case longTexts = "long_texts"
            case longTextsMaximumLength = "long_texts_max_length"
            case longTextsStride = "long_texts_stride"

            /// What ``InferenceSettings`` become.
            static let ofSettings = [temperature, threshold, longTexts, longTextsMaximumLength, longTextsStride]
        }
    }

    /// The keys that ``InferenceSettings`` become.
    static var settingsKeys: [String] { HeadKeys.CodingKeys.ofSettings.map(\.rawValue) }

    init(_ configuration: Configuration, _ settings: InferenceSettings, of family: Family) {
        self.family = family
        shape = configuration
        let numbered = configuration.labels.enumerated()
        head = HeadKeys(
            architectures: [family.architecture], modelType: family.modelType,
            id2label: Dictionary(uniqueKeysWithValues: numbered.map { (String($0.offset), $0.element) }),
            label2id: WrittenOnly(value: Dictionary(uniqueKeysWithValues: numbered.map { ($0.element, $0.offset) })),
            problemType: configuration.problemType.rawValue, pooling: configuration.pooling,
            temperature: settings.temperature == 1 ? nil : settings.temperature, threshold: settings.threshold,
            longTexts: settings.longTexts?.method, longTextsMaximumLength: settings.longTexts?.maximumLength,
            longTextsStride: settings.longTexts?.stride)
    }

    init(from decoder: any Decoder) throws {
        _ = try UnsupportedKeys(from: decoder)
        head = try HeadKeys(from: decoder)
        shape = Configuration(
            vocabularySize: 0, hiddenSize: 0, layers: 0, heads: 0, intermediateSize: 0, labels: [])
        do {
            family = try Families.family(modelType: head.modelType, architectures: head.architectures ?? [])
            let container = try decoder.container(keyedBy: JSONName.self)
            for key in family.keys + Self.sharedKeys { try key.read(container, &shape) }
        } catch let error as ModelError {
            throw JSONFileError(error.description)
        }
    }

    func encode(to encoder: any Swift.Encoder) throws {
        try head.encode(to: encoder)
        var container = encoder.container(keyedBy: JSONName.self)
        for key in family.keys + Self.sharedKeys { try key.write(shape, &container) }
    }

    /// What the file says, with the family's value for what is missing.
    ///
    /// - Throws: ``ModelError``, without the file's name, if it is not a model of this package.
    func configuration(labels: [String], pooling: Configuration.Pooling) throws -> Configuration {
        var configuration = shape
        configuration.labels = labels
        configuration.pooling = pooling
        try configuration.validate()
        return configuration
    }

    /// How the classifier is used; a model of somebody else says nothing of it.
    ///
    /// - Throws: ``ModelError``, without the file's name, that names a value that cannot be.
    func inferenceSettings(of configuration: Configuration) throws -> InferenceSettings {
        var settings = InferenceSettings()
        settings.temperature = head.temperature ?? 1
        settings.threshold = head.threshold
        settings.longTexts = head.longTexts.map {
            LongTexts(
                $0, maximumLength: head.longTextsMaximumLength ?? configuration.maximumLength,
                stride: head.longTextsStride)
        }
        try settings.validate(for: configuration)
        return settings
    }

    // MARK: The head

    /// Whether a tensor called `classifier.weight` classifies whole texts. Other models call theirs the same: those that
    /// classify tokens, for example.
    var classifiesTexts: Bool { head.architectures?.contains(family.architecture) ?? true }

    /// What the head of `labels` is for; nil if it is no classifier. `transformers` takes a head for a regression if it has only
    /// one label, and nothing else is said.
    func problemType(of labels: [String]) -> Configuration.ProblemType? {
        guard let problemType = head.problemType else { return labels.count > 1 ? .singleLabel : nil }
        let known = Configuration.ProblemType(rawValue: problemType)
        return known == .singleLabel && labels.count == 1 ? nil : known
    }

    /// The names of the classes, by id; where there are none, what `transformers` calls them.
    ///
    /// - Parameter count: how many classes the head has
    /// - Throws: ``ModelError`` if an id is missing, or there are more classes than a model can have.
    func labels(count: Int) throws -> [String] {
        guard count <= Configuration.mostLabels else { throw ModelError("the classifier has \(count) labels") }
        guard let id2label = head.id2label else { return (0..<count).map { "LABEL_\($0)" } }
        return try (0..<id2label.count).map { id in
            guard let label = id2label[String(id)] else {
                throw ModelError("id2label has no entry for id \(id)")
            }
            return label
        }
    }
}

/// A value that is written for others, and not read.
struct WrittenOnly<Value: Encodable>: Codable {
    var value: Value?

    init(value: Value) { self.value = value }
    init(from decoder: any Decoder) throws {}
    func encode(to encoder: any Swift.Encoder) throws { try value.encode(to: encoder) }
}
