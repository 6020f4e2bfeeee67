import Evaluation
import Inference
import Datasets
import Foundation
import Kernels
import Tokenization
import Transformer

/// How fast a model is tokenized for, run and trained on this machine, on texts of one's own.
package struct Benchmark: Encodable {
    /// The speed of work on many texts.
    package struct Throughput: Encodable {
        package let sentences: Int
        package let tokens: Int
        package let seconds: Double
        package let tokensPerSecond: Double
        package let sentencesPerSecond: Double
        /// Billions of floating-point operations per second, counted by what the model needs and not by what was done.
        package let gflops: Double
        /// The share of ``Benchmark/peakGflops`` that was reached.
        package let shareOfPeak: Double
        /// The most memory that the process has had until then, in megabytes.
        package let peakMemoryMb: Double

        init(lengths: [Int], seconds: Double, operations: Double, peak: Double) {
            (sentences, tokens, self.seconds) = (lengths.count, lengths.reduce(0, +), seconds)
            tokensPerSecond = Double(tokens) / seconds
            sentencesPerSecond = Double(sentences) / seconds
            gflops = operations / seconds / 1e9
            shareOfPeak = operations / seconds / peak
            peakMemoryMb = Benchmark.peakMemory / 1e6
        }
    }

    /// The time from one text to its label, in milliseconds, with the model loaded.
    package struct Latency: Encodable {
        package let sentences: Int
        package let p50Ms: Double
        package let p90Ms: Double
        package let p99Ms: Double
    }

    package let model: String
    package let data: String
    package let pooling: String
    package let threads: Int
    package let batchSize: Int
    package let maxLength: Int
    /// What OpenBLAS reaches with large matrices in the same run, in billions of operations per second.
    package let peakGflops: Double
    package let tokenizingTokensPerSecond: Double
    package let classifying: Throughput
    package let latency: Latency
    package let training: Throughput

    /// Measures; this takes as long as the model and the file are large.
    ///
    /// - Parameters:
    ///   - request: the model, the data, and the hyper-parameters of a training with them
    ///   - steps: training steps that are timed
    /// - Throws: an error with a message for a person if model or data cannot be read.
    package init(_ request: TrainingRequest, steps: Int, notice: (String) -> Void) throws {
        var request = request
        var file = try Dataset(contentsOf: request.train, layout: request.layout, labels: .detected)
        var folder = try ModelFolder(
            toTrain: &request, labels: file.labelNames.sorted(), file.hasSeveralLabels ? .multiLabel : .singleLabel,
            texts: file.inputs, notice: notice)
        // The encoder is what is timed.
        folder.ngrams = nil
        let configuration = folder.classifier.configuration
        let (workers, batchSize) = (request.hyperparameters.workers, request.hyperparameters.batchSize)
        let longTexts = request.hyperparameters.longTexts
        (model, data) = (request.model ?? "", file.path)
        (threads, maxLength) = (workers.count, longTexts.maximumLength)
        self.batchSize = batchSize
        pooling = configuration.pooling.rawValue
        let peak = matrixProductPeak(on: workers)
        peakGflops = peak / 1e9

        let texts = file.inputs
        var tokens = 0
        let tokenizing = try Self.seconds(atLeast: 0.5) {
            tokens += try EncodedTexts(texts, folder.tokenizer, longTexts, on: workers).lengths.reduce(0, +)
        }
        tokenizingTokensPerSecond = Double(tokens) / tokenizing

        let examples = try EncodedExamples(&file, for: folder, longTexts, on: workers)
        try request.hyperparameters.checkMemory(for: folder.classifier, examples.sequences, on: workers)
        let lengths = examples.sequences.indices.map(examples.sequences.length)
        var predictor = Predictor(for: folder.classifier, batchSize: batchSize, workers: workers)
        // So that the memory is there.
        _ = predictor.logits(
            folder.classifier,
            try EncodedTexts(Array(texts.prefix(batchSize)), folder.tokenizer, longTexts, on: workers))
        let classified = Self.seconds { _ = predictor.logits(folder.classifier, examples.texts) }
        classifying = Throughput(
            lengths: lengths, seconds: classified,
            operations: configuration.operations(lengths: lengths, training: false), peak: peak)

        let latencies = try texts.prefix(Self.mostLatencies).map { text in
            try Self.seconds {
                _ = predictor.logits(
                    folder.classifier, try EncodedTexts([text], folder.tokenizer, longTexts, on: workers))
            }
        }.sorted()
        func percentile(_ share: Double) -> Double {
            1000 * latencies[min(latencies.count - 1, Int(share * Double(latencies.count)))]
        }
        latency = Latency(
            sentences: latencies.count, p50Ms: percentile(0.5), p90Ms: percentile(0.9), p99Ms: percentile(0.99))

        training = try Self.train(
            folder.classifier, request.hyperparameters, examples: examples, steps: steps, peak: peak, on: workers)
    }

    private static let mostLatencies = 200

    /// Steps as a training takes them.
    private static func train(
        _ classifier: SequenceClassifier, _ hyperparameters: Hyperparameters, examples: EncodedExamples, steps: Int,
        peak: Double, on workers: Workers
    ) throws -> Throughput {
        var hyperparameters = hyperparameters
        hyperparameters.learningRate = 1e-5
        // So many that there are enough steps.
        hyperparameters.epochs = warmUpSteps + steps
        var loop = try TrainingLoop(classifier, hyperparameters, examples: examples, workers: workers)
        func take(_ count: Int) throws -> [Int] {
            var lengths: [Int] = []
            var left = count
            while left > 0, let event = try loop.next() {
                guard case .step(let step) = event else { continue }
                lengths += step.sequences.map { examples.sequences.length($0) }
                left -= 1
            }
            return lengths
        }
        // Memory is taken in the first steps, as far as the batches need it.
        _ = try take(warmUpSteps)
        var lengths: [Int] = []
        let seconds = try seconds {
            lengths = try take(steps)
            _ = loop.learner.classifier
        }
        return Throughput(
            lengths: lengths, seconds: seconds,
            operations: classifier.configuration.operations(lengths: lengths, training: true), peak: peak)
    }

    private static let warmUpSteps = 3

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        try ContinuousClock().measure(body) / .seconds(1)
    }

    /// Repeats short work, so that the clock can tell.
    private static func seconds(atLeast least: Double, _ body: () throws -> Void) rethrows -> Double {
        var sum = 0.0
        while sum < least { sum += try seconds(body) }
        return sum
    }

    /// The most memory that the process has had until now, in bytes.
    private static var peakMemory: Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        #if os(macOS)
            return Double(usage.ru_maxrss)
        #else
            return 1024 * Double(usage.ru_maxrss)
        #endif
    }
}
