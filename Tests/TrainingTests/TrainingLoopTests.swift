import Datasets
import Evaluation
import Foundation
import Inference
import Kernels
import TestSupport
import Testing
import Training
import Transformer

@Suite struct TrainingLoopTests {
    /// What a loop over the texts of ``TrainerTests`` needs, with a new model.
    struct Material {
        let hyperparameters: Hyperparameters
        let classifier: SequenceClassifier
        let examples: EncodedExamples
        let workers = Workers(count: 2)

        init(in folder: URL) throws {
            var request = try TrainerTests.request(in: folder)
            var data = try Dataset(contentsOf: request.train, layout: Layout(), labels: .one)
            let model = try ModelFolder(
                toTrain: &request, labels: data.labelNames.sorted(), .singleLabel, texts: data.inputs,
                notice: { _ in })
            hyperparameters = request.hyperparameters
            classifier = model.classifier
            examples = try EncodedExamples(&data, for: model, hyperparameters.longTexts, on: workers)
        }

        func makeLoop(from earlier: TrainingLoop? = nil) throws -> TrainingLoop {
            guard var earlier else {
                return try TrainingLoop(classifier, hyperparameters, examples: examples, workers: workers)
            }
            return try TrainingLoop(
                earlier.learner.classifier, optimizer: earlier.learner.optimizer, progress: earlier.progress,
                hyperparameters, examples: examples, workers: workers)
        }
    }

    static func values(_ loop: TrainingLoop) -> [Float] {
        var loop = loop
        let classifier = loop.learner.classifier
        return classifier.parameters[Block(offset: 0, columns: classifier.layout.count)].values
    }

    @Test func everyEpochSeesEverySequenceOnce() throws {
        try withFolder { folder in
            let material = try Material(in: folder)
            var loop = try material.makeLoop()
            var (seen, epochs): ([Int], [Int]) = ([], [])
            while let event = try loop.next() {
                switch event {
                case .step(let step): seen += step.sequences
                case .skippedStep(let cause): Issue.record("\(cause)")
                case .epoch:
                    #expect(seen.sorted() == Array(material.examples.sequences.indices))
                    seen = []
                    epochs.append(loop.progress.epoch)
                }
            }
            #expect(epochs == [1, 2, 3, 4, 5, 6])
            #expect(loop.progress.step == loop.totalSteps)
        }
    }

    /// Whoever looks at the parameters in between changes nothing, and sees those of a training that ended there.
    @Test func parametersAreAlwaysUpToDate() throws {
        try withFolder { folder in
            let material = try Material(in: folder)
            var (observed, alone) = (try material.makeLoop(), try material.makeLoop())
            while try observed.next() != nil {
                _ = try alone.next()
                #expect(Self.values(observed) == Self.values(alone))
                _ = observed.learner.classifier
            }
            #expect(Self.values(observed) == Self.values(alone))
        }
    }

    @Test func aLoopGoesOnWhereAnotherHasStopped() throws {
        try withFolder { folder in
            let material = try Material(in: folder)
            var whole = try material.makeLoop()
            while try whole.next() != nil {}
            var first = try material.makeLoop()
            for _ in 0..<7 { _ = try first.next() }
            var second = try material.makeLoop(from: first)
            while try second.next() != nil {}
            #expect(Self.values(second) == Self.values(whole))
        }
    }

    /// All parameters are large: whoever reads them between two steps shares them.
    @Test func readingParametersCopiesNothing() throws {
        try withFolder { folder in
            var loop = try Material(in: folder).makeLoop()
            func address() -> Int {
                loop.learner.classifier.parameters.withUnsafeBytes(of: Block(offset: 0, columns: 1)) {
                    Int(bitPattern: $0.baseAddress)
                }
            }
            _ = try loop.next()
            let before = address()
            var copy = FloatBuffer(count: loop.learner.trainedCount)
            do {
                let (classifier, optimizer) = (loop.learner.classifier, loop.learner.optimizer)
                loop.learner.copyTrained(to: &copy)
                #expect(address() == before)
                #expect(classifier.layout.count > 0 && optimizer.step == 1)
            }
            var best: FloatBuffer? = copy
            loop.learner.withTrained(from: &best) { _ in }
            #expect(address() == before)
        }
    }

    @Test func theBestParametersAreExchangedForAWhile() throws {
        try withFolder { folder in
            let material = try Material(in: folder)
            var loop = try material.makeLoop()
            let before = Self.values(loop)
            var best: FloatBuffer? = FloatBuffer(count: loop.learner.trainedCount)
            if var copy = best.take() {
                loop.learner.copyTrained(to: &copy)
                best = copy
            }
            for _ in 0..<3 { _ = try loop.next() }
            let after = Self.values(loop)
            var seen: [Float] = []
            loop.learner.withTrained(from: &best) { classifier in
                seen = classifier.parameters[Block(offset: 0, columns: classifier.layout.count)].values
            }
            #expect(seen == before)
            #expect(Self.values(loop) == after && after != before)
        }
    }
}
