import Foundation
import GRDB

/// A row of a table or view, whose columns are the properties' names in snake case.
package protocol Record: Codable, FetchableRecord, PersistableRecord, Sendable {
    /// Checks numbers that others may have written.
    ///
    /// - Throws: ``RunStoreError`` if one of them cannot be computed with.
    func check() throws
}

extension Record {
    package func check() throws {}

    package static var databaseColumnDecodingStrategy: DatabaseColumnDecodingStrategy { .convertFromSnakeCase }
    package static var databaseColumnEncodingStrategy: DatabaseColumnEncodingStrategy { .convertToSnakeCase }

    /// The rows of the table that a clause chooses and sorts. The statement is kept for the next call.
    static func all(_ db: Database, _ clause: String, _ arguments: StatementArguments) throws -> [Self] {
        let records = try fetchAll(
            db.cachedStatement(sql: "SELECT * FROM \(databaseTableName) \(clause)"), arguments: arguments)
        for record in records { try record.check() }
        return records
    }
}

/// A training, as a row of `runs`.
package struct Run: Record, ProcessRecord {
    package static let databaseTableName = "runs"

    /// How far a run has come.
    package enum Status: String, Codable, Sendable, DatabaseValueConvertible {
        case running, finished, failed, interrupted
    }

    /// What became of a training that an experiment judges.
    package enum Outcome: String, Codable, Sendable, DatabaseValueConvertible {
        /// It has learned something.
        case trained
        /// Its loss has grown, or is no number any more.
        case diverged
        /// It has learned nothing.
        case stuck
    }

    /// 0 until the database gives the run its id.
    package internal(set) var id: Int64 = 0
    /// Unique; `run-<id>` unless the user chose one.
    package internal(set) var name: String
    package internal(set) var status: Status = .running
    /// ISO 8601 in UTC, as all times are.
    package var startedAt: String = Timestamp.now
    package internal(set) var finishedAt: String?
    /// The command line.
    package let command: String
    /// The folder that training started from, or nil for random weights.
    package var model: String?
    /// The folder that the trained model is written to.
    package let output: String
    /// The files' absolute paths, and the SHA-256 of their bytes in hexadecimal. Several training files stand on a line each, and have the SHA-256
    /// of theirs, each on a line. Nil for the dev file if there was none.
    package let trainData: String
    package let trainSha256: String
    package var devData: String?
    package var devSha256: String?
    package var seed: Int64 = 0
    package var threads = 1
    /// The machine's name, and which of its processes trains.
    package internal(set) var host = ""
    var bootId: String?
    var processNamespace: String?
    var processId: Int?
    var processStart: Int?
    /// The version of this program.
    package let version: String
    /// The number of the model's parameters.
    package var parameters = 0
    /// Why a run has failed.
    package internal(set) var error: String?
    /// When the model at ``output`` became the model of this run, or nil if it never did.
    package internal(set) var outputWrittenAt: String?
    /// Common to all runs of one training with several seeds: the name that the user gave, or the name of the first run. Empty in a
    /// run that is about to begin as the first of its group.
    package var seedGroup: String?
    /// What the user has to say about it.
    package internal(set) var note: String?
    /// What tells it from every other run, of all databases, or nil in runs of earlier versions.
    package private(set) var uuid: String? = UUID().uuidString

    /// What stands for the output of a run that writes no model.
    package static let noOutput = "none"
    /// The parameter that a baseline has, and no training.
    package static let baselineParameter = "baseline"

    /// The paths in ``trainData``.
    package var trainFiles: [String] { trainData.split(separator: "\n").map(String.init) }

    /// What the run is about: only figures of one project can be compared.
    package var project: String?
    /// What the training has to say about its result, or nil.
    package internal(set) var warning: String?
    /// The experiment that it is part of, or nil.
    package var experimentId: Int64?
    /// What its experiment makes of it, or nil.
    package internal(set) var outcome: Outcome?

    /// The project where nobody has named one: the data that the figures were measured on.
    package var usualProject: String {
        let path = devData ?? trainFiles.first ?? trainData
        return "\(path.split(separator: "/").last ?? "data") \((devSha256 ?? trainSha256).prefix(6))"
    }

    /// Whether the process that trains it is certainly there.
    package var isAlive: Bool { status == .running && process?.isAlive == true }

    /// Creates a run that begins now, in this process.
    ///
    /// - Parameter name: nil to have a name made
    package init(
        name: String?, command: String, output: String, trainData: String, trainSha256: String, version: String
    ) {
        self.name = name ?? ""
        (self.command, self.output, self.version) = (command, output, version)
        (self.trainData, self.trainSha256) = (trainData, trainSha256)
        moveToThisProcess()
    }
}

