import GRDB

// What a user changes of runs.

extension RunStore {
    /// Gives a run another name.
    ///
    /// - Throws: ``RunStoreError`` if the name is taken.
    package func rename(_ run: Int64, to name: String) throws {
        try write { db in
            guard var found = try Run.fetchOne(db, key: run), found.name != name else { return }
            try requireFree(name, in: db)
            try found.updateChanges(db) { $0.name = name }
        }
    }

    /// Tags a run; a tag that it has stays.
    package func tag(_ run: Int64, with tags: [String]) throws {
        try write { db in
            for tag in tags { try db.execute(sql: "INSERT OR IGNORE INTO tags VALUES (?, ?)", arguments: [run, tag]) }
        }
    }

    /// Takes tags from a run.
    package func untag(_ run: Int64, _ tags: [String]) throws {
        try write { db in
            for tag in tags {
                try db.execute(sql: "DELETE FROM tags WHERE run_id = ? AND tag = ?", arguments: [run, tag])
            }
        }
    }

    /// Replaces the note on a run; nil takes it away.
    package func note(_ run: Int64, _ note: String?) throws {
        try write { try $0.execute(sql: "UPDATE runs SET note = ? WHERE id = ?", arguments: [note, run]) }
    }

    /// Deletes runs and their evaluations, ten at a time: nobody has to wait long.
    ///
    /// - Parameter force: whether also a run that is said to be running, on a machine that cannot be asked
    /// - Throws: ``RunStoreError`` if one of them is being trained; none is deleted then.
    package func delete(_ runs: [Int64], force: Bool) throws {
        let running = try read {
            try Run.filter(keys: runs).filter(Column("status") == Run.Status.running).fetchAll($0)
        }
        if let alive = running.first(where: \.isAlive) { throw beingTrained(alive) }
        if let unknown = running.first, !force {
            throw RunStoreError(
                "\(path): the run '\(unknown.name)' is being trained on \(unknown.host), as far as one can tell from here; give --force"
                    + " if it has ended")
        }
        for start in stride(from: 0, to: runs.count, by: 10) {
            try write { db in
                for run in runs[start..<min(start + 10, runs.count)] {
                    // It may have been resumed since it was asked about.
                    if let found = try Run.fetchOne(db, key: run), found.isAlive { throw beingTrained(found) }
                    try Evaluation.filter(Column("run_id") == run).deleteAll(db)
                    try Run.deleteOne(db, key: run)
                }
            }
        }
    }

    /// Gives the space of what was deleted back to the disk, if that is a quarter of the file or more: everybody else has to wait
    /// meanwhile, and free space is used again anyway.
    package func compact() throws {
        try withoutTransaction { db in
            let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
            let all = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            if 4 * free >= all { try db.execute(sql: "VACUUM") }
        }
    }
}
