import ArgumentParser
import Evaluation
import Inference
import Kernels

/// How inference is run.
struct InferenceOptions: ParsableArguments {
    @Option(help: "Threads to use. (default: one for each processor)")
    var threads: Int?

    @Option(help: "Texts that are run at a time; long ones are fewer, with 512 tokens together.")
    var batchSize = 32

    var workers: Workers { Workers(announcing: threads) }

    /// Opens a model for texts.
    ///
    /// - Throws: an error that names the file and what is wrong with it, or the option that does not fit the model.
    func classifier(_ model: ModelOptions, reading longTexts: LongTextOptions) throws -> Classifier {
        let folder = try model.load()
        let longTexts = try longTexts.longTexts(model, of: folder)
        return Classifier(folder, longTexts: longTexts, batchSize: batchSize, on: workers)
    }

    func validate() throws {
        try requirePositive(threads, "--threads", atMost: Workers.mostThreads)
        try requirePositive(batchSize, "--batch-size")
    }
}

extension Workers {
    /// As many threads as are asked for, or one for each processor; says so if there are fewer.
    init(announcing count: Int?) {
        self.init(count: count ?? Workers.processors)
        if let notice { Output.warn(notice) }
    }
}

/// What becomes of answers that are not sure.
struct DecisionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Give no answer (null) where it would be less confident than this.", valueName: "p"))
    var abstainBelow: Double?

    func validate() throws {
        guard (0...1).contains(abstainBelow ?? 0) else {
            throw ValidationError("--abstain-below must lie between 0 and 1.")
        }
    }
}

extension ThresholdMetric: ExpressibleByArgument {}
