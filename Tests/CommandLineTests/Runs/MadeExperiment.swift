import Foundation
import GRDB
import RunStore

extension Program {
    /// Makes runs those of an experiment, `ablate-1`, in which they were stuck.
    func makeExperiment(of runs: [String]) throws {
        let path = url("addnorm.sqlite").path
        let store = try RunStore(path: path, for: .write)
        let id = try store.begin(
            Experiment(
                name: nil, kind: .ablate, command: "addnorm ablate", trainData: "/train.tsv", trainSha256: "ab",
                plan: "each part is left out once", version: "test")
        ).id
        try store.finish(experiment: id, .finished)
        try DatabaseQueue(path: path).write { db in
            for run in runs {
                try db.execute(
                    sql: "UPDATE runs SET experiment_id = ?, outcome = 'stuck' WHERE name = ?", arguments: [id, run])
            }
        }
    }
}
