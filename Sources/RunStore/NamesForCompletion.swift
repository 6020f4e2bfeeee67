import Escaping
import Foundation
import GRDB

extension RunStore {
    /// What can be completed in a shell, and the query for it.
    package enum Named: String, Sendable {
        /// The latest first; groups of seeds are named where runs are. Those of experiments are left out: there can be hundreds.
        case runs = """
            SELECT name FROM (SELECT name, id FROM runs WHERE experiment_id IS NULL UNION ALL
                SELECT seed_group, max(id) FROM runs
                WHERE seed_group NOT IN (SELECT name FROM runs) AND experiment_id IS NULL GROUP BY seed_group)
            ORDER BY id DESC, name
            """
        case projects = "SELECT project FROM runs WHERE project IS NOT NULL GROUP BY project ORDER BY max(id) DESC"
        case tags = "SELECT DISTINCT tag FROM tags ORDER BY tag"
        /// The metrics of the latest run; other runs have nearly the same.
        case metrics = """
            SELECT DISTINCT name FROM metrics WHERE run_id = (SELECT max(run_id) FROM metrics) ORDER BY name
            """
        /// What runs can be grouped by.
        case parameters = """
            SELECT name FROM params WHERE run_id = (SELECT max(run_id) FROM params) UNION SELECT 'seed_group' ORDER BY name
            """
    }

    /// Names in the database, or no name if the file cannot be read.
    ///
    /// Made for a person who waits for them: the file is not brought up to date, and a lock is not waited for. Names that do not
    /// stand on one line are left out.
    package static func names(of kind: Named, path: String) -> [String] {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(0.1)
        guard let queue = try? DatabaseQueue.lasting(path: URL(filePath: path).path, configuration) else { return [] }
        defer { try? queue.close() }
        let names = try? queue.read { db in try String.fetchAll(db, sql: kind.rawValue) }
        return (names ?? []).filter { name in
            !name.isEmpty && name == name.printable
        }
    }
}
