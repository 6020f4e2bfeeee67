import Crypto
import Foundation
import GRDB

extension RunStore {
    /// Writes runs to a new SQLite file that MLflow takes for its own store: `mlflow ui --backend-store-uri sqlite:///FILE`.
    ///
    /// The tables are those of one old revision of MLflow's schema, complete; MLflow migrates them when it first opens the file.
    /// A run becomes a run of the experiment `addnorm`. Its id there follows from what it is here, so that a second export has
    /// the same.
    ///
    /// - Parameters:
    ///   - runs: their ids
    ///   - path: the file; it appears once it is whole
    ///   - notice: is called with what had to be cut to MLflow's limits
    ///   - isInterrupted: is asked before each run
    /// - Returns: the number of runs and of values of metrics that were written
    /// - Throws: ``RunStoreError`` if the file is there already or cannot be written, `CancellationError` if interrupted; then
    ///   nothing is left behind.
    package func exportToMLflow(
        _ runs: [Int64], to path: String, notice: (String) -> Void, isInterrupted: () -> Bool
    ) throws -> (runs: Int, metrics: Int) {
        guard (try? FileManager.default.attributesOfItem(atPath: path)) == nil else {
            throw RunStoreError("\(path): is there already; choose another file")
        }
        let file = URL(filePath: path)
        let temporary = file.deletingLastPathComponent()
            .appending(path: ".\(file.lastPathComponent).\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: temporary) }
        let names = try evaluatedFiles()
        var counts = (runs: 0, metrics: 0)
        do {
            var configuration = GRDB.Configuration()
            // Nobody else knows the file, and after a crash it is of no use.
            configuration.prepareDatabase { db in
                try db.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")
            }
            let queue = try DatabaseQueue(path: temporary.path, configuration: configuration)
            try queue.write { out in
                try out.execute(sql: Self.mlflowSchema)
                for id in runs {
                    if isInterrupted() { throw CancellationError() }
                    guard let run = try mlflowRun(id, evaluatedFiles: names) else { continue }
                    try run.insert(out, notice)
                    counts.runs += 1
                    counts.metrics += run.metrics.count
                }
                try out.execute(
                    sql: """
                        UPDATE experiments
                        SET (creation_time, last_update_time) = (SELECT min(start_time), max(start_time) FROM runs)
                        """)
            }
            try queue.close()
            try FileHandle(forUpdating: temporary).synchronize()
            try FileManager.default.moveItem(at: temporary, to: file)
        } catch let error where !(error is RunStoreError || error is CancellationError) {
            let reason = (error as? DatabaseError)?.message ?? error.localizedDescription
            throw RunStoreError(
                "\(path): cannot be written: \(reason); check that its folder exists, may be written to and has room")
        }
        return counts
    }

    /// The part of a metric's key that stands for a file, by the SHA-256 of the file and its path: its name, and where other
    /// files have the same one, also the beginning of the SHA-256.
    private func evaluatedFiles() throws -> [[String]: String] {
        let files = try read { db in
            try Row.fetchAll(db, sql: "SELECT DISTINCT data, data_sha256 FROM evaluations").map {
                [$0[0], $0[1]] as [String]
            }
        }
        func name(_ file: [String]) -> String { URL(filePath: file[0]).lastPathComponent.mlflowKey }
        let contents = Dictionary(grouping: files, by: name).mapValues { Set($0.map { $0[1] }) }
        return Dictionary(
            uniqueKeysWithValues: files.map { file in
                let isOnly = contents[name(file)]?.count == 1
                return (file, isOnly ? name(file) : "\(name(file))-\(file[1].prefix(8))")
            })
    }

    /// A run as MLflow has it; nil if it has been deleted meanwhile.
    private func mlflowRun(_ id: Int64, evaluatedFiles: [[String]: String]) throws -> MLflowRun? {
        try read { db in
            let start = "\(Self.milliseconds("started_at")), \(Self.milliseconds("finished_at"))"
            guard let row = try Row.fetchOne(db, sql: "SELECT *, \(start) FROM runs WHERE id = ?", arguments: [id])
            else { return nil }
            let startTime = row[row.count - 2] as Int64? ?? 0
            var run = MLflowRun(
                uuid: Self.mlflowID(row), name: row["name"],
                status: Self.mlflowStatus(row["status"]), startTime: startTime, endTime: row[row.count - 1],
                artifacts: URL(filePath: row["output"], directoryHint: .notDirectory).absoluteString)

            run.tags = [
                ("mlflow.runName", run.name), ("mlflow.source.name", "addnorm"), ("mlflow.source.type", "LOCAL"),
            ]
            if let note = row["note"] as String?, !note.isEmpty { run.tags.append(("mlflow.note.content", note)) }
            for (column, value) in row.prefix(row.count - 2) where !Self.notTags.contains(column) && !value.isNull {
                run.tags.append(("addnorm.\(column)", Table.Cell(value).text))
            }
            run.tags += try Self.tags(db, of: id).map { ($0.mlflowKey, "true") }
            run.params = try Self.params(db, of: id).map { ($0.mlflowKey, $1.text) }

            let metrics = try Row.fetchCursor(
                db,
                sql: """
                    SELECT split || '/' || name, \(Self.milliseconds("recorded_at")), step, value
                    FROM metrics WHERE run_id = ? ORDER BY split, name, step
                    """, arguments: [id])
            while let row = try metrics.next() {
                run.metrics.append(.init(key: row[0], timestamp: row[1] ?? startTime, step: row[2], value: row[3]))
            }
            // Each further result on a file is a step.
            var steps: [String: Int] = [:]
            let evaluations = try Row.fetchAll(
                db, sql: "SELECT *, \(Self.milliseconds("evaluated_at")) FROM evaluations WHERE run_id = ? ORDER BY id",
                arguments: [id])
            for row in evaluations {
                let evaluation = try Evaluation(row: row)
                let file = evaluatedFiles[[evaluation.data, evaluation.dataSha256]] ?? "other"
                let step = steps[file, default: 0]
                steps[file] = step + 1
                for (name, value) in evaluation.figures {
                    run.metrics.append(
                        .init(
                            key: "eval/\(file)/\(name)", timestamp: row[row.count - 1] ?? startTime, step: step,
                            value: value))
                }
            }
            return run
        }
    }

    /// The columns of `runs` that stand elsewhere in MLflow, or say nothing there.
    private static let notTags: Set = [
        "name", "status", "started_at", "finished_at", "output", "seed", "threads", "note", "boot_id",
        "process_namespace", "process_id", "process_start", "output_written_at",
    ]

    /// 32 hexadecimal digits that are always the same for a run, whatever it is called.
    private static func mlflowID(_ row: Row) -> String {
        let identity = ["id", "started_at", "host", "output"].map { Table.Cell(row[$0]).text }
        let digest = SHA256.hash(data: Data(identity.joined(separator: "\n").utf8))
        return digest.prefix(16).map { String(format: "%02x", $0) }.joined()
    }

    /// A time in SQL as milliseconds since 1970.
    private static func milliseconds(_ column: String) -> String {
        "CAST(round((julianday(\(column)) - 2440587.5) * 86400000) AS INTEGER)"
    }

    private static func mlflowStatus(_ status: String) -> String {
        switch Run.Status(rawValue: status) {
        case .running: "RUNNING"
        case .finished: "FINISHED"
        case .failed, nil: "FAILED"
        case .interrupted: "KILLED"
        }
    }
}

/// A run as MLflow has it.
private struct MLflowRun {
    /// A value of a metric; nil if it is not a number.
    struct Value {
        let key: String
        let timestamp: Int64
        let step: Int
        let value: Double?
    }

