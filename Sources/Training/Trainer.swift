import Evaluation
import Foundation
import Inference
import Kernels
import RunStore
import Tokenization
import Transformer

/// A training from files to a model's folder: the loop, and around it the data, the record of the run, checkpoints, and the choice
/// of the best epoch.
package struct Trainer {
    private let report: (TrainingEvent) -> Void
    private let isInterrupted: () -> Bool

    private let training: EncodedExamples
    private let development: EncodedExamples
    private let recorder: RunRecorder
    private let checkpoints: CheckpointFolder

    /// The loop, the state and the best parameters are what a checkpoint keeps.
    private var loop: TrainingLoop
    private var state: Checkpoint.State
    /// The parameters that are trained, as they were after the best epoch.
    var bestParameters: FloatBuffer?
    /// The checkpoints that are kept, the oldest first.
    var keptCheckpoints: [CheckpointRecord] = []
    /// Whether the model at the output is this run's own.
    var hasWrittenOutput = false
    /// Puts a classifier, which the loop has, into what else a model's folder has.
    private let folder: (SequenceClassifier) -> ModelFolder

    /// What the head reads of the dev sequences, `[sequences, hidden]`, where nothing else is trained.
    private var developmentFeatures: Matrix?
    private var predictor: Predictor
    private var lastCheckpoint = ContinuousClock.now
    private var clock = TrainingClock()

    private var request: TrainingRequest { state.request }
    private var hyperparameters: Hyperparameters { state.request.hyperparameters }

    /// How often metrics of single steps are recorded, in steps.
    private static let metricInterval = 10

    /// Puts a training together.
    init(
        _ state: Checkpoint.State, _ loop: TrainingLoop, model: ModelFolder, development: EncodedExamples,
        recorder: RunRecorder, report: @escaping (TrainingEvent) -> Void, isInterrupted: @escaping () -> Bool
    ) {
        (self.state, self.loop, self.recorder) = (state, loop, recorder)
        (self.report, self.isInterrupted) = (report, isInterrupted)
        checkpoints = CheckpointFolder(forOutput: state.request.output)
        (training, self.development) = (loop.examples, development)
        folder = {
            [
                tokenizer = model.tokenizer, settings = model.settings, family = model.family,
                data = model.trainingData,
                base = model.base, ngrams = model.ngrams
            ] in
            var folder = ModelFolder(classifier: $0, tokenizer: tokenizer, settings: settings, family: family)
            (folder.trainingData, folder.base, folder.ngrams) = (data, base, ngrams)
            return folder
        }
        predictor = Predictor(
            for: model.classifier, batchSize: state.request.hyperparameters.batchSize, workers: loop.workers)
        report(
            .started(
                run: recorder.run.name, parameters: model.classifier.layout.count,
                trained: isToBeTuned ? model.classifier.layout.count : loop.learner.trainedCount,
                examples: training.count, devExamples: development.count,
                steps: loop.totalSteps + (isToBeTuned ? hyperparameters.contrastiveSteps ?? 0 : 0)))
    }

    // MARK: Running

    /// Trains to the end, or until interrupted, and writes the best epoch's model.
    ///
    /// - Throws: an error with a message for a person; the run is then recorded as failed, if it can be.
    package mutating func run() throws -> TrainingResult {
        var isTrained = false
        do {
            let wasInterrupted = try train()
            isTrained = true
            // Before it writes to what another process has by now.
            try recorder.requireOwn()
            // The model must not be lost if there is no room for a checkpoint.
            let checkpoint = Result { if wasInterrupted { try writeCheckpoint() } }
            try writeOutputWhenThereIsRoom()
            try checkpoint.get()
            let warning = state.best?.warning
            let model = folder(loop.learner.classifier)
            try recorder.finish(
                wasInterrupted ? .interrupted : .finished, hasWrittenOutput: hasWrittenOutput, warning: warning)
            if let warning { report(.notice(warning)) }
            if !wasInterrupted { checkpoints.remove() }
            return TrainingResult(
                run: recorder.run.name, best: state.best, epochs: loop.progress.epoch, output: request.output,
                hasWrittenOutput: hasWrittenOutput, wasInterrupted: wasInterrupted,
                foreignPart: model.family.foreignPart(of: model.classifier.configuration),
                isAdapter: model.classifier.configuration.lora != nil, seconds: clock.seconds)
        } catch let error as RunStoreError where error.cause == .takenOver {
            throw error
        } catch {
            // The first error counts; what was learned until then, and the record of it, are saved if they can be.
            if isTrained {
                keepProgress()
            } else if bestParameters != nil && (try? writeOutput()) != nil {
                report(.notice("the best epoch until then is in \(request.output)"))
            }
            recorder.fail(error, hasWrittenOutput: hasWrittenOutput)
            throw error
        }
    }

    /// Writes a checkpoint of a training that has ended, but could not write or record its model: once there is room, that can be made up for.
    private mutating func keepProgress() {
        guard (try? writeCheckpoint()) != nil else { return }
        if hasWrittenOutput { try? checkpoints.willWrite(modelIn: URL(filePath: request.output)) }
        report(.notice("nothing of the training is lost: go on with --resume \(recorder.run.name) once that is mended"))
    }

    /// - Returns: whether it was interrupted
    private mutating func train() throws -> Bool {
        if isToBeTuned, try !tuneEncoder() { return true }
        if hyperparameters.trainsHeadOnly, try !readFeatures() { return true }
        while !endsEarly(), let event = try loop.next() {
            switch event {
            case .step(let step):
                try record(step)
                try writeCheckpointIfDue()
                if isInterrupted() { return true }
            case .skippedStep(let cause):
                report(.notice("\(cause); the step is skipped"))
                try writeCheckpointIfDue()
                if isInterrupted() { return true }
            case .epoch(let meanLoss):
                try endEpoch(trainLoss: meanLoss)
            }
        }
        return false
    }

    /// Whether too many epochs were no better than an earlier one.
    private func endsEarly() -> Bool {
        guard let patience = hyperparameters.earlyStopping, state.epochsWithoutImprovement >= patience,
            loop.progress.epoch < hyperparameters.epochs
        else { return false }
        report(.notice("no better epoch for \(patience): training ends early"))
        return true
    }

    /// Whether the encoder has yet to be tuned, before the head is trained.
    private var isToBeTuned: Bool { hyperparameters.fewShot && loop.progress.tuningSteps == 0 }

    /// Tunes the encoder by pairs of texts, before the head is trained. With few texts that is short: it begins again if it was interrupted.
    ///
    /// - Returns: false if it was interrupted; the encoder is as it was then
    private mutating func tuneEncoder() throws -> Bool {
        var tuning = try ContrastiveTuning(
            loop.learner.classifier, hyperparameters, examples: training, workers: loop.workers)
        clock.beginTraining()
        while let event = try tuning.next() {
            switch event {
            case .step(let step): try record(step, of: tuning)
            case .skippedStep(let cause): report(.notice("\(cause); the step is skipped"))
            case .epoch: break
            }
            if isInterrupted() { return false }
        }
        loop = try TrainingLoop(
            tuning.classifier, progress: TrainingLoop.Progress(tuningSteps: tuning.steps), hyperparameters,
            examples: training, workers: loop.workers)
        return true
    }

    /// Runs the frozen encoder over every text, once: nothing that is trained changes what the head reads.
    ///
    /// - Returns: false if it was interrupted
    private mutating func readFeatures() throws -> Bool {
        let classifier = loop.learner.classifier
        let total = training.sequences.count + development.sequences.count
        func read(_ examples: EncodedExamples, after done: Int) throws -> Matrix? {
            try predictor.features(classifier, examples.sequences) { [report, isInterrupted] count in
                report(.features(done: done + count, of: total))
                return !isInterrupted()
            }
        }
        guard let ofTraining = try read(training, after: 0),
            let ofDevelopment = try read(development, after: training.sequences.count)
        else { return false }
        (loop.features, developmentFeatures) = (ofTraining, ofDevelopment)
        clock.beginTraining()
        return true
    }

    /// Evaluates on the dev data, and keeps the parameters if they are the best.
    private mutating func endEpoch(trainLoss: Double) throws {
        let begin = ContinuousClock.now
        let classifier = loop.learner.classifier
        let (metric, labels) = (hyperparameters.metric, classifier.configuration.labels)
        let result = try DevelopmentResult(
            LabeledLogits(of: development) {
                predictor.logits(classifier, $0, features: developmentFeatures)
            },
            classifier.configuration, judgedBy: metric)
        clock.addPause(since: begin)
        var epoch = EpochReport(
            epoch: loop.progress.epoch, trainLoss: trainLoss, devLoss: result.loss,
            accuracy: result.value(of: .accuracy), macroF1: result.value(of: .macroF1),
            pearson: result.value(of: .pearson), metric: metric, value: result.value(of: metric))
        epoch.onlyLabel = result.onlyAnswer.map { ids in ids.map { labels[$0] }.joined(separator: "|") }
        epoch.isBest = epoch.isBetter(than: state.best)
        if epoch.isBest {
            (state.best, state.epochsWithoutImprovement) = (epoch, 0)
            var best = bestParameters.take() ?? FloatBuffer(count: loop.learner.trainedCount)
            loop.learner.copyTrained(to: &best)
            bestParameters = best
        } else {
            state.epochsWithoutImprovement += 1
        }
        record(.train, "loss", epoch.trainLoss)
        for (metric, value) in result.figures { record(.dev, metric.name, value) }
        try recorder.flush()
        report(.epoch(epoch))
    }

    // MARK: Reporting

    private mutating func record(_ step: TrainingLoop.Step) throws {
        clock.addStep(tokens: step.sequences.reduce(0) { $0 + training.sequences.length($1) })
        // Where only the head is trained, a step reads no tokens.
        let speed = loop.features == nil ? clock.tokensPerSecond : nil
        let progress = loop.progress
        if progress.step % Self.metricInterval == 0 {
            record(.train, "batch_loss", step.loss)
            record(.train, "learning_rate", step.learningRate)
            record(.train, "grad_norm", step.gradientNorm)
            if let speed { record(.train, "tokens_per_second", speed) }
            if hyperparameters.logLayerNorms { recordLayerNorms() }
            try recorder.flush()
        }
        report(
            .step(
                StepReport(
                    step: progress.step, steps: loop.totalSteps, epoch: progress.epoch + 1,
                    epochs: hyperparameters.epochs, loss: progress.meanLoss, tokensPerSecond: speed,
                    secondsLeft: clock.secondsLeft(for: loop.totalSteps - progress.step))))
    }

    private mutating func record(_ step: TrainingLoop.Step, of tuning: ContrastiveTuning) throws {
        clock.addStep(tokens: step.sequences.reduce(0) { $0 + training.sequences.length($1) })
        for (name, value) in [
            ("contrastive_loss", step.loss), ("learning_rate", step.learningRate), ("grad_norm", step.gradientNorm),
            ("tokens_per_second", clock.tokensPerSecond),
        ] { recorder.append(.train, name, value, step: tuning.step, epoch: 0) }
        try recorder.flush()
        report(
            .contrastiveStep(
                tuning.step, of: tuning.steps, loss: step.loss, tokensPerSecond: clock.tokensPerSecond,
                secondsLeft: clock.secondsLeft(for: tuning.steps - tuning.step)))
    }

    private func recordLayerNorms() {
        for (part, norm) in loop.learner.gradientNorms { record(.train, "grad_norm.\(part.metricName)", norm) }
        if loop.features != nil { return }
        for (layer, norm) in loop.learner.hiddenStateNorms {
            record(.train, "activation_norm.\(Part.layer(layer).metricName)", norm)
        }
    }

    private func record(_ split: Metric.Split, _ name: String, _ value: Double) {
        recorder.append(split, name, value, step: loop.progress.stepOfRun, epoch: loop.epochs)
    }

    // MARK: Writing

    /// Writes the best epoch's model. Before the first epoch's end that is the current one, which does not replace another.
    private mutating func writeOutput() throws {
        let output = URL(filePath: request.output)
        if bestParameters == nil && FileManager.default.fileExists(atPath: output.path) { return }
        let mayReplace = request.overwrite || hasWrittenOutput
        try loop.learner.withTrained(from: &bestParameters) { [folder, checkpoints] classifier in
            // Again, for what may have been put there since the beginning.
            try ModelFolder.checkOutput(output, overwrite: mayReplace)
            try folder(classifier).write(to: output) { try checkpoints.willWrite(modelIn: $0) }
        }
        hasWrittenOutput = true
    }

    /// Writes the model at the end, however long the disk is full. Who has had enough interrupts it.
    private mutating func writeOutputWhenThereIsRoom() throws {
        var hasWaited = false
        while true {
            do {
                return try writeOutput()
            } catch let error as ModelError where error.isOutOfSpace && !isInterrupted() {
                if !hasWaited {
                    report(.notice("\(error) The training is done and waits for room; Ctrl-C gives it up"))
                }
                hasWaited = true
                Thread.sleep(forTimeInterval: 1)
            }
        }
    }

    /// Writes a checkpoint if it is time. If that fails, the training goes on, and there is the one before.
    private mutating func writeCheckpointIfDue() throws {
        let isDue =
            switch request.checkpointEvery {
            case nil: false
            case .steps(let steps): loop.progress.step % steps == 0
            case .minutes(let minutes): ContinuousClock.now - lastCheckpoint >= .seconds(60 * minutes)
            }
        guard isDue else { return }
        lastCheckpoint = .now
        do {
            try writeCheckpoint()
        } catch let error as TrainingError {
            report(.notice("\(error); the training goes on without it"))
        }
    }

    /// Writes a checkpoint, records it, and removes those that are too old. The metrics go first: the database should reach as far as the
    /// checkpoint, and what it cannot take is kept there.
    private mutating func writeCheckpoint() throws {
        state.progress = loop.progress
        state.unrecorded = try recorder.drain()
        let step = loop.progress.step
        let folder = checkpoints.place(ofStep: step)
        let bytes = try Checkpoint(
            state: state, model: self.folder(loop.learner.classifier), optimizer: loop.learner.optimizer,
            bestParameters: bestParameters
        ).write(to: folder)
        let record = CheckpointRecord(
            run: recorder.run.id, step: step, epoch: loop.epochs, path: folder.path, bytes: bytes)
        keptCheckpoints = (keptCheckpoints.filter { $0.step < step } + [record]).suffix(CheckpointFolder.kept)
        try recorder.record(keptCheckpoints)
        checkpoints.prune(keeping: keptCheckpoints.map(\.step))
    }
}

extension Part {
    /// What the names of its metrics end with: `layer_1`.
    fileprivate var metricName: String { description.replacing(" ", with: "_") }
}
