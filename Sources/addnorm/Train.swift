import ArgumentParser
import Foundation
import Kernels
import Reports
import RunStore
import Training
import Transformer

/// `addnorm train`
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a classifier on labelled text.",
        discussion: """
            With --model, a pretrained BERT encoder is fine-tuned: any folder of that layout, as published for transformers or \
            written by addnorm. Without it, a new encoder is trained from random weights, and its vocabulary is learned from \
            the training file.

            After each epoch the model is evaluated on the dev file; --output receives the weights of the best epoch (dev \
            macro F1, then loss).

            Ctrl-C ends a run cleanly: the best weights so far are written, and --resume goes on from there.

              addnorm train --model models/minilm-l6 --train r.tsv --output models/m
              addnorm train --model models/minilm-l6 --train-layers head \\
                --train r.tsv --output models/quick
              addnorm train --train r.tsv --dev dev.tsv --output models/new \\
                --epochs 20 --early-stopping 3
              addnorm train --resume run-7
            """)

    @OptionGroup(title: "Files")
    var files: FileOptions

    @OptionGroup(title: "Run")
    var runOptions: RunOptions

    @OptionGroup(title: "Training")
    var training: TrainingOptions

    @OptionGroup(title: "New models")
    var shape: ShapeOptions

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        if runOptions.resume != nil {
            if request() != TrainingRequest(train: "", output: "") || runOptions.seeds != nil {
                throw ValidationError(
                    "A run that is resumed keeps its options: besides --resume, only --db can be given.")
            }
        } else if files.train == nil || files.output == nil {
            throw ValidationError("--train FILE and --output DIR are needed (or --resume RUN).")
        }
        if [files.train, files.dev].contains("-") {
            throw ValidationError("Training data must be files: standard input could not be read again by --resume.")
        }
        if runOptions.seeds != nil && training.seed != nil {
            throw ValidationError("Give either --seed or --seeds, not both.")
        }
        if runOptions.resume == nil { try training.validate(model: files.model, shape) }
    }

    func run() throws {
        Interrupt.watch()
        guard let seeds = runOptions.seeds?.values else {
            try finish(train(recordedRequest()))
            return
        }
        var request = recordedRequest()
        let trainings = seeds.map { seed in
            (seed: seed, output: "\(request.output)/seed-\(seed)", name: runOptions.name.map { "\($0)-seed-\(seed)" })
        }
        // What would stop a later training stops the first.
        for (_, output, _) in trainings { try Trainer.checkOutput(output, overwrite: request.overwrite) }
        if let store = try? runOptions.database.open(for: .read) {
            for (_, _, name) in trainings { try name.map(store.requireFree) }
        }
        request.seedGroup = runOptions.name.map { .of($0) } ?? .first
        var results: [TrainingResult] = []
        for (seed, output, name) in trainings {
            (request.output, request.name, request.hyperparameters.seed) = (output, name, seed)
            do {
                results.append(try train(request, isFirst: results.isEmpty))
                try finish(results[results.count - 1])
            } catch {
                // A run that was interrupted can be resumed.
                let left = seeds.drop { $0 != seed }.dropFirst(error is ExitCode ? 1 : 0).map { "\($0)" }
                if case .of(let group) = request.seedGroup ?? results.first.map({ .of($0.run) }), !left.isEmpty {
                    Output.warn(
                        "not trained yet; the same command does so with --name \([group].shellQuoted) --seeds"
                            + " \(left.joined(separator: ","))")
                }
                throw error
            }
            if request.seedGroup == .first { request.seedGroup = .of(results[0].run) }
        }
        // Also those of an earlier call, with other seeds.
        let store = try runOptions.database.open(for: .read)
        let group = try store.runs(ofSeedGroup: store.run(results[0].run).seedGroup ?? "")
        let groups = SeedGroup.seeds(of: try group.map { try ComparedRun($0, in: store) })
        groups.warn()
        try Output.write(groups.text)
    }

    /// Trains one model.
    ///
    /// - Parameters:
    ///   - request: of no meaning if a run is resumed
    ///   - isFirst: whether the data have not been reported on
    private func train(_ request: TrainingRequest, isFirst: Bool = true) throws -> TrainingResult {
        let display = ProgressDisplay()
        // Also after an error, which is then printed on a line of its own.
        defer { display.finish() }
        let report: (TrainingEvent) -> Void = { event in
            if case .data = event, !isFirst { return }
            display.show(event)
        }
        // Opened once the request has been checked, so that a slip of the pen leaves no database behind.
        let store = { try runOptions.database.open(for: .write) }
        var trainer =
            if let resume = runOptions.resume {
                try Trainer(resuming: resume, store: store(), report: report, isInterrupted: { Interrupt.isRaised })
            } else {
                try Trainer(
                    request, store: store, version: AddNormCommand.version, report: report,
                    isInterrupted: { Interrupt.isRaised })
            }
        return try trainer.run()
    }

    /// Says how a training has ended.
    private func finish(_ result: TrainingResult) throws {
        if let best = result.best {
            try Output.write(
                "best epoch \(best.epoch) of \(result.epochs): dev accuracy \(best.accuracy.figure),"
                    + " macro F1 \(best.macroF1.figure), loss \(best.devLoss.figure)\n")
        }
        // As the user wrote it.
        let output = runOptions.seeds == nil ? files.output ?? result.output : result.output
        let outcome =
            result.hasWrittenOutput ? "model written to \(output)" : "no epoch was completed; \(output) is as it was"
        try Output.write(
            "\(outcome) (run '\(result.run)' in \(runOptions.database.path),"
                + " \(result.seconds.duration))\n")
        if result.wasInterrupted {
            let database = runOptions.database.db.map { ["--db", $0] } ?? []
            let command = ["addnorm", "train", "--resume", result.run] + database
            Output.warn("interrupted; go on with: \(command.shellQuoted)")
            throw ExitCode(130)
        }
    }

    /// What was asked for, without what depends on this machine.
    private func request() -> TrainingRequest {
        var request = TrainingRequest(train: files.train ?? "", output: files.output ?? "")
        request.dev = files.dev
        request.model = files.model
        request.overwrite = files.overwrite
        request.name = runOptions.name
        request.checkpointEvery = runOptions.checkpointEvery
        request.layout = layout.layout
        request.dropLeaked = files.dropLeaked
        request.hyperparameters = training.hyperparameters(model: files.model, shape)
        request.hyperparameters.devFraction = files.devFraction
        request.hyperparameters.earlyStopping = files.earlyStopping
        return request
    }

    /// The same as the database keeps it.
    private func recordedRequest() -> TrainingRequest {
        var request = request()
        request.command = CommandLine.arguments.shellQuoted
        request.hyperparameters.threads = training.threads ?? Workers.processors
        return request
    }
}

