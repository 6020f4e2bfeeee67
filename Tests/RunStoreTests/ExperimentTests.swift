import Foundation
import GRDB
import RunStore
import TestSupport
import Testing

@Suite struct ExperimentTests {
    static func experiment(_ name: String? = nil) -> Experiment {
        Experiment(
            name: name, kind: .ablate, command: "addnorm ablate", trainData: "/a.tsv\n/b.tsv", trainSha256: "ab\ncd",
            plan: "each part is left out once", version: "test")
    }

    /// A run that writes no model.
    private static func run(_ name: String, of experiment: Experiment? = nil) -> Run {
        var run = RunStoreTests.run(name: name, output: Run.noOutput)
        run.experimentId = experiment?.id
        return run
    }

    /// A run `alone`, and then an experiment with the runs `whole`, which has trained, and `without`, which is stuck.
    private static func withExperiment<Result>(_ body: (RunStore, Experiment) throws -> Result) throws -> Result {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            let alone = try store.begin(run("alone"), params: [("layers", "2")])
            try store.finish(alone.id, .finished, hasWrittenOutput: false)
            let experiment = try store.begin(Self.experiment())
            for (name, outcome, layers) in [("whole", Run.Outcome.trained, "2"), ("without", .stuck, "1")] {
                let id = try store.begin(run(name, of: experiment), params: [("layers", layers)]).id
                try store.record([Metric(run: id, .dev, "accuracy", step: 1, epoch: 1, value: 0.9)])
                try store.finish(id, .finished, hasWrittenOutput: false, outcome: outcome)
            }
            return try body(store, experiment)
        }
    }

    private static func names(_ store: RunStore, _ selection: RunSelection) throws -> [String] {
        try store.runs(store.ids(of: selection)).map(\.name)
    }

    @Test func anExperimentKeepsWhatItIsGivenAndItsRuns() throws {
        try Self.withExperiment { store, begun in
            #expect(begun.name == "ablate-1" && begun.status == .running && begun.isAlive)
            try store.finish(experiment: begun.id, .interrupted)
            let found = try store.experiment("ablate-1")
            #expect(found.status == .interrupted && found.finishedAt != nil && found.trainSha256 == "ab\ncd")
            #expect(found.plan == "each part is left out once")
            try store.reopen(experiment: begun.id)
            let reopened = try store.experiment("1")
            #expect(reopened.status == .running && reopened.finishedAt == nil)
            let runs = try store.runs(ofExperiment: begun.id)
            #expect(runs.map(\.name) == ["whole", "without"] && runs.map(\.outcome) == [.trained, .stuck])
            #expect(try store.experiment(of: runs[0])?.name == "ablate-1")
            #expect(try store.experiment(of: store.run("alone")) == nil)
            // A run that is gone on with is judged again.
            let id = try store.begin(Self.run("failed", of: begun), params: []).id
            try store.finish(id, .failed, hasWrittenOutput: false, outcome: .diverged)
            try store.reopen(id, afterStep: 0, epochs: 0)
            #expect(try store.run("failed").outcome == nil)
        }
    }

    @Test func everyExperimentHasANameOfItsOwn() throws {
        try withPath { path in
            let store = try RunStore(path: path, for: .write)
            #expect(try store.begin(Self.experiment("ablate-2")).id == 1)
            #expect(try store.begin(Self.experiment()).name == "ablate-3")
            let error = #expect(throws: RunStoreError.self) { try store.begin(Self.experiment("ablate-3")) }
            #expect(error?.description.contains("an experiment called 'ablate-3' is there already") == true)
            try DatabaseQueue(path: path).write { try $0.execute(sql: "DELETE FROM experiments WHERE id = 2") }
            #expect(try store.begin(Self.experiment()).id == 3)
            #expect(throws: RunStoreError.self) { try store.experiment("nobody") }
            #expect(throws: RunStoreError.self) { try store.finish(experiment: 2, .finished) }
            #expect(throws: RunStoreError.self) { try store.reopen(experiment: 2) }
        }
    }

    @Test func anExperimentWhoseProcessIsGoneIsInterruptedAtTheEndOfItsLastRun() throws {
        try Self.withExperiment { store, experiment in
            try DatabaseQueue(path: store.path).write {
                try $0.execute(sql: "UPDATE experiments SET process_start = process_start - 1")
            }
            #expect(try RunStore(path: store.path, for: .read).experiment("1").status == .interrupted)
            // It is another process's, until this one goes on with it.
            #expect(throws: RunStoreError.self) { try store.finish(experiment: experiment.id, .finished) }
            let settled = try RunStore(path: store.path, for: .write).experiment("1")
            #expect(try settled.status == .interrupted && settled.finishedAt == store.run("without").finishedAt)
            try store.reopen(experiment: experiment.id)
            try store.finish(experiment: experiment.id, .finished)
        }
    }

    @Test func runsOutliveTheirExperiment() throws {
        try Self.withExperiment { store, _ in
            try DatabaseQueue(path: store.path).write { try $0.execute(sql: "DELETE FROM experiments") }
            #expect(try store.run("without").experimentId == nil)
            #expect(try Self.names(store, RunSelection()) == ["without", "whole", "alone"])
        }
    }

    @Test func runsOfExperimentsAreAmongTheOthersOnlyWhereTheyAreAskedFor() throws {
        try Self.withExperiment { store, experiment in
            #expect(try Self.names(store, RunSelection()) == ["alone"])
            #expect(try Self.names(store, RunSelection(condition: "layers = 2")) == ["alone"])
            for (condition, names) in [
                ("experiment = 'ablate-1' AND outcome = 'stuck'", ["without"]),
                ("experiment_id = \(experiment.id) AND layers = 2", ["whole"]),
                ("Outcome IS NULL", ["alone"]),
            ] {
                #expect(try Self.names(store, RunSelection(condition: condition)) == names, "\(condition)")
            }
            #expect(try Self.names(store, RunSelection(order: ["outcome"])) == ["without", "whole", "alone"])
            #expect(try Self.names(store, RunSelection(project: "train.tsv ab")) == ["without", "whole", "alone"])
            try store.tag(3, with: ["odd"])
            #expect(try Self.names(store, RunSelection(tags: ["odd"])) == ["without"])
            let columns = ["name", "experiment"]
            #expect(
                try store.list(RunSelection(limit: 1), columns: columns).rows == [
                    [.text("without"), .text("ablate-1")]
                ])

            #expect(try store.latestRun() == "1")
            #expect(try store.best(by: "accuracy", among: RunSelection()) == nil)
            #expect(
                try store.best(by: "accuracy", among: RunSelection(condition: "experiment = 'ablate-1'"))?.compared == 2
            )
            #expect(RunStore.names(of: .runs, path: store.path) == ["alone"])
            // All that there is, for other programs.
            let all = try store.ids(of: [])
            #expect(try store.exportRows(of: all, columns: ["name"]).count == 3)
        }
    }

    @Test func whatIsLeftOutIsCounted() throws {
        try Self.withExperiment { store, experiment in
            func leftOut(_ selection: RunSelection, columns: [String] = []) throws -> [String]? {
                try store.leftOut(of: selection, columns: columns).map { ["\($0.runs)"] + $0.experiments }
            }
            #expect(try leftOut(RunSelection(order: ["layers"], limit: 1)) == ["2", "ablate-1"])
            #expect(try leftOut(RunSelection(condition: "layers = 2 OR 1 = 0 -- a comment")) == ["1", "ablate-1"])
            #expect(try leftOut(RunSelection(condition: "layers = 3")) == nil)
            #expect(try leftOut(RunSelection(), columns: ["outcome"]) == nil)
            _ = try store.begin(Self.run("other", of: store.begin(Self.experiment("second"))), params: [])
            #expect(try leftOut(RunSelection()) == ["3", "second", "ablate-1"])
        }
    }
}
