import Foundation
import GRDB

extension RunStore {
    /// What can be completed in a shell.
    package enum Named: Sendable {
        case runs, metrics
    }

    /// The names of all runs, the latest first, or of the metrics of the latest run that has some; none if the file cannot be read.
    ///
    /// Made for a person who waits for them: the file is not brought up to date, and a lock is not waited for. Names that do not
    /// stand on one line are left out.
    package static func names(of kind: Named, path: String) -> [String] {
        let path = URL(filePath: path).path
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(0.1)
        let sql =
            switch kind {
            case .runs: "SELECT name FROM runs ORDER BY id DESC"
            case .metrics:
                "SELECT DISTINCT name FROM metrics WHERE run_id = (SELECT max(run_id) FROM metrics) ORDER BY name"
            }
        let names = try? DatabaseQueue(path: path, configuration: configuration).read {
            try String.fetchAll($0, sql: sql)
        }
        return (names ?? []).filter {
            !$0.isEmpty && !$0.unicodeScalars.contains { $0.properties.generalCategory == .control }
        }
    }
}