/// What is read and written.
struct FileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Labelled texts: .tsv (without header, text<TAB>label), .csv, .jsonl, or a folder with one for each label.",
            valueName: "file"), completion: .file())
    var train: String?

    @Option(
        help: ArgumentHelp("The folder that the trained model is written to.", valueName: "dir"), completion: .directory
    )
    var output: String?

    @Flag(help: "Replace a model that is at --output already.")
    var overwrite = false

    @Option(help: ArgumentHelp("Labelled texts to choose the best epoch by.", valueName: "file"), completion: .file())
    var dev: String?

    @Option(help: "Without --dev: the share of the training data that is held out, of each label where a text has one.")
    var devFraction = Hyperparameters().devFraction

    @Option(help: "End after so many epochs without a better one.")
    var earlyStopping: Int?

    @Flag(help: "Leave out training texts that stand in the held-out data too, but for case and white space.")
    var dropLeaked = false

    @Option(
        help: ArgumentHelp(
            "The folder of a pretrained BERT encoder, or of a classifier, to start from.", valueName: "dir"),
        completion: .directory)
    var model: String?

    func validate() throws {
        try requirePositive(earlyStopping, "--early-stopping")
        guard devFraction > 0 && devFraction < 1 else {
            throw ValidationError("--dev-fraction must lie between 0 and 1.")
        }
    }
}

/// How a run is kept.
struct RunOptions: ParsableArguments {
    @Option(help: "A unique name for the run. (default: a short one is made)")
    var name: String?

