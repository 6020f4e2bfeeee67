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
import Training
import Transformer

/// Trainings of very small models, from files to files.
@Suite struct TrainerTests {
    struct Stop: Error {}

    static let texts = [
        ("a wonderful film", "positive"), ("wonderful food and a wonderful room", "positive"),
        ("great, simply great", "positive"), ("a great book", "positive"), ("great room", "positive"),
        ("an awful film", "negative"), ("awful food and an awful room", "negative"),
        ("boring, simply boring", "negative"), ("a boring book", "negative"), ("awful, boring", "negative"),
    ]

    static func request(in folder: URL, output: String = "model") throws -> TrainingRequest {
        let data = folder.appending(path: "train.tsv")
        try Data(texts.map { "\($0)\t\($1)\n" }.joined().utf8).write(to: data)
        var request = TrainingRequest(train: data.path, output: folder.appending(path: output).path)
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
    @Test(arguments: [1, 4, 9]) func resumesAsIfNeverStopped(_ steps: Int) throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let (whole, parts) = (try Self.request(in: folder, output: "a"), try Self.request(in: folder, output: "b"))
            _ = try Self.train(whole, store)
            let first = try Self.train(parts, store, interruptAfter: steps)
            #expect(first.wasInterrupted)
            #expect(try store.run(first.run).status == .interrupted)
            // Even at the first step there is a model: the current one.
            _ = try ModelFolder(contentsOf: URL(filePath: parts.output))

            var trainer = try Trainer(resuming: first.run, store: store, report: { _ in }, isInterrupted: { false })
            _ = try trainer.run()
            #expect(try Self.weights(whole) == Self.weights(parts))
            func values(_ run: Int64) throws -> [[String]] {
                try store.metrics(of: run).filter { $0.name != "tokens_per_second" }.map {
                    [$0.split.rawValue, $0.name, "\($0.step)", "\($0.value ?? 0)"]
                }
            }
            #expect(try values(1) == values(2))
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

    // MARK: Fine-tuning

    /// Trains a base model, then fine-tunes it with `change`; returns the base and the result.
    static func fineTune(
        _ change: (inout TrainingRequest) -> Void, interruptAfter steps: Int = .max
    ) throws -> (base: ModelFolder, tuned: ModelFolder, data: Data) {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try request(in: folder, output: "base")
            request.hyperparameters.layers = 3
            request.hyperparameters.epochs = 1
            request.hyperparameters.dropout = 0.1
            _ = try train(request, store)
            let base = request.output
            request = try self.request(in: folder, output: "tuned")
            request.model = base
            request.hyperparameters.epochs = 3
            change(&request)
            if try train(request, store, interruptAfter: steps).wasInterrupted {
                var trainer = try Trainer(resuming: "run-2", store: store, report: { _ in }, isInterrupted: { false })
                _ = try trainer.run()
            }
            return (
                try ModelFolder(contentsOf: URL(filePath: base)),
                try ModelFolder(contentsOf: URL(filePath: request.output)), try weights(request)
            )
        }
    }

    /// The names of the parameters that differ, without what follows the layer's number.
    static func changed(_ result: (base: ModelFolder, tuned: ModelFolder, data: Data)) -> Set<String> {
        let (base, tuned) = (result.base.classifier, result.tuned.classifier)
        let names = base.layout.parameters.filter {
            base.parameters[$0.block].values != tuned.parameters[$0.block].values
        }.map { String($0.name.prefix { !$0.isNumber }) + $0.name.filter(\.isNumber) }
        return Set(
            names.map { $0.hasPrefix("embeddings") ? "embeddings" : $0.hasPrefix("classifier") ? "head" : $0 })
    }

    @Test(arguments: [
        (TrainLayers.all, false, ["embeddings", "0", "1", "2"]),
        (.head, false, []),
        (.top(1), false, ["2"]),
        (.top(2), false, ["1", "2"]),
        (.top(3), false, ["0", "1", "2"]),
        (.top(1), true, ["embeddings", "2"]),
        (.head, true, ["embeddings"]),
    ])
    func trainsWhatIsAskedFor(
        _ layers: TrainLayers, _ embeddings: Bool, _ expected: [String]
    ) throws {
        let result = try Self.fineTune {
            $0.hyperparameters.trainLayers = layers
            $0.hyperparameters.trainEmbeddings = embeddings
        }
        let parts = expected.map { $0 == "embeddings" ? $0 : "layers." + $0 }
        #expect(Self.changed(result) == Set(parts + ["head"]))
    }

