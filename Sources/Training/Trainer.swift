import Evaluation
import Inference
import Datasets
import Foundation
import Kernels
import RunStore
import Tokenization
import Transformer

/// Trains a classifier and records the run: data → batches → gradients → optimizer, epoch by epoch.
package struct Trainer {
    private let store: RunStore
    private let report: (TrainingEvent) -> Void
    private let isInterrupted: () -> Bool

    private let training: EncodedExamples
    private let development: EncodedExamples
    private let schedule: LinearSchedule
    private let runName: String

    /// Everything that changes, and that a checkpoint keeps.
    private var state: Checkpoint
    private var trainingStep: TrainingStep
    /// What the head reads of the sequences, `[sequences, hidden]`, where nothing else is trained.
    private var features: (training: Matrix, development: Matrix)?
    private var predictor: Predictor
    private let log: MetricLog
    private var lastCheckpoint = ContinuousClock.now
    private let started = ContinuousClock.now
    /// In this process, for the speed.
    private var stepsStarted = ContinuousClock.now
    private var tokensDone = 0
    private var stepsDone = 0
    private var devTime = Duration.zero

    private var hyperparameters: Hyperparameters { state.request.hyperparameters }

    /// How often metrics of single steps are recorded, in steps.
    private static let metricInterval = 10

    // MARK: Beginning

    /// Checks that a training may write to a folder.
    ///
    /// - Throws: an error that says what stands there.
    package static func checkOutput(_ output: String, overwrite: Bool) throws {
        try ModelFolder.checkOutput(URL(filePath: output), overwrite: overwrite)
        try Checkpoint.checkFolder(forOutput: output, overwrite: overwrite)
    }

    /// The folder of the checkpoint to resume the training with this output from; nil if there is none.
    package static func checkpoint(forOutput output: String) -> String? {
        Checkpoint.isThere(forOutput: output) ? Checkpoint.folder(forOutput: output).path : nil
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
        let workers = Workers(count: request.hyperparameters.threads)
        var data = try DataFiles(of: request, on: workers)
        let model = try ModelFolder(
            toTrain: &request, labels: data.labels, data.problemType, texts: data.train.examples.map(\.text),
            notice: { report(.notice($0)) })
        let hyperparameters = request.hyperparameters
        let longTexts = hyperparameters.longTexts
        let encoded = try data.encode(for: model, longTexts, on: workers)
        report(.data(data.report(encoded, longTexts, on: workers)))
        if data.isHeldOut {
            report(
                .notice(
                    "no --dev file: \(encoded.development.count) of \(data.examples) training"
                        + " examples are held out to choose the best epoch (--dev-fraction \(hyperparameters.devFraction))"
                ))
        }
        let configuration = model.classifier.configuration
        let trained = try hyperparameters.trainedParts(layers: configuration.layers)
        try Self.checkMemory(for: model.classifier, encoded.training, trained)
        _ = try hyperparameters.weights(labels: configuration.labels, targets: encoded.training.targets)
        // It may be resumed from another folder.
        request.makePathsAbsolute()
        let store = try store()
        let seedGroup: String? =
            switch request.seedGroup {
            case nil: nil
            case .first: ""
            case .of(let name): name
            }
        let run = try store.begin(
            Run(
                name: request.name, command: request.command, model: request.model, output: request.output,
                trainData: request.train, trainSha256: data.train.sha256, devData: request.dev,
                devSha256: request.dev.map { _ in data.dev.sha256 },
                seed: hyperparameters.seed, threads: hyperparameters.threads, version: version,
                parameters: model.classifier.layout.count, seedGroup: seedGroup),
            params: hyperparameters.params)
        let state = Checkpoint(
            run: run.id!, request: request, trainSha256: run.trainSha256, devSha256: run.devSha256, model: model,
            trained: trained)
        try self.init(
            state, run: run.name, encoded, workers, store: store, report: report, isInterrupted: isInterrupted)
    }

    /// Goes on with a run from its last checkpoint.
    ///
    /// - Parameter idOrName: of a run in `store`
    /// - Throws: an error with a message for a person if there is no such run or checkpoint, or the data has changed.
    package init(
        resuming idOrName: String, store: RunStore, report: @escaping (TrainingEvent) -> Void,
        isInterrupted: @escaping () -> Bool
    ) throws {
        let run = try store.run(idOrName)
        if run.status == .finished {
            throw TrainingError("the run '\(run.name)' is finished; there is nothing to resume")
        }
        if run.isAlive {
            throw TrainingError("the run '\(run.name)' is being trained by another process; there is nothing to resume")
        }
        let state = try Checkpoint(forOutput: run.output)
        guard state.run == run.id else {
            throw TrainingError(
                "\(Checkpoint.folder(forOutput: run.output).path): the checkpoint belongs to another run than '\(run.name)'"
            )
        }
        let workers = Workers(count: state.request.hyperparameters.threads)
        var data = try DataFiles(of: state.request, on: workers)
        for (file, old) in [(data.train, state.trainSha256), (data.dev, state.devSha256 ?? state.trainSha256)] {
            if file.sha256 != old {
                throw TrainingError(
                    "\(file.path): the data has changed since the run began; train again from the beginning")
            }
        }
        let encoded = try data.encode(for: state.model, state.request.hyperparameters.longTexts, on: workers)
        try store.reopen(state.run, afterStep: state.progress.step, epochs: state.progress.epoch)
        try self.init(
            state, run: run.name, encoded, workers, store: store, report: report, isInterrupted: isInterrupted)
    }

    private init(
        _ state: Checkpoint, run: String, _ data: (training: EncodedExamples, development: EncodedExamples),
        _ workers: Workers, store: RunStore, report: @escaping (TrainingEvent) -> Void,
        isInterrupted: @escaping () -> Bool
    ) throws {
        self.state = state
        self.store = store
        log = MetricLog(store)
        self.report = report
        self.isInterrupted = isInterrupted
        (training, development) = data
        runName = run
        let hyperparameters = state.request.hyperparameters
        schedule = hyperparameters.schedule(sequences: training.sequences.count)
        let classifier = state.model.classifier
        trainingStep = try TrainingStep(for: classifier, hyperparameters, targets: training.targets, workers: workers)
        predictor = Predictor(for: classifier, batchSize: hyperparameters.batchSize, workers: workers)
        report(
            .started(
                run: run, parameters: classifier.layout.count, trained: trainingStep.gradients.values.count,
                examples: training.count, devExamples: development.count, steps: schedule.totalSteps))
    }

    /// Refuses what cannot fit, before it is tried: the least that a step needs is parameters, gradients and moments, and the
    /// attention probabilities of the longest text in every layer.
    private static func checkMemory(
        for classifier: SequenceClassifier, _ examples: EncodedExamples, _ trained: TrainedParts
    ) throws {
        let configuration = classifier.configuration
        let longest = examples.sequences.indices.reduce(0) { max($0, examples.sequences.length($1)) }
        let trainedCount = Gradients.count(trained, of: classifier.layout)
        let keptLayers = max(1, configuration.layers - trained.lowestLayer)
        let floats =
            Double(classifier.layout.count) + 3 * Double(trainedCount)
            + Double(keptLayers * configuration.heads) * Double(longest) * Double(longest)
        let (needed, available) = (4 * floats / 1e9, Double(ProcessInfo.processInfo.physicalMemory) / 1e9)
        guard needed <= available else {
            throw TrainingError(
                String(
                    format:
                        "a training step needs at least %.0f GB of memory, and this machine has %.0f GB; lower --max-length,"
                        + " --hidden-size or --layers", needed, available))
        }
    }

    // MARK: Running

    /// Trains to the end, or until interrupted, and writes the best epoch's model.
    ///
    /// - Throws: an error with a message for a person; the run is then recorded as failed.
    package mutating func run() throws -> TrainingResult {
        do {
            let wasInterrupted = try trainEpochs()
            // Before it writes to what another process has by now.
            try whileUnlocked { try store.requireOwn(state.run) }
            try writeOutput()
            if wasInterrupted { try state.write() }
            try untilUnlocked { try log.drain(insisting: true) }
            try untilUnlocked { try finish(wasInterrupted ? .interrupted : .finished) }
            if !wasInterrupted { state.remove() }
            return TrainingResult(
                run: runName, best: state.progress.best, epochs: state.progress.epoch, output: state.request.output,
                hasWrittenOutput: state.progress.hasWrittenOutput, wasInterrupted: wasInterrupted,
                seconds: (ContinuousClock.now - started) / .seconds(1))
        } catch let error as RunStoreError where error.isTakenOver {
            throw error
        } catch {
            // The first error counts; what was learned until then, and the record of it, are saved if they can be.
            if !state.progress.hasWrittenOutput && state.bestParameters != nil && (try? writeOutput()) != nil {
                report(.notice("the best epoch until then is in \(state.request.output)"))
            }
            try? log.drain(insisting: true)
            try? finish(.failed, error: "\(error)")
            throw error
        }
    }

    private func finish(_ status: Run.Status, error: String? = nil) throws {
        try store.finish(state.run, status, hasWrittenOutput: state.progress.hasWrittenOutput, error: error)
    }

    /// Writes the best epoch's model. Before the first epoch's end that is the current one, which does not replace another.
    private mutating func writeOutput() throws {
        let output = URL(filePath: state.request.output)
        // The current parameters may be written too: here as the model, or below and by the caller as a checkpoint.
        trainingStep.finish(&state.model.classifier, &state.optimizer)
        if state.bestParameters == nil && FileManager.default.fileExists(atPath: output.path) { return }
        exchangeBest()
        defer { exchangeBest() }
        do {
            // Again, for what may have been put there since the beginning.
            try ModelFolder.checkOutput(output, overwrite: state.request.overwrite || state.progress.hasWrittenOutput)
            try state.model.write(to: output)
            state.progress.hasWrittenOutput = true
        } catch {
            // So that the work can be had by resuming, once there is room.
            exchangeBest()
            try? state.write()
            exchangeBest()
            throw error
        }
    }

    /// Exchanges the current parameters with those of the best epoch, if there is one: a copy would be one more model in memory.
    private mutating func exchangeBest() {
        guard var best = state.bestParameters.take() else { return }
        trainingStep.gradients.exchangeTrained(of: &state.model.classifier.parameters, with: &best)
        state.bestParameters = best
    }

    /// - Returns: whether it was interrupted
    private mutating func trainEpochs() throws -> Bool {
        if hyperparameters.trainsHeadOnly, try !readFeatures() { return true }
        while state.progress.epoch < hyperparameters.epochs {
            if let patience = hyperparameters.earlyStopping, state.progress.epochsWithoutImprovement >= patience {
                report(.notice("no better epoch for \(patience): training ends early"))
                break
            }
            if try trainEpoch() { return true }
            try endEpoch()
        }
        return false
    }

    /// Goes through the rest of an epoch's batches.
    ///
    /// - Returns: whether it was interrupted
    private mutating func trainEpoch() throws -> Bool {
        let order = hyperparameters.order(training.sequences.indices, epoch: state.progress.epoch)
        let size = hyperparameters.stepSize
        for start in stride(from: state.progress.stepsOfEpoch * size, to: order.count, by: size) {
            try step(order[start..<min(start + size, order.count)])
            try writeCheckpointIfDue()
            if isInterrupted() { return true }
        }
        return false
    }

    /// Runs the frozen encoder over every text, once: nothing that is trained changes what the head reads.
    ///
    /// - Returns: false if it was interrupted
    private mutating func readFeatures() throws -> Bool {
        let total = training.sequences.count + development.sequences.count
        func read(_ examples: EncodedExamples, after done: Int) throws -> Matrix? {
            try predictor.features(state.model.classifier, examples.sequences) { [report, isInterrupted] count in
                report(.features(done: done + count, of: total))
                return !isInterrupted()
            }
        }
        guard let ofTraining = try read(training, after: 0),
            let ofDevelopment = try read(development, after: training.sequences.count)
        else { return false }
        features = (ofTraining, ofDevelopment)
        stepsStarted = .now
        return true
    }

    /// One step, and its record.
    private mutating func step(_ examples: ArraySlice<Int>) throws {
        let learningRate = schedule.rate(at: state.progress.step)
        let (loss, norm) = trainingStep.take(
            examples, of: training, features: features?.training, number: state.progress.step,
            learningRate: learningRate, &state.model.classifier, &state.optimizer)
        guard loss.isFinite && norm.isFinite else {
            throw TrainingError(
                "the loss is no longer a number after \(state.progress.step + 1) steps; lower --learning-rate")
        }
        state.progress.step += 1
        state.progress.stepsOfEpoch += 1
        state.progress.lossSum += loss * Double(examples.count)
        state.progress.examplesSeen += examples.count
        stepsDone += 1
        tokensDone += examples.reduce(0) { $0 + training.sequences.length($1) }
        try recordStep(loss: loss, learningRate: learningRate, gradientNorm: norm)
    }

    /// Evaluates on the dev data, and keeps the parameters if they are the best.
    private mutating func endEpoch() throws {
        let begin = ContinuousClock.now
        trainingStep.finish(&state.model.classifier, &state.optimizer)
        let classifier = state.model.classifier
        let result = try EvaluationResult(
            LabeledLogits(of: development) {
                predictor.logits(classifier, $0, features: features?.development)
            },
            classifier.configuration)
        devTime += ContinuousClock.now - begin
        state.progress.epoch += 1
        var epoch = EpochReport(
            epoch: state.progress.epoch, trainLoss: state.progress.lossSum / Double(state.progress.examplesSeen),
            devLoss: result.loss, accuracy: result.report.accuracy, macroF1: result.report.macroF1)
        epoch.isBest = epoch.isBetter(than: state.progress.best)
        if epoch.isBest {
            state.progress.best = epoch
            state.progress.epochsWithoutImprovement = 0
            var best = state.bestParameters.take() ?? FloatBuffer(count: trainingStep.gradients.values.count)
            trainingStep.gradients.copyTrained(of: state.model.classifier.parameters, to: &best)
            state.bestParameters = best
        } else {
            state.progress.epochsWithoutImprovement += 1
        }
        (state.progress.stepsOfEpoch, state.progress.lossSum, state.progress.examplesSeen) = (0, 0, 0)
        record(.train, "loss", epoch.trainLoss)
        record(.dev, "loss", epoch.devLoss)
        record(.dev, "accuracy", epoch.accuracy)
        record(.dev, "macro_f1", epoch.macroF1)
        try whileUnlocked { try log.flush() }
        report(.epoch(epoch))
    }

    // MARK: Reporting

    private mutating func recordStep(loss: Double, learningRate: Double, gradientNorm: Double) throws {
        let elapsed = (ContinuousClock.now - stepsStarted - devTime) / .seconds(1)
        // Where only the head is trained, a step reads no tokens.
        let speed = features == nil ? Double(tokensDone) / elapsed : nil
        if state.progress.step % Self.metricInterval == 0 {
            record(.train, "batch_loss", loss)
            record(.train, "learning_rate", learningRate)
            record(.train, "grad_norm", gradientNorm)
            if let speed { record(.train, "tokens_per_second", speed) }
            try whileUnlocked { try log.flush() }
        }
        let left = schedule.totalSteps - state.progress.step
        report(
            .step(
                StepReport(
                    step: state.progress.step, steps: schedule.totalSteps, epoch: state.progress.epoch + 1,
                    epochs: hyperparameters.epochs, loss: state.progress.lossSum / Double(state.progress.examplesSeen),
                    tokensPerSecond: speed, secondsLeft: Double(left) * elapsed / Double(stepsDone))))
    }

    private mutating func record(_ split: Metric.Split, _ name: String, _ value: Double) {
        let progress = state.progress
        let epoch = Double(progress.epoch) + Double(progress.examplesSeen) / Double(training.sequences.count)
        log.append(Metric(run: state.run, split, name, step: progress.step, epoch: epoch, value: value))
    }

    /// Does some writing of metrics. If the database is locked they wait, and the training goes on.
    private func whileUnlocked(_ write: () throws -> Void) throws {
        do {
            try write()
        } catch let error as RunStoreError where error.isLocked {
            report(.notice("\(error); the metrics are kept, and written later"))
        }
    }

    /// Does some writing at the end, however long the database is locked. Who has had enough ends the process by another signal.
    private func untilUnlocked(_ write: () throws -> Void) throws {
        var hasWaited = false
        while true {
            do {
                return try write()
            } catch let error as RunStoreError where error.isLocked {
                if !hasWaited { report(.notice("\(error); waiting for it, to record the end of the run")) }
                hasWaited = true
            }
        }
    }

    /// Writes a checkpoint if it is time. The metrics go first: the database should reach as far as the checkpoint.
    private mutating func writeCheckpointIfDue() throws {
        let isDue =
            switch state.request.checkpointEvery {
            case nil: false
            case .steps(let steps): state.progress.step % steps == 0
            case .minutes(let minutes): ContinuousClock.now - lastCheckpoint >= .seconds(60 * minutes)
            }
        guard isDue else { return }
        lastCheckpoint = .now
        try whileUnlocked { try log.drain(insisting: false) }
        trainingStep.finish(&state.model.classifier, &state.optimizer)
        try state.write()
    }
}