    @Option(
        help: ArgumentHelp(
            """
            Train once with each of these seeds (1,2,3), to --output/seed-1 and so on, and say how far the results lie apart.
            """, valueName: "seeds"))
    var seeds: SeedList?

    @Option(
        help: ArgumentHelp(
            "Go on with a run that was ended with Ctrl-C, or has a checkpoint; it keeps its options.", valueName: "run"),
        completion: .runs)
    var resume: String?

    @Option(
        help: ArgumentHelp(
            "Write a checkpoint every so many steps (200) or minutes (5m), to resume from.", valueName: "interval"))
    var checkpointEvery: TrainingRequest.CheckpointInterval?

    @OptionGroup
    var database: DatabaseOptions

    func validate() throws {
        if let name { try requireRunName(name, "--name") }
    }
}

/// How a model is trained.
struct TrainingOptions: ParsableArguments {
    private static let defaults = Hyperparameters()

    /// A default that depends on what is trained.
    private static func defaults(_ value: (Hyperparameters) -> some Any) -> String {
        let values = Hyperparameters.Kind.allCases.map { "\(value(Hyperparameters(for: $0)))" }
        return "(default: \(values[0]); with --model \(values[1]); with --train-layers head \(values[2]))"
    }

    @Option(
        help: """
            What of --model is trained: all, head (what is on top of the encoder; the encoder runs over each text once, and \
            epochs then take milliseconds), or a number: the head and so many layers from the top.
            """)
    var trainLayers = Hyperparameters.TrainLayers.all

    @Flag(help: "Train the embeddings too, where --train-layers is not all.")
    var trainEmbeddings = false

    @Option(
        help: """
            How tokens become one vector: cls (BERT's) or mean. (default: as --model says, else \
            \(Configuration.Pooling.mean.rawValue))
            """)
    var pooling: Configuration.Pooling?

    @Option(help: "Passes over the training data. \(defaults { $0.epochs })")
    var epochs: Int?

    @Option(help: "Texts in a step.")
    var batchSize = defaults.batchSize

    @Option(help: "Batches whose gradients make one step: the same as batches so many times as large, in less memory.")
    var gradientAccumulation = defaults.gradientAccumulation

    @Option(
        help: "The learning rate at the end of warm-up; it then falls linearly to 0. \(defaults { $0.learningRate })")
    var learningRate: Double?

    @Option(
        help: """
            What the learning rate is multiplied with from each layer to the one below it; 1 is the same for all. \
            \(defaults { $0.layerDecay })
            """)
    var layerDecay: Double?

    @Option(help: "How much of each label's probability is spread over all labels: 0.1, say.")
    var labelSmoothing = defaults.labelSmoothing

    @Option(
        help: ArgumentHelp(
            """
            How much each label counts: none (all the same), balanced (the rarer, the more), or label=weight,… (1 for the \
            others).
            """, valueName: "weights"))
    var classWeights = Hyperparameters.ClassWeights.none

    @Option(help: "AdamW's decay of weights; biases and LayerNorm do not decay.")
    var weightDecay = defaults.weightDecay

    @Option(help: "The share of steps in which the learning rate rises.")
    var warmupRatio = defaults.warmupRatio

    @Option(
        help: ArgumentHelp(
            """
            What the labels are: single_label_classification (each text has one) or multi_label_classification (any number, \
            between '|' or as a JSON array). (default: the latter if a label of the training data has a '|' or is an array)
            """, valueName: "type"))
    var problemType: Configuration.ProblemType?

    @Option(
        help: """
            Read so many tokens of a text at a time, special tokens included. (default: \(Hyperparameters.defaultMaxLength), or \
            the limit of --model if that is less)
            """)
    var maxLength: Int?

    @OptionGroup
    var longTexts: LongTextOptions

    @Option(help: "Scale gradients down to this norm.")
    var maxGradNorm = defaults.maxGradNorm

    @Option(
        help:
            "The share of hidden states and attention probabilities that is dropped. (default: \(Hyperparameters.dropoutOfNewModels), or as --model says)"
    )
    var dropout: Double?

    @Option(
        help: """
            The seed of everything random. The same seed and threads give the same model, bit for bit. (default: \(defaults.seed))
            """)
    var seed: UInt64?

