import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Whole models against what PyTorch computed; `scripts/fixtures/model_gradients.py` has written the files.
@Suite struct PyTorchTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    @Test(
        arguments: [
            "post-cls-gelu", "post-mean-gelu_new", "pre-cls-gelu", "pre-mean-relu", "sandwich-mean", "none-cls",
            "post-off-mean", "pre-off-cls", "deepnorm-mean", "rezero-cls", "pre-rmsnorm-mean", "post-dyt-cls",
            "post-batchnorm-mean", "sandwich-batchnorm-cls",
        ])
    func agreesWithPyTorch(_ name: String) throws {
        try Self.check(name)
        let expected = try Expected(name)
        let targets = try expected("targets").map { Int($0) }
        let weighted = CrossEntropy(labelSmoothing: 0.1, classWeights: [0.5, 2, 1.25])
        let exact = Matrix(try expected("logits"), columns: 3)
        #expect(abs(weighted.loss(exact, targets: .one(targets)) - Double(try expected("weighted_loss")[0])) < 1e-6)
        let gradient = weighted.gradient(exact, targets: .one(targets)).values
        #expect(zip(gradient, try expected("weighted_loss.gradient")).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// Every family, against `transformers`; `scripts/fixtures/encoder_families.py` has written the files. One of the texts has a padding token in it; those
    /// of pairs are in two or three segments.
    @Test(
        arguments: [
            "distilbert", "distilbert-relu", "roberta", "camembert", "xlm-roberta", "electra", "electra-wide",
            "modernbert", "modernbert-mean", "bert-pairs", "electra-pairs",
        ])
    func familiesAgreeWithTransformers(_ name: String) throws { try Self.check("family-\(name)") }

    /// What PyTorch has computed.
    struct Expected {
        private let file: SafeTensors

        init(_ name: String) throws {
            file = try SafeTensors(contentsOf: fixtures.appending(path: "\(name)/expected.safetensors"))
        }

        func has(_ name: String) -> Bool { file.tensors[name] != nil }

        func callAsFunction(_ name: String) throws -> [Float] {
            let count = try #require(file.tensors[name], "\(name)").shape.reduce(1, *)
            var buffer = FloatBuffer(count: count)
            file.read(name, into: &buffer, at: Block(offset: 0, columns: count))
            return buffer[Block(offset: 0, columns: count)].values
        }
    }

    /// Checks loss, logits, all gradients and hidden states of the model of a folder.
    static func check(_ name: String) throws {
        let model = try ModelFolder(contentsOf: Self.fixtures.appending(path: name))
        let classifier = model.classifier
        let expected = try Expected(name)
        let sequences = try (0..<4).map { index in
            let segments = expected.has("segments.\(index)") ? try expected("segments.\(index)") : []
            return TokenSequence(try expected("ids.\(index)").map { Int($0) }, segments: segments.map { Int($0) })
        }
        let targets = try expected("targets").map { Int($0) }
        let batch = Batch(sequences)
        // With BatchNorm, whose fixtures have no dropout, training is another function.
        let isBatchNorm = classifier.configuration.addNorm.norm == .batchNorm
        let randomness = isBatchNorm ? Pass.Randomness(seed: 0, step: 0) : nil
        var workspace = classifier.makeWorkspace(for: .training(.all), on: Workers(count: 2))
        let (loss, logits) = classifier.loss(
            .texts(batch), targets: .one(targets), randomness: randomness, in: &workspace)

        let expectedLoss = try expected("loss")[0]
        #expect(abs(loss - Double(expectedLoss)) < 1e-5)
        let expectedLogits = try expected("logits")
        #expect(zip(logits.values, expectedLogits).allSatisfy { abs($0 - $1) <= 1e-5 })
        let largestOfAll = workspace.gradients.values[
            Block(offset: 0, columns: workspace.gradients.values.count)
        ].values.reduce(0) { max($0, abs($1)) }
        for (name, _, block) in model.tensors where !name.contains(".running_") {
            let found = workspace.gradients.values[block].values
            let gradient = try expected("gradient.\(name)")
            // Relative to the largest element, or to a hundredth of the model's largest: the elements themselves can be 0, as those of a key's
            // bias always are.
            let largest = max(gradient.map { abs($0) }.max()!, 1e-3, 0.01 * largestOfAll)
            let difference = zip(found, gradient).map { abs($0 - $1) }.max()!
            #expect(difference <= 1e-4 * largest, "\(name): \(difference) of \(largest)")
        }

        let hiddenStates = classifier.hiddenStates(batch, randomness: randomness, on: Workers(count: 2))
        #expect(hiddenStates.count == classifier.configuration.layers + 1)
        for (layer, rows) in hiddenStates.enumerated() {
            let difference = zip(rows.values, try expected("hidden.\(layer)")).map { abs($0 - $1) }.max()!
            #expect(difference <= 1e-5, "after layer \(layer): \(difference)")
        }

        // At inference other memory is used, and other threads.
        var small = classifier.makeWorkspace(for: .inference, on: Workers(count: 1))
        let again = classifier.logits(.texts(batch), in: &small)
        let atInference = isBatchNorm ? try expected("inference_logits") : expectedLogits
        #expect(zip(again.values, atInference).allSatisfy { abs($0 - $1) <= 1e-5 })
    }

    /// A head for a number, with the loss that `transformers` has for it; `scripts/fixtures/regression.py` has written the files.
    @Test(arguments: [true, false]) func regressionAgreesWithTransformers(_ isNamed: Bool) throws {
        try withFolder { parent in
            let folder = parent.appending(path: "model")
            try FileManager.default.copyItem(at: Self.fixtures.appending(path: "regression"), to: folder)
            // One label alone means the same there.
            if !isNamed {
                let file = folder.appending(path: "config.json")
                let text = try String(contentsOf: file, encoding: .utf8)
                try text.replacing("\"problem_type\": \"regression\"", with: "\"problem_type\": null")
                    .write(to: file, atomically: true, encoding: .utf8)
            }
            let model = try ModelFolder(contentsOf: folder)
            let classifier = model.classifier
            #expect(classifier.configuration.problemType == .regression)
            let expected = try Expected("regression")
            let batch = Batch(try (0..<4).map { try expected("ids.\($0)").map { Int($0) } })
            var workspace = classifier.makeWorkspace(for: .training(.all), on: Workers(count: 2))
            let (loss, logits) = classifier.loss(
                .texts(batch), targets: .numbers(try expected("numbers").map(Double.init)), randomness: nil,
                in: &workspace)
            #expect(zip(logits.values, try expected("logits")).allSatisfy { abs($0 - $1) <= 1e-5 })
            #expect(abs(loss - Double(try expected("loss")[0])) < 1e-5)
            for (name, _, block) in model.tensors {
                let (found, gradient) = (workspace.gradients.values[block].values, try expected("gradient.\(name)"))
                let largest = max(gradient.map { abs($0) }.max()!, 1e-2)
                #expect(zip(found, gradient).allSatisfy { abs($0 - $1) <= 1e-4 * largest }, "\(name)")
            }
            // What is written says the same of itself.
            try model.write(to: parent.appending(path: "again"))
            let again = try ModelFolder(contentsOf: parent.appending(path: "again"))
            #expect(again.classifier.configuration == classifier.configuration)
        }
    }
}
