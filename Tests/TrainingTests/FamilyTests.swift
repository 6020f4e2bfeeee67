import Foundation
import RunStore
import TestSupport
import Testing
import Training
import Transformer

/// Encoders of every family are trained as BERT's are. The models are the fixtures of `transformers`.
@Suite struct FamilyTests {
    static let families = [
        "distilbert", "roberta", "camembert", "xlm-roberta", "electra", "electra-wide", "modernbert", "modernbert-mean",
    ]

    static func request(_ family: String, in folder: URL, output: String) throws -> TrainingRequest {
        var request = try TrainerTests.request(in: folder, output: output)
        let rows = (0..<12).map { row in
            let words = (0..<3 + row % 5).map { "token\(5 + (row * 7 + $0 * 3) % 35)" }.joined(separator: " ")
            return "\(words)\t\(["negative", "neutral", "positive"][row % 3])\n"
        }
        try Data(rows.joined().utf8).write(to: URL(filePath: request.train[0]))
        request.model =
            URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "TransformerTests/Fixtures/family-\(family)").path
        request.hyperparameters.kind = .fineTuning
        request.hyperparameters.epochs = 3
        request.hyperparameters.batchSize = 4
        request.hyperparameters.layerDecay = 0.8
        request.hyperparameters.maxLength = 13
        return request
    }

    /// A run that was interrupted in its middle has the bytes of an unbroken one.
    @Test(arguments: families) func aResumedRunHasTheBytesOfAWholeOne(_ family: String) throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let (whole, broken) = (
                try Self.request(family, in: folder, output: "whole"),
                try Self.request(family, in: folder, output: "broken")
            )
            _ = try TrainerTests.train(whole, store)
            let first = try TrainerTests.train(broken, store, interruptAfter: 5)
            #expect(try store.run("2").status == .interrupted)
            var trainer = try Trainer(resuming: first.run, store: store) { _ in
            } isInterrupted: {
                false
            }
            _ = try trainer.run()
            #expect(try store.run("2").status == .finished)
            #expect(try TrainerTests.weights(whole) == TrainerTests.weights(broken))
        }
    }

    /// What is not trained keeps its bits, and a head alone learns from kept features what it learns from whole passes.
    @Test(arguments: families, [TrainLayers.head, .top(1)])
    func frozenPartsStayAsTheyAre(_ family: String, _ layers: TrainLayers) throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try Self.request(family, in: folder, output: "model")
            request.hyperparameters.trainLayers = layers
            _ = try TrainerTests.train(request, store)
            let before = try ModelFolder(contentsOf: URL(filePath: try #require(request.model)))
            let after = try ModelFolder(contentsOf: URL(filePath: request.output))
            let top = before.classifier.configuration.layers - 1
            for parameter in after.classifier.layout.parameters {
                let isTrained =
                    parameter.part == .head || (layers == .top(1) && parameter.part == .layer(top))
                let isEqual =
                    before.classifier.parameters[parameter.block].values
                    == after.classifier.parameters[parameter.block].values
                #expect(isEqual != isTrained, "\(parameter.name)")
            }
            #expect(before.tensors.map(\.name) == after.tensors.map(\.name))
        }
    }
}