    @Option(help: "Threads to use. (default: one for each processor)")
    var threads: Int?

    func validate() throws {
        try longTexts.requireWindows(longTexts.longTexts ?? .truncate)
        try requirePositive(epochs, "--epochs")
        try requirePositive(gradientAccumulation, "--gradient-accumulation")
        try requirePositive(batchSize, "--batch-size")
        try requirePositive(threads, "--threads", atMost: mostThreads)
        try requirePositive(maxLength, "--max-length")
        guard seed ?? 0 <= UInt64(Int64.max) else { throw ValidationError("--seed must be at most \(Int64.max).") }
        guard maxLength ?? 2 >= 2 else { throw ValidationError("--max-length must be at least 2: [CLS] and [SEP].") }
        guard learningRate ?? 1 > 0 && learningRate ?? 1 < .infinity else {
            throw ValidationError("--learning-rate must be above 0.")
        }
        guard layerDecay ?? 1 > 0 && layerDecay ?? 1 <= 1 else {
            throw ValidationError("--layer-decay must be above 0 and at most 1.")
        }
        guard (0..<1).contains(labelSmoothing) else {
            throw ValidationError("--label-smoothing must be at least 0 and below 1.")
        }
        if trainEmbeddings && trainLayers == .all {
            throw ValidationError("--train-embeddings is for --train-layers head or a number; 'all' has them already.")
        }
        guard weightDecay >= 0 && weightDecay.isFinite else {
            throw ValidationError("--weight-decay must be 0 or more.")
        }
        guard (0...1).contains(warmupRatio) else { throw ValidationError("--warmup-ratio must lie between 0 and 1.") }
        guard maxGradNorm > 0 && maxGradNorm.isFinite else { throw ValidationError("--max-grad-norm must be above 0.") }
        guard (0..<1).contains(dropout ?? 0) else { throw ValidationError("--dropout must be at least 0 and below 1.") }
    }

    /// Checks that the options are for the model that is trained.
    func validate(model: String?, _ shape: ShapeOptions) throws {
        if model != nil && !shape.isEmpty {
            throw ValidationError(
                "--layers, --hidden-size, --heads, --intermediate-size, --vocab-size and --norm-placement are for new models;"
                    + " --model has decided them.")
        }
        if model == nil && trainLayers != .all {
            throw ValidationError("--train-layers is for pretrained models: give one with --model.")
        }
    }

    /// What was asked for, and the defaults of what is trained.
    func hyperparameters(model: String?, _ shape: ShapeOptions) -> Hyperparameters {
        let headOnly = trainLayers == .head && !trainEmbeddings
        var hyperparameters = Hyperparameters(for: model == nil ? .newModel : headOnly ? .headOnly : .fineTuning)
        apply(to: &hyperparameters)
        shape.apply(to: &hyperparameters)
        return hyperparameters
    }

    private func apply(to hyperparameters: inout Hyperparameters) {
        hyperparameters.problemType = problemType
        hyperparameters.longTextsMethod = longTexts.longTexts ?? .truncate
        hyperparameters.stride = longTexts.stride
        hyperparameters.trainLayers = trainLayers
        hyperparameters.trainEmbeddings = trainEmbeddings
        hyperparameters.pooling = pooling
        hyperparameters.epochs = epochs ?? hyperparameters.epochs
        hyperparameters.batchSize = batchSize
        hyperparameters.gradientAccumulation = gradientAccumulation
        hyperparameters.learningRate = learningRate ?? hyperparameters.learningRate
        hyperparameters.layerDecay = layerDecay ?? hyperparameters.layerDecay
        hyperparameters.labelSmoothing = labelSmoothing
        hyperparameters.classWeights = classWeights
        hyperparameters.weightDecay = weightDecay
        hyperparameters.warmupRatio = warmupRatio
        hyperparameters.maxLength = maxLength
        hyperparameters.maxGradNorm = maxGradNorm
        hyperparameters.dropout = dropout
        hyperparameters.seed = seed ?? hyperparameters.seed
        hyperparameters.threads = threads ?? hyperparameters.threads
    }
}

