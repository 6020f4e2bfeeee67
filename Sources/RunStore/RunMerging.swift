import GRDB

/// What has come from another database.
package struct MergedDatabase: Encodable, Sendable {
    /// What is called otherwise here, because its name was taken.
    package struct Renaming: Encodable, Sendable {
        package enum Kind: String, Encodable, Sendable {
            case run, experiment
            case seedGroup = "seed_group"
        }

        package let kind: Kind
        package let there: String
        package let here: String
    }

    /// Its path, as the user named it.
    package let database: String
    /// How many runs are new, how many have gone on since they came, and how many are here as they are there, or further.
    package fileprivate(set) var added = 0
    package fileprivate(set) var updated = 0
    package fileprivate(set) var unchanged = 0
    /// How many experiments and evaluations are new.
    package fileprivate(set) var experiments = 0
    package fileprivate(set) var evaluations = 0
    package fileprivate(set) var renamed: [Renaming] = []
}

extension RunStore {
    /// Brings the runs, experiments and evaluations of another database here, all or none, and gives them ids of this one. Nothing comes twice, by whatever way it came before:
    /// a run that has gone on since then is brought up to date, and keeps the name, the note and the tags that it has here.
    ///
    /// Everybody else waits until all is written: for some seconds, if there are millions of metrics or predictions.
    ///
    /// - Throws: ``RunStoreError`` if one of the two cannot be read or written.
    @discardableResult
    package func merge(_ other: RunStore) throws -> MergedDatabase {
        try write { ours in
            // Within, not around: what is read is no longer locked when all is written. Somebody may merge the other way round meanwhile.
            try other.queue.read { theirs in
                var merge = Merge(ours: ours, theirs: theirs, path: other.path)
                do {
                    try merge.mergeExperiments()
                    try merge.mergeRuns()
                    try merge.mergeEvaluations()
                } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                    throw RunStoreError(
                        "\(other.path): a row is not what addnorm has written: \(error.message ?? "\(error)")")
                }
                return merge.result
            }
        }
    }
}

/// A table whose rows have ids, which every database gives anew.
private enum Merged: String {
    case runs, experiments, evaluations

    /// An expression for what tells a row from every other one, of all databases. Only runs have a UUID, and not those of earlier versions; but times have milliseconds, and
    /// durations more digits than two have in common.
    var identity: String {
        switch self {
        case .runs: "coalesce(uuid, started_at || command || seed || output || train_sha256)"
        case .experiments: "started_at || kind || command || plan || train_sha256"
        case .evaluations: "evaluated_at || model || data || data_sha256 || seconds"
        }
    }

    /// The column by which the tables of its parts name a row, and these tables. `best_epochs` is left to its triggers, for which the parameters must be there before the metrics.
    var parts: (key: String, tables: [String]) {
        switch self {
        case .runs: ("run_id", ["params", "metrics", "checkpoints"])
        case .experiments: ("", [])
        case .evaluations:
            ("evaluation_id", ["class_metrics", "confusions", "predictions", "predicted_numbers"])
        }
    }
}

/// One database being merged into another.
private struct Merge {
    let ours: Database
    let theirs: Database
    /// That of theirs.
    let path: String
    private(set) var result: MergedDatabase
    /// The ids here of what is there.
    private var runs: [Int64: Int64] = [:]
    private var experiments: [Int64: Int64] = [:]

    init(ours: Database, theirs: Database, path: String) {
        (self.ours, self.theirs, self.path) = (ours, theirs, path)
        result = MergedDatabase(database: path)
    }

    mutating func mergeExperiments() throws {
        var names = try Set(String.fetchAll(ours, sql: "SELECT name FROM experiments"))
        for (id, here, row) in try rows(of: .experiments, "name") {
            if let here {
                _ = try bringUpToDate(.experiments, id, here, keeping: ["id", "name"])
                experiments[id] = here
            } else {
                let new = try RunStore.newId(in: "experiments", ours)
                let name = try unique(row.decode(String.self, forColumn: "name"), .experiment, among: &names)
                try add(.experiments, id, as: new, with: ["name": name.databaseValue])
                experiments[id] = new
                result.experiments += 1
            }
        }
    }