    /// What is frozen takes no part in the optimizer's state, wherever a run is interrupted.
    @Test(arguments: [TrainLayers.head, .top(1)], [1, 4])
    func frozenPartsResume(_ layers: TrainLayers, _ steps: Int) throws {
        func change(_ request: inout TrainingRequest) { request.hyperparameters.trainLayers = layers }
        let interrupted = try Self.fineTune(change, interruptAfter: steps)
        #expect(interrupted.data == (try Self.fineTune(change).data))
    }

    /// Without dropout, several small batches make the same step as a large one.
    @Test func accumulatedGradientsAreThoseOfALargeBatch() throws {
        func weights(_ batchSize: Int, _ accumulation: Int) throws -> [Float] {
            let model = try Self.fineTune {
                $0.hyperparameters.dropout = 0
                $0.hyperparameters.batchSize = batchSize
                $0.hyperparameters.gradientAccumulation = accumulation
                $0.hyperparameters.classWeights = .byLabel(["positive": 3])
                $0.hyperparameters.labelSmoothing = 0.1
            }.tuned.classifier
            return model.parameters[Block(offset: 0, columns: model.layout.count)].values
        }
        let (large, small) = (try weights(6, 1), try weights(2, 3))
        // Adam's first steps take the sign of gradients that are nearly 0.
        let differing = zip(large, small).count { abs($0 - $1) > 1e-4 }
        #expect(Double(differing) < 0.005 * Double(large.count), "\(differing) of \(large.count)")
        #expect(try weights(2, 1) != small)
    }

