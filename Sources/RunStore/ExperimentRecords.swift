import GRDB

/// Many runs that answer one question, as a row of `experiments`.
package struct Experiment: Record, ProcessRecord {
    package static let databaseTableName = "experiments"

    /// What is asked.
    package enum Kind: String, Codable, Sendable, DatabaseValueConvertible {
        /// What an encoder can do without.
        case ablate
    }

    /// 0 until the database gives the experiment its id.
    package internal(set) var id: Int64 = 0
    /// Unique among experiments; the kind and a number unless the user chose one.
    package internal(set) var name: String
    package let kind: Kind
    package internal(set) var status: Run.Status = .running
    package private(set) var startedAt: String = Timestamp.now
    package internal(set) var finishedAt: String?
    /// The command line.
    package let command: String
    /// The files as ``Run`` has them.
    package let trainData: String
    package let trainSha256: String
    package var devData: String?
    package var devSha256: String?
    /// What is to be done, as names and values: `variants=post,pre seeds=3`.
    package let plan: String
    /// The version of this program.
    package let version: String
    var host = ""
    var bootId: String?
    var processNamespace: String?
    var processId: Int?
    var processStart: Int?

    /// Whether the process that is at it is certainly there.
    package var isAlive: Bool { status == .running && process?.isAlive == true }

    /// Creates an experiment that begins now, in this process.
    ///
    /// - Parameter name: nil to have a name made
    package init(
        name: String?, kind: Kind, command: String, trainData: String, trainSha256: String, plan: String,
        version: String
    ) {
        self.name = name ?? ""
        (self.kind, self.command, self.plan, self.version) = (kind, command, plan, version)
        (self.trainData, self.trainSha256) = (trainData, trainSha256)
        moveToThisProcess()
    }
}

extension RunStore {
    /// Records the beginning of an experiment. Its runs name it by their ``Run/experimentId``.
    ///
    /// - Returns: the experiment with its id and name
    /// - Throws: ``RunStoreError`` if the name is taken.
    package func begin(_ experiment: Experiment) throws -> Experiment {
        try write { db in
            var experiment = experiment
            func isTaken(_ name: String) throws -> Bool {
                try Experiment.filter(Column("name") == name).fetchCount(db) > 0
            }
            experiment.id = try Self.newId(in: Experiment.databaseTableName, db)
            if experiment.name.isEmpty {
                var number = experiment.id
                while try isTaken("\(experiment.kind.rawValue)-\(number)") { number += 1 }
                experiment.name = "\(experiment.kind.rawValue)-\(number)"
            } else if try isTaken(experiment.name) {
                throw RunStoreError(
                    "\(path): an experiment called '\(experiment.name)' is there already; choose another name")
            }
            try experiment.insert(db)
            return experiment
        }
    }

    /// The experiment with this id or this name.
    ///
    /// - Throws: ``RunStoreError`` if there is none, or if others have given one experiment another's id as a name.
    package func experiment(_ idOrName: String) throws -> Experiment {
        let id = Self.isId(idOrName) ? Int64(idOrName) : nil
        let found = try read { try Experiment.all($0, "WHERE id = ? OR name = ?", [id, idOrName]) }
        guard let experiment = found.first else {
            throw RunStoreError(
                "\(path): no experiment has the id or name '\(idOrName)'; see 'addnorm runs query \"SELECT name FROM experiments\"'"
            )
        }
        guard found.count == 1 else {
            throw RunStoreError("\(path): '\(idOrName)' is the id of one experiment and the name of another")
        }
        return experiment
    }

    /// The name of the experiment that began last.
    ///
    /// - Throws: ``RunStoreError`` if there is none.
    package func latestExperiment() throws -> String {
        guard let name = try read({ try String.fetchOne($0, sql: "SELECT name FROM experiments ORDER BY id DESC") })
        else { throw RunStoreError("\(path): no experiment has been recorded yet") }
        return name
    }

    /// The experiment that a run is part of, or nil if there is none.
    package func experiment(of run: Run) throws -> Experiment? {
        try read { try Experiment.all($0, "WHERE id = ?", [run.experimentId]).first }
    }

    /// The runs of an experiment, in the order of their beginnings.
    package func runs(ofExperiment id: Int64) throws -> [Run] {
        try read { try Run.all($0, "WHERE experiment_id = ? ORDER BY id", [id]) }
    }

    /// Records the end of an experiment.
    ///
    /// - Throws: ``RunStoreError`` if it was deleted, or another process goes on with it.
    package func finish(experiment id: Int64, _ status: Run.Status) throws {
        try write { db in
            guard var found = try Experiment.fetchOne(db, key: id), found.process == .current else {
                throw RunStoreError(
                    .takenOver,
                    "\(path): the experiment is no longer this process's: it was deleted, or another process goes on with it"
                )
            }
            try found.updateChanges(db) { ($0.status, $0.finishedAt) = (status, Timestamp.now) }
        }
    }

    /// Marks an experiment as running again, in this process.
    ///
    /// - Throws: ``RunStoreError`` if it was deleted, or another process is at it.
    package func reopen(experiment id: Int64) throws {
        try write { db in
            guard var found = try Experiment.fetchOne(db, key: id) else {
                throw RunStoreError("\(path): the experiment was deleted meanwhile; there is nothing to resume")
            }
            if found.isAlive && found.process != .current {
                throw RunStoreError(
                    "\(path): another process (\(found.processId ?? 0)) is at the experiment '\(found.name)'; end it first"
                )
            }
            try found.updateChanges(db) {
                ($0.status, $0.finishedAt) = (.running, nil)
                $0.moveToThisProcess()
            }
        }
    }
}
