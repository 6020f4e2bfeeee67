import Foundation
import RunStore

/// What a training tells while it runs.
package enum TrainingEvent: Sendable {
    /// Something that the user should know.
    case notice(String)
    /// The data have been read.
    case data(DataReport)
    /// The run has a name now, and steps follow.
    case started(run: String, parameters: Int, trained: Int, examples: Int, devExamples: Int, steps: Int)
    /// The frozen encoder has run over so many sequences: texts, or windows of them.
    case features(done: Int, of: Int)
    /// A training of cross-validation: which fold, of how many, the share of all steps that is done, and the loss of the last.
    case fold(Int, of: Int, share: Double, loss: Double, secondsLeft: Double)
    /// A step of the tuning of the encoder by pairs, of how many.
    case contrastiveStep(Int, of: Int, loss: Double, tokensPerSecond: Double, secondsLeft: Double)
    case step(StepReport)
    case epoch(EpochReport)
}

/// How far a training has come.
package struct StepReport: Sendable {
    /// How many steps the optimizer has taken.
    package let step: Int
    /// How many it takes in all.
    package let steps: Int
    /// The number of the epoch, from 1.
    package let epoch: Int
    package let epochs: Int
    /// The mean loss over the epoch so far.
    package let loss: Double
    /// The speed; nil where only the head is trained, because then no tokens are read.
    package let tokensPerSecond: Double?
    /// The time until the last step, at the speed so far.
    package let secondsLeft: Double
}

/// The result of one epoch.
package struct EpochReport: Codable, Sendable, Equatable {
    /// The number of the epoch, from 1.
    package let epoch: Int
    /// Mean losses, cross-entropies in nats or squared errors: over the epoch's steps with dropout, and over the dev data without.
    package let trainLoss: Double
    package let devLoss: Double
    /// The accuracy and the macro F1 on the dev data; nil of numbers.
    package let accuracy: Double?
    package let macroF1: Double?
    /// Pearson's correlation on the dev data; nil of labels, and where it is not defined.
    package let pearson: Double?
    /// What epochs are judged by, and its value on the dev data; nil where it is not defined.
    package let metric: EvaluationMetric
    package let value: Double?
    /// The label that all dev texts got, although they have several.
    package var onlyLabel: String?
    /// Whether no earlier epoch was as good.
    package var isBest = false

    /// A better value of the metric is better; of equal ones, lower dev loss.
    func isBetter(than other: EpochReport?) -> Bool {
        guard let other else { return true }
        return (metric.merit(value), -devLoss) > (metric.merit(other.value), -other.devLoss)
    }

    /// What is told of the dev data besides the loss: the usual figures, and the metric, where it is none of them.
    package var told: [String] {
        let usual: [(EvaluationMetric, Double?)] = [(.accuracy, accuracy), (.macroF1, macroF1), (.pearson, pearson)]
        let isTold = ([.logLoss, .mse] + usual.filter { $0.1 != nil }.map(\.0)).contains(metric)
        return (usual.filter { $0.1 != nil } + (isTold ? [] : [(metric, value)])).map { metric, value in
            "\(metric.words) " + (value.map { String(format: "%.4f", $0) } ?? "not defined")
        }
    }

    /// What a user should know of a model that has learned nothing.
    package var warning: String? {
        onlyLabel.map {
            "every dev text gets the label '\($0)': the model has learned nothing that tells labels apart; a lower --learning-rate, more"
                + " --epochs or other data may help"
        }
    }
}

/// How a training has ended.
package struct TrainingResult: Sendable {
    /// The run's name.
    package let run: String
    /// The best epoch; nil if none was completed.
    package let best: EpochReport?
    /// How many epochs were completed.
    package let epochs: Int
    /// The model's folder.
    package let output: String
    /// False if the run was interrupted before its first epoch's end, and an earlier model stays there.
    package let hasWrittenOutput: Bool
    package let wasInterrupted: Bool
    /// What the model has, and no class of `transformers`; nil if that computes the same from the model's folder.
    package let foreignPart: String?
    /// Whether the folder is that of an adapter.
    package let isAdapter: Bool
    package let seconds: Double
}
