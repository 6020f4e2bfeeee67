import ArgumentParser
import Escaping
import Datasets
import Evaluation
import Experiments
import Foundation
import Inference
import Reports
import RunStore
import Training
import Transformer

struct Ablate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show, by experiment on your texts, what the Add & Norm of an encoder does.",
        discussion: """
            Trains new encoders in many forms of Add & Norm, and answers three questions: what passes through the layers at the \
            first step (signals)? At which learning rates does it train at all (range)? How fast and how well, each form at its best \
            rate (results)? With --model: what does a trained model lose without each of its parts?

              addnorm ablate --train train.tsv --dev dev.tsv --output ablation
              addnorm ablate --train train.tsv --variants post,pre,none --depths 12
              addnorm ablate --train train.tsv --questions signals --depths 48
              addnorm ablate --model models/mine --dev dev.tsv
              addnorm ablate --demonstrate

            A form is named by its placement (post, pre, sandwich), norm (layernorm, rmsnorm, dyt, batchnorm, none) and residual (on, \
            off, rezero, deepnorm), where they are not BERT's, with hyphens between them: pre-rmsnorm, post-off. Each training is a run of \
            an experiment in the database: addnorm runs list --where "experiment = 'ablate-1'".
            """)

    @OptionGroup(title: "Files")
    var files: AblationFileOptions

    @OptionGroup(title: "Experiment")
    var experiment: ExperimentOptions

    @OptionGroup(title: "Training")
    var training: TrainingOptions

    @OptionGroup(title: "New models")
    var shape: ShapeOptions

    @OptionGroup(title: "Rarely needed")
    var rare: RareTrainingOptions

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @OptionGroup
    var answer: AnswerOptions

    func validate() throws {
        if experiment.demonstrate { return }
        if files.train.isEmpty && (files.model == nil || files.dev == nil) {
            throw ValidationError("--train FILE is needed; or --model DIR and --dev FILE; or --demonstrate.")
        }
        if files.model != nil && files.dev == nil {
            throw ValidationError("--model needs --dev FILE, to measure it on.")
        }
        if (files.train + [files.dev]).contains("-") {
            throw ValidationError("The data must be files: standard input can be read only once.")
        }
        if !files.train.isEmpty { _ = try request() }
    }

    func run() throws {
        Interrupt.watch()
        signal(SIGPIPE, SIG_IGN)
        if experiment.demonstrate { return try demonstrate() }
        let output = files.output.map { URL(filePath: $0) }
        if let output { try AblationFiles.check(output, overwrite: files.overwrite) }
        if !files.train.isEmpty { try train(output) }
        if let model = files.model, let dev = files.dev { try removeParts(of: model, dev, output) }
    }

    // MARK: New models

    private func train(_ output: URL?) throws {
        let request = try request()
        let bar = ProgressBar()
        var ablation = try Ablation(
            request, resume: experiment.resume, store: { try answer.database.open(for: .write) },
            version: Program.version, report: { Self.show($0, bar) }, isInterrupted: { Interrupt.isRaised })
        let results = try ablation.run()
        bar.finish()
        try write(AblationFiles(results), to: output)
        if answer.json {
            try Output.write(json: results)
        } else {
            try Output.write(results.parts.text)
        }
        if results.wasInterrupted {
            Output.warn("interrupted; the same command with --name \(results.experiment) --resume goes on")
            throw ExitCode(130)
        }
        Output.warn(
            "\(results.experiment): \(results.seconds.duration); its runs: addnorm runs list --where \"experiment = '\(results.experiment)'\""
        )
    }

    private static func show(_ event: Ablation.Event, _ bar: ProgressBar) {
        switch event {
        case .notice(let text): bar.line("note: " + text.printableLines)
        case .progress(let question, let done, let count, let secondsLeft):
            bar.show(done, of: count, "\(question.rawValue): \(done) of \(count), \(secondsLeft.duration) left")
        }
    }

    private func write(_ ablation: AblationFiles, to output: URL?) throws {
        guard let output else { return }
        try ablation.write(to: output)
        Output.warn("written to \(output.appending(path: "index.html").path), with pictures and tables beside it")
    }

    private func request() throws -> AblationRequest {
        var training = TrainingRequest(train: files.train, output: Run.noOutput)
        (training.dev, training.layout, training.name) = (files.dev, layout.layout, experiment.name)
        training.hyperparameters = try hyperparameters()
        training.command = CommandLine.arguments.shellQuoted
        do {
            let variants = try (experiment.variants?.list ?? AblationRequest.usualVariants).map(
                AddNormVariant.init(named:))
            var request = AblationRequest(
                training, variants: variants, depths: experiment.depths?.values ?? AblationRequest.usualDepths)
            if experiment.depths == nil { request.signalDepths.append(AblationRequest.deepest) }
            request.learningRates = experiment.learningRates?.values ?? request.learningRates
            request.warmupRatios = experiment.warmupRatios?.values ?? request.warmupRatios
            request.questions = experiment.questions?.values ?? request.questions
            (request.seeds, request.minutes) = (experiment.seeds, experiment.minutes)
            try request.check()
            return request
        } catch let error as ModelError {
            throw ValidationError("--variants: \(error).")
        } catch let error as TrainingError {
            throw ValidationError("\(error).")
        }
    }

    /// As for `train`, but for smaller models whose initial weights keep the variance of what passes: those that theory is about.
    private func hyperparameters() throws -> Hyperparameters {
        var hyperparameters = try Hyperparameters(training, rare, shape, model: nil)
        for (name, isSet) in [
            (
                "--norm, --norm-placement and --residual",
                hyperparameters.isSet(\.norm) || hyperparameters.isSet(\.normPlacement)
                    || hyperparameters.isSet(\.residual)
            ),
            ("--layers", hyperparameters.isSet(\.layers)), ("--learning-rate", hyperparameters.isSet(\.learningRate)),
            ("--warmup-ratio", hyperparameters.isSet(\.warmupRatio)), ("--epochs", hyperparameters.isSet(\.epochs)),
        ] where isSet {
            throw ValidationError(
                "\(name): an ablation varies that; see --variants, --depths, --learning-rates, --warmup-ratios, --minutes."
            )
        }
        if let jobs = experiment.jobs {
            if hyperparameters.threads != nil { throw ValidationError("Give either --jobs or --threads, not both.") }
            hyperparameters.threads = jobs
        }
        if !hyperparameters.isSet(\.hiddenSize) { hyperparameters.hiddenSize = AblationRequest.usualHiddenSize }
        let hidden = hyperparameters.hiddenSize
        if !hyperparameters.isSet(\.intermediateSize) { hyperparameters.intermediateSize = 4 * hidden }
        if !hyperparameters.isSet(\.initializerRange) {
            hyperparameters.initializerRange = 1 / Double(hidden).squareRoot()
        }
        if !hyperparameters.isSet(\.dropout) { hyperparameters.dropout = AblationRequest.usualDropout }
        if !hyperparameters.isSet(\.batchSize) { hyperparameters.batchSize = AblationRequest.usualBatchSize }
        return hyperparameters
    }

    // MARK: A trained model

    private func removeParts(of nameOrFolder: String, _ dev: String, _ output: URL?) throws {
        let folder = URL(filePath: answer.database.folder(ofModel: nameOrFolder))
        let model = try ModelFolder(contentsOf: folder, mapped: true, notice: Output.warn)
        try model.requireLabels(for: "'ablate'")
        try model.requireFloat32(for: "'ablate'")
        let workers = training.given.workers
        let configuration = model.classifier.configuration
        var data = try Dataset(
            contentsOf: dev, layout: layout.layout(for: model.settings), labels: .reading(configuration.problemType))
        let longTexts = model.settings.longTexts ?? LongTexts(maximumLength: configuration.maximumLength)
        let examples = try EncodedExamples(&data, for: model, longTexts, on: workers)
        let bar = ProgressBar()
        let study = try LesionStudy(of: model.classifier, on: examples, workers: workers) { done, count in
            bar.show(done, of: count, "\(done) of \(count) parts taken away")
            return !Interrupt.isRaised
        }
        bar.finish()
        guard let study else { throw ExitCode(130) }
        if data.examples.count > study.texts {
            Output.warn("\(data.path): \(study.texts) of \(data.examples.count) texts are used, chosen at random")
        }
        try write(AblationFiles(study), to: output.map { files.train.isEmpty ? $0 : $0.appending(path: "lesions") })
        if answer.json {
            try Output.write(json: study)
        } else {
            try Output.write([study.part].text)
        }
    }

    // MARK: Demonstrations

    private func demonstrate() throws {
        let demonstrations = try Demonstration.all()
        if answer.json { return try Output.write(json: demonstrations) }
        try Output.write(
            demonstrations.map { one in
                "“\(one.claim)” \(one.holds ? "It is so here." : "It is not.")\n  \(one.experiment)\n  \(one.measured)\n"
            }.joined(separator: "\n"))
    }
}
