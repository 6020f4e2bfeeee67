import Foundation
import Kernels
import NGrams
import TestSupport
import Testing
import Tokenization
import Transformer

@Suite struct ModelFolderTests {
    static func model(_ variant: AddNormVariant = AddNormVariant(.layerNorm, .pre)) throws -> ModelFolder {
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fine", "##r", "好"]
        var configuration = Configuration(
            vocabularySize: tokens.count, hiddenSize: 8, layers: 1, heads: 2, intermediateSize: 12,
            labels: ["no \"doubt\"", "是"])
        configuration.addNorm = variant
        configuration.pooling = .mean
        configuration.maximumLength = 9
        configuration.activation = .geluTanh
        return ModelFolder(
            classifier: try SequenceClassifier(configuration, seed: 3),
            tokenizer: try Tokenizer(
                tokens: tokens, normalizer: BERTNormalizer(lowercases: false, stripsAccents: true), source: "test"))
    }

    @Test func nGramsComeBackAndAreChecked() throws {
        var configuration = try Self.model().classifier.configuration
        configuration.ngrams = true
        var model = ModelFolder(
            classifier: try SequenceClassifier(configuration, seed: 3), tokenizer: try Self.model().tokenizer)
        let sequences = [[2, 5, 3], [2, 5, 6, 3], [2, 7, 3], [2, 7, 7, 3], [2, 5, 5, 3], [2, 6, 7, 3]]
        let ngrams = NGramClassifier.learn(
            zip(sequences, 0...).map { ($0, $1) }, .one([1, 1, 0, 0, 1, 0]), labels: 2,
            characters: model.tokenizer.charactersOfTokens, seed: 1, on: Workers(count: 2)
        ).classifier
        model.ngrams = ngrams
        try withFolder { folder in
            let output = folder.appending(path: "model")
            try model.write(to: output)
            let again = try #require(ModelFolder(contentsOf: output).ngrams)
            for sequence in sequences { #expect(again.logits(of: sequence) == ngrams.logits(of: sequence)) }
            #expect(ngrams.logits(of: sequences[0])[1] > 0 && ngrams.logits(of: sequences[2])[1] < 0)
            // A model whose n-grams are damaged, of another model, or missing would answer otherwise, and does not answer.
            let file = output.appending(path: "ngrams.safetensors")
            let whole = try Data(contentsOf: file)
            var swapped = whole
            let start = 8 + Int(whole[0]) + Int(whole[1]) << 8
            swapped.replaceSubrange(start..<start + 8, with: whole[start + 8..<start + 16])
            for data in [whole.dropLast(4), Data(), swapped, nil] {
                if let data { try data.write(to: file) } else { try FileManager.default.removeItem(at: file) }
                let error = #expect(throws: ModelError.self) { try ModelFolder(contentsOf: output) }
                #expect(error?.description.contains("ngrams.safetensors") == true)
            }
        }
    }

    /// A vowel sign and the prefix before it are one character to Swift, and two to a tokenizer.
    @Test func theCharactersOfTokensAreCodePoints() throws {
        let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "क", "##\u{93E}म", "[", "##ad"]
        let characters = try Tokenizer(tokens: pieces, source: "test").charactersOfTokens
        #expect(characters[0].isEmpty && characters[2].isEmpty && characters[1] == [0x20, 0xFFFD])
        #expect(characters[5...] == [[0x20, 0x915], [0x93E, 0x92E], [0x20, 0x5B], [0x61, 0x64]])
    }