    mutating func mergeRuns() throws {
        var names = try Set(String.fetchAll(ours, sql: "SELECT name FROM runs"))
        var groups = try Set(String.fetchAll(ours, sql: "SELECT seed_group FROM runs WHERE seed_group IS NOT NULL"))
        // Runs of a group to which a user has given a name can be those of several databases. One without has the name of its first run, and goes with that.
        let unnamed = try there {
            try Set(String.fetchAll(theirs, sql: "SELECT name FROM main.runs WHERE name = seed_group"))
        }
        var renamed: [String: String] = [:]
        for (id, here, row) in try rows(of: .runs, "name, seed_group, experiment_id") {
            let name = try row.decode(String.self, forColumn: "name")
            let group = try row.decode(String?.self, forColumn: "seed_group")
            if let here {
                let isNews = try bringUpToDate(
                    .runs, id, here, keeping: ["id", "name", "note", "seed_group", "experiment_id"])
                if isNews { result.updated += 1 } else { result.unchanged += 1 }
                runs[id] = here
                if let group, unnamed.contains(group) {
                    renamed[group] = try String.fetchOne(
                        ours, sql: "SELECT seed_group FROM runs WHERE id = ?", arguments: [here])
                }
                continue
            }
            if let group, unnamed.contains(group), renamed[group] == nil {
                groups.formUnion(names)
                renamed[group] = unique(group, .seedGroup, among: &groups)
            }
            let groupHere = group.map { renamed[$0] ?? $0 }
            let nameHere = unique(name, .run, among: &names, preferring: name == group ? groupHere : nil)
            let experiment = try row.decode(Int64?.self, forColumn: "experiment_id").flatMap { experiments[$0] }
            let new = try RunStore.newId(in: "runs", ours)
            try add(
                .runs, id, as: new,
                with: [
                    "name": nameHere.databaseValue, "seed_group": groupHere.databaseValue,
                    "experiment_id": experiment.databaseValue,
                ])
            for tag in try there({ try RunStore.tags(theirs, of: id) }) {
                try ours.execute(sql: "INSERT INTO tags VALUES (?, ?)", arguments: [new, tag])
            }
            runs[id] = new
            result.added += 1
        }
    }

    mutating func mergeEvaluations() throws {
        for (id, here, row) in try rows(of: .evaluations, "run_id") where here == nil {
            let run = try row.decode(Int64?.self, forColumn: "run_id").flatMap { runs[$0] }
            let new = try RunStore.newId(in: "evaluations", ours)
            try add(.evaluations, id, as: new, with: ["run_id": run.databaseValue])
            result.evaluations += 1
        }
    }

    // MARK: Names

    /// A name that is not taken, and is then: the own one, the preferred one, or else with a number at its end.
    private mutating func unique(
        _ name: String, _ kind: MergedDatabase.Renaming.Kind, among taken: inout Set<String>,
        preferring preferred: String? = nil
    ) -> String {
        var (here, number) = (preferred ?? name, 0)
        while !taken.insert(here).inserted {
            number += 1
            here = "\(name)-\(number)"
        }
        if here != name { result.renamed.append(.init(kind: kind, there: name, here: here)) }
        return here
    }

    // MARK: Rows

    /// Does something with their database, and says if it is that one that fails.
    private func there<Value>(_ body: () throws -> Value) throws -> Value { try RunStore.explaining(path, body) }

    /// The rows there, in the order of their ids: with their id there, the one that they have here already, and some columns.
    private func rows(of table: Merged, _ columns: String) throws -> [(there: Int64, here: Int64?, columns: Row)] {
        let known = try Row.fetchAll(ours, sql: "SELECT \(table.identity), id FROM \(table.rawValue)").map { row in
            (try row.decode(DatabaseValue.self, atIndex: 0), try row.decode(Int64.self, atIndex: 1))
        }
        let ids = Dictionary(known) { first, _ in first }
        // Not the views of runs that died: what is known of their processes comes along.
        let sql = "SELECT \(table.identity) AS identity, id, \(columns) FROM main.\(table.rawValue) ORDER BY id"
        return try there { try Row.fetchAll(theirs, sql: sql) }.map { row in
            (try row.decode(forColumn: "id"), ids[try row.decode(forColumn: "identity")], row)
        }
    }

