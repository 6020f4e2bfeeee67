import Datasets
import Foundation
import GRDB
import Kernels
import RunStore
import TestSupport
import Testing
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// Locked and damaged databases, outputs of others, checkpoints: what was learned is kept, and what is not ours too.
@Suite struct NoWorkIsLostTests {
    @Test func aDivergingTrainingFails() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder)
            request.hyperparameters.learningRate = 1e30
            let error = #expect(throws: TrainingError.self) { try TrainerTests.train(request, store) }
            #expect(error?.description.contains("lower --learning-rate") == true)
            #expect(try store.run("1").status == .failed)
            #expect(try store.run("1").error?.contains("lower --learning-rate") == true)
            #expect(!FileManager.default.fileExists(atPath: request.output))
        }
    }

    /// One step can be the last of an epoch, too: what it has done must not be kept then.
    @Test func aModelOfNaNsIsNeverTheBest() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder)
            request.hyperparameters.learningRate = 1e38
            request.hyperparameters.batchSize = 100
            request.hyperparameters.epochs = 1
            #expect(throws: ModelError.self) { try TrainerTests.train(request, store) }
            #expect(!FileManager.default.fileExists(atPath: request.output))
        }
    }

    /// Someone else writes to the database, and does not let go of it: the training goes on, and no metric is lost.
    @Test func aLockedDatabaseStopsNothing() throws {
        try withFolder { folder in
            let path = folder.appending(path: "runs.sqlite").path
            let store = try RunStore(path: path, for: .write, patience: 0.1)
            let request = try TrainerTests.request(in: folder)
            var settings = GRDB.Configuration()
            settings.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: path, configuration: settings)
            var notices = 0
            _ = try TrainerTests.train(request, store) { event in
                switch event {
                case .started:
                    try? other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
                case .notice: notices += 1
                // Metrics are written beside the training: long enough for an attempt to fail.
                case .epoch(let report) where report.epoch == 3: Thread.sleep(forTimeInterval: 0.5)
                case .epoch(let report) where report.epoch == 6:
                    try? other.inDatabase { try $0.execute(sql: "COMMIT") }
                default: break
                }
            }
            #expect(notices == 1)
            #expect(try store.metrics(of: 1).count { $0.name == "accuracy" } == 6)
            #expect(try store.run("1").status == .finished)
        }
    }

    /// A run that fails in the middle leaves the best epoch's model.
    @Test func aFailedRunKeepsTheBestEpoch() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let request = try TrainerTests.request(in: folder)
            var patient = GRDB.Configuration()
            patient.busyMode = .timeout(5)
            let other = try DatabaseQueue(path: store.path, configuration: patient)
            _ = try #require(throws: (any Error).self) {
                _ = try TrainerTests.train(request, store) { event in
                    // The table is gone, as if the file had been damaged.
                    if case .epoch(let report) = event, report.epoch == 3 {
                        try? other.write { try $0.execute(sql: "DROP TABLE metrics") }
                    }
                }
            }
            _ = try ModelFolder(contentsOf: URL(filePath: request.output))
            #expect(try store.run("1").status == .failed)
        }
    }

    /// Also if the run was interrupted before, and had written a model then.
    @Test func aResumedRunThatFailsKeepsItsNewestBestEpoch() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let request = try TrainerTests.request(in: folder)
            let first = try TrainerTests.train(request, store, interruptAfter: 1)
            let weights = try TrainerTests.weights(request)
            var patient = GRDB.Configuration()
            patient.busyMode = .timeout(5)
            let other = try DatabaseQueue(path: store.path, configuration: patient)
            var bestWasSeen = false
            var trainer = try Trainer(resuming: first.run, store: store) { event in
                if case .epoch(let report) = event, report.isBest, !bestWasSeen {
                    bestWasSeen = true
                    try? other.write { try $0.execute(sql: "DROP TABLE metrics") }
                }
            } isInterrupted: {
                false
            }
            #expect(throws: (any Error).self) { try trainer.run() }
            #expect(bestWasSeen)
            #expect(try TrainerTests.weights(request) != weights)
            _ = try ModelFolder(contentsOf: URL(filePath: request.output))
        }
    }

    @Test func whatIsNotOursIsNotReplaced() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder)

            // A folder where the checkpoint would be.
            let notes = folder.appending(path: "model.checkpoint/notes.txt")
            try FileManager.default.createDirectory(
                at: notes.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("precious".utf8).write(to: notes)
            #expect(throws: TrainingError.self) { try TrainerTests.train(request, store) }
            #expect(try Data(contentsOf: notes) == Data("precious".utf8))
            try FileManager.default.removeItem(at: notes.deletingLastPathComponent())

            // A model that another process has written meanwhile.
            _ = try TrainerTests.train(request, store)
            let before = try TrainerTests.weights(request)
            try FileManager.default.moveItem(atPath: request.output, toPath: request.output + ".aside")
            request.hyperparameters.seed += 1
            #expect(throws: ModelError.self) {
                try TrainerTests.train(request, store) { event in
                    if case .epoch(let report) = event, report.epoch == 1 {
                        try? FileManager.default.moveItem(atPath: request.output + ".aside", toPath: request.output)
                    }
                }
            }
            #expect(try TrainerTests.weights(request) == before)

            // A model that is to be replaced, by a run that is interrupted before it has a better one.
            request.overwrite = true
            let result = try TrainerTests.train(request, store, interruptAfter: 1)
            #expect(try TrainerTests.weights(request) == before)
            #expect(!result.hasWrittenOutput)
        }
    }

    /// The newest checkpoint of the training to `model`.
    static func checkpoint(in folder: URL) throws -> URL {
        let checkpoints = folder.appending(path: "model.checkpoint")
        let names = try FileManager.default.contentsOfDirectory(atPath: checkpoints.path)
        let step = try #require(names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.max())
        return checkpoints.appending(path: "step-\(step)")
    }

    /// If a disk has changed, cut off or lost a file of the newest checkpoint, there is the one before.
    @Test(arguments: ["state.json", "second_moment.safetensors", "model/model.safetensors", "manifest.json"])
    func aDamagedCheckpointIsPassedOver(_ name: String) throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let whole = try TrainerTests.request(in: folder, output: "whole")
            _ = try TrainerTests.train(whole, store)
            var request = try TrainerTests.request(in: folder)
            request.checkpointEvery = .steps(2)
            let result = try TrainerTests.train(request, store, interruptAfter: 9)
            #expect(try store.checkpoints(of: 2).map(\.step) == [8, 9])

            let file = try Self.checkpoint(in: folder).appending(path: name)
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: file)
            var notices: [String] = []
            var trainer = try Trainer(resuming: result.run, store: store) { event in
                if case .notice(let text) = event { notices.append(text) }
            } isInterrupted: {
                false
            }
            #expect(
                notices.count == 1 && notices[0].contains("step-9: the checkpoint is damaged; going on from step 8"))
            _ = try trainer.run()
            #expect(try TrainerTests.weights(request) == TrainerTests.weights(whole))
            #expect(try store.checkpoints(of: 2).isEmpty)
        }
    }

    /// Two databases have a run of the same id, name and output each: the checkpoint is that of one of them.
    @Test func theCheckpointOfAnotherRunIsNotResumed() throws {
        try withFolder { folder in
            let request = try TrainerTests.request(in: folder)
            var stores: [RunStore] = []
            for name in ["a.sqlite", "b.sqlite"] {
                let store = try RunStore(path: folder.appending(path: name).path, for: .write)
                try? FileManager.default.removeItem(at: folder.appending(path: "model.checkpoint"))
                try? FileManager.default.removeItem(atPath: request.output)
                _ = try TrainerTests.train(request, store, interruptAfter: 4)
                stores.append(store)
            }
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: "1", store: stores[0], report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("belongs to another run") == true)
            _ = try Trainer(resuming: "1", store: stores[1], report: { _ in }, isInterrupted: { false })
        }
    }

    /// The database is gone: the training goes on to its end, and its model is written.
    @Test func aDeletedDatabaseStopsNothing() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let (whole, request) = (
                try TrainerTests.request(in: folder, output: "whole"), try TrainerTests.request(in: folder)
            )
            _ = try TrainerTests.train(whole, store)
            let error = #expect(throws: RunStoreError.self) {
                try TrainerTests.train(request, store) { event in
                    if case .epoch(let report) = event, report.epoch == 2 {
                        try? FileManager.default.removeItem(atPath: store.path)
                    }
                }
            }
            #expect(error?.description.contains("was deleted, moved or replaced meanwhile") == true)
            #expect(try TrainerTests.weights(request) == TrainerTests.weights(whole))
        }
    }

    /// A process was killed between the model and the record of the end: the run can be finished all the same, and what stands there is its own.
    @Test func aRunThatWasKilledAfterItsModelIsFinished() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder)
            request.checkpointEvery = .steps(5)
            let other = try DatabaseQueue(path: store.path)
            // The record of the end fails, and so does that of the failure.
            try other.write {
                try $0.execute(
                    sql: """
                        CREATE TRIGGER no_end BEFORE UPDATE OF status ON runs WHEN new.status <> 'running'
                        BEGIN SELECT RAISE(ABORT, 'no'); END
                        """)
            }
            #expect(throws: RunStoreError.self) { try TrainerTests.train(request, store) }
            let weights = try TrainerTests.weights(request)
            try other.write { try $0.execute(sql: "DROP TRIGGER no_end; UPDATE runs SET status = 'interrupted'") }

            var trainer = try Trainer(resuming: "1", store: store, report: { _ in }, isInterrupted: { false })
            _ = try trainer.run()
            #expect(try TrainerTests.weights(request) == weights)
            #expect(try store.run("1").status == .finished)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                    "model", "runs.sqlite", "train.tsv",
                ])
        }
    }

    /// A step whose loss is not finite ends the training, which names it, or is left out.
    @Test func stepsThatAreNotFiniteAreNamedOrSkipped() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder)
            request.hyperparameters.learningRate = 1e30
            let error = #expect(throws: TrainingError.self) { try TrainerTests.train(request, store) }
            let message = try #require(error?.description)
            #expect(
                message.contains(
                    /the loss of step \d+ is .*norms embeddings .+, layer 1 .+, head .+; lower --learning-rate/))

            request.output += "-2"
            request.hyperparameters.onNonFinite = .skip
            var skipped = 0
            let second = #expect(throws: (any Error).self) {
                try TrainerTests.train(request, store) { event in
                    if case .notice(let text) = event, text.contains("the step is skipped") { skipped += 1 }
                }
            }
            // The first step has spoiled the parameters: there is nothing to be saved.
            #expect(skipped > 0, "\(String(describing: second))")
            #expect(!FileManager.default.fileExists(atPath: request.output))
        }
    }

    @Test func aDamagedCheckpointIsRefused() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let result = try TrainerTests.train(try TrainerTests.request(in: folder), store, interruptAfter: 4)
            let file = try Self.checkpoint(in: folder).appending(path: "state.json")
            #expect(try replace("\"batch_size\":\"3\"", by: "\"batch_size\":\"0\"", in: file))
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("the checkpoint is damaged") == true)
        }
    }

    /// Whoever edits a checkpoint, and its manifest too, gets an error or a training that goes on: no crash, and nothing written elsewhere.
    @Test func aCheckpointOfAStrangerIsHarmless() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder)
            request.checkpointEvery = .minutes(5)
            _ = try TrainerTests.train(request, store, interruptAfter: 3)
            let place = try Self.checkpoint(in: folder)
            let state = place.appending(path: "state.json")
            func copy(_ name: String, to copy: String) throws {
                try? FileManager.default.removeItem(at: folder.appending(path: copy))
                try FileManager.default.copyItem(at: folder.appending(path: name), to: folder.appending(path: copy))
            }
            try copy("model.checkpoint", to: "whole.checkpoint")
            try copy("model", to: "whole")
            let before = try JSONSerialization.jsonObject(with: Data(contentsOf: state))
            let other = try DatabaseQueue(path: store.path)

            var (refused, resumed) = (0, 0)
            for path in Self.leaves(of: before) {
                for value in [1e300, Int.max, "-1", NSNull()] as [Any] {
                    try copy("whole.checkpoint", to: "model.checkpoint")
                    try copy("whole", to: "model")
                    try other.write { try $0.execute(sql: "UPDATE runs SET status = 'interrupted'") }
                    let changed = Self.replacing(path[...], in: before, by: value)
                    try JSONSerialization.data(withJSONObject: changed).write(to: state)
                    try Self.describeAnew(state)
                    var steps = 0
                    do {
                        var trainer = try Trainer(resuming: "1", store: store, report: { _ in }) {
                            steps += 1
                            return steps == 2
                        }
                        _ = try trainer.run()
                        resumed += 1
                    } catch {
                        #expect(!"\(error)".isEmpty)
                        refused += 1
                    }
                }
            }
            #expect(refused > 100 && resumed > 10, "\(refused) \(resumed)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                    "model", "model.checkpoint", "runs.sqlite", "train.tsv", "whole", "whole.checkpoint",
                ])
        }
    }

    /// The paths of all values in a document.
    private static func leaves(of value: Any) -> [[String]] {
        guard let object = value as? [String: Any], !object.isEmpty else { return [[]] }
        return object.sorted { $0.key < $1.key }.flatMap { key, value in leaves(of: value).map { [key] + $0 } }
    }

    private static func replacing(_ path: ArraySlice<String>, in value: Any, by new: Any) -> Any {
        guard let key = path.first, var object = value as? [String: Any], let old = object[key] else { return new }
        object[key] = replacing(path.dropFirst(), in: old, by: new)
        return object
    }

    /// Makes the manifest beside a file agree with it.
    private static func describeAnew(_ file: URL) throws {
        let manifest = file.deletingLastPathComponent().appending(path: "manifest.json")
        let document = try JSONSerialization.jsonObject(with: Data(contentsOf: manifest))
        let files = try #require((document as? [String: Any])?["files"] as? [[String: Any]])
        let (hash, bytes) = try sha256(ofFile: file)
        let changed = files.map { entry in
            guard entry["name"] as? String == file.lastPathComponent else { return entry }
            return entry.merging(["sha256": hash, "bytes": bytes]) { $1 }
        }
        try JSONSerialization.data(withJSONObject: ["files": changed]).write(to: manifest)
    }

    @Test func aCheckpointOfAnotherVersionIsNotResumed() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let result = try TrainerTests.train(try TrainerTests.request(in: folder), store, interruptAfter: 4)
            // The first version had no number for its format.
            let file = try Self.checkpoint(in: folder).appending(path: "state.json")
            #expect(try replace("\"format\":7", by: "\"other\":5", in: file))
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("another version of addnorm has written the checkpoint") == true)
        }
    }

    @Test func changedDataIsNotResumed() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let request = try TrainerTests.request(in: folder)
            let result = try TrainerTests.train(request, store, interruptAfter: 2)
            try Data("other\tpositive\nwords\tnegative\n".utf8).write(to: URL(filePath: request.train[0]))
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("the data has changed") == true)
        }
    }
}