    /// The loss beside other logits is that of the sum: as if the bias of the head were so much larger.
    @Test func aLossBesideOtherLogitsIsThatOfTheSum() throws {
        var classifier = try tinyModel().classifier
        let (batch, targets) = (Batch([[2, 5, 6, 3], [2, 10, 3]]), Targets.one([2, 0]))
        let offset: [Float] = [0.5, -1, 0.25]
        func loss(offset: Matrix?) -> (loss: Double, gradients: [Float]) {
            var workspace = classifier.makeWorkspace(for: .training(.all), on: Workers(count: 1))
            let loss = classifier.loss(
                .texts(batch), targets: targets, offset: offset, randomness: nil, in: &workspace
            ).loss
            let all = Block(offset: 0, columns: classifier.layout.count)
            return (loss, workspace.gradients.values[all].values)
        }
        let beside = loss(offset: Matrix(rows: [offset, offset]))
        #expect(beside.loss != loss(offset: nil).loss)
        let bias = try #require(classifier.layout.parameters.first { $0.name == "classifier.bias" }).block
        let sum = zip(classifier.parameters[bias].values, offset).map(+)
        classifier.parameters.copy(Matrix(sum, columns: 3), to: bias)
        let shifted = loss(offset: nil)
        #expect(abs(beside.loss - shifted.loss) < 1e-6)
        #expect(zip(beside.gradients, shifted.gradients).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test(arguments: GradientTests.variants)
    func aModelComesBackAsItWas(_ variant: AddNormVariant) throws {
        let model = try Self.model(variant)
        try withFolder { folder in
            let output = folder.appending(path: "nested/model")
            try model.write(to: output)
            let again = try ModelFolder(contentsOf: output)
            #expect(again.classifier.configuration == model.classifier.configuration)
            let all = Block(offset: 0, columns: model.classifier.layout.count)
            #expect(again.classifier.parameters[all].values == model.classifier.parameters[all].values)
            #expect(again.tokenizer.vocabulary.tokens == model.tokenizer.vocabulary.tokens)
            #expect(again.tokenizer.normalizer == model.tokenizer.normalizer)
            // Nothing else is left beside it, not even hidden.
            let beside = try FileManager.default.contentsOfDirectory(atPath: output.deletingLastPathComponent().path)
            #expect(beside == ["model"])
        }
    }

    @Test func initialisesAsBERTDoes() throws {
        let classifier = try Self.model().classifier
        for parameter in classifier.layout.parameters {
            let values = classifier.parameters[parameter.block].values
            switch parameter.kind {
            case .lowRankInput, .lowRankOutput: Issue.record("a model without an adapter has \(parameter.name)")
            case .vector(let start): #expect(values.allSatisfy { $0 == start }, "\(parameter.name)")
            case .weight, .table: #expect(values.allSatisfy { $0 != 0 && abs($0) < 0.15 }, "\(parameter.name)")
            }
        }
    }

    /// A multiplication and an addition for each weight and token, and what attention multiplies.
    @Test(arguments: Configuration.Pooling.allCases) func operationsAreThoseOfTheMatrixProducts(
        _ pooling: Configuration.Pooling
    ) throws {
        var configuration = Configuration(
            vocabularySize: 9, hiddenSize: 4, layers: 2, heads: 2, intermediateSize: 6, labels: ["a", "b", "c"])
        configuration.pooling = pooling
        let layout = try SequenceClassifier(configuration, seed: 1).layout
        var expected = 0.0
        for length in [3, 5] {
            for parameter in layout.parameters where parameter.kind == .weight() {
                let name = parameter.name
                if name.hasPrefix("embeddings") { continue }
                let readsAll = name.contains("layers.0") || name.contains("key") || name.contains("value")
                let isOfEncoder = name.hasPrefix("layers")
                let tokens = isOfEncoder && (readsAll || pooling == .mean) ? length : 1
                expected += 2 * Double(tokens * parameter.block.count)
            }
            // Q Kᵀ and P V, in both layers.
            let queries = pooling == .mean ? length : 1
            expected += 2 * 2 * Double(length * length + queries * length) * 4
        }
        #expect(configuration.operations(lengths: [3, 5], training: false) == expected)
        #expect(configuration.operations(lengths: [3, 5], training: true) == 3 * expected)
    }

    @Test func aFolderIsNotReplacedUnasked() throws {
        try withFolder { folder in
            let output = folder.appending(path: "model")
            try ModelFolder.checkOutput(output, overwrite: false)
            try ModelFolder.checkOutput(folder.appending(path: "some/where/else"), overwrite: false)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
            try Self.model().write(to: output)
            #expect(throws: ModelError.self) { try ModelFolder.checkOutput(output, overwrite: false) }
            try ModelFolder.checkOutput(output, overwrite: true)
            // A folder with anything that we did not write is never ours to remove.
            try Data().write(to: output.appending(path: "thesis.txt"))
            let error = #expect(throws: ModelError.self) { try ModelFolder.checkOutput(output, overwrite: true) }
            #expect(error?.description.contains("thesis.txt") == true)
        }
    }

    @Test func aFolderIsWrittenWholeOrNotAtAll() throws {
        try withFolder { folder in
            let output = folder.appending(path: "model")
            try Self.model().write(to: output)
            let before = try Data(contentsOf: output.appending(path: "config.json"))
            struct Failure: Error {}
            #expect(throws: Failure.self) {
                try replaceFolder(at: output) { temporary in
                    try Data("half".utf8).write(to: temporary.appending(path: "config.json"))
                    throw Failure()
                }
            }
            #expect(try Data(contentsOf: output.appending(path: "config.json")) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
        }
    }

