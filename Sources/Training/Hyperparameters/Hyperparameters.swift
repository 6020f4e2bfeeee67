import Kernels
import RunStore
import Transformer

/// The values of a training's hyper-parameters: those that a user or a model has decided, and the defaults of the others.
///
/// Each property of ``HyperparameterDeclarations`` is one of this type, too: `hyperparameters.batchSize`.
@dynamicMemberLookup
package struct Hyperparameters: Sendable {
    /// Decides about defaults.
    package var kind: TrainingKind
    private var values: [String: any HyperparameterValue] = [:]

    /// What can be set.
    package static let declared = HyperparameterDeclarations()
    /// The same as a list, in the order of the declarations.
    package static let all = Mirror(reflecting: declared).children.compactMap {
        $0.value as? any DeclaredHyperparameter
    }

    /// All defaults of a kind of training.
    package init(for kind: TrainingKind = .newModel) { self.kind = kind }

    package subscript<Value>(
        dynamicMember declaration: KeyPath<HyperparameterDeclarations, Hyperparameter<Value>>
    ) -> Value {
        get { self[Self.declared[keyPath: declaration]] }
        set { self[Self.declared[keyPath: declaration]] = newValue }
    }

    package subscript<Declaration: DeclaredHyperparameter>(_ declaration: Declaration) -> Declaration.Value {
        get {
            // Where nothing is set, a cast to an optional type would succeed and give nil instead of the default.
            guard let value = values[declaration.name] else { return declaration.defaultValue(for: kind) }
            return value as? Declaration.Value ?? declaration.defaultValue(for: kind)
        }
        set { values.updateValue(newValue, forKey: declaration.name) }
    }

    /// Whether somebody has decided about it.
    package func isSet<Value>(_ declaration: KeyPath<HyperparameterDeclarations, Hyperparameter<Value>>) -> Bool {
        values[Self.declared[keyPath: declaration].name] != nil
    }

    /// The options of what somebody has decided about.
    package var options: [String] { Self.all.filter { values[$0.name] != nil }.map(\.option) }

    /// Whether nobody has decided about anything.
    package var isEmpty: Bool { values.isEmpty }

    /// Takes over what is set in `other`.
    package mutating func merge(_ other: Hyperparameters) { values.merge(other.values) { $1 } }

    /// Sets a hyper-parameter by its name, to a value as a user writes it.
    ///
    /// - Throws: ``TrainingError`` if there is none of this name, or it has no such value.
    package mutating func set(_ name: String, _ text: String) throws {
        func set<Declaration: DeclaredHyperparameter>(_ declaration: Declaration) throws {
            guard let value = Declaration.Value(text: text) else {
                throw TrainingError("\(declaration.option) cannot be '\(text)'")
            }
            if let problem = declaration.problem(of: value) { throw TrainingError("\(declaration.option) \(problem)") }
            self[declaration] = value
        }
        guard let declaration = Self.all.first(where: { $0.name == name }) else {
            throw TrainingError(
                "there is no hyper-parameter '\(name)'; there are \(Self.all.map(\.name).joined(separator: ", "))")
        }
        try set(declaration)
    }

    // MARK: Checks

    /// Checks each value.
    ///
    /// - Parameter sections: which ones are checked
    /// - Throws: ``TrainingError`` that names the option and what it must be.
    package func check(
        _ sections: Set<HyperparameterSection> = [.training, .rare, .adapter, .fewShot, .newModel, .selection]
    )
        throws
    {
        func check(_ declaration: some DeclaredHyperparameter) throws {
            if let problem = declaration.problem(of: self[declaration]) {
                throw TrainingError("\(declaration.option) \(problem)")
            }
        }
        for declaration in Self.all where sections.contains(declaration.section) { try check(declaration) }
    }

    /// Checks what a user asks for, each value and all together, and decides about the defaults.
    ///
    /// - Parameters:
    ///   - model: the folder to start from
    ///   - teacher: that of the classifier to learn from, of which a model without another beginning is a part
    /// - Throws: ``TrainingError`` that names the options.
    package mutating func prepare(startingFrom model: String?, learningFrom teacher: String? = nil) throws {
        try check()
        try checkTeaching(isTaught: teacher != nil, isPart: teacher != nil && model == nil)
        try prepareRegression(isTaught: teacher != nil)
        let model = model ?? teacher
        let shape = Self.all.filter {
            $0.section == .newModel && !(teacher != nil && $0.name == Self.declared.layers.name)
        }
        if model != nil, shape.contains(where: { values[$0.name] != nil }) {
            let options = shape.map(\.option)
            throw TrainingError(
                "\(options.dropLast().joined(separator: ", ")) and \(options.last ?? "") are for new models;"
                    + " --model has decided them")
        }
        if model == nil && self.trainLayers != .all {
            throw TrainingError("--train-layers is for pretrained models: give one with --model")
        }
        try checkLoRA(startingFrom: model)
        try prepareFewShot(startingFrom: model, isTaught: teacher != nil)
        if self.trainEmbeddings && self.trainLayers == .all {
            throw TrainingError("--train-embeddings is for --train-layers head or a number; 'all' has them already")
        }
        if self.stride != nil && self.longTextsMethod != .windows {
            throw TrainingError("--stride is for --long-texts windows")
        }
        try checkAddNorm()
        if model == nil && self.vocabSize < self.tokenizer.leastSize {
            throw TrainingError(
                "--vocab-size must be at least \(self.tokenizer.leastSize) with --tokenizer \(self.tokenizer.text): that has a token for each byte"
            )
        }
        if self.hiddenSize % self.heads != 0 { throw TrainingError("--hidden-size must be a multiple of --heads") }
        // Such a folder is for transformers, which reads no n-grams; and these are for labels.
        if model == nil && (self.pooling == .cls || self.problemType == .regression) && !isSet(\.ngrams) {
            self.ngrams = .off
        }
        kind =
            model == nil
            ? (self.ngrams == .on ? .newModel : .encoderAlone)
            : trainsHeadOnly ? .headOnly : self.loraRank == nil ? .fineTuning : .lora
    }

    /// Refuses what has no meaning for numbers, or for labels, and decides by what epochs are judged.
    private mutating func prepareRegression(isTaught: Bool) throws {
        let isOfNumbers = EvaluationMetric.ofNumbers.contains(self.metric)
        guard self.problemType == .regression else {
            if isOfNumbers {
                throw TrainingError("--metric \(self.metric.text) is for numbers: give --problem-type regression")
            }
            return
        }
        let ofLabels = [
            ("--teacher", isTaught), ("--few-shot", self.fewShot), ("--class-weights", self.classWeights != .none),
            ("--label-smoothing", self.labelSmoothing > 0), ("--ngrams on", isSet(\.ngrams) && self.ngrams == .on),
        ]
        if let option = ofLabels.first(where: \.1)?.0 {
            throw TrainingError("\(option) and --problem-type regression do not go together: it is for labels")
        }
        if isSet(\.metric) && !isOfNumbers && self.metric != .logLoss {
            let metrics = EvaluationMetric.ofNumbers.map(\.text).joined(separator: ", ")
            throw TrainingError("--metric \(self.metric.text) is for labels; of numbers there are \(metrics)")
        }
        if !isSet(\.metric) || self.metric == .logLoss { self.metric = .usualOfNumbers }
    }

    /// Refuses what has no meaning with few texts, or without, and decides that the head alone is trained once the encoder is tuned.
    private mutating func prepareFewShot(startingFrom model: String?, isTaught: Bool) throws {
        guard self.fewShot else {
            let options = Self.all.filter { $0.section == .fewShot }.dropFirst()
            if let option = options.first(where: { values[$0.name] != nil })?.option {
                throw TrainingError("\(option) is for --few-shot")
            }
            if self.devFraction == 0 {
                throw TrainingError("--dev-fraction must be above 0: only with --few-shot can nothing be held out")
            }
            return
        }
        if isTaught {
            throw TrainingError(
                "--teacher and --few-shot do not go together: a teacher tells what it has learned of many texts")
        }
        if model == nil {
            throw TrainingError("--few-shot tunes a pretrained encoder: give one with --model")
        }
        if self.loraRank != nil {
            throw TrainingError(
                "--lora-rank and --few-shot do not go together: LoRA leaves the encoder as it is, and --few-shot tunes it"
            )
        }
        if isSet(\.trainLayers) || self.trainEmbeddings {
            let option = self.trainEmbeddings ? "--train-embeddings" : "--train-layers"
            throw TrainingError(
                "\(option) and --few-shot do not go together: the whole encoder is tuned, and then the head alone is trained"
            )
        }
        if self.batchSize < 4 {
            throw TrainingError("--batch-size must be at least 4 with --few-shot: two texts of two labels make pairs")
        }
        self.trainLayers = .head
        if !isSet(\.devFraction) { self.devFraction = 0 }
    }

    /// Refuses what has no meaning with LoRA, or without.
    private func checkLoRA(startingFrom model: String?) throws {
        guard self.loraRank != nil else {
            let options = Self.all.filter { $0.section == .adapter }.dropFirst()
            if let option = options.first(where: { values[$0.name] != nil })?.option {
                throw TrainingError("\(option) is for LoRA: give its rank with --lora-rank")
            }
            return
        }
        if model == nil {
            throw TrainingError(
                "--lora-rank leaves a pretrained model as it is, and random weights must learn: give a model with --model"
            )
        }
        if self.trainLayers != .all || self.trainEmbeddings {
            let option = self.trainEmbeddings ? "--train-embeddings" : "--train-layers \(self.trainLayers.text)"
            throw TrainingError(
                "\(option) and --lora-rank do not go together: LoRA trains its updates in all layers and the head, and nothing else"
            )
        }
    }

    /// Refuses what is nothing without a teacher, or what the teacher has decided.
    private func checkTeaching(isTaught: Bool, isPart: Bool) throws {
        if !isTaught, isSet(\.distillationTemperature) || isSet(\.distillationWeight) {
            throw TrainingError("--distillation-temperature and --distillation-weight are for --teacher")
        }
        if isTaught && !isPart && isSet(\.layers) {
            throw TrainingError("--layers is for new models, or for a part of --teacher; --model has decided it")
        }
        if isPart && self.loraRank != nil {
            throw TrainingError(
                "--lora-rank leaves a model as it is, and a part of --teacher must learn: give a model with --model")
        }
        if isPart && isSet(\.pooling) { throw TrainingError("--pooling: a part of --teacher pools as that does") }
    }

    /// Refuses forms of Add & Norm without meaning. ReZero has no norm, and nobody need say so.
    private mutating func checkAddNorm() throws {
        if self.residual == .rezero && !isSet(\.norm) { self.norm = .none }
        let places = self.norm == .none && isSet(\.normPlacement) ? AddNormVariant.placeOfNothing : nil
        if let problem = addNorm.problem ?? places {
            throw TrainingError(
                "--norm \(self.norm.rawValue), --norm-placement \(self.normPlacement.rawValue) and --residual"
                    + " \(self.residual.rawValue) do not go together: \(problem)")
        }
    }

    // MARK: What follows from them

    /// Trains a new encoder without n-grams.
    package mutating func leaveNGrams() {
        self.ngrams = .off
        if kind == .newModel { kind = .encoderAlone }
    }

    /// The form of Add & Norm of a new model.
    package var addNorm: AddNormVariant {
        get { AddNormVariant(self.norm, self.normPlacement, self.residual) }
        set { (self.norm, self.normPlacement, self.residual) = (newValue.norm, newValue.placement, newValue.residual) }
    }

    /// The adapter that is trained; nil if the model itself is.
    var lora: LoRA? {
        self.loraRank.map {
            LoRA(
                rank: $0, alpha: self.loraAlpha ?? HyperparameterDeclarations.usualAlpha(ofRank: $0),
                targets: self.loraTargets.targets, dropout: self.loraDropout)
        }
    }

    /// How texts are read, once a model has decided about ``HyperparameterDeclarations/maxLength``.
    package var longTexts: LongTexts {
        LongTexts(
            self.longTextsMethod, maximumLength: self.maxLength ?? HyperparameterDeclarations.usualMaxLength,
            stride: self.stride)
    }

    /// Sequences in a step of the optimizer.
    package var stepSize: Int { self.batchSize * self.gradientAccumulation }

    /// Whether nothing but the head is trained, so that what it reads stays the same.
    package var trainsHeadOnly: Bool { self.trainLayers == .head && !self.trainEmbeddings }

    /// What is trained of a model.
    ///
    /// - Throws: ``TrainingError`` if it has fewer layers than are to be trained.
    func trainedParts(of configuration: Configuration) throws -> TrainedParts {
        if self.loraRank != nil { return .adapter }
        return try self.trainLayers.parts(ofLayers: configuration.layers, embeddings: self.trainEmbeddings)
    }

    /// The threads that share the work: as many as are asked for, else one for each processor that may be used.
    package var workers: Workers { Workers(count: self.threads) }

    // MARK: What a model decides

    /// Refuses a ``HyperparameterDeclarations/maxLength`` above the limit of a model.
    ///
    /// - Throws: ``TrainingError`` if it is more.
    func checkLength(below limit: Int, of model: String) throws {
        if let asked = self.maxLength, asked > limit {
            throw TrainingError("--max-length \(asked) is more than the limit of \(model), \(limit)")
        }
    }

    /// Takes over what a model has decided.
    mutating func adopt(_ configuration: Configuration) {
        self.dropout = self.dropout ?? Double("\(configuration.dropout)")
        self.problemType = configuration.problemType
        self.layers = configuration.layers
        self.hiddenSize = configuration.hiddenSize
        self.heads = configuration.heads
        self.intermediateSize = configuration.intermediateSize
        self.vocabSize = configuration.vocabularySize
        self.pooling = configuration.pooling
        self.ngrams = configuration.ngrams ? .on : .off
        addNorm = configuration.addNorm
        self.initializerRange = Double("\(configuration.initializerRange)") ?? self.initializerRange
        if let lora = configuration.lora {
            self.loraAlpha = lora.alpha
        } else if self.trainLayers == .all {
            self.trainEmbeddings = true
        }
    }
}

// MARK: As text

extension Hyperparameters: Codable {
    /// Name and value of each, as the database and checkpoints keep them.
    package var texts: [(name: String, value: String)] {
        func text(of declaration: some DeclaredHyperparameter) -> String { self[declaration].text }
        return Self.all.map { ($0.name, text(of: $0)) }
    }

    package func encode(to encoder: any Swift.Encoder) throws {
        try Dictionary(uniqueKeysWithValues: texts.map { ($0.name, $0.value) }).encode(to: encoder)
    }

    /// - Throws: an error if one is missing, or is none that a training could have had.
    package init(from decoder: any Swift.Decoder) throws {
        self.init()
        let texts = try [String: String](from: decoder)
        func read<Declaration: DeclaredHyperparameter>(_ declaration: Declaration) throws {
            guard let text = texts[declaration.name], let value = Declaration.Value(text: text) else {
                throw TrainingError("\(declaration.name) is missing, or has no such value")
            }
            self[declaration] = value
        }
        for declaration in Self.all { try read(declaration) }
        // The shape is the model's own, which is not bound to what users may ask for.
        try check([.training, .rare, .adapter, .fewShot, .selection])
    }
}
