import Datasets
import Evaluation
import Foundation
import Kernels
import RunStore
import Transformer

extension Trainer {
    /// Checks that a training may write to a folder.
    ///
    /// - Throws: an error that says what stands there.
    package static func checkOutput(_ output: String, overwrite: Bool) throws {
        try ModelFolder.checkOutput(URL(filePath: output), overwrite: overwrite)
        try CheckpointFolder(forOutput: output).check(overwrite: overwrite)
    }

    /// The folder of the checkpoint to resume the training with this output from; nil if there is none.
    package static func checkpoint(forOutput output: String) -> String? {
        let folder = CheckpointFolder(forOutput: output)
        return folder.isThere ? folder.url.path : nil
    }

    /// Reads the data, makes or reads the model, and records the beginning of a run.
    ///
    /// - Parameters:
    ///   - request: what is asked for
    ///   - store: opens the database where the run is recorded, once the request has been found good
    ///   - version: of this program
    ///   - report: is told what happens
    ///   - isInterrupted: asked after every step; the training ends cleanly once it says true
    /// - Throws: an error with a message for a person if the request cannot be carried out; nothing is recorded then.
    package init(
        _ request: TrainingRequest, store: () throws -> RunStore, version: String,
        report: @escaping (TrainingEvent) -> Void, isInterrupted: @escaping () -> Bool
    ) throws {
        var request = request
        try Self.checkOutput(request.output, overwrite: request.overwrite)
        func place(_ path: String) -> String { URL(filePath: absolutePath(path)).resolvingSymlinksInPath().path }
        if request.hyperparameters.loraRank != nil, let model = request.model, place(model) == place(request.output) {
            throw TrainingError(
                "\(request.output): an adapter cannot take the place of the model that it is for; choose another --output"
            )
        }
        let workers = request.workers
        if let notice = workers.notice { report(.notice(notice)) }
        request.hyperparameters.threads = workers.count
        var data = try DataFiles(of: request, on: workers)
        if request.beginsAnew && request.hyperparameters.ngrams == .on,
            !data.haveRoomForNGrams(request.hyperparameters.longTexts, on: workers)
        {
            guard !request.hyperparameters.isSet(\.ngrams) else {
                throw TrainingError(
                    "--ngrams on: too much text, or too many labels, for this machine's memory; leave it out")
            }
            request.hyperparameters.leaveNGrams()
            report(
                .notice(
                    "too much text for n-grams in this machine's memory, or too many labels: the encoder stands alone (--ngrams off)"
                ))
        }
        var model = try ModelFolder(
            toTrain: &request, labels: data.labels, data.problemType, texts: data.train.inputs,
            notice: { report(.notice($0)) })
        request.hyperparameters.chooseContrastiveSteps(texts: data.train.examples.count)
        let hyperparameters = request.hyperparameters
        var encoded = try data.encode(for: model, hyperparameters.longTexts, on: workers)
        model.trainingData = TrainingData(data.train, labelMap: request.layout.labelMap, on: workers)
        report(.data(data.report(encoded, hyperparameters.longTexts, on: workers)))
        request.teachingSha256 = try encoded.training.learnFromTeacher(
            of: request, texts: data.train.inputs, for: model, on: workers)
        if data.source == .training {
            report(
                .notice(
                    "no --dev file: all \(data.examples) texts are learned, none are held out, and the dev figures are those of the same"
                        + " texts: measure on others with 'addnorm evaluate', or hold some out with --dev-fraction"))
        }
        if data.source == .heldOut {
            report(
                .notice(
                    "no --dev file: \(encoded.development.count) of \(data.examples) training"
                        + " examples are held out to choose the best epoch (--dev-fraction \(hyperparameters.devFraction))"
                ))
        }
        if case .f1(let label) = hyperparameters.metric, !data.labels.contains(label) {
            throw TrainingError(
                "--metric f1:\(label): there is no such label; the labels are \(data.labels.joined(separator: ", "))")
        }
        try hyperparameters.ofLargestPart.checkMemory(for: model.classifier, encoded.training.sequences, on: workers)
        try model.classifier.configuration.requireMemory(for: encoded.development.sequences, on: workers)
        if request.beginsAnew && hyperparameters.ngrams == .on {
            try model.learnNGrams(&encoded, hyperparameters, on: workers)
        }
        let loop = try TrainingLoop(model.classifier, hyperparameters, examples: encoded.training, workers: workers)
        // It may be resumed from another folder.
        request.makePathsAbsolute()
        let store = try store()
        var run = Run(
            name: request.name, command: request.command, output: request.output,
            trainData: request.train.joined(separator: "\n"),
            trainSha256: data.train.sha256, version: version)
        (run.model, run.devData, run.project) = (request.model, request.dev, request.project)
        run.devSha256 = request.dev.map { _ in data.dev.sha256 }
        (run.seed, run.threads) = (Int64(clamping: hyperparameters.seed), workers.count)
        (run.parameters, run.seedGroup) = (model.classifier.layout.count, request.seedGroupName)
        run = try store.begin(
            run,
            params: hyperparameters.texts + request.layout.settings + [("drop_leaked", "\(request.dropLeaked)")]
                + request.teaching
                + (request.trainShare < 1 ? [("train_share", "\(request.trainShare)")] : []))
        let recorder = RunRecorder(run, in: store) { report(.notice($0)) }
        var state = Checkpoint.State(run: run.uuid ?? "", request: request)
        state.base = model.classifier.hashOfBase
        self.init(
            state, loop, model: model,
            development: encoded.development, recorder: recorder, report: report,
            isInterrupted: isInterrupted)
    }