    let uuid: String
    let name: String
    let status: String
    /// In milliseconds since 1970, as all times.
    let startTime: Int64
    let endTime: Int64?
    let artifacts: String
    var tags: [(key: String, value: String)] = []
    var params: [(key: String, value: String)] = []
    /// Those of one key in the order of steps.
    var metrics: [Value] = []

    /// The longest values that MLflow takes, in Unicode code points.
    private static let longestParam = 6000
    private static let longestTag = 8000

    func insert(_ out: Database, _ notice: (String) -> Void) throws {
        try out.execute(
            sql: """
                INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
                                  end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
                VALUES (?, ?, 'LOCAL', 'addnorm', '', '', ?, ?, ?, '', 'active', ?, 1)
                """, arguments: [uuid, name, status, startTime, endTime, artifacts])
        func insert(_ values: [(key: String, value: String)], _ table: String, longest: Int) throws {
            // Tags that a user chose may look like MLflow's, which come first.
            let statement = try out.cachedStatement(
                sql: "INSERT OR IGNORE INTO \(table) (key, value, run_uuid) VALUES (?, ?, ?)")
            for (key, value) in values {
                let part = String(value.unicodeScalars.prefix(longest))
                if part.unicodeScalars.count < value.unicodeScalars.count {
                    notice("run '\(name)': '\(key)' is cut to \(longest) characters, which is MLflow's limit")
                }
                try statement.execute(arguments: [key, part, uuid])
            }
        }
        try insert(tags, "tags", longest: Self.longestTag)
        try insert(params, "params", longest: Self.longestParam)

        let statement = try out.cachedStatement(
            sql: "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)")
        var latest: [String: Value] = [:]
        for metric in metrics {
            try statement.execute(
                arguments: [
                    metric.key, metric.number, metric.timestamp, uuid, metric.step, metric.value == nil ? 1 : 0,
                ])
            latest[metric.key] = metric
        }
        for metric in latest.values {
            try out.execute(
                sql: """
                    INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    metric.key, metric.number, metric.timestamp, metric.step, metric.value == nil ? 1 : 0, uuid,
                ])
        }
    }
}

extension MLflowRun.Value {
    /// As MLflow keeps it: 0 where there is none, and the largest numbers for infinities.
    fileprivate var number: Double {
        min(max(value ?? 0, -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
    }
}

extension Evaluation {
    /// What was measured, by name.
    fileprivate var figures: [(name: String, value: Double?)] {
        let defined: [(String, Double?)] = [
            ("roc_auc", rocAuc), ("average_precision", averagePrecision), ("mcc", mcc), ("ece", ece),
            ("accuracy_low", accuracyLow), ("accuracy_high", accuracyHigh), ("macro_f1_low", macroF1Low),
            ("macro_f1_high", macroF1High),
        ]
        return [
            ("loss", loss), ("accuracy", accuracy), ("macro_f1", macroF1), ("weighted_f1", weightedF1),
            ("seconds", seconds), ("examples", Double(examples)), ("tokens", Double(tokens)),
        ] + defined.filter { $0.1 != nil }
    }
}

extension String {
    /// With an underscore for each character that MLflow does not allow in keys, and not longer than it allows.
    fileprivate var mlflowKey: String {
        let allowed = unicodeScalars.prefix(200).map { scalar in
            let properties = scalar.properties
            let isWord = properties.isAlphabetic || properties.numericType != nil
            return isWord || "_-. ".unicodeScalars.contains(scalar) ? scalar : "_"
        }
        return String(String.UnicodeScalarView(allowed))
    }
}