    /// The place can be a link to a folder; the link stays.
    @Test func linksAreFollowed() throws {
        try withFolder { folder in
            let (link, target) = (folder.appending(path: "link"), folder.appending(path: "target"))
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
            try ModelFolder.checkOutput(link, overwrite: false)
            try Self.model().write(to: link)
            _ = try ModelFolder(contentsOf: target)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == target.path)
        }
    }

    /// What a damaged or hostile file can hold; each must be an error that names the file.
    static let damages: [(file: String, change: @Sendable (Data) -> Data, message: String)] = [
        ("model.safetensors", { $0.prefix(5) }, "it has 5 bytes"),
        ("model.safetensors", { $0.dropLast(4) }, "does not lie where one can be"),
        ("model.safetensors", { $0 + [0] }, "belong to no tensor"),
        (
            "model.safetensors", { Data([255, 255, 255, 255, 255, 255, 255, 127]) + $0.dropFirst(8) },
            "the header is said"
        ),
        (
            "model.safetensors", { $0.prefix(8) + Data(repeating: UInt8(ascii: "["), count: $0.count - 8) },
            "not the JSON"
        ),
        ("model.safetensors", { replace($0, "classifier.bias", "classifier.bia_") }, "missing\n"),
        ("model.safetensors", { replace($0, "\"shape\":[8]", "\"shape\":[9]") }, "cannot be, or is"),
        ("model.safetensors", { replace($0, "F32", "I32") }, "of type I32"),
        ("model.safetensors", { replace($0, "[0,256]", "[-9,56]") }, "cannot be, or is"),
        ("config.json", { replace($0, "\"addnorm-bert\"", "\"gpt2\"") }, "model_type is 'gpt2'"),
        ("config.json", { replace($0, "\"gelu_new\"", "\"swish\"") }, "hidden_act is 'swish'"),
        ("config.json", { replace($0, "\"hidden_size\" : 8", "\"hidden_size\" : 7") }, "not a multiple"),
        ("config.json", { replace($0, "\"num_hidden_layers\" : 1", "\"num_hidden_layers\" : 2") }, "  missing\n"),
        ("config.json", { replace($0, "\"vocab_size\" : 8", "\"vocab_size\" : 2097152") }, "of shape"),
        ("config.json", { replace($0, "\"vocab_size\" : 8", "\"vocab_size\" : 3") }, "different models"),
        ("config.json", { replace($0, "\"vocab_size\" : 8", "\"vocab_size\" : -8") }, "must lie between"),
        ("config.json", { replace($0, "\"vocab_size\"", "\"vocab\"") }, "'vocab_size' is missing"),
        ("config.json", { replace($0, "\"hidden_size\" : 8", "\"hidden_size\" : \"8\"") }, "wrong type"),
        ("config.json", { $0.dropLast(9) }, "not valid JSON"),
        ("config.json", { replace($0, "\"pooling\" : \"mean\"", "\"pooling\" : \"max\"") }, "'pooling' is not one"),
        ("vocab.txt", { _ in Data([0x5B, 0xFF, 0x0A]) }, "not valid UTF-8"),
        ("vocab.txt", { _ in Data() }, "[UNK] is missing"),
    ]

    static func replace(_ data: Data, _ old: String, _ new: String) -> Data {
        guard let range = data.range(of: Data(old.utf8)) else { return data }
        var data = data
        data.replaceSubrange(range, with: Data(new.utf8))
        return data
    }

    @Test(arguments: damages.indices) func damagedFilesAreErrorsThatNameThem(_ index: Int) throws {
        let (file, change, message) = Self.damages[index]
        try withFolder { folder in
            try Self.model().write(to: folder.appending(path: "m"))
            let path = folder.appending(path: "m/\(file)")
            let data = try Data(contentsOf: path)
            #expect(change(data) != data, "the damage was done")
            try change(data).write(to: path)
            var text = ""
            do { _ = try ModelFolder(contentsOf: folder.appending(path: "m")) } catch { text = "\(error)" }
            #expect(text.contains(message), "\(file): \(text)")
            #expect(text.contains(folder.appending(path: "m").path), "names the folder or the file: \(text)")
        }
    }
}
