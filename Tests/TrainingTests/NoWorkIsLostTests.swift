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

    @Test func aDamagedCheckpointIsRefused() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let result = try TrainerTests.train(try TrainerTests.request(in: folder), store, interruptAfter: 4)
            let file = folder.appending(path: "model.checkpoint/state.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            let changed = text.replacing("\"batch_size\":\"3\"", with: "\"batch_size\":\"0\"")
            #expect(changed != text)
            try Data(changed.utf8).write(to: file)
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("the checkpoint is damaged") == true)
        }
    }

    @Test func aCheckpointOfAnotherVersionIsNotResumed() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let result = try TrainerTests.train(try TrainerTests.request(in: folder), store, interruptAfter: 4)
            let file = folder.appending(path: "model.checkpoint/state.json")
            // The first version had no number for its format.
            let text = try String(contentsOf: file, encoding: .utf8)
            let changed = text.replacing("\"format\":2", with: "\"other\":2")
            #expect(changed != text)
            try Data(changed.utf8).write(to: file)
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
            try Data("other\tpositive\nwords\tnegative\n".utf8).write(to: URL(filePath: request.train))
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("the data has changed") == true)
        }
    }
}
