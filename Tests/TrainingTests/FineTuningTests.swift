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

/// What is trained of a pretrained model, and how fast.
@Suite struct FineTuningTests {
    /// Trains a base model of a form, then fine-tunes it with `change`; returns the base and the result.
    static func fineTune(
        of form: AddNormVariant = AddNormVariant(), _ change: (inout TrainingRequest) -> Void,
        interruptAfter steps: Int = .max
    ) throws -> (base: ModelFolder, tuned: ModelFolder, data: Data) {
        try withFolder { folder in
            let store = try RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)
            var request = try TrainerTests.request(in: folder, output: "base")
            request.hyperparameters.layers = 3
            request.hyperparameters.epochs = 1
            request.hyperparameters.dropout = 0.1
            request.hyperparameters.addNorm = form
            _ = try TrainerTests.train(request, store)
            let base = request.output
            request = try TrainerTests.request(in: folder, output: "tuned")
            request.model = base
            request.hyperparameters.epochs = 3
            change(&request)
            if try TrainerTests.train(request, store, interruptAfter: steps).wasInterrupted {
                var trainer = try Trainer(resuming: "run-2", store: store, report: { _ in }, isInterrupted: { false })
                _ = try trainer.run()
            }
            return (
                try ModelFolder(contentsOf: URL(filePath: base)),
                try ModelFolder(contentsOf: URL(filePath: request.output)), try TrainerTests.weights(request)
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
            names.map {
                $0.hasPrefix("embeddings")
                    ? "embeddings" : $0.hasPrefix("classifier") ? "head" : $0.hasPrefix("finalNorm") ? "finalNorm" : $0
            })
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

    /// The running statistics of a frozen norm stay too, that of the encoder's end among them, which belongs to the last layer.
    @Test(arguments: [
        (TrainLayers.top(1), true, ["embeddings", "layers.2", "finalNorm", "head"]),
        (.head, true, ["embeddings", "head"]),
        (.head, false, ["head"]),
    ])
    func frozenNormsRememberNothing(_ layers: TrainLayers, _ embeddings: Bool, _ expected: [String]) throws {
        let result = try Self.fineTune(of: AddNormVariant(.batchNorm, .pre)) {
            $0.hyperparameters.trainLayers = layers
            $0.hyperparameters.trainEmbeddings = embeddings
        }
        #expect(Self.changed(result) == Set(expected))
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
            let decays = parameter.kind == .weight() || parameter.kind == .table
            #expect(group.weightDecay == (decays ? 0.1 : 0), "\(parameter.name)")
        }
    }
}
