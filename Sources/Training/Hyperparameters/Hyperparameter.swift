/// What is trained: kinds of work that need different learning rates and numbers of epochs.
package enum TrainingKind: CaseIterable, Sendable {
    /// A new encoder, from random weights, with n-grams beside it.
    case newModel
    /// The same without n-grams.
    case encoderAlone
    /// A pretrained encoder, or its upper layers.
    case fineTuning
    /// A new head on a pretrained encoder that stays as it is.
    case headOnly
    /// Low-rank updates beside a pretrained encoder that stays as it is, and a head.
    case lora
}

/// What a hyper-parameter is about.
package enum HyperparameterSection: Sendable {
    /// How a model learns.
    case training
    /// The same, what few need.
    case rare
    /// What is trained beside a model that stays as it is.
    case adapter
    /// How the encoder is tuned where there are few texts.
    case fewShot
    /// The shape of a model that begins with random weights.
    case newModel
    /// How the best epoch is found.
    case selection
}

/// All that is to be said about a hyper-parameter whose values are of some type.
package protocol DeclaredHyperparameter: Sendable {
    associatedtype Value: HyperparameterValue

    /// The name in the database and in checkpoints: `batch_size`.
    var name: String { get }
    /// What the command line says of it.
    var help: String { get }
    /// How the command line calls its value, if that is not the option's name.
    var valueName: String? { get }
    var section: HyperparameterSection { get }

    /// The value where none is given.
    func defaultValue(for kind: TrainingKind) -> Value
    /// What is wrong with a value, as a sentence that begins with the option goes on; nil if it is allowed.
    func problem(of value: Value) -> String?
}

extension DeclaredHyperparameter {
    /// The option of the command line: `--batch-size`.
    package var option: String { "--" + name.replacing("_", with: "-") }

    /// The default as a user should know it: one, or one for each kind of training; nil if ``help`` says it.
    package var defaultText: String? {
        if Value.isOptional || Value.self is Bool.Type { return nil }
        func text(_ kind: TrainingKind) -> String { defaultValue(for: kind).text }
        if Set(TrainingKind.allCases.map(text)).count == 1 { return text(.newModel) }
        var texts = [text(.newModel)]
        func add(_ kind: TrainingKind, _ option: String, unlessAs other: TrainingKind) {
            if text(kind) != text(other) { texts.append("with \(option) \(text(kind))") }
        }
        add(.encoderAlone, "--ngrams off", unlessAs: .newModel)
        add(.fineTuning, "--model", unlessAs: .newModel)
        add(.headOnly, "--train-layers head", unlessAs: .fineTuning)
        add(.lora, "--lora-rank", unlessAs: .fineTuning)
        return texts.joined(separator: "; ")
    }
}

/// The declaration of a hyper-parameter.
package struct Hyperparameter<Value: HyperparameterValue>: DeclaredHyperparameter {
    package let name: String
    package let help: String
    package let valueName: String?
    package let section: HyperparameterSection
    private let defaults: [TrainingKind: Value]
    private let usualDefault: Value
    private let limits: Limits<Value>

    package func defaultValue(for kind: TrainingKind) -> Value { defaults[kind] ?? usualDefault }
    package func problem(of value: Value) -> String? { limits.problem(value) }

    /// Declares a hyper-parameter.
    ///
    /// - Parameters:
    ///   - usualDefault: the default of all kinds of training but those that `defaults` names
    ///   - limits: which values are allowed
    init(
        _ name: String, default usualDefault: Value, _ defaults: [TrainingKind: Value] = [:],
        limits: Limits<Value> = .none, section: HyperparameterSection = .training, valueName: String? = nil,
        help: String
    ) {
        (self.name, self.help, self.valueName, self.section) = (name, help, valueName, section)
        (self.defaults, self.usualDefault, self.limits) = (defaults, usualDefault, limits)
    }
}
