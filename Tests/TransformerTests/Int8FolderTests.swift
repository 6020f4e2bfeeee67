import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Folders whose weights are of 8 bits.
@Suite struct Int8FolderTests {
    /// A tiny model, of which some parts are of 8 bits.
    private static func model(
        isCalibrated: Bool = true, _ isNarrow: (Part) -> Bool = { _ in true }
    ) throws -> ModelFolder {
        var model = try tinyModel()
        let inputs = RecordedInputs()
        var workspace = model.classifier.makeWorkspace(for: .calibration(inputs), on: Workers(count: 2))
        _ = model.classifier.logits(.texts(Batch(sequences)), in: &workspace)
        let weights = model.classifier.int8Weights(for: isCalibrated ? inputs : nil)
        model.classifier.narrow(to: weights, where: isNarrow)
        return model
    }

    private static let sequences = [[2, 5, 6, 7, 3], [2, 10, 3], [2, 6, 6, 8, 9, 13, 3]].map { TokenSequence($0) }

    private static func logits(_ model: ModelFolder) throws -> [Float] {
        var workspace = model.classifier.makeWorkspace(for: .inference, on: Workers(count: 2))
        return model.classifier.logits(.texts(Batch(sequences)), in: &workspace).values
    }

    @Test(arguments: [true, false]) func theAnswersComeBackToTheLastBit(_ isMapped: Bool) throws {
        for (kept, isCalibrated) in [(nil, true), (Part.embeddings, true), (.layer(1), true), (nil, false)] {
            let model = try Self.model(isCalibrated: isCalibrated) { $0 != kept }
            try withFolder { folder in
                let output = folder.appending(path: "model")
                try model.write(to: output)
                let again = try ModelFolder(contentsOf: output, mapped: isMapped) { Issue.record("\($0)") }
                #expect(try Self.logits(again) == Self.logits(model))
            }
        }
        let all = try [Self.model(), Self.model(isCalibrated: false), tinyModel()].map { try Self.logits($0) }
        #expect(Set(all).count == 3)
    }

    /// `transformers` knows no such `model_type`; and the numbers are not there twice.
    @Test func theFolderSaysWhatItIs() throws {
        try withFolder { folder in
            try Self.model().write(to: folder.appending(path: "model"))
            let config = try String(contentsOf: folder.appending(path: "model/config.json"), encoding: .utf8)
            #expect(config.contains(#""model_type" : "addnorm-bert""#) && config.contains(#""weight_format" : "int8""#))
            let tensors = try SafeTensors(contentsOf: folder.appending(path: "model/model.safetensors")).tensors
            #expect(tensors["int8.layers.1.attention.keyValue"]?.shape == [1, 2, 16, 4])
            #expect(
                tensors.keys.allSatisfy { !$0.hasSuffix("query.weight") && !$0.hasSuffix("word_embeddings.weight") })
        }
    }

    @Test func whatNeedsGradientsIsRefused() throws {
        try withFolder { folder in
            try Self.model().write(to: folder.appending(path: "model"))
            let error = #expect(throws: ModelError.self) {
                try ModelFolder(
                    pretrained: folder.appending(path: "model"), head: WantedHead(labels: ["a", "b"]), pooling: nil,
                    seed: 0,
                    notice: { _ in })
            }
            #expect(error?.description.contains("compressed to 8 bits") == true)
            let read = try ModelFolder(contentsOf: folder.appending(path: "model"))
            #expect(throws: ModelError.self) { try read.requireFloat32(for: "'export'") }
        }
    }

    /// A name, a type, a shape or a size that is not what the model needs.
    @Test(arguments: [
        ("int8.layers.0.attention.query\"", "int8.layers.9.attention.query\""), ("\"I8\"", "\"U8\""),
        ("[1,2,16,4]", "[2,1,16,4]"), ("query.scale\"", "query.scalf\""), ("query.factor\"", "query.factos\""),
        ("query.exact\"", "query.exacd\""), ("[1,1,16]", "[1,16,1]"),
        (#""weight_format" : "int8""#, #""weight_format" : "int4""#),
    ]) func aFolderThatIsNotWhatItSaysIsRefused(_ old: String, _ new: String) throws {
        try withFolder { folder in
            let output = folder.appending(path: "model")
            try Self.model().write(to: output)
            let isThere = try ["config.json", "model.safetensors"].contains {
                try replace(old, by: new, in: output.appending(path: $0))
            }
            #expect(isThere)
            #expect(throws: (any Error).self) { try ModelFolder(contentsOf: output, mapped: true) }
        }
    }
}
