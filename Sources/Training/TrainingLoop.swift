import Evaluation
import Foundation
import Kernels
import Transformer

/// The loop of every training: epoch by epoch over the shuffled sequences, step by step of the optimizer.
///
/// It knows nothing of files, runs and reports: whoever trains asks for the ``next()`` event until there is none, and does what
/// belongs to it. Everything random depends on the position alone, so that a loop that begins with the ``progress`` of another
/// goes on as that one would have.
package struct TrainingLoop {
    /// How far a training has come.
    package struct Progress: Codable, Sendable {
        /// Steps of the contrastive tuning of the encoder, which came before and is done; 0 without it.
        var tuningSteps = 0
        /// Complete epochs.
        package internal(set) var epoch = 0
        /// Steps of the next epoch that are done.
        var stepsOfEpoch = 0
        /// Optimizer steps in all.
        package internal(set) var step = 0
        /// Those among them that were skipped.
        var skipped = 0
        /// The sum of the losses of those sequences that the unfinished epoch has seen.
        var lossSum = 0.0
        /// How many sequences the unfinished epoch has seen.
        var examplesSeen = 0

        /// The mean loss over the unfinished epoch.
        package var meanLoss: Double { lossSum / Double(examplesSeen) }
        /// Steps of the run, those of the encoder's tuning included.
        var stepOfRun: Int { tuningSteps + step }
        /// How often the parameters were updated.
        var updates: Int { step - skipped }
        /// Whether each number is one that a training could have reached.
        var isSound: Bool {
            [tuningSteps, epoch, stepsOfEpoch, step, skipped, updates, examplesSeen].allSatisfy {
                (0...1_000_000_000).contains($0)
            }
        }
    }

    /// A step that was taken.
    package struct Step: Sendable {
        /// Which of the sequences of the examples it has used.
        package let sequences: ArraySlice<Int>
        /// The mean loss before the step.
        package let loss: Double
        package let learningRate: Double
        /// The norm of the gradients before clipping.
        package let gradientNorm: Double
    }

    /// What has happened last.
    package enum Event: Sendable {
        case step(Step)
        /// A step was skipped; why.
        case skippedStep(String)
        /// An epoch is complete; the mean loss over its steps.
        case epoch(meanLoss: Double)
    }

    private let hyperparameters: Hyperparameters
    let examples: EncodedExamples
    /// The sequences that are trained with.
    private let sequences: [Int]
    let workers: Workers
    private var schedule: LinearSchedule
    /// After how many steps the training ends, if not after its epochs.
    private var steps: Int?
    /// The sequences in the order of the current epoch; empty at its beginning.
    private var order: [Int] = []
    /// What is trained, and has been learned until now.
    package var learner: Learner
    package private(set) var progress: Progress
    /// What the head reads of each sequence, `[sequences, hidden]`, where nothing else is trained.
    package var features: Matrix?

    /// Begins a training, or goes on with one.
    ///
    /// - Parameters:
    ///   - texts: which of the examples are trained with, in ascending order; nil: all
    ///   - progress: of the training so far, with the classifier and the optimizer that it has led to
    /// - Throws: ``TrainingError`` if the hyper-parameters name layers or labels that do not exist.
    package init(
        _ classifier: SequenceClassifier, optimizer: AdamW? = nil, progress: Progress = Progress(),
        _ hyperparameters: Hyperparameters, examples: EncodedExamples, texts: [Int]? = nil, workers: Workers
    ) throws {
        (self.hyperparameters, self.examples, self.progress, self.workers) = (
            hyperparameters, examples, progress, workers
        )
        if let texts {
            let isIncluded = Set(texts)
            sequences = examples.sequences.indices.filter { isIncluded.contains(examples.texts.owners[$0]) }
        } else {
            sequences = Array(examples.sequences.indices)
        }
        let size = hyperparameters.stepSize
        schedule = LinearSchedule(
            peak: hyperparameters.learningRate, warmupRatio: hyperparameters.warmupRatio,
            totalSteps: hyperparameters.epochs * ((sequences.count + size - 1) / size))
        learner = try Learner(
            classifier, optimizer: optimizer, hyperparameters,
            targets: texts.map(examples.targets.at) ?? examples.targets,
            workers: workers)
    }

    /// Makes the training end after so many steps, and not after its epochs. For one that has not begun.
    package mutating func end(afterSteps steps: Int) {
        self.steps = steps
        schedule = LinearSchedule(
            peak: hyperparameters.learningRate, warmupRatio: hyperparameters.warmupRatio, totalSteps: steps)
    }

    /// The steps of the whole training.
    package var totalSteps: Int { schedule.totalSteps }

    /// Complete epochs, and the part of the unfinished one.
    package var epochs: Double { Double(progress.epoch) + Double(progress.examplesSeen) / Double(sequences.count) }

    /// Takes the next step, or completes an epoch all of whose steps are taken.
    ///
    /// - Returns: what was done; nil at the end of the training
    /// - Throws: ``TrainingError`` if the loss or a gradient is not finite, and such steps are not to be skipped.
    package mutating func next() throws -> Event? {
        if steps.map({ progress.step >= $0 }) ?? (progress.epoch >= hyperparameters.epochs) { return nil }
        if order.isEmpty {
            var random = RandomNumbers(
                seed: hyperparameters.seed, stream: .shuffling, step: UInt64(progress.epoch))
            order = sequences.shuffled(using: &random)
        }
        let size = hyperparameters.stepSize
        // Not multiplied: a checkpoint can say anything.
        if progress.stepsOfEpoch >= (order.count + size - 1) / size {
            guard progress.examplesSeen > 0 else {
                throw TrainingError("every step of an epoch was skipped; lower --learning-rate")
            }
            let meanLoss = progress.meanLoss
            progress = Progress(
                tuningSteps: progress.tuningSteps, epoch: progress.epoch + 1, step: progress.step,
                skipped: progress.skipped)
            order = []
            return .epoch(meanLoss: meanLoss)
        }
        let start = progress.stepsOfEpoch * size
        return try takeStep(with: order[start..<min(start + size, order.count)])
    }

    private mutating func takeStep(with batch: ArraySlice<Int>) throws -> Event {
        let learningRate = schedule.rate(at: progress.step)
        let result = learner.step(
            batch, of: examples, features: features, number: progress.step, learningRate: learningRate)
        let isFinite = result.loss.isFinite && result.gradientNorm.isFinite
        let description = isFinite ? nil : learner.description(ofStep: progress.step + 1, loss: result.loss)
        if let description, hyperparameters.onNonFinite == .stop {
            throw TrainingError(
                "\(description); lower --learning-rate, or leave such steps out with --on-non-finite skip-step")
        }
        progress.step += 1
        progress.stepsOfEpoch += 1
        if let description {
            progress.skipped += 1
            return .skippedStep(description)
        }
        progress.lossSum += result.loss * Double(batch.count)
        progress.examplesSeen += batch.count
        return .step(
            Step(
                sequences: batch, loss: result.loss, learningRate: learningRate, gradientNorm: result.gradientNorm))
    }
}
