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
import Tokenization
import Training
import Transformer

/// Trainings of very small models, from files to files.
@Suite struct TrainerTests {
    static let texts = [
        ("a wonderful film", "positive"), ("wonderful food and a wonderful room", "positive"),
        ("great, simply great", "positive"), ("a great book", "positive"), ("great room", "positive"),
        ("an awful film", "negative"), ("awful food and an awful room", "negative"),
        ("boring, simply boring", "negative"), ("a boring book", "negative"), ("awful, boring", "negative"),
    ]

    static func request(in folder: URL, output: String = "model") throws -> TrainingRequest {
        let data = folder.appending(path: "train.tsv")
        try Data(texts.map { "\($0)\t\($1)\n" }.joined().utf8).write(to: data)
        var request = TrainingRequest(train: [data.path], output: folder.appending(path: output).path)
        request.dev = data.path
        request.hyperparameters.epochs = 6
        request.hyperparameters.batchSize = 3
        request.hyperparameters.hiddenSize = 16
        request.hyperparameters.heads = 2
        request.hyperparameters.intermediateSize = 32
        request.hyperparameters.layers = 1
        request.hyperparameters.learningRate = 5e-3
        request.hyperparameters.threads = 2
        return request
    }

    static func train(
        _ request: TrainingRequest, _ store: RunStore, interruptAfter steps: Int = .max,
        report: @escaping (TrainingEvent) -> Void = { _ in }
    ) throws -> TrainingResult {
        var asked = 0
        var trainer = try Trainer(request, store: { store }, version: "test", report: report) {
            asked += 1
            return asked >= steps
        }
        return try trainer.run()
    }

    static func weights(_ request: TrainingRequest) throws -> Data {
        try Data(contentsOf: URL(filePath: request.output).appending(path: "model.safetensors"))
    }

    /// The default length is the data's: 128 unless more than one text in a hundred is longer, then as much as they need, up to 512.
    @Test(arguments: [(100, 1, 128, false), (200, 10, 256, true), (400, 10, 512, true), (2000, 10, 512, true)])
    func readsAsFarAsTheDataNeeds(_ words: Int, _ longTexts: Int, _ expected: Int, _ isSaid: Bool) throws {
        try withFolder { folder in
            var request = try Self.request(in: folder)
            let long = (0..<longTexts).map {
                "\(Array(repeating: "awful", count: words).joined(separator: " ")) \($0)\tnegative\n"
            }
            let short = (0..<(100 - longTexts)).map { "a great film \($0)\tpositive\n" }
            try Data((long + short).joined().utf8).write(to: URL(filePath: request.train[0]))
            var notices: [String] = []
            let model = try ModelFolder(
                toTrain: &request, labels: ["negative", "positive"], .singleLabel,
                texts: try Dataset(contentsOf: request.train, layout: Layout(), labels: .one).inputs,
                notice: { notices.append($0) })
            #expect(request.hyperparameters.maxLength == expected)
            #expect(model.classifier.configuration.maximumLength == expected)
            #expect(notices.contains { $0.contains("--max-length") } == isSaid, "\(notices)")
        }
    }

