import Foundation
import Kernels
import TestSupport
import Testing
import Tokenization
import Transformer

/// Folders as others have written them.
@Suite struct PretrainedTests {
    /// A tensor as a file has it.
    struct Tensor {
        var name: String
        var dtype = "F32"
        var shape: [Int]
        var bytes: Data
    }

    static let original = PyTorchTests.fixtures.appending(path: "post-cls-gelu")
    static let labels = ["negative", "neutral", "positive"]

    /// The tensors of the fixture.
    static func tensors() throws -> [Tensor] {
        let model = try ModelFolder(contentsOf: original)
        return model.tensors.map { name, shape, block in
            let values = model.classifier.parameters[block].values
            return Tensor(name: name, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
        }
    }

    static func write(_ tensors: [Tensor], to file: URL) throws {
        var (data, entries) = (Data(), [String]())
        for tensor in tensors {
            let range = "[\(data.count),\(data.count + tensor.bytes.count)]"
            entries.append(
                "\"\(tensor.name)\":{\"dtype\":\"\(tensor.dtype)\",\"shape\":\(tensor.shape),\"data_offsets\":\(range)}"
            )
            data += tensor.bytes
        }
        let header = Data(("{" + entries.joined(separator: ",") + "}").utf8)
        try (withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header + data).write(to: file)
    }

    /// Calls `body` with the fixture's folder, with other tensors in it.
    static func withModel<Result>(_ tensors: [Tensor], _ body: (URL) throws -> Result) throws -> Result {
        try withFolder { parent in
            let folder = parent.appending(path: "model")
            try FileManager.default.copyItem(at: original, to: folder)
            try write(tensors, to: folder.appending(path: "model.safetensors"))
            return try body(folder)
        }
    }

    /// What is SentencePiece's is read as the family has it, where no file names the tokenizer's class.
    @Test func theFamilyHasATokenizer() throws {
        let named = PyTorchTests.fixtures.appending(path: "../../TokenizationTests/Fixtures/CamembertTokenizer")
        let expected = try Tokenizer(contentsOf: named)
        let tokenizer = try withFolder { folder in
            for file in [
                named.appending(path: "sentencepiece.bpe.model"),
                PyTorchTests.fixtures.appending(path: "family-camembert/config.json"),
            ] { try FileManager.default.copyItem(at: file, to: folder.appending(path: file.lastPathComponent)) }
            #expect(
                try replace("\"vocab_size\": 40", by: "\"vocab_size\": 9999", in: folder.appending(path: "config.json"))
            )
            try Data(#"{"add_prefix_space": false}"#.utf8).write(to: folder.appending(path: "tokenizer_config.json"))
            return try ModelFolder.tokenizer(of: folder).tokenizer
        }
        #expect(tokenizer.vocabulary.tokens == expected.vocabulary.tokens)
        #expect(tokenizer.encode("le chat", maximumLength: 9) == expected.encode("le chat", maximumLength: 9))
    }

    static func pretrained(
        _ folder: URL, labels: [String] = labels, pooling: Configuration.Pooling? = nil
    ) throws -> (model: ModelFolder, notices: [String]) {
        var notices: [String] = []
        let model = try ModelFolder(
            pretrained: folder, head: WantedHead(labels: labels), pooling: pooling, seed: 1,
            notice: { notices.append($0) })
        return (model, notices)
    }

    static func values(_ classifier: SequenceClassifier, _ prefix: String) -> [[Float]] {
        classifier.layout.parameters.filter { $0.name.hasPrefix(prefix) }.map { classifier.parameters[$0.block].values }
    }

    // MARK: Weights

    /// The same numbers, whatever the file calls them, and however precisely it has them.
    @Test(arguments: ["unprefixed", "gamma", "F16", "BF16", "unaligned", "buffers"])
    func readsWhatOthersWrite(_ variant: String) throws {
        var tensors = try Self.tensors()
        var tolerance: Float = 0
        for index in tensors.indices {
            switch variant {
            case "unprefixed": tensors[index].name.replace(/^bert\./, with: "")
            case "gamma":
                tensors[index].name.replace("LayerNorm.weight", with: "LayerNorm.gamma")
                tensors[index].name.replace("LayerNorm.bias", with: "LayerNorm.beta")
            case "F16", "BF16":
                tensors[index].dtype = variant
                let floats = tensors[index].bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
                let halves = floats.map {
                    variant == "F16" ? Float16($0).bitPattern : UInt16(truncatingIfNeeded: $0.bitPattern >> 16)
                }
                tensors[index].bytes = halves.withUnsafeBytes { Data($0) }
                tolerance = variant == "F16" ? 0x1p-11 : 0x1p-7
            default: break
            }
        }
        if variant == "unaligned" {
            tensors.insert(Tensor(name: "x", dtype: "U8", shape: [3], bytes: Data(count: 3)), at: 0)
        }
        if variant == "buffers" {
            let name = "bert.embeddings.position_ids"
            tensors.insert(Tensor(name: name, dtype: "I64", shape: [1, 16], bytes: Data(count: 128)), at: 0)
        }
        let expected = try ModelFolder(contentsOf: Self.original).classifier
        try Self.withModel(tensors.reversed()) { folder in
            let classifier = try ModelFolder(contentsOf: folder).classifier
            for (found, wanted) in zip(Self.values(classifier, ""), Self.values(expected, "")) {
                #expect(zip(found, wanted).allSatisfy { abs($0 - $1) <= tolerance * abs($1) })
            }
        }
    }

    /// The layers' names are nobody's; those in the file are the family's.
    @Test func tensorsAreCalledAsTheFamilyCallsThem() throws {
        let model = try ModelFolder(contentsOf: Self.original)
        let file = try SafeTensors(contentsOf: Self.original.appending(path: "model.safetensors"))
        #expect(Set(model.tensors.map(\.name)) == Set(file.tensors.keys))
        #expect(model.tensors.map(\.name).contains("bert.encoder.layer.1.attention.self.query.weight"))
        let names = model.classifier.layout.parameters.map(\.name)
        #expect(names.contains("layers.1.attention.query.weight") && !names.contains { $0.contains("bert") })
    }

    @Test func readsShards() throws {
        let tensors = try Self.tensors()
        try Self.withModel([]) { folder in
            try FileManager.default.removeItem(at: folder.appending(path: "model.safetensors"))
            let parts = [("a.safetensors", tensors.prefix(7)), ("b.safetensors", tensors.dropFirst(7))]
            var map: [String: String] = [:]
            for (file, part) in parts {
                try Self.write(Array(part), to: folder.appending(path: file))
                for tensor in part { map[tensor.name] = file }
            }
            let index = folder.appending(path: "model.safetensors.index.json")
            try JSONEncoder().encode(["weight_map": map]).write(to: index)
            let expected = try ModelFolder(contentsOf: Self.original).classifier
            #expect(Self.values(try ModelFolder(contentsOf: folder).classifier, "") == Self.values(expected, ""))

            // A file elsewhere is none of the model's.
            try JSONEncoder().encode(["weight_map": ["x": "../model/a.safetensors"]]).write(to: index)
            let error = #expect(throws: ModelError.self) { try ModelFolder(contentsOf: folder) }
            #expect(error?.description.contains("not a file of this folder") == true)
        }
    }

    /// Shapes that no tensor has, and heads that do not choose.
    @Test(arguments: [
        ([-3, 16], "not a valid safetensors file"), ([3_000_000_000, 16], "not a valid safetensors file"),
        ([1, 48], "with 1 labels"),
    ])
    func shapesThatCannotBeAreRefused(_ shape: [Int], _ message: String) throws {
        var tensors = try Self.tensors()
        let index = try #require(tensors.firstIndex { $0.name == "classifier.weight" })
        tensors[index].shape = shape
        try Self.withModel(tensors) { folder in
            let config = folder.appending(path: "config.json")
            let isUnnamed = try replace("\"id2label\"", by: "\"x\"", in: config)
            #expect(isUnnamed)
            let error = #expect(throws: ModelError.self) { try ModelFolder(contentsOf: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    /// One table for all that is wrong.
    @Test func namesEveryTensorThatDoesNotFit() throws {
        var tensors = try Self.tensors()
        let removed = tensors.remove(at: 5).name
        tensors[2].shape = tensors[2].shape.reversed()
        tensors[3].dtype = "I32"
        tensors.append(Tensor(name: "adapter.weight", shape: [1], bytes: Data(count: 4)))
        try Self.withModel(tensors) { folder in
            let error = #expect(throws: ModelError.self) { try ModelFolder(contentsOf: folder) }
            let lines = (error?.description ?? "").split(separator: "\n")
            for (name, problem) in [
                (removed, "missing"), (tensors[2].name, "of shape [16, 2], not [2, 16]"),
                (tensors[3].name, "of type I32"),
                ("adapter.weight", "not used"),
            ] {
                #expect(lines.contains { $0.contains(name) && $0.contains(problem) }, "\(name): \(problem)")
            }
        }
    }

    // MARK: Heads

    @Test func encodersGetAHead() throws {
        let encoder = try Self.tensors().filter { !$0.name.hasPrefix("classifier") && !$0.name.contains("pooler") }
        let mask = Tensor(name: "cls.predictions.bias", shape: [40], bytes: Data(count: 160))
        try Self.withModel(encoder + [mask]) { folder in
            #expect(
                try replace(
                    "BertForSequenceClassification", by: "BertForMaskedLM", in: folder.appending(path: "config.json")))
            let error = #expect(throws: ModelError.self) { try ModelFolder(contentsOf: folder) }
            #expect(error?.description.contains("has no classifier") == true)

            let (model, notices) = try Self.pretrained(folder, labels: ["no", "yes"], pooling: .cls)
            #expect(model.classifier.configuration.labels == ["no", "yes"])
            for name in ["classifier.weight", "bert.pooler.dense.bias", "cls.predictions.bias"] {
                #expect(notices.contains { $0.contains(name) }, "\(name)")
            }
            let expected = try ModelFolder(contentsOf: Self.original).classifier
            for part in ["embeddings", "layers"] {
                #expect(Self.values(model.classifier, part) == Self.values(expected, part))
            }
            #expect(Self.values(model.classifier, "classifier.weight")[0].allSatisfy { $0 != 0 && abs($0) < 0.15 })
            // Without a word about it, the mean is read, and so no pooler.
            #expect(try replace("\"pooling\": \"cls\"", by: "\"x\": 0", in: folder.appending(path: "config.json")))
            #expect(try Self.pretrained(folder).model.classifier.configuration.pooling == .mean)
        }
    }

    /// It stays only if it can go on as it is.
    @Test func headsAreKeptOrReplaced() throws {
        let expected = Self.values(try ModelFolder(contentsOf: Self.original).classifier, "classifier")
        let (kept, none) = try Self.pretrained(Self.original, labels: ["positive", "negative"])
        #expect(kept.classifier.configuration.labels == Self.labels && none.isEmpty)
        #expect(Self.values(kept.classifier, "classifier") == expected)

        let (other, notices) = try Self.pretrained(Self.original, labels: ["positive", "furious"])
        #expect(other.classifier.configuration.labels == ["positive", "furious"])
        #expect(notices.contains { $0.contains("a new one is put in its place") })

        let (mean, _) = try Self.pretrained(Self.original, pooling: .mean)
        #expect(mean.classifier.configuration.pooling == .mean)
        #expect(Self.values(mean.classifier, "classifier") != expected)
    }

    /// Token classifiers call their head the same.
    @Test func otherHeadsAreNotTaken() throws {
        try Self.withModel(Self.tensors()) { folder in
            #expect(
                try replace(
                    "BertForSequenceClassification", by: "BertForTokenClassification",
                    in: folder.appending(path: "config.json")))
            #expect(throws: ModelError.self) { try ModelFolder(contentsOf: folder) }
            let (model, notices) = try Self.pretrained(folder, labels: Self.labels, pooling: .cls)
            #expect(notices.contains { $0.contains("classifier.weight") && $0.contains("not used") })
            let expected = Self.values(try ModelFolder(contentsOf: Self.original).classifier, "classifier")
            #expect(Self.values(model.classifier, "classifier") != expected)
        }
    }

    @Test(arguments: [
        (#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#, Configuration.Pooling.cls),
        (#"{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#, .mean),
        (#"{"word_embedding_dimension": 16, "pooling_mode": "cls"}"#, .cls),
        (#"{"pooling_mode_max_tokens": true}"#, nil),
    ])
    func sentenceTransformersSayHowTheyPool(_ json: String, _ pooling: Configuration.Pooling?) throws {
        let encoder = try Self.tensors().filter { !$0.name.hasPrefix("classifier") }
        try Self.withModel(encoder) { folder in
            let config = folder.appending(path: "config.json")
            #expect(try replace("\"pooling\": \"cls\"", by: "\"x\": 0", in: config))
            let file = folder.appending(path: "1_Pooling/config.json")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(json.utf8).write(to: file)
            if let pooling {
                #expect(try Self.pretrained(folder).model.classifier.configuration.pooling == pooling)
            } else {
                let error = #expect(throws: ModelError.self) { try Self.pretrained(folder) }
                #expect(error?.description.contains("--pooling") == true)
            }
            // An answer on the command line counts more.
            #expect(try Self.pretrained(folder, pooling: .mean).model.classifier.configuration.pooling == .mean)
        }
    }

    // MARK: Configuration

    /// What would change the arithmetic is refused by its name.
    @Test(arguments: [
        #""position_embedding_type": "relative_key""#, #""is_decoder": true"#, #""add_cross_attention": true"#,
        #""pruned_heads": {"1": [0]}"#, #""quantization_config": {"bits": 8}"#, #""auto_map": {"AutoModel": "x.Y"}"#,
        #""hidden_act": "silu""#, #""model_type": "gpt2""#, #""problem_type": "regression""#,
    ])
    func otherArithmeticIsRefused(_ entry: String) throws {
        let key = String(entry.split(separator: "\"")[0])
        try Self.withModel(Self.tensors()) { folder in
            let file = folder.appending(path: "config.json")
            var config = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
            let change = try JSONSerialization.jsonObject(with: Data("{\(entry)}".utf8)) as? [String: Any]
            config.merge(try #require(change)) { $1 }
            try JSONSerialization.data(withJSONObject: config).write(to: file)
            var message = ""
            do { _ = try ModelFolder(contentsOf: folder) } catch { message = "\(error)" }
            #expect(message.contains(key) && message.contains("config.json"), "\(message)")
        }
    }

    /// What changes nothing is not; what is missing is BERT's.
    @Test func harmlessKeysAreNotRefused() throws {
        try Self.withModel(Self.tensors()) { folder in
            let file = folder.appending(path: "config.json")
            var config = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
            for key in ["model_type", "hidden_act", "layer_norm_eps", "type_vocab_size", "initializer_range"] {
                config[key] = nil
            }
            config.merge([
                "position_embedding_type": "absolute", "is_decoder": false, "pruned_heads": [String: Int](),
                "auto_map": NSNull(), "classifier_dropout": 0.25, "use_cache": true,
            ]) { $1 }
            try JSONSerialization.data(withJSONObject: config).write(to: file)
            let configuration = try ModelFolder(contentsOf: folder).classifier.configuration
            #expect(configuration.activation == .gelu && configuration.layerNormEpsilon == 1e-12)
            #expect(configuration.classifierDropout == 0.25 && configuration.dropout == 0.1)
        }
    }
}