    @Test func classWeightsAreThoseOfScikitLearn() throws {
        var hyperparameters = Hyperparameters()
        let labels = ["a", "b", "c"]
        #expect(try hyperparameters.classWeights.weights(labels: labels, targets: .one([0, 0, 0, 1])) == nil)
        // As scikit-learn's `compute_class_weight("balanced", …)`.
        hyperparameters.classWeights = .balanced
        #expect(
            try hyperparameters.classWeights.weights(labels: labels, targets: .one([0, 0, 0, 1, 2, 2])) == [
                6.0 / 9, 2, 1,
            ])
        hyperparameters.classWeights = .byLabel(["b": 2.5])
        #expect(try hyperparameters.classWeights.weights(labels: labels, targets: .one([])) == [1, 2.5, 1])
        hyperparameters.classWeights = .byLabel(["d": 2.5])
        #expect(throws: TrainingError.self) {
            try hyperparameters.classWeights.weights(labels: labels, targets: .one([]))
        }
    }

    /// Further down, parts learn more slowly; biases and norms do not decay.
    @Test func lowerLayersLearnMoreSlowly() throws {
        let classifier = try Self.fineTune { _ in }.base.classifier
        let groups = classifier.layout.groups(.all, layers: 3, layerDecay: 0.5, weightDecay: 0.1)
        #expect(groups.reduce(0) { $0 + $1.range.count } == classifier.layout.count)
        for parameter in classifier.layout.parameters {
            let group = try #require(groups.first { $0.range.contains(parameter.block.offset) })
            let rates: [(String, Float)] = [
                ("embeddings", 0.0625), ("layers.0", 0.125), ("layers.2", 0.5),
                ("classifier", 1),
            ]
            for (prefix, rate) in rates where parameter.name.hasPrefix(prefix) { #expect(group.learningRate == rate) }
            let decays = parameter.kind == .weight || parameter.kind == .table
            #expect(group.weightDecay == (decays ? 0.1 : 0), "\(parameter.name)")
        }
    }

    @Test func aDivergingTrainingFails() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try Self.request(in: folder)
            request.hyperparameters.learningRate = 1e30
            let error = #expect(throws: TrainingError.self) { try Self.train(request, store) }
            #expect(error?.description.contains("lower --learning-rate") == true)
            #expect(try store.run("1").status == .failed)
            #expect(try store.run("1").error?.contains("lower --learning-rate") == true)
            #expect(!FileManager.default.fileExists(atPath: request.output))
        }
    }

    /// One step can be the last of an epoch, too: what it has done must not be kept then.
    @Test func aModelOfNaNsIsNeverTheBest() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try Self.request(in: folder)
            request.hyperparameters.learningRate = 1e38
            request.hyperparameters.batchSize = 100
            request.hyperparameters.epochs = 1
            #expect(throws: ModelError.self) { try Self.train(request, store) }
            #expect(!FileManager.default.fileExists(atPath: request.output))
        }
    }

    /// Someone else writes to the database, and does not let go of it: the training goes on, and no metric is lost.
    @Test func aLockedDatabaseStopsNothing() throws {
        try withFolder { folder in
            let path = folder.appending(path: "runs.sqlite").path
            let store = try RunStore(path: path, for: .write, patience: 0.1)
            let request = try Self.request(in: folder)
            var settings = GRDB.Configuration()
            settings.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: path, configuration: settings)
            var notices = 0
            _ = try Self.train(request, store) { event in
                switch event {
                case .started:
                    try? other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
                case .notice: notices += 1
                // Metrics are written beside the training: long enough for an attempt to fail.
                case .epoch(let report) where report.epoch == 3: Thread.sleep(forTimeInterval: 0.5)
                case .epoch(let report) where report.epoch == 6:
                    try? other.inDatabase { try $0.execute(sql: "COMMIT") }
                default: break
                }
            }
            #expect(notices == 1)
            #expect(try store.metrics(of: 1).count { $0.name == "accuracy" } == 6)
            #expect(try store.run("1").status == .finished)
        }
    }

    /// A run that fails in the middle leaves the best epoch's model.
    @Test func aFailedRunKeepsTheBestEpoch() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let request = try Self.request(in: folder)
            var patient = GRDB.Configuration()
            patient.busyMode = .timeout(5)
            let other = try DatabaseQueue(path: store.path, configuration: patient)
            _ = try #require(throws: (any Error).self) {
                _ = try Self.train(request, store) { event in
                    // The table is gone, as if the file had been damaged.
                    if case .epoch(let report) = event, report.epoch == 3 {
                        try? other.write { try $0.execute(sql: "DROP TABLE metrics") }
                    }
                }
            }
            _ = try ModelFolder(contentsOf: URL(filePath: request.output))
            #expect(try store.run("1").status == .failed)
        }
    }

    @Test func whatIsNotOursIsNotReplaced() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try Self.request(in: folder)

            // A folder where the checkpoint would be.
            let notes = folder.appending(path: "model.checkpoint/notes.txt")
            try FileManager.default.createDirectory(
                at: notes.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("precious".utf8).write(to: notes)
            #expect(throws: TrainingError.self) { try Self.train(request, store) }
            #expect(try Data(contentsOf: notes) == Data("precious".utf8))
            try FileManager.default.removeItem(at: notes.deletingLastPathComponent())

            // A model that another process has written meanwhile.
            _ = try Self.train(request, store)
            let before = try Self.weights(request)
            try FileManager.default.moveItem(atPath: request.output, toPath: request.output + ".aside")
            request.hyperparameters.seed += 1
            #expect(throws: ModelError.self) {
                try Self.train(request, store) { event in
                    if case .epoch(let report) = event, report.epoch == 1 {
                        try? FileManager.default.moveItem(atPath: request.output + ".aside", toPath: request.output)
                    }
                }
            }
            #expect(try Self.weights(request) == before)

            // A model that is to be replaced, by a run that is interrupted before it has a better one.
            request.overwrite = true
            let result = try Self.train(request, store, interruptAfter: 1)
            #expect(try Self.weights(request) == before)
            #expect(!result.hasWrittenOutput)
        }
    }

    @Test func aDamagedCheckpointIsRefused() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let result = try Self.train(try Self.request(in: folder), store, interruptAfter: 4)
            let file = folder.appending(path: "model.checkpoint/state.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            let changed = text.replacing("\"batch_size\":\"3\"", with: "\"batch_size\":\"0\"")
            #expect(changed != text)
            try Data(changed.utf8).write(to: file)
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("the checkpoint is damaged") == true)
        }
    }

    @Test func aCheckpointOfAnotherVersionIsNotResumed() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let result = try Self.train(try Self.request(in: folder), store, interruptAfter: 4)
            let file = folder.appending(path: "model.checkpoint/state.json")
            // The first version had no number for its format.
            let text = try String(contentsOf: file, encoding: .utf8)
            let changed = text.replacing("\"format\":2", with: "\"other\":2")
            #expect(changed != text)
            try Data(changed.utf8).write(to: file)
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("another version of addnorm has written the checkpoint") == true)
        }
    }

    @Test func changedDataIsNotResumed() throws {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            let request = try Self.request(in: folder)
            let result = try Self.train(request, store, interruptAfter: 2)
            try Data("other\tpositive\nwords\tnegative\n".utf8).write(to: URL(filePath: request.train))
            let error = #expect(throws: TrainingError.self) {
                try Trainer(resuming: result.run, store: store, report: { _ in }, isInterrupted: { false })
            }
            #expect(error?.description.contains("the data has changed") == true)
        }
    }
}

extension RunStore {
    /// A new database in a folder.
    static func temporary(in folder: URL) throws -> RunStore {
        try RunStore(path: folder.appending(path: "\(UUID().uuidString).sqlite").path, for: .write)
    }
}