    /// Whether a run that has not ended has a checkpoint.
    package static func canResume(_ run: Run) -> Bool {
        (try? CheckpointFolder(forOutput: run.output).newest(of: run) { _ in }) != nil
    }

    /// Goes on with a run from its last checkpoint.
    ///
    /// - Parameters:
    ///   - idOrName: of a run in `store`
    ///   - emulatesBFloat16: whether products of 16 bits are computed without the processor's own instruction from here on
    /// - Throws: an error with a message for a person if there is no such run or checkpoint, or the data has changed.
    package init(
        resuming idOrName: String, emulatesBFloat16: Bool = false, store: RunStore,
        report: @escaping (TrainingEvent) -> Void, isInterrupted: @escaping () -> Bool
    ) throws {
        let run = try store.run(idOrName)
        let folder = CheckpointFolder(forOutput: run.output)
        if run.status == .finished {
            // What it was killed before it could do.
            folder.remove(of: run)
            throw TrainingError("the run '\(run.name)' is finished; there is nothing to resume")
        }
        if run.isAlive {
            throw TrainingError("the run '\(run.name)' is being trained by another process; there is nothing to resume")
        }
        let checkpoint = try folder.newest(of: run) { report(.notice($0)) }
        var state = checkpoint.state
        let hyperparameters = state.request.hyperparameters
        if emulatesBFloat16 { state.request.emulatesBFloat16 = true }
        try hyperparameters.precision.require(emulated: state.request.emulatesBFloat16)
        let workers = state.request.workers
        if let notice = workers.notice {
            throw TrainingError("\(notice); the run goes on to the same result only on as many as before")
        }
        var data = try DataFiles(of: state.request, on: workers)
        for (file, old) in [(data.train, run.trainSha256), (data.dev, run.devSha256 ?? run.trainSha256)] {
            if file.sha256 != old {
                throw TrainingError(
                    "\(file.path): the data has changed since the run began; train again from the beginning")
            }
        }
        var model = checkpoint.model
        if model.classifier.hashOfBase != state.base {
            throw TrainingError(
                "\(run.model ?? ""): the model has changed since the run began; train again from the beginning")
        }
        let learnsNGrams = state.request.beginsAnew && hyperparameters.ngrams == .on
        if learnsNGrams { model.ngrams = nil }
        var encoded = try data.encode(for: model, hyperparameters.longTexts, on: workers)
        if learnsNGrams { try model.learnNGrams(&encoded, hyperparameters, on: workers) }
        model.trainingData = TrainingData(data.train, labelMap: state.request.layout.labelMap, on: workers)
        let teachingSha256 = try encoded.training.learnFromTeacher(
            of: state.request, texts: data.train.inputs, for: model, on: workers)
        if teachingSha256 != state.request.teachingSha256 {
            throw TrainingError(
                "the teacher or the texts without labels have changed since the run began; train again from the beginning"
            )
        }
        let loop = try TrainingLoop(
            model.classifier, optimizer: checkpoint.optimizer, progress: state.progress, hyperparameters,
            examples: encoded.training, workers: workers)
        try store.reopen(
            run.id, afterStep: state.progress.stepOfRun, epochs: state.progress.epoch, metrics: state.unrecorded)
        let recorder = RunRecorder(run, in: store) { report(.notice($0)) }
        self.init(
            state, loop, model: model, development: encoded.development, recorder: recorder,
            report: report, isInterrupted: isInterrupted)
        keptCheckpoints = try store.checkpoints(of: run.id).filter { $0.step <= state.progress.step }
        hasWrittenOutput = folder.hasWritten(modelIn: URL(filePath: run.output))
        bestParameters = checkpoint.bestParameters
    }
}

extension SequenceClassifier {
    /// The SHA-256 of all that does not belong to the adapter, in hexadecimal; nil if there is no adapter.
    fileprivate var hashOfBase: String? {
        if configuration.lora == nil { return nil }
        return sha256(
            of: layout.parameters.lazy.filter { !$0.isAdapter }.map { parameter in
                parameters.withUnsafeBytes(of: parameter.block) { [UInt8]($0) }
            })
    }
}
