import Foundation
import RunStore
import TestSupport
import Testing
import Training
import Transformer

/// Trainings in 16 bits, emulated where the processor has no instructions for them.
@Suite struct PrecisionTests {
    private static func narrow(_ request: inout TrainingRequest) {
        request.hyperparameters.precision = .bfloat16
        request.emulatesBFloat16 = true
    }

    @Test(arguments: [1, 2]) func aNewModelThatIsResumedEndsWithTheSameBytes(_ accumulation: Int) throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            func train(_ output: String, interruptAfter steps: Int = .max, _ precision: Precision) throws -> Data {
                var request = try TrainerTests.request(in: folder, output: output)
                request.hyperparameters.gradientAccumulation = accumulation
                if precision == .bfloat16 { Self.narrow(&request) }
                let result = try TrainerTests.train(request, store, interruptAfter: steps)
                #expect(
                    try store.params(of: store.run(result.run).id).contains {
                        $0.name == "precision" && $0.value == precision.rawValue
                    })
                if result.wasInterrupted {
                    var trainer = try Trainer(
                        resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
                    _ = try trainer.run()
                }
                return try TrainerTests.weights(request)
            }
            let whole = try train("whole", .bfloat16)
            #expect(try train("again", .bfloat16) == whole)
            #expect(try train("parts", interruptAfter: 5, .bfloat16) == whole)
            #expect(try train("float32", .float32) != whole)
        }
    }

    /// Layers that are frozen or not, their rates, and features that are read once.
    @Test(arguments: [TrainLayers.all, .top(1), .head]) func aFineTunedModelDoes(_ layers: TrainLayers) throws {
        func tune(interruptAfter steps: Int = .max) throws -> Data {
            try FineTuningTests.fineTune(
                {
                    Self.narrow(&$0)
                    $0.hyperparameters.trainLayers = layers
                    $0.hyperparameters.layerDecay = 0.8
                }, interruptAfter: steps
            ).data
        }
        #expect(try tune() == tune(interruptAfter: 5))
    }

    @Test func anAdapterDoes() throws {
        func train(interruptAfter steps: Int = .max) throws -> Data {
            try withFolder { try AdapterTests.train(in: $0, interruptAfter: steps, Self.narrow).adapter }
        }
        #expect(try train() == train(interruptAfter: 5))
    }

    /// First everything is trained, then the head alone.
    @Test func aModelOfFewTextsDoes() throws {
        func train(interruptAfter steps: Int = .max) throws -> Data {
            try withFolder { folder in
                try TrainerTests.weights(
                    FewShotTests.train(in: folder, interruptAfter: steps, { Self.narrow(&$0) }).request)
            }
        }
        #expect(try train() == train(interruptAfter: FewShotTests.steps + 2))
    }

    @Test func whatTheProcessorLacksIsRefusedUnlessItIsEmulated() {
        #expect(throws: ModelError.self) { try Precision.float32.require(emulated: true) }
        #expect(throws: Never.self) { try Precision.bfloat16.require(emulated: true) }
        #expect(throws: Never.self) { try Precision.float32.require(emulated: false) }
    }
}