/// The shape of a model that is trained from random weights.
struct ShapeOptions: ParsableArguments {
    private static let defaults = Hyperparameters()

    @Option(help: "Encoder layers. (default: \(defaults.layers))")
    var layers: Int?

    @Option(help: "The width of hidden states. (default: \(defaults.hiddenSize))")
    var hiddenSize: Int?

    @Option(help: "Attention heads; they divide the hidden size. (default: \(defaults.heads))")
    var heads: Int?

    @Option(help: "The width inside the feed-forward sublayer. (default: \(defaults.intermediateSize))")
    var intermediateSize: Int?

    @Option(help: "The largest vocabulary that is learned. (default: \(defaults.vocabSize))")
    var vocabSize: Int?

    @Option(
        help: ArgumentHelp(
            "Where LayerNorm stands: post (BERT's: after the residual sum) or pre (before the sublayer). (default: \(defaults.normPlacement.rawValue))"
        ))
    var normPlacement: Configuration.NormPlacement?

    /// Whether nothing was said.
    var isEmpty: Bool {
        layers == nil && hiddenSize == nil && heads == nil && intermediateSize == nil && vocabSize == nil
            && normPlacement == nil
    }

    func validate() throws {
        try requirePositive(layers, "--layers")
        try requirePositive(hiddenSize, "--hidden-size")
        try requirePositive(heads, "--heads")
        try requirePositive(intermediateSize, "--intermediate-size")
        guard (hiddenSize ?? Self.defaults.hiddenSize) % (heads ?? Self.defaults.heads) == 0 else {
            throw ValidationError("--hidden-size must be a multiple of --heads.")
        }
        guard (vocabSize ?? 10) >= 10 else { throw ValidationError("--vocab-size must be at least 10.") }
    }

    func apply(to hyperparameters: inout Hyperparameters) {
        hyperparameters.layers = layers ?? hyperparameters.layers
        hyperparameters.hiddenSize = hiddenSize ?? hyperparameters.hiddenSize
        hyperparameters.heads = heads ?? hyperparameters.heads
        hyperparameters.intermediateSize = intermediateSize ?? hyperparameters.intermediateSize
        hyperparameters.vocabSize = vocabSize ?? hyperparameters.vocabSize
        hyperparameters.normPlacement = normPlacement ?? hyperparameters.normPlacement
    }
}

/// Seeds as a user writes them: `1,2,3`
struct SeedList: ExpressibleByArgument {
    let values: [UInt64]

    init?(argument: String) {
        let values = argument.list.compactMap { UInt64($0) }
        guard !values.isEmpty, values.count == argument.list.count, Set(values).count == values.count,
            values.allSatisfy({ $0 <= UInt64(Int64.max) })
        else { return nil }
        self.values = values
    }
}

extension TrainingRequest.CheckpointInterval: ExpressibleByArgument {
    package init?(argument: String) {
        if let steps = Int(argument), steps >= 1 {
            self = .steps(steps)
        } else if argument.hasSuffix("m"), let minutes = Double(argument.dropLast()), minutes > 0, minutes < 1e6 {
            self = .minutes(minutes)
        } else {
            return nil
        }
    }
}

extension Hyperparameters.TrainLayers: ExpressibleByArgument {
    package init?(argument: String) {
        switch argument {
        case "all": self = .all
        case "head": self = .head
        default:
            guard let count = Int(argument), count >= 1 else { return nil }
            self = .top(count)
        }
    }

    package var defaultValueDescription: String { text }
}

extension Hyperparameters.ClassWeights: ExpressibleByArgument {
    package init?(argument: String) {
        switch argument {
        case "none": self = .none
        case "balanced": self = .balanced
        default:
            var weights: [String: Double] = [:]
            for entry in argument.split(separator: ",", omittingEmptySubsequences: false) {
                // The last sign, because a label can have one.
                guard let sign = entry.lastIndex(of: "="), sign > entry.startIndex,
                    let weight = Double(entry[entry.index(after: sign)...]), weight > 0, weight < 1e6,
                    weights.updateValue(weight, forKey: String(entry[..<sign])) == nil
                else { return nil }
            }
            self = .byLabel(weights)
        }
    }

    package var defaultValueDescription: String { text }
}
