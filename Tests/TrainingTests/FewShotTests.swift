import Foundation
import Kernels
import RunStore
import TestSupport
import Testing
import Transformer

import Training

/// Trainings with few texts: the encoder by pairs, then the head.
@Suite struct FewShotTests {
    static let steps = 6

    /// Trains an encoder, and then with few texts from there, perhaps with an interruption.
    static func train(
        in folder: URL, interruptAfter asked: Int = .max, _ change: (inout TrainingRequest) throws -> Void,
        report: @escaping (TrainingEvent) -> Void = { _ in }
    ) throws -> (base: ModelFolder, request: TrainingRequest, store: RunStore) {
        let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
        var base = try TrainerTests.request(in: folder, output: "base")
        base.hyperparameters.epochs = 1
        _ = try TrainerTests.train(base, store)
        var request = try TrainerTests.request(in: folder, output: "few")
        (request.model, request.dev) = (base.output, nil)
        request.hyperparameters = Hyperparameters()
        (request.hyperparameters.threads, request.hyperparameters.epochs) = (2, 4)
        (request.hyperparameters.fewShot, request.hyperparameters.batchSize) = (true, 4)
        request.hyperparameters.contrastiveSteps = steps
        request.hyperparameters.contrastiveLearningRate = 5e-3
        try change(&request)
        try request.hyperparameters.prepare(startingFrom: request.model)
        let result = try TrainerTests.train(request, store, interruptAfter: asked, report: report)
        if result.wasInterrupted {
            var trainer = try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            _ = try trainer.run()
        }
        return (try ModelFolder(contentsOf: URL(filePath: base.output)), request, store)
    }

    /// The labels of texts and what they are: one, of two or more, or several.
    static let rows = [
        "two": "positive negative",
        "three": "positive negative neutral",
        "several": "positive negative positive|neutral neutral",
    ]

    @Test(arguments: ["two", "three", "several"])
    func theEncoderIsTunedByPairsAndAllIsRecorded(_ kind: String) throws {
        try withFolder { folder in
            let labels = Self.rows[kind]!.split(separator: " ")
            var (notices, sizes): ([String], [Int]) = ([], [])
            let (base, request, store) = try Self.train(in: folder) { request in
                let data = TrainerTests.texts.enumerated().map { "\($1.0)\t\(labels[$0 % labels.count])\n" }
                try Data(data.joined().utf8).write(to: folder.appending(path: "few.tsv"))
                request.train = [folder.appending(path: "few.tsv").path]
                request.hyperparameters.contrastiveSteps = 40
                request.hyperparameters.dropout = 0
                request.hyperparameters.batchSize = 10
            } report: { event in
                if case .notice(let text) = event { notices.append(text) }
                if case .started(_, _, let trained, let texts, _, let steps) = event {
                    sizes = [trained, texts, steps]
                }
            }
            let tuned = try ModelFolder(contentsOf: URL(filePath: request.output)).classifier
            #expect(sizes == [tuned.layout.count, 10, 40 + 4])
            #expect(notices.contains { $0.contains("all 10 texts are learned, none are held out") })
            for parameter in base.classifier.layout.parameters where parameter.part != .head {
                #expect(
                    base.classifier.parameters[parameter.block].values != tuned.parameters[parameter.block].values,
                    "\(parameter.name)")
            }
            let metrics = try store.metrics(of: 2)
            let losses = metrics.filter { $0.name == "contrastive_loss" }
            #expect(losses.map(\.step) == Array(1...40))
            #expect(try #require(losses.last?.value) < #require(losses.first?.value) / 2)
            // The head's steps go on from there.
            #expect(metrics.filter { $0.split == .dev && $0.name == "loss" }.map(\.step) == [41, 42, 43, 44])
            let params = Dictionary(uniqueKeysWithValues: try store.params(of: 2).map { ($0.name, $0.value) })
            #expect(
                [params["few_shot"], params["contrastive_steps"], params["train_layers"], params["dev_fraction"]] == [
                    "true", "40", "head", "0",
                ])
        }
    }

    /// Wherever it is interrupted: while the encoder is tuned, while it reads the texts, and while the head is trained.
    @Test(arguments: [1, steps, steps + 1, steps + 2, steps + 3, steps + 9])
    func aTrainingThatIsResumedEndsWithTheSameBytesAndRecords(_ asked: Int) throws {
        func result(_ asked: Int, seed: UInt64 = 42) throws -> (Data, [String]) {
            try withFolder { folder in
                let (_, request, store) = try Self.train(in: folder, interruptAfter: asked) {
                    $0.hyperparameters.seed = seed
                }
                let metrics = try store.metrics(of: 2).filter { $0.name != "tokens_per_second" }
                return (try TrainerTests.weights(request), metrics.map { "\($0.name) \($0.step) \($0.value ?? 0)" })
            }
        }
        let (whole, resumed) = (try result(.max), try result(asked))
        #expect(whole == resumed)
        #expect(try result(.max, seed: 7).0 != whole.0)
    }

    @Test func stepsAreDrawnBalanced() {
        var drawing = BalancedDrawing(.one([0, 0, 0, 0, 0, 0, 0, 1, 1, 2]), count: 8, seed: 1)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<60 {
            let texts = drawing.next()
            #expect(texts.count == 5 && Set(texts).count == 5)
            for text in texts { counts[text] += 1 }
        }
        // Two of each label that has as many, and each text of a label as often as the others, nearly.
        #expect(counts[7...] == [60, 60, 60] && counts[..<7].allSatisfy { (10...25).contains($0) })
    }

    /// More labels than a step has room for take turns; a text that is drawn for two labels is there once.
    @Test func manyLabelsTakeTurns() {
        var drawing = BalancedDrawing(.several((0..<20).map { [$0 / 2, 10] }), count: 8, seed: 1)
        var seen: Set<Int> = []
        for _ in 0..<12 {
            let texts = drawing.next()
            #expect(Set(texts).count == texts.count && (2...8).contains(texts.count))
            seen.formUnion(texts)
        }
        #expect(seen.count == 20)
    }

    @Test func combinationsWithoutMeaningAreRefusedByName() {
        func problem(
            _ model: String? = "m", teacher: String? = nil, isFew: Bool = true,
            _ change: (inout Hyperparameters) -> Void
        ) -> String {
            var hyperparameters = Hyperparameters()
            hyperparameters.fewShot = isFew
            change(&hyperparameters)
            do {
                try hyperparameters.prepare(startingFrom: model, learningFrom: teacher)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(problem { _ in } == "")
        #expect(problem(nil) { _ in } == "--few-shot tunes a pretrained encoder: give one with --model")
        #expect(problem(teacher: "t") { _ in }.hasPrefix("--teacher and --few-shot do not go together"))
        #expect(problem { $0.loraRank = 8 }.hasPrefix("--lora-rank and --few-shot do not go together"))
        #expect(problem { $0.trainLayers = .top(2) }.hasPrefix("--train-layers and --few-shot do not go together"))
        #expect(problem { $0.trainEmbeddings = true }.hasPrefix("--train-embeddings and --few-shot do not"))
        #expect(problem { $0.batchSize = 3 }.hasPrefix("--batch-size must be at least 4 with --few-shot"))
        #expect(problem { $0.contrastiveSteps = 0 } == "--contrastive-steps must be at least 1")
        #expect(problem(isFew: false) { $0.contrastiveSteps = 9 } == "--contrastive-steps is for --few-shot")
        #expect(problem(isFew: false) { $0.devFraction = 0 }.hasPrefix("--dev-fraction must be above 0"))
    }
}