/// A hyper-parameter of a run, as a row of `params`.
package struct Param: Record {
    package static let databaseTableName = "params"
    package let runId: Int64
    package let name: String
    package let value: String
}

extension Param {
    /// By hand, because there can be very many, and a decoder takes several times as long.
    package init(row: Row) throws {
        runId = try row.decode(forColumn: "run_id")
        name = try row.decode(forColumn: "name")
        value = try row.decode(forColumn: "value")
    }
}

/// One value of one metric, as a row of `metrics`.
package struct Metric: Record {
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
    /// Nil where the value is not a number, or infinite: JSON has neither.
    package let value: Double?
    package let recordedAt: String

    /// Creates a metric, by default one that was measured now.
    package init(
        run: Int64, _ split: Split, _ name: String, step: Int, epoch: Double, value: Double,
        at recordedAt: String = Timestamp.now
    ) {
        (runId, self.split, self.name, self.step, self.epoch) = (run, split, name, step, epoch)
        self.value = value.isFinite ? value : nil
        self.recordedAt = recordedAt
    }

    /// By hand, because there can be millions, and a decoder takes several times as long.
    package init(row: Row) throws {
        let value = try row.decode(DatabaseValue.self, forColumn: "value")
        let split = try row.decode(String.self, forColumn: "split")
        let (run, name) = (
            try row.decode(Int64.self, forColumn: "run_id"), try row.decode(String.self, forColumn: "name")
        )
        let (step, epoch) = (
            try row.decode(Int.self, forColumn: "step"), try row.decode(Double.self, forColumn: "epoch")
        )
        let recordedAt = try row.decode(String.self, forColumn: "recorded_at")
        self.init(
            run: run, split == "dev" ? .dev : .train, name, step: step, epoch: epoch,
            value: Double.fromDatabaseValue(value) ?? .nan, at: recordedAt)
    }

    package func check() throws {
        try Plausible.count(step, "metrics.step")
        try Plausible.count(epoch, "metrics.epoch")
    }
}

/// A checkpoint of a run, as a row of `checkpoints`.
package struct CheckpointRecord: Record {
    package static let databaseTableName = "checkpoints"
    package let runId: Int64
    package let step: Int
    package let epoch: Double
    /// The folder's absolute path.
    package let path: String
    package let bytes: Int
    package private(set) var writtenAt: String = Timestamp.now

    /// Creates the row of a checkpoint that was written now.
    package init(run: Int64, step: Int, epoch: Double, path: String, bytes: Int) {
        (runId, self.step, self.epoch, self.path, self.bytes) = (run, step, epoch, path, bytes)
    }
}

/// A row of the view `run_summary`: when a run was best, and how long it took.
package struct RunSummary: Record {
    package static let databaseTableName = "run_summary"
    package let id: Int64
    package let name: String
    package let status: Run.Status
    package let seconds: Double?
    /// The best epoch by the run's metric, and its figures.
    package let metric: String?
    package let devMetric: Double?
    package let bestDevAccuracy: Double?
    package let bestEpoch: Int?
    package let devMacroF1: Double?
    package let devLoss: Double?
}

/// Times as the database has them.
package enum Timestamp {
    /// Now, as ISO 8601 in UTC with milliseconds: `2026-01-31T09:30:00.000Z`.
    package static var now: String { Date.now.formatted(format) }

    /// The time that a text stands for, or nil if it is no time.
    package static func date(_ text: String) -> Date? { try? Date(text, strategy: format) }

    private static let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