    /// Adds a row that is new here, and its parts.
    private func add(_ table: Merged, _ id: Int64, as new: Int64, with changes: [String: DatabaseValue]) throws {
        try copy(table.rawValue, where: "id", is: id, with: changes.merging(["id": new.databaseValue]) { $1 })
        try copyParts(of: table, id, to: new)
    }

    private func copyParts(of table: Merged, _ id: Int64, to here: Int64) throws {
        let (key, parts) = table.parts
        for part in parts { try copy(part, where: key, is: id, with: [key: here.databaseValue]) }
    }

    /// Replaces what is known of a run or an experiment if it has come further there.
    ///
    /// - Returns: whether it has
    private func bringUpToDate(_ table: Merged, _ id: Int64, _ here: Int64, keeping kept: Set<String>) throws -> Bool {
        guard try there({ try progress(of: table, id, theirs) }) > progress(of: table, here, ours) else { return false }
        let columns = try columns(of: table.rawValue).filter { !kept.contains($0) }
        let changes = columns.map { "\($0.quotedDatabaseIdentifier) = ?" }.joined(separator: ", ")
        let update = try ours.cachedStatement(sql: "UPDATE \(table.rawValue) SET \(changes) WHERE id = ?")
        try forEachRow(of: table.rawValue, columns, where: "id", is: id) {
            try update.execute(arguments: StatementArguments($0 + [here]))
        }
        let (key, parts) = table.parts
        for part in parts { try ours.execute(sql: "DELETE FROM \(part) WHERE \(key) = ?", arguments: [here]) }
        try copyParts(of: table, id, to: here)
        return true
    }

    /// How far a run or an experiment has come; what has come further is more. A run that has finished does not go on, whatever the clock of another machine said before.
    private func progress(of table: Merged, _ id: Int64, _ db: Database) throws -> (Int, String, Int) {
        let lastMetric =
            table == .runs
            ? "CASE WHEN status <> 'finished' THEN (SELECT max(recorded_at) FROM main.metrics WHERE run_id = ?1) END"
            : "NULL"
        let statement = try db.cachedStatement(
            sql: """
                SELECT status = 'finished', max(started_at, coalesce(finished_at, ''), coalesce(\(lastMetric), '')),
                    status <> 'running'
                FROM main.\(table.rawValue) WHERE id = ?1
                """)
        guard let row = try Row.fetchOne(statement, arguments: [id]) else { return (0, "", 0) }
        return (try row.decode(atIndex: 0), try row.decode(atIndex: 1), try row.decode(atIndex: 2))
    }

    /// Copies the rows of one key, with other values in some columns.
    private func copy(_ table: String, where key: String, is id: Int64, with changes: [String: DatabaseValue]) throws {
        let columns = try columns(of: table)
        let names = columns.map(\.quotedDatabaseIdentifier).joined(separator: ", ")
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        let insert = try ours.cachedStatement(sql: "INSERT INTO \(table) (\(names)) VALUES (\(places))")
        let changes = columns.enumerated().compactMap { place, name in changes[name].map { (place, $0) } }
        try forEachRow(of: table, columns, where: key, is: id) { values in
            var values = values
            for (place, value) in changes { values[place] = value }
            try insert.execute(arguments: StatementArguments(values))
        }
    }

    private func forEachRow(
        of table: String, _ columns: [String], where key: String, is id: Int64,
        _ body: ([(any DatabaseValueConvertible)?]) throws -> Void
    ) throws {
        let names = columns.map(\.quotedDatabaseIdentifier).joined(separator: ", ")
        let rows = try there {
            let select = try theirs.cachedStatement(sql: "SELECT \(names) FROM main.\(table) WHERE \(key) = ?")
            return try Row.fetchCursor(select, arguments: [id])
        }
        while let row = try there({ try rows.next() }) { try body(columns.indices.map { row[$0] }) }
    }

    /// The columns that a table has in both: other programs can have added some.
    private func columns(of table: String) throws -> [String] {
        let known = try Set(there { try theirs.columns(in: table, in: "main") }.map(\.name))
        return try ours.columns(in: table, in: "main").map(\.name).filter(known.contains)
    }
}