    @Test func learnsAndRecords() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try Self.request(in: folder)
            request.hyperparameters.epochs = 15
            let result = try Self.train(request, store)
            #expect(try #require(result.best).accuracy == 1)
            let run = try store.run("run-1")
            #expect(run.status == .finished)
            #expect(run.finishedAt != nil)
            #expect(try store.params(of: 1).first { $0.name == "hidden_size" }?.value == "16")
            let losses = try store.metrics(of: 1).filter { $0.name == "loss" }
            #expect(losses.count { $0.split == .dev } == 15 && losses.count { $0.split == .train } == 15)
            #expect(try #require(losses.last?.value) < 0.3)
            #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "model.checkpoint").path))
        }
    }

    @Test func theSameSeedGivesTheSameBytes() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let (a, b) = (try Self.request(in: folder, output: "a"), try Self.request(in: folder, output: "b"))
            var c = try Self.request(in: folder, output: "c")
            c.hyperparameters.seed += 1
            for request in [a, b, c] { _ = try Self.train(request, store) }
            #expect(try Self.weights(a) == Self.weights(b))
            #expect(try Self.weights(a) != Self.weights(c))
        }
    }

    /// Interrupted after any number of steps and resumed, a training ends with the same bytes and the same records.
    /// With BatchNorm, what it remembers goes on, too; and so does a tokenizer of another kind.
    @Test(arguments: [
        (1, AddNormVariant.Norm.layerNorm, SubwordKind.wordPiece), (4, .layerNorm, .wordPiece), (9, .layerNorm, .bpe),
        (9, .batchNorm, .unigram),
    ])
    func resumesAsIfNeverStopped(_ steps: Int, _ norm: AddNormVariant.Norm, _ kind: SubwordKind) throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var (whole, parts) = (try Self.request(in: folder, output: "a"), try Self.request(in: folder, output: "b"))
            (whole.hyperparameters.norm, parts.hyperparameters.norm) = (norm, norm)
            (whole.hyperparameters.tokenizer, parts.hyperparameters.tokenizer) = (kind, kind)
            (whole.hyperparameters.logLayerNorms, parts.hyperparameters.logLayerNorms) = (true, true)
            _ = try Self.train(whole, store)
            let first = try Self.train(parts, store, interruptAfter: steps)
            #expect(first.wasInterrupted)
            #expect(try store.run(first.run).status == .interrupted)
            // Even at the first step there is a model: the current one.
            _ = try ModelFolder(contentsOf: URL(filePath: parts.output))

            var trainer = try Trainer(resuming: first.run, store: store, report: { _ in }, isInterrupted: { false })
            _ = try trainer.run()
            #expect(try Self.weights(whole) == Self.weights(parts))
            #expect(try store.params(of: 2).first { $0.name == "tokenizer" }?.value == kind.rawValue)
            func values(_ run: Int64) throws -> [[String]] {
                try store.metrics(of: run).filter { $0.name != "tokens_per_second" }.map {
                    [$0.split.rawValue, $0.name, "\($0.step)", "\($0.value ?? 0)"]
                }
            }
            #expect(try values(1) == values(2))
            let names = try store.metricNames(of: [1])
            #expect(
                ["grad_norm.embeddings", "grad_norm.layer_1", "grad_norm.head", "activation_norm.layer_1"].allSatisfy(
                    names.contains))
            #expect(try store.run(first.run).status == .finished)
            #expect(throws: TrainingError.self) {
                try Trainer(resuming: first.run, store: store, report: { _ in }, isInterrupted: { false })
            }
        }
    }

    @Test func goesOnWithATrainedModel() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var first = try Self.request(in: folder, output: "a")
            first.hyperparameters.epochs = 15
            _ = try Self.train(first, store)
            var second = try Self.request(in: folder, output: "b")
            second.model = first.output
            second.hyperparameters.epochs = 1
            let result = try Self.train(second, store)
            #expect(try #require(result.best).accuracy == 1)
            #expect(try store.run(result.run).model == first.output)
        }
    }

    @Test func endsWhenNoEpochIsBetterAnyMore() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try Self.request(in: folder)
            // So large a rate that nothing improves any more long before the last epoch.
            request.hyperparameters.learningRate = 5e-2
            request.hyperparameters.epochs = 40
            request.hyperparameters.earlyStopping = 2
            let result = try Self.train(request, store)
            #expect(result.epochs < 40)
            #expect(result.epochs == (result.best?.epoch ?? 0) + 2)
        }
    }

    @Test func holdsOutOfEveryLabel() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try Self.request(in: folder)
            request.dev = nil
            request.hyperparameters.devFraction = 0.4
            var notices: [String] = []
            var sizes: [Int] = []
            _ = try Self.train(request, store) { event in
                if case .notice(let text) = event { notices.append(text) }
                if case .started(_, _, _, let examples, let devExamples, _) = event { sizes = [examples, devExamples] }
            }
            #expect(sizes == [6, 4])
            #expect(notices.contains { $0.contains("4 of 10 training examples are held out") })
        }
    }
}

extension RunStore {
    /// A new database in a folder.
    static func temporary(in folder: URL) throws -> RunStore {
        try RunStore(path: folder.appending(path: "\(UUID().uuidString).sqlite").path, for: .write)
    }
}
