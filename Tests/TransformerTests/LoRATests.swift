import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Low-rank updates: their arithmetic, and the folders of adapters. `scripts/fixtures/lora_adapters.py` has made those with PEFT.
@Suite struct LoRATests {
    static let cases = ["lora-query-value", "lora-all-linear", "lora-own-pooler"]

    static func fixture(_ name: String) -> URL { PyTorchTests.fixtures.appending(path: name) }

    // MARK: Arithmetic

    @Test func linearWithAnUpdateAgreesWithItsReference() {
        var layout = ParameterLayout()
        let lora = LoRA(rank: 2, alpha: 3, targets: [.query], dropout: 0.25)
        let layer = Linear("l", inputs: 8, outputs: 5, lora: lora, in: &layout)
        #expect(layout.parameters.map(\.isAdapter) == [false, false, true, true])
        GradientTests.check(layer, in: layout) { x, p in
            var p = p
            p.adapterScale = 1.5
            p.adapterMask = { site, count in
                var ones = Matrix([Float](repeating: 1, count: count), columns: 1)
                let dropout = Dropout(
                    rate: 0.25, seed: GradientTests.seed, stream: .dropout(site), step: GradientTests.step)
                applyDropout(dropout, to: &ones, on: GradientTests.workers)
                return ones.values.map(Double.init)
            }
            return Reference.linear(x, p, "l")
        }
    }

