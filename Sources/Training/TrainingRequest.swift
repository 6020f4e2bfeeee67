import Datasets
import Foundation

/// All that a user asks of `addnorm train`.
public struct TrainingRequest: Codable, Sendable, Equatable {
    /// When checkpoints are written.
    public enum CheckpointInterval: Codable, Sendable, Equatable {
        case steps(Int)
        case minutes(Double)
    }

    public var train: String
    /// Nil: a part of the training data is held out.
    public var dev: String?
    /// The folder to start from; nil: random weights and a learned vocabulary.
    public var model: String?
    public var output: String
    public var overwrite = false
    /// Nil: one is made.
    public var name: String?
    public var checkpointEvery: CheckpointInterval?
    public var layout = Layout()
    public var hyperparameters = Hyperparameters()
    /// As the database keeps it.
    public var command = ""

    /// Makes the paths mean the same in every working directory.
    mutating func makePathsAbsolute() {
        train = absolutePath(train)
        dev = dev.map(absolutePath)
        model = model.map(absolutePath)
        output = absolutePath(output)
    }

    /// Asks for a training with all defaults.
    public init(train: String, output: String) {
        (self.train, self.output) = (train, output)
    }
}

/// What a training tells while it runs.
public enum TrainingEvent: Sendable {
    /// Something that the user should know.
    case notice(String)
    /// The run has a name now, and steps follow.
    case started(run: String, parameters: Int, examples: Int, devExamples: Int, steps: Int)
    case step(StepReport)
    case epoch(EpochReport)
}

/// How far a training has come.
public struct StepReport: Sendable {
    /// Optimizer steps taken, of all.
    public let step: Int
    public let steps: Int
    /// From 1.
    public let epoch: Int
    public let epochs: Int
    /// The mean over the epoch so far.
    public let loss: Double
    public let tokensPerSecond: Double
    /// Until the last step, at this speed.
    public let secondsLeft: Double
}

/// The result of one epoch.
public struct EpochReport: Codable, Sendable, Equatable {
    /// From 1.
    public let epoch: Int
    public let trainLoss: Double
    public let devLoss: Double
    public let accuracy: Double
    public let macroF1: Double
    /// Whether no earlier epoch was as good.
    public var isBest = false

    /// Higher dev macro F1 is better; of equal ones, lower dev loss.
    func isBetter(than other: EpochReport?) -> Bool {
        guard let other else { return true }
        return (macroF1, -devLoss) > (other.macroF1, -other.devLoss)
    }
}

/// How a training has ended.
public struct TrainingResult: Sendable {
    public let run: String
    /// Nil if no epoch was completed.
    public let best: EpochReport?
    public let epochs: Int
    public let output: String
    public let wasInterrupted: Bool
    public let seconds: Double
}

/// Why a training cannot begin or go on.
public struct TrainingError: LocalizedError, CustomStringConvertible {
    /// The cause and what to do.
    public let description: String
    /// The same, for Foundation.
    public var errorDescription: String? { description }

    init(_ description: String) { self.description = description }
}
