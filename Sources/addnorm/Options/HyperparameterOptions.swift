import ArgumentParser
import Training

/// Options of the command line that are made from the declarations of a section of ``Hyperparameters``.
///
/// swift-argument-parser finds the options of a type by reflection; the mirror of this one shows an option for each
/// declaration.
protocol HyperparameterOptions: ParsableArguments, CustomReflectable {
    static var section: HyperparameterSection { get }
    /// What the user has set, and nothing else.
    var given: Hyperparameters { get set }
}

extension HyperparameterOptions {
    private static var declarations: [any DeclaredHyperparameter] {
        Hyperparameters.all.filter { $0.section == section }
    }

    var customMirror: Mirror {
        Mirror(self, children: Self.declarations.map { (label: $0.name, value: Self.option($0)) })
    }

    private static func option<Declaration: DeclaredHyperparameter>(_ declaration: Declaration) -> Any {
        let name = NameSpecification.customLong(String(declaration.option.dropFirst(2)))
        let help = ArgumentHelp(
            "\(declaration.help)\(declaration.defaultText.map { " (default: \($0))" } ?? "")",
            valueName: declaration.valueName)
        if Declaration.Value.self is Bool.Type { return Flag(wrappedValue: false, name: name, help: help) }
        return Option<OptionValue<Declaration.Value>?>(name: name, help: help)
    }

    init(from decoder: any Decoder) throws {
        self.init()
        let options = try decoder.container(keyedBy: OptionKey.self)
        for declaration in Self.declarations { try read(declaration, from: options) }
    }

    private mutating func read<Declaration: DeclaredHyperparameter>(
        _ declaration: Declaration, from options: KeyedDecodingContainer<OptionKey>
    ) throws {
        let key = OptionKey(stringValue: declaration.name)
        if Declaration.Value.self is Bool.Type {
            let flag = try options.decode(Flag<Bool>.self, forKey: key).wrappedValue
            if flag, let value = flag as? Declaration.Value { given[declaration] = value }
        } else if let value = try options.decode(Option<OptionValue<Declaration.Value>?>.self, forKey: key).wrappedValue
        {
            given[declaration] = value.value
        }
    }
}

private struct OptionKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// The value of a hyper-parameter as a user writes it.
private struct OptionValue<Value: HyperparameterValue>: ExpressibleByArgument {
    let value: Value

    init?(argument: String) {
        // What need not be given is left out, not written.
        guard let value = Value(text: argument), !(Value.isOptional && argument == "none") else { return nil }
        self.value = value
    }

    static var allValueStrings: [String] { Value.choices }
    static var defaultCompletionKind: CompletionKind { Value.choices.isEmpty ? .default : .list(Value.choices) }
}

/// How a model is trained.
struct TrainingOptions: HyperparameterOptions {
    static let section = HyperparameterSection.training
    var given = Hyperparameters()
}

/// What few need of that.
struct RareTrainingOptions: HyperparameterOptions {
    static let section = HyperparameterSection.rare
    var given = Hyperparameters()
}

/// What is trained beside a model.
struct AdapterOptions: HyperparameterOptions {
    static let section = HyperparameterSection.adapter
    var given = Hyperparameters()
}

/// How an encoder is tuned by few texts.
struct FewShotOptions: HyperparameterOptions {
    static let section = HyperparameterSection.fewShot
    var given = Hyperparameters()
}

/// The shape of a model that is trained from random weights.
struct ShapeOptions: HyperparameterOptions {
    static let section = HyperparameterSection.newModel
    var given = Hyperparameters()
}

/// How the best epoch is found.
struct BestEpochOptions: HyperparameterOptions {
    static let section = HyperparameterSection.selection
    var given = Hyperparameters()
}

extension Hyperparameters {
    /// What was asked for, and the defaults of what is trained.
    ///
    /// - Parameter emulatesBFloat16: whether products of 16 bits are computed without the processor's own instruction
    /// - Throws: `ValidationError` if it cannot be done.
    init(
        _ options: any HyperparameterOptions..., model: String?, teacher: String? = nil,
        emulatesBFloat16: Bool = false
    ) throws {
        self.init()
        for options in options { merge(options.given) }
        do {
            try prepare(startingFrom: model, learningFrom: teacher)
        } catch {
            throw ValidationError("\(error).")
        }
        try self.precision.requireOption(emulated: emulatesBFloat16)
    }
}
