import Foundation
import JSON

/// `config.json`: what is the family's own, what all families have in it, and the keys of this package.
///
/// Keys that change the arithmetic are honoured, or refused by ``UnsupportedKeys``.
package struct ConfigurationFile: Codable {
    /// Whose format the file has.
    private(set) var family = Family.bert
    /// The shape of the model, but for its head.
    private var shape: Configuration
    private var architectures: [String]?
    private var modelType: String?
    private(set) var tokenizerClass: String?
    private(set) var problemType: String?
    private var id2label: [String: String]?
    /// Nil in folders that others have written.
    private(set) var pooling: Configuration.Pooling?
    /// Nil: there are none.
    private var ngrams: Bool?
    private var temperature: Double?
    private var threshold: Double?
    private var longTexts: LongTexts.Method?
    private var longTextsMaximumLength: Int?
    private var longTextsStride: Int?
    /// Nil: as the family's.
    private(set) var weightFormat: WeightFormat?
    /// Nil: nothing is known of it; not written where single texts are read.
    private var readsPairs: Bool?

    private typealias Key = ConfigurationKey<ConfigurationFile>

    /// The keys that do not depend on the family, but for ``settingsKeys``.
    private static var sharedKeys: [Key] {
        [
            Key(optional: "architectures", \.architectures), Key(optional: "model_type", \.modelType),
            Key(optional: "tokenizer_class", \.tokenizerClass), Key(optional: "problem_type", \.problemType),
            Key(optional: "id2label", \.id2label), Key(optional: "pooling", \.pooling),
            Key(optional: "ngrams", \.ngrams), Key(optional: "weight_format", \.weightFormat),
            Key("norm", \.shape.addNorm.norm), Key("norm_placement", \.shape.addNorm.placement),
            Key("residual", \.shape.addNorm.residual), Key("initializer_range", \.shape.initializerRange),
            Key("pad_token_id", \.shape.paddingToken),
        ]
    }

    /// What ``InferenceSettings`` become.
    private static var settingsKeys: [Key] {
        [
            Key(optional: "calibration_temperature", \.temperature), Key(optional: "decision_threshold", \.threshold),
            Key(optional: "long_texts", \.longTexts), Key(optional: "long_texts_max_length", \.longTextsMaximumLength),
            Key(optional: "long_texts_stride", \.longTextsStride), Key(optional: "text_pairs", \.readsPairs),
        ]
    }

    /// The names of the keys that ``InferenceSettings`` become.
    static var namesOfSettings: [String] { settingsKeys.map(\.name.stringValue) }

    /// The names of the keys whose numbers are fractions.
    private var namesOfFractions: Set<String> {
        let own = family.keys.filter(\.isFraction).map(\.name.stringValue)
        return Set(own + (Self.sharedKeys + Self.settingsKeys).filter(\.isFraction).map(\.name.stringValue))
    }

    /// Writes the file to a folder.
    ///
    /// - Throws: what the file system says.
    func write(to folder: URL) throws {
        try writeJSON(self, to: folder.appending(path: ModelFile.configuration), fractions: namesOfFractions)
    }

    /// The bytes of another file with these keys.
    func data(of keys: [String: Any]) throws -> Data {
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json = try JSONSerialization.data(withJSONObject: keys, options: options)
        return pointed(json, inNumbersOf: namesOfFractions) + Data("\n".utf8)
    }

    init(
        _ configuration: Configuration, _ settings: InferenceSettings, of family: Family,
        weightFormat: WeightFormat? = nil
    ) {
        self.family = family
        self.weightFormat = weightFormat
        shape = configuration
        let isKnown = family.foreignPart(of: configuration) == nil && weightFormat == nil
        architectures = [isKnown ? family.architecture : Self.ownArchitecture]
        modelType = (isKnown ? "" : Family.ownPrefix.type) + family.modelType
        problemType = configuration.problemType.rawValue
        let numbered = configuration.labels.enumerated().map { (String($0.offset), $0.element) }
        id2label = Dictionary(uniqueKeysWithValues: numbered)
        pooling = configuration.pooling
        ngrams = configuration.ngrams ? true : nil
        temperature = settings.temperature == 1 ? nil : settings.temperature
        threshold = settings.threshold
        longTexts = settings.longTexts?.method
        longTextsMaximumLength = settings.longTexts?.maximumLength
        longTextsStride = settings.longTexts?.stride
        readsPairs = settings.readsPairs == true ? true : nil
    }

    /// Says that the folder has the encoder alone, which `transformers` knows.
    mutating func becomeEncoder() {
        architectures = [family.architecturePrefix + "Model"]
        modelType = family.modelType
        (problemType, pooling, ngrams) = (nil, nil, nil)
    }

    package init(from decoder: any Decoder) throws {
        _ = try UnsupportedKeys(from: decoder)
        let container = try decoder.container(keyedBy: JSONName.self)
        do {
            family = try Families.family(
                modelType: container.decodeIfPresent(String.self, forKey: "model_type"),
                architectures: container.decodeIfPresent([String].self, forKey: "architectures") ?? [])
            shape = family.defaults
            for key in Self.sharedKeys + Self.settingsKeys { try key.read(container, &self) }
            for key in family.keys { try key.read(container, &shape) }
        } catch let error as ModelError {
            throw JSONFileError(error.description)
        }
        if container.contains("norm") { readsPairs = readsPairs ?? false }
        // Such a family says it with a key of its own.
        if shape.pooler.isForMean { pooling = shape.pooling }
    }

    package func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: JSONName.self)
        for key in Self.sharedKeys + Self.settingsKeys { try key.write(self, &container) }
        for key in family.keys { try key.write(shape, &container) }
        // For others: what it says is in `id2label`.
        let ids = shape.labels.enumerated().map { ($0.element, $0.offset) }
        try container.encode(Dictionary(uniqueKeysWithValues: ids), forKey: "label2id")
    }

    /// What the file says, with the family's value for what is missing.
    ///
    /// - Throws: ``ModelError``, without the file's name, if it is not a model of this package.
    package func configuration(labels: [String], pooling: Configuration.Pooling) throws -> Configuration {
        var configuration = shape
        configuration.labels = labels
        configuration.pooling = pooling
        configuration.ngrams = ngrams ?? false
        try configuration.validate()
        return configuration
    }

    /// How the classifier is used; a model of somebody else says nothing of it.
    ///
    /// - Throws: ``ModelError``, without the file's name, that names a value that cannot be.
    package func inferenceSettings(of configuration: Configuration) throws -> InferenceSettings {
        var settings = InferenceSettings()
        settings.temperature = temperature ?? 1
        settings.threshold = threshold
        settings.longTexts = longTexts.map {
            LongTexts($0, maximumLength: longTextsMaximumLength ?? configuration.maximumLength, stride: longTextsStride)
        }
        settings.readsPairs = readsPairs
        try settings.validate(for: configuration)
        return settings
    }

    // MARK: The head

    /// Whether a tensor called `classifier.weight` classifies whole texts. Other models call theirs the same: those that
    /// classify tokens, for example.
    var classifiesTexts: Bool {
        architectures?.contains { [family.architecture, Self.ownArchitecture].contains($0) } ?? true
    }

    private static let ownArchitecture = Family.ownPrefix.architecture + "ForSequenceClassification"

    /// What the head of `labels` is for; nil if nothing here reads such a one. `transformers` takes a head for a regression if it has only
    /// one label, and nothing else is said.
    func problemType(of labels: [String]) -> Configuration.ProblemType? {
        guard let problemType else { return labels.count > 1 ? .singleLabel : .regression }
        let known = Configuration.ProblemType(rawValue: problemType)
        return known == .singleLabel && labels.count == 1 || known == .regression && labels.count > 1 ? nil : known
    }

    /// The names of the classes, by id; where there are none, what `transformers` calls them.
    ///
    /// - Parameter count: how many classes the head has
    /// - Throws: ``ModelError`` if an id is missing, or there are more classes than a model can have.
    package func labels(count: Int) throws -> [String] {
        guard count <= Configuration.mostLabels else { throw ModelError("the classifier has \(count) labels") }
        guard let id2label else { return (0..<count).map { "LABEL_\($0)" } }
        return try (0..<id2label.count).map { id in
            guard let label = id2label[String(id)] else { throw ModelError("id2label has no entry for id \(id)") }
            return label
        }
    }
}
