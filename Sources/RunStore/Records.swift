import Foundation
import GRDB

/// A record whose columns are its properties' names in snake case.
public protocol Record: Codable, FetchableRecord, PersistableRecord {}

extension Record {
    public static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
    public static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }
}

/// A training, as a row of `runs`.
public struct Run: Record, Sendable {
    public static let databaseTableName = "runs"

    /// How far a run has come.
    public enum Status: String, Codable, Sendable {
        case running, finished, failed, interrupted
    }

    /// Given by the database.
    public internal(set) var id: Int64?
    /// Unique; `run-<id>` unless the user chose one.
    public internal(set) var name: String
    public internal(set) var status: Status = .running
    /// ISO 8601 in UTC, as all times are.
    public internal(set) var startedAt: String = Timestamp.now
    public internal(set) var finishedAt: String?
    /// The command line.
    public let command: String
    /// The folder that training started from; nil if from random weights.
    public let model: String?
    /// The folder that the trained model is written to.
    public let output: String
    public let trainData: String
    public let trainSha256: String
    public let devData: String?
    public let devSha256: String?
    public let seed: Int64
    public let threads: Int
    public var host = ProcessInfo.processInfo.hostName
    /// Of this program.
    public let version: String
    /// The number of the model's parameters.
    public let parameters: Int
    /// Why a run has failed.
    public internal(set) var error: String?

    /// Creates a run that begins now.
    ///
    /// - Parameter name: nil to have one made
    public init(
        name: String?, command: String, model: String?, output: String, trainData: String, trainSha256: String,
        devData: String?, devSha256: String?, seed: UInt64, threads: Int, version: String, parameters: Int
    ) {
        self.name = name ?? ""
        self.command = command
        self.model = model
        self.output = output
        self.trainData = trainData
        self.trainSha256 = trainSha256
        self.devData = devData
        self.devSha256 = devSha256
        self.seed = Int64(clamping: seed)
        self.threads = threads
        self.version = version
        self.parameters = parameters
    }
}

/// A hyper-parameter of a run, as a row of `params`.
public struct Param: Record, Sendable {
    public static let databaseTableName = "params"
    public let runId: Int64
    public let name: String
    public let value: String
}

/// One value of one metric, as a row of `metrics`.
public struct Metric: Record, Sendable {
    public static let databaseTableName = "metrics"

    /// The data that a metric was measured on.
    public enum Split: String, Codable, Sendable {
        case train, dev
    }

    public var runId: Int64
    public let split: Split
    public let name: String
    /// The number of optimizer steps taken.
    public let step: Int
    /// The number of passes over the data; a fraction within an epoch.
    public let epoch: Double
    /// Nil where the value is not a number.
    public let value: Double?
    public var recordedAt: String = Timestamp.now

    /// Creates a metric that was measured now.
    public init(run: Int64, _ split: Split, _ name: String, step: Int, epoch: Double, value: Double) {
        (runId, self.split, self.name, self.step, self.epoch) = (run, split, name, step, epoch)
        self.value = value.isNaN ? nil : value
    }
}

/// A model's result on one file, as a row of `evaluations`.
public struct Evaluation: Record, Sendable {
    public static let databaseTableName = "evaluations"
    /// Given by the database.
    public internal(set) var id: Int64?
    /// The run that made the model, where it is known.
    public internal(set) var runId: Int64?
    public let model: String
    public let data: String
    public let dataSha256: String
    public let examples: Int
    public let tokens: Int
    public let loss: Double?
    public let accuracy: Double
    public let macroF1: Double
    public let weightedF1: Double
    public let seconds: Double
    public var evaluatedAt: String = Timestamp.now

    /// Creates an evaluation made now.
    public init(
        model: String, data: String, dataSha256: String, examples: Int, tokens: Int, loss: Double, accuracy: Double,
        macroF1: Double, weightedF1: Double, seconds: Double
    ) {
        self.model = model
        self.data = data
        self.dataSha256 = dataSha256
        self.examples = examples
        self.tokens = tokens
        self.loss = loss.isNaN ? nil : loss
        self.accuracy = accuracy
        self.macroF1 = macroF1
        self.weightedF1 = weightedF1
        self.seconds = seconds
    }
}

/// How well one label was told, as a row of `class_metrics`.
public struct ClassMetric: Record, Sendable {
    public static let databaseTableName = "class_metrics"
    public internal(set) var evaluationId: Int64 = 0
    public let label: String
    public let precision: Double
    public let recall: Double
    public let f1: Double
    public let support: Int

    public init(label: String, precision: Double, recall: Double, f1: Double, support: Int) {
        (self.label, self.precision, self.recall, self.f1, self.support) = (label, precision, recall, f1, support)
    }
}

/// How often one label was taken for another, as a row of `confusions`.
public struct Confusion: Record, Sendable {
    public static let databaseTableName = "confusions"
    public internal(set) var evaluationId: Int64 = 0
    public let actual: String
    public let predicted: String
    public let count: Int

    public init(actual: String, predicted: String, count: Int) {
        (self.actual, self.predicted, self.count) = (actual, predicted, count)
    }
}

/// What a model said of one example, as a row of `predictions`.
public struct PredictionRecord: Record, Sendable {
    public static let databaseTableName = "predictions"
    public internal(set) var evaluationId: Int64 = 0
    /// The example's place in the file, from 1.
    public let row: Int
    public let actual: String
    public let predicted: String
    /// The probability of `predicted`.
    public let confidence: Double

    public init(row: Int, actual: String, predicted: String, confidence: Double) {
        (self.row, self.actual, self.predicted, self.confidence) = (row, actual, predicted, confidence)
    }
}

/// A row of the view `run_summary`.
public struct RunSummary: Record, Sendable {
    public let id: Int64
    public let name: String
    public let status: Run.Status
    public let startedAt: String
    public let seconds: Double?
    public let bestDevAccuracy: Double?
    public let bestEpoch: Int?
    public let devMacroF1: Double?
    public let devLoss: Double?
    public let parameters: Int
    public let output: String
}

/// Times as the database has them.
enum Timestamp {
    /// Now, as ISO 8601 in UTC with milliseconds: `2026-01-31T09:30:00.000Z`.
    static var now: String { Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) }
}
