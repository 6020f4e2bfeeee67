import Evaluation
import Foundation
import Inference
import Kernels
import RunStore
import Statistics
import Training
import Transformer

/// One training of an ablation.
package struct AblationCell: Sendable, Hashable {
    package let question: AblationRequest.Question
    package let variant: AddNormVariant
    package let depth: Int
    package let learningRate: Double
    package let warmupRatio: Double
    package let seed: UInt64
    package let steps: Int

    package init(
        question: AblationRequest.Question, variant: AddNormVariant, depth: Int, learningRate: Double,
        warmupRatio: Double, seed: UInt64, steps: Int
    ) {
        (self.question, self.variant, self.depth) = (question, variant, depth)
        (self.learningRate, self.warmupRatio) = (learningRate, warmupRatio)
        (self.seed, self.steps) = (seed, steps)
    }

    /// What the name of its run ends with: unique in an experiment.
    package var name: String { "\(question.rawValue)-\(variant)-\(depth)-\(learningRate)-\(warmupRatio)-\(seed)" }
}

/// What a training came to.
package struct AblationOutcome: Sendable {
    package let cell: AblationCell
    package let outcome: Run.Outcome
    /// The loss of each step, in nats, before it was taken.
    package let losses: [Double]
    /// On the dev data; nil if the training broke off.
    package let accuracy: Double?
    /// The name of its run.
    package let run: String

    package init(cell: AblationCell, outcome: Run.Outcome, losses: [Double], accuracy: Double?, run: String) {
        (self.cell, self.outcome, self.losses, self.accuracy, self.run) = (cell, outcome, losses, accuracy, run)
    }

    /// The mean loss of the last tenth of the steps: that of one batch says little.
    package var finalLoss: Double? { losses.meanOfLast }

    /// What became of a training:
    ///
    /// - diverged, if a loss was not finite, or the last ones are half as large again as those of a model that does not read;
    /// - trained, if the accuracy is above that of the commonest label by more than chance (the whole 95 % interval of Wilson);
    /// - stuck otherwise.
    ///
    /// - Parameters:
    ///   - finalLoss: nil if it broke off
    ///   - right: how many of `texts` were right
    ///   - majority: the share of the commonest label
    ///   - entropy: of the labels, in nats
    package static func judge(finalLoss: Double?, right: Int, of texts: Int, majority: Double, entropy: Double)
        -> Run.Outcome
    {
        guard let finalLoss, finalLoss.isFinite, finalLoss <= 1.5 * entropy else { return .diverged }
        return wilsonInterval(right, of: texts).low > majority ? .trained : .stuck
    }
}

extension AblationData {
    /// Trains a model on this thread alone, and tells how it went.
    ///
    /// - Parameters:
    ///   - hyperparameters: what all trainings have in common
    ///   - isInterrupted: asked after every step
    /// - Returns: the losses, and the result on the dev data; nil if it was interrupted
    func train(
        _ cell: AblationCell, _ hyperparameters: Hyperparameters, isInterrupted: () -> Bool
    ) throws -> (losses: [Double], result: EvaluationResult?)? {
        let workers = Workers(count: 1)
        let classifier = try SequenceClassifier(configuration(of: cell.variant, layers: cell.depth), seed: cell.seed)
        var loop = try TrainingLoop(
            classifier, cell.hyperparameters(hyperparameters), examples: training, workers: workers)
        loop.end(afterSteps: cell.steps)
        var losses: [Double] = []
        do {
            while let event = try loop.next() {
                if case .step(let step) = event { losses.append(step.loss) }
                if isInterrupted() { return nil }
            }
        } catch is TrainingError {
            // A loss or a gradient that is not finite.
            return (losses, nil)
        }
        var predictor = Predictor(for: classifier, batchSize: hyperparameters.batchSize, workers: workers)
        let trained = loop.learner.classifier
        let logits = LabeledLogits(of: development) { predictor.logits(trained, $0) }
        // Of parameters that have overflowed there are no answers.
        return (losses, try? EvaluationResult(logits, trained.configuration))
    }

    /// The shape of a model with so many layers in this form.
    func configuration(of variant: AddNormVariant, layers: Int) -> Configuration {
        var configuration = configuration
        (configuration.addNorm, configuration.layers) = (variant, layers)
        return configuration
    }
}

extension AblationCell {
    /// The hyper-parameters of the training.
    func hyperparameters(_ common: Hyperparameters) -> Hyperparameters {
        var hyperparameters = common
        (hyperparameters.addNorm, hyperparameters.layers, hyperparameters.seed) = (variant, depth, seed)
        (hyperparameters.learningRate, hyperparameters.warmupRatio) = (learningRate, warmupRatio)
        hyperparameters.threads = 1
        return hyperparameters
    }
}

extension [Double] {
    /// The mean of the last tenth; nil if there is nothing.
    var meanOfLast: Double? {
        let tail = suffix(Swift.max(5, count / 10))
        return tail.isEmpty ? nil : tail.reduce(0, +) / Double(tail.count)
    }
}