    /// All gradients, and those of the adapter alone, which are the same.
    @Test(arguments: ["post", "pre", "rezero"])
    func lossAndGradientsAgreeWithTheReference(_ name: String) throws {
        var configuration = GradientTests.configuration(try AddNormVariant(named: name))
        configuration.lora = LoRA(rank: 2, alpha: 3, targets: LoRA.Target.allCases)
        var classifier = try SequenceClassifier(configuration, seed: 1)
        let values = GradientTests.randoms(classifier.layout.count, site: 5, scale: 0.4)
        classifier.parameters = FloatBuffer(values)
        let sequences = [[2, 5, 9, 3], [7], [2, 5, 5, 12, 0, 3]]
        let targets = [2, 0, 1]
        func gradients(of trained: TrainedParts, dropout: Bool) -> (loss: Double, gradients: Gradients) {
            var workspace = classifier.makeWorkspace(for: .training(trained), on: GradientTests.workers)
            let loss = classifier.loss(
                .texts(Batch(sequences)), targets: .one(targets),
                randomness: dropout ? .init(seed: GradientTests.seed, step: GradientTests.step) : nil, in: &workspace
            ).loss
            return (loss, workspace.gradients)
        }
        func reference(_ values: [Double]) -> Double {
            var parameters = Reference.Parameters(classifier.layout, values)
            parameters.adapterScale = 1.5
            return Reference.loss(
                ids: sequences.flatMap { $0 }, targets: targets, parameters, configuration,
                offsets: GradientTests.offsets, GradientTests.mask(configuration))
        }
        let all = gradients(of: .all, dropout: true)
        #expect(abs(all.loss - reference(values.map(Double.init))) < 1e-5)
        let expected = GradientTests.differences(of: reference, in: classifier, at: values)
        for parameter in classifier.layout.parameters {
            let found = all.gradients.values[parameter.block].values.map(Double.init)
            #expect(
                GradientTests.distance(found, Array(expected[parameter.block.range])) < 1e-4,
                "gradient of \(parameter.name)")
        }
        // Frozen embeddings drop nothing, so that both have to be without dropout to be compared.
        let (whole, own) = (gradients(of: .all, dropout: false), gradients(of: .adapter, dropout: false))
        for parameter in classifier.layout.parameters {
            let place = own.gradients.block(of: parameter.block)
            #expect((place != nil) == parameter.isAdapter, "\(parameter.name)")
            if let place {
                #expect(own.gradients.values[place].values == whole.gradients.values[parameter.block].values)
            }
        }
    }

    @Test func gradientsAndMomentsAreThoseOfTheAdapterAlone() throws {
        var configuration = GradientTests.configuration()
        configuration.lora = LoRA(rank: 2, alpha: 4, targets: [.query, .value])
        let layout = try SequenceClassifier.layout(of: configuration)
        // Two matrices for two targets in two layers, and the classifier.
        #expect(Gradients.count(.adapter, of: layout) == 2 * 2 * (2 * 8 + 8 * 2) + 3 * 8 + 3)
        let groups = layout.groups(.adapter, layers: 2, layerDecay: 1, weightDecay: 0.01)
        #expect(groups.reduce(0) { $0 + $1.range.count } == Gradients.count(.adapter, of: layout))
    }

    @Test func anUpdateBeginsAtZero() throws {
        var configuration = GradientTests.configuration()
        let plain = try SequenceClassifier(configuration, seed: 4)
        configuration.lora = LoRA(rank: 3, alpha: 4, targets: [.query, .ffnOutput])
        let classifier = try SequenceClassifier(configuration, seed: 4)
        for parameter in classifier.layout.parameters where parameter.isLowRank {
            let values = classifier.parameters[parameter.block].values
            if parameter.kind == .lowRankOutput {
                #expect(values.allSatisfy { $0 == 0 && $0.sign == .plus })
            } else {
                let bound = 1 / Float(parameter.block.columns).squareRoot()
                #expect(values.allSatisfy { abs($0) <= bound } && Set(values).count > 10)
            }
        }
        #expect(plain.layout.parameters.allSatisfy { !$0.isAdapter })
    }

    // MARK: PEFT

    @Test(arguments: cases)
    func adaptersOfPEFTGiveItsLogits(_ name: String) throws {
        for mapped in [false, true] {
            let model = try ModelFolder(contentsOf: Self.fixture(name), mapped: mapped)
            #expect(try distance(logits(model), of: name) < 1e-5)
            let named = try ModelFolder(
                contentsOf: Self.fixture(name), base: Self.fixture("post-cls-gelu"), mapped: mapped)
            #expect(try distance(logits(named), of: name) < 1e-5)
        }
    }

    @Test(arguments: cases)
    func mergedIsTheSameAsBeside(_ name: String) throws {
        try withFolder { folder in
            let merged = try ModelFolder(contentsOf: Self.fixture(name)).merged(on: Workers(count: 2))
            #expect(merged.classifier.configuration.lora == nil)
            try merged.write(to: folder.appending(path: "m"))
            let read = try ModelFolder(contentsOf: folder.appending(path: "m"))
            #expect(try distance(logits(read), of: name) < 1e-5)
        }
    }

    @Test(arguments: cases)
    func whatIsWrittenIsWhatPEFTHasWritten(_ name: String) throws {
        try withFolder { folder in
            let model = try ModelFolder(contentsOf: Self.fixture(name), base: Self.fixture("post-cls-gelu"))
            let written = folder.appending(path: "a")
            try model.write(to: written)
            let (theirs, ours) = try (
                SafeTensors(contentsOf: ModelFolder.weights(in: Self.fixture(name))),
                SafeTensors(contentsOf: ModelFolder.weights(in: written))
            )
            #expect(ours.tensors.mapValues(\.shape) == theirs.tensors.mapValues(\.shape))
            let again = try ModelFolder(contentsOf: written)
            #expect(again.classifier.configuration.lora == model.classifier.configuration.lora)
            #expect(try logits(again) == logits(model))
        }
    }

    /// What PEFT finds by the ends of names is what has updates, and nothing else.
    @Test(
        arguments: [
            (
                [.query, .value],
                ["bert.encoder.layer.#.attention.self.query", "bert.encoder.layer.#.attention.self.value"]
            ),
            ([.ffnOutput], ["bert.encoder.layer.#.output.dense"]),
            ([.output], ["bert.encoder.layer.#.attention.output.dense"]),
            (
                LoRA.Target.allCases.filter { $0 == .output || $0 == .ffnOutput },
                [
                    "bert.encoder.layer.#.attention.output.dense", "bert.encoder.layer.#.output.dense",
                ]
            ),
        ] as [([LoRA.Target], [String])])
    func targetModulesNameNothingElse(_ targets: [LoRA.Target], _ expected: [String]) throws {
        try withFolder { folder in
            var model = try tinyModel(pooling: .cls)
            var configuration = model.classifier.configuration
            configuration.lora = LoRA(rank: 1, alpha: 1, targets: targets)
            model.classifier = try SequenceClassifier(configuration, seed: 1)
            try model.write(to: folder.appending(path: "a"))
            let file = folder.appending(path: "a/adapter_config.json")
            let keys = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
            let ends = try #require(keys["target_modules"] as? [String])
            let all =
                ["self.query", "self.key", "self.value", "output.dense"].map { "attention.\($0)" } + [
                    "intermediate.dense", "output.dense",
                ]
            let modules =
                (0..<2).flatMap { layer in all.map { "bert.encoder.layer.\(layer).\($0)" } } + [
                    "bert.pooler.dense", "classifier",
                ]
            let found = modules.filter { module in ends.contains { module == $0 || module.hasSuffix("." + $0) } }
            #expect(Set(found) == Set(expected.flatMap { name in (0..<2).map { name.replacing("#", with: "\($0)") } }))
        }
    }

    // MARK: What is refused

    /// The text of the error of reading the adapter after a change of its files; nil if there is none.
    func problem(_ name: String = cases[0], _ change: (URL) throws -> Void) throws -> String? {
        try withFolder { folder in
            let adapter = folder.appending(path: "adapter")
            try FileManager.default.copyItem(at: Self.fixture(name), to: adapter)
            try change(adapter)
            do {
                _ = try ModelFolder(contentsOf: adapter, base: Self.fixture("post-cls-gelu"))
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    @Test(arguments: [
        ("\"use_dora\": false", "\"use_dora\": true", "use_dora"),
        ("\"bias\": \"none\"", "\"bias\": \"all\"", "bias is 'all'"),
        ("\"lora_bias\": false", "\"lora_bias\": true", "lora_bias"),
        ("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out"),
        ("\"rank_pattern\": {}", "\"rank_pattern\": {\"query\": 4}", "rank_pattern"),
        ("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"query\": 4}", "alpha_pattern"),
        ("\"layers_to_transform\": null", "\"layers_to_transform\": [0]", "layers_to_transform"),
        ("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"", "init_lora_weights is 'pissa'"),
        ("\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "peft_type is 'IA3'"),
        ("\"task_type\": \"SEQ_CLS\"", "\"task_type\": \"TOKEN_CLS\"", "task_type is 'TOKEN_CLS'"),
        ("\"r\": 3", "\"r\": 4", "of shape [3, 16], not [4, 16]"),
        ("\"r\": 3", "\"r\": 100000000", "the rank of LoRA is 100000000"),
        ("\"r\": 3", "\"r\": -1", "the rank of LoRA is -1"), ("\"r\": 3", "\"r\": \"3\"", "r and lora_alpha are not"),
        ("\"lora_alpha\": 5", "\"lora_alpha\": 0", "alpha of LoRA is 0"),
        ("\"lora_alpha\": 5", "\"lora_alpha\": 1e999", "alpha"),
        ("\"query\"", "\"key\"", "missing"), ("{", "[", "not a JSON object"),
    ])
    func whatCannotBeReadIsRefusedByName(_ old: String, _ new: String, _ message: String) throws {
        let found = try problem { _ = try replace(old, by: new, in: $0.appending(path: "adapter_config.json")) }
        #expect(try #require(found).contains(message), "\(found ?? "")")
    }

    @Test func damagedAdaptersAreRefused() throws {
        let file = ModelFolder.weights(in: Self.fixture(Self.cases[0]))
        let data = try Data(contentsOf: file)
        for length in stride(from: 0, to: data.count, by: 97) {
            let found = try problem { try data.prefix(length).write(to: ModelFolder.weights(in: $0)) }
            #expect(found?.contains("adapter_model.safetensors") == true)
        }
        let missing = try problem { try FileManager.default.removeItem(at: ModelFolder.weights(in: $0)) }
        #expect(missing?.contains("cannot be read") == true)
        let other = try problem {
            _ = try replace(
                "layer.1.attention.self.query.lora_A", by: "layer.7.attention.self.query.lora_A",
                in: ModelFolder.weights(in: $0))
        }
        #expect(other?.contains("missing") == true && other?.contains("has no place") == true)
        let infinite = try problem {
            var bytes = data
            bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0x80, 0x7F])
            try bytes.write(to: ModelFolder.weights(in: $0))
        }
        #expect(infinite?.contains("infinite or no numbers") == true)
    }

    @Test func anAdapterWhoseModelIsNotHereSaysWhatToDo() throws {
        try withFolder { folder in
            let adapter = folder.appending(path: "adapter")
            try FileManager.default.copyItem(at: Self.fixture(Self.cases[0]), to: adapter)
            let error = #expect(throws: ModelError.self) { try ModelFolder(contentsOf: adapter) }
            #expect(error?.description.contains("give both: --model DIR --adapter \(adapter.path)") == true)
        }
    }

    /// The logits of the four sequences of the base's fixture.
    func logits(_ model: ModelFolder) throws -> [Float] {
        let file = try SafeTensors(contentsOf: Self.fixture("post-cls-gelu").appending(path: "expected.safetensors"))
        let sequences = try (0..<4).map { try values("ids.\($0)", in: file).map { Int($0) } }
        var workspace = model.classifier.makeWorkspace(for: .inference, on: Workers(count: 2))
        return model.classifier.logits(.texts(Batch(sequences)), in: &workspace).values
    }

    func distance(_ logits: [Float], of name: String) throws -> Float {
        let file = try SafeTensors(contentsOf: Self.fixture(name).appending(path: "expected.safetensors"))
        return zip(logits, try values("logits", in: file)).map { abs($0 - $1) }.max() ?? .infinity
    }

    func values(_ name: String, in file: SafeTensors) throws -> [Float] {
        let block = Block(offset: 0, columns: try #require(file.tensors[name]).shape.reduce(1, *))
        var buffer = FloatBuffer(count: block.count)
        file.read(name, into: &buffer, at: block)
        return buffer[block].values
    }
}
