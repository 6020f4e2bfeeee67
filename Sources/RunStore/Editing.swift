import GRDB

// What a user changes of runs.

extension RunStore {
    /// Gives a run another name.
    ///
    /// - Throws: ``RunStoreError`` if the name is taken.
    package func rename(_ run: Int64, to name: String) throws {
        try write { db in
            if try Run.filter(Column("name") == name && Column("id") != run).fetchCount(db) > 0 {
                throw RunStoreError("\(path): a run called '\(name)' is there already; choose another name")
            }
            try db.execute(sql: "UPDATE runs SET name = ? WHERE id = ?", arguments: [name, run])
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

    /// Replaces what is said about a run; nil takes it away.
    package func note(_ run: Int64, _ note: String?) throws {
        try write { try $0.execute(sql: "UPDATE runs SET note = ? WHERE id = ?", arguments: [note, run]) }
    }

    /// Deletes runs and their evaluations, a hundred at a time: nobody has to wait long.
    ///
    /// - Parameter force: whether also runs that are being trained, as far as one can tell
    /// - Throws: ``RunStoreError`` if one of them is being trained; none is deleted then.
    package func delete(_ runs: [Int64], force: Bool) throws {
        for run in force ? [] : runs {
            let running = try read {
                try Row.fetchOne(
                    $0, sql: "SELECT name, host FROM runs WHERE id = ? AND status = 'running'", arguments: [run])
            }
            if let running {
                throw RunStoreError(
                    "\(path): the run '\(running["name"] as String)' is being trained on \(running["host"] as String); end it first,"
                        + " or give --force if it has ended there")
            }
        }
        for start in stride(from: 0, to: runs.count, by: 100) {
            try write { db in
                for run in runs[start..<min(start + 100, runs.count)] {
                    try db.execute(sql: "DELETE FROM evaluations WHERE run_id = ?", arguments: [run])
                    try db.execute(sql: "DELETE FROM runs WHERE id = ?", arguments: [run])
                }
            }
        }
    }

    /// Gives the space of what was deleted back to the disk. Everybody else waits meanwhile.
    package func compact() throws { try withoutTransaction { try $0.execute(sql: "VACUUM") } }
}
