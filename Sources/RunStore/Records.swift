import Foundation
import GRDB

/// A record whose columns are its properties' names in snake case.
package protocol Record: Codable, FetchableRecord, PersistableRecord {}

extension Record {
    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
    package static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }
}

/// A training, as a row of `runs`.
package struct Run: Record, Sendable {
    package static let databaseTableName = "runs"

    /// How far a run has come.
    package enum Status: String, Codable, Sendable {
        case running, finished, failed, interrupted
    }

    /// Given by the database.
    package internal(set) var id: Int64?
    /// Unique; `run-<id>` unless the user chose one.
    package internal(set) var name: String
    package internal(set) var status: Status = .running
    /// ISO 8601 in UTC, as all times are.
    package internal(set) var startedAt: String = Timestamp.now
    package internal(set) var finishedAt: String?
    /// The command line.
    package let command: String
    /// The folder that training started from; nil if from random weights.
    package let model: String?
    /// The folder that the trained model is written to.
    package let output: String
    /// The files' absolute paths, and the SHA-256 of their bytes in hexadecimal; of the dev file nil if there was none.
    package let trainData: String
    package let trainSha256: String
    package let devData: String?
    package let devSha256: String?
    package let seed: Int64
    package let threads: Int
    /// The machine's name, and which of its processes trains.
    package private(set) var host = ProcessIdentity.current.host
    private var bootId = ProcessIdentity.current.bootId
    private var processNamespace = ProcessIdentity.current.namespace
    private var processId: Int? = ProcessIdentity.current.processId
    private var processStart = ProcessIdentity.current.start
    /// Of this program.
    package let version: String
    /// The number of the model's parameters.
    package let parameters: Int
    /// Why a run has failed.
    package internal(set) var error: String?
    /// When the model at ``output`` became this run's; nil if it never did.
    package private(set) var outputWrittenAt: String?
    /// The same for all runs of one training with several seeds: the name that the user gave, or that of the first run.
    package internal(set) var seedGroup: String?
    /// What the user has to say about it.
    package internal(set) var note: String?

    /// Whether a process that is certainly there trains it.
    package var isAlive: Bool { status == .running && process?.isAlive == true }

    /// The process that trains it; nil in runs of earlier versions.
    var process: ProcessIdentity? {
        processId.map {
            ProcessIdentity(
                host: host, bootId: bootId, namespace: processNamespace, processId: $0, start: processStart)
        }
    }

    /// Creates a run that begins now.
    ///
    /// - Parameters:
    ///   - name: nil to have one made
    ///   - seedGroup: empty if this run is the first of its group
    package init(
        name: String?, command: String, model: String?, output: String, trainData: String, trainSha256: String,
        devData: String?, devSha256: String?, seed: UInt64, threads: Int, version: String, parameters: Int,
        seedGroup: String? = nil
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
        self.seedGroup = seedGroup
    }
}

/// A hyper-parameter of a run, as a row of `params`.
package struct Param: Record, Sendable {
    package static let databaseTableName = "params"
    package let runId: Int64
    package let name: String
    package let value: String
}

extension Param {
    /// By hand, because there can be very many, and a decoder takes several times as long.
    package init(row: Row) throws {
        (runId, name, value) = (row["run_id"], row["name"], row["value"])
    }
}

/// One value of one metric, as a row of `metrics`.
package struct Metric: Record, Sendable {
    package static let databaseTableName = "metrics"

    /// The data that a metric was measured on.
    package enum Split: String, Codable, Sendable {
        case train, dev
    }

    package let runId: Int64
    package let split: Split
    package let name: String
    /// The number of optimizer steps taken.
    package let step: Int
    /// The number of passes over the data; a fraction within an epoch.
    package let epoch: Double
    /// Nil where the value is not a number, or infinite.
    package let value: Double?
    package private(set) var recordedAt: String = Timestamp.now

    /// Creates a metric that was measured now.
    package init(run: Int64, _ split: Split, _ name: String, step: Int, epoch: Double, value: Double) {
        (runId, self.split, self.name, self.step, self.epoch) = (run, split, name, step, epoch)
        self.value = value.isFinite ? value : nil
    }

    /// By hand, because there can be millions, and a decoder takes several times as long.
    package init(row: Row) throws {
        runId = row["run_id"]
        split = row["split"] == "dev" ? .dev : .train
        name = row["name"]
        step = row["step"]
        epoch = row["epoch"]
        // JSON has no infinity.
        value = (row["value"] as Double?).flatMap { $0.isFinite ? $0 : nil }
        recordedAt = row["recorded_at"]
    }
}

