import Foundation
import RunStore
import TestSupport
import Testing
import Training
import Transformer

/// Trainings with LoRA, from files to files.
@Suite struct AdapterTests {
    /// Trains a base, and then an adapter for it, perhaps with an interruption.
    static func train(
        in folder: URL, interruptAfter steps: Int = .max, _ change: (inout TrainingRequest) -> Void = { _ in }
    ) throws -> (base: Data, adapter: Data, store: RunStore, request: TrainingRequest) {
        let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
        var request = try TrainerTests.request(in: folder, output: "base")
        request.hyperparameters.epochs = 1
        request.hyperparameters.pooling = .cls
        _ = try TrainerTests.train(request, store)
        let base = try TrainerTests.weights(request)
        let model = request.output
        request = try TrainerTests.request(in: folder, output: "adapter")
        request.model = model
        request.hyperparameters.loraRank = 2
        request.hyperparameters.loraDropout = 0.1
        request.hyperparameters.epochs = 3
        change(&request)
        if try TrainerTests.train(request, store, interruptAfter: steps).wasInterrupted {
            var trainer = try Trainer(resuming: "run-2", store: store, report: { _ in }, isInterrupted: { false })
            _ = try trainer.run()
        }
        #expect(try Data(contentsOf: ModelFolder.weights(in: URL(filePath: model))) == base)
        return (base, try Data(contentsOf: ModelFolder.weights(in: URL(filePath: request.output))), store, request)
    }

    @Test func onlyTheAdapterIsTrainedAndItsParametersAreRecorded() throws {
        try withFolder { folder in
            let result = try Self.train(in: folder)
            let adapter = try ModelFolder(contentsOf: URL(filePath: result.request.output))
            let base = try ModelFolder(contentsOf: folder.appending(path: "base"))
            let places = Dictionary(uniqueKeysWithValues: adapter.classifier.layout.parameters.map { ($0.name, $0) })
            for parameter in base.classifier.layout.parameters {
                let other = try #require(places[parameter.name])
                let isSame =
                    base.classifier.parameters[parameter.block].values
                    == adapter.classifier.parameters[other.block].values
                #expect(isSame != other.isAdapter, "\(parameter.name)")
            }
            #expect(adapter.classifier.configuration.lora?.targets == [.query, .value])
            let params = try result.store.params(of: 2)
            func value(_ name: String) -> String? { params.first { $0.name == name }?.value }
            #expect(
                value("lora_rank") == "2" && value("lora_alpha").flatMap(Double.init) == 4
                    && value("lora_targets") == "query,value")
            #expect(value("lora_dropout") == "0.1" && value("train_embeddings") == "false")
        }
    }

    @Test(arguments: [1, 5, 9])
    func aTrainingThatIsResumedEndsWithTheSameBytes(_ steps: Int) throws {
        let whole = try withFolder { try Self.train(in: $0).adapter }
        let again = try withFolder { try Self.train(in: $0).adapter }
        let resumed = try withFolder { try Self.train(in: $0, interruptAfter: steps).adapter }
        #expect(whole == again && whole == resumed)
        let other = try withFolder { try Self.train(in: $0) { $0.hyperparameters.seed = 7 }.adapter }
        #expect(whole != other)
    }

    @Test func accumulatedGradientsAreThoseOfALargeBatch() throws {
        func parameters(batchSize: Int, accumulation: Int) throws -> [Float] {
            try withFolder { folder in
                let request = try Self.train(in: folder) {
                    ($0.hyperparameters.dropout, $0.hyperparameters.loraDropout) = (0, 0)
                    ($0.hyperparameters.batchSize, $0.hyperparameters.gradientAccumulation) = (batchSize, accumulation)
                }.request
                let classifier = try ModelFolder(contentsOf: URL(filePath: request.output)).classifier
                return classifier.layout.parameters.filter(\.isAdapter).flatMap {
                    classifier.parameters[$0.block].values
                }
            }
        }
        let (whole, parts) = (
            try parameters(batchSize: 4, accumulation: 1), try parameters(batchSize: 2, accumulation: 2)
        )
        #expect(zip(whole, parts).allSatisfy { abs($0 - $1) < 1e-3 } && whole.contains { $0 != 0 })
    }

    @Test func aModelThatHasChangedIsNotGoneOnWith() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder, output: "base")
            request.hyperparameters.epochs = 1
            _ = try TrainerTests.train(request, store)
            let model = request.output
            request = try TrainerTests.request(in: folder, output: "adapter")
            (request.model, request.hyperparameters.loraRank) = (model, 2)
            _ = try TrainerTests.train(request, store, interruptAfter: 3)
            var other = try TrainerTests.request(in: folder, output: "base")
            (other.overwrite, other.hyperparameters.seed, other.hyperparameters.epochs) = (true, 9, 1)
            _ = try TrainerTests.train(other, store)
            let error = #expect(throws: (any Error).self) {
                _ = try Trainer(resuming: "run-2", store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect("\(error!)".contains("has changed since the run began"))
        }
    }

    @Test func combinationsWithoutMeaningAreRefusedByName() throws {
        func problem(_ model: String?, _ change: (inout Hyperparameters) -> Void) -> String {
            var hyperparameters = Hyperparameters()
            change(&hyperparameters)
            do {
                try hyperparameters.prepare(startingFrom: model)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(problem("m") { $0.loraRank = 8 } == "")
        #expect(problem(nil) { $0.loraRank = 8 }.contains("give a model with --model"))
        #expect(problem("m") { $0.loraAlpha = 8 } == "--lora-alpha is for LoRA: give its rank with --lora-rank")
        #expect(
            problem("m") { ($0.loraRank, $0.trainLayers) = (8, .head) }.hasPrefix("--train-layers head and --lora-rank")
        )
        #expect(
            problem("m") { ($0.loraRank, $0.trainLayers) = (8, .top(1)) }.hasPrefix("--train-layers 1 and --lora-rank"))
        #expect(problem("m") { ($0.loraRank, $0.trainEmbeddings) = (8, true) }.hasPrefix("--train-embeddings and"))
        #expect(problem("m") { $0.loraRank = 0 } == "--lora-rank must be at least 1")
    }
}