/// A model's result on one file, as a row of `evaluations`.
package struct Evaluation: Record, Sendable {
    package static let databaseTableName = "evaluations"
    /// Given by the database.
    package internal(set) var id: Int64?
    /// The run that has last written this model; nil if there is none.
    package internal(set) var runId: Int64?
    /// Absolute paths of the model's folder and of the file.
    package let model: String
    package let data: String
    package let dataSha256: String
    package let examples: Int
    package let tokens: Int
    /// The mean cross-entropy, in nats.
    package let loss: Double?
    package let accuracy: Double
    package let macroF1: Double
    package let weightedF1: Double
    package let seconds: Double
    package private(set) var evaluatedAt: String = Timestamp.now
    /// What the probabilities are worth; nil where that is not defined, and in evaluations of earlier versions.
    package var rocAuc: Double?
    package var averagePrecision: Double?
    package var mcc: Double?
    package var ece: Double?
    /// 95 % confidence intervals.
    package var accuracyLow: Double?
    package var accuracyHigh: Double?
    package var macroF1Low: Double?
    package var macroF1High: Double?

    /// Creates an evaluation made now.
    package init(
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
package struct ClassMetric: Record, Sendable {
    package static let databaseTableName = "class_metrics"
    package internal(set) var evaluationId: Int64 = 0
    package let label: String
    package let precision: Double
    package let recall: Double
    package let f1: Double
    package let support: Int

    package init(label: String, precision: Double, recall: Double, f1: Double, support: Int) {
        (self.label, self.precision, self.recall, self.f1, self.support) = (label, precision, recall, f1, support)
    }
}

/// How often one label was taken for another, as a row of `confusions`.
package struct Confusion: Record, Sendable {
    package static let databaseTableName = "confusions"
    package internal(set) var evaluationId: Int64 = 0
    package let actual: String
    package let predicted: String
    package let count: Int

    package init(actual: String, predicted: String, count: Int) {
        (self.actual, self.predicted, self.count) = (actual, predicted, count)
    }
}

/// What a model said of one example, as a row of `predictions`.
package struct PredictionRecord: Record, Sendable {
    package static let databaseTableName = "predictions"
    package internal(set) var evaluationId: Int64 = 0
    /// The example's place in the file, from 1.
    package let row: Int
    package let actual: String
    package let predicted: String
    /// How probable the answer was.
    package let confidence: Double
    /// What was classified, or its beginning, if the answer is wrong; nil otherwise, and in evaluations of earlier versions.
    package let text: String?

    /// - Parameter text: what was classified; it is kept if the answer is wrong
    package init(row: Int, actual: String, predicted: String, confidence: Double, text: String? = nil) {
        (self.row, self.actual, self.predicted, self.confidence) = (row, actual, predicted, confidence)
        self.text = actual == predicted ? nil : text.map { String($0.prefix(Self.keptLength)) }
    }

    /// In characters: enough to see why.
    private static let keptLength = 1000
}

/// A row of the view `run_summary`.
package struct RunSummary: Record, Sendable {
    package let id: Int64
    package let name: String
    package let status: Run.Status
    package let startedAt: String
    package let seconds: Double?
    /// The best epoch by dev accuracy, and its other figures.
    package let bestDevAccuracy: Double?
    package let bestEpoch: Int?
    package let devMacroF1: Double?
    package let devLoss: Double?
    package let parameters: Int
    package let output: String
}

/// Times as the database has them.
package enum Timestamp {
    /// Now, as ISO 8601 in UTC with milliseconds: `2026-01-31T09:30:00.000Z`.
    static var now: String { Date.now.formatted(format) }

    /// The time of a text; nil if it is none.
    package static func date(_ text: String) -> Date? { try? Date(text, strategy: format) }

    private static let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
