import ArgumentParser
import Evaluation
import Inference
import Kernels
import Transformer

/// How inference is run.
struct InferenceOptions: ParsableArguments {
    @Option(help: "Threads to use. (default: one for each processor that may be used)")
    var threads: Int?

    @Option(help: "Texts that are run at a time; long ones are fewer, with 512 tokens together.")
    var batchSize = 32

    var workers: Workers { Workers(announcing: threads) }

    /// Opens a model for texts.
    ///
    /// - Throws: an error that names the file and what is wrong with it, or the option that does not fit the model.
    func classifier(
        _ model: ModelOptions, reading longTexts: LongTextOptions, in precision: PrecisionOptions
    ) throws -> Classifier {
        var folder = try model.load()
        let longTexts = try longTexts.longTexts(model, of: folder)
        let workers = Workers(announcing: threads, emulatesBFloat16: precision.emulation.emulate)
        if precision.precision == .bfloat16 { try folder.requireFloat32(for: "--precision bf16") }
        folder.classifier.convertMatrices(to: precision.precision, on: workers)
        return Classifier(folder, longTexts: longTexts, batchSize: batchSize, on: workers)
    }

    func validate() throws {
        try requirePositive(threads, "--threads", atMost: Workers.mostThreads)
        try requirePositive(batchSize, "--batch-size")
    }
}

extension Workers {
    /// As many threads as are asked for, or one for each processor that may be used; says so if there are fewer.
    init(announcing count: Int?, emulatesBFloat16: Bool = false) {
        self.init(count: count, emulatesBFloat16: emulatesBFloat16)
        if let notice { Output.warn(notice) }
    }
}

/// In how many bits a model computes.
struct PrecisionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "In how many bits the encoder's matrices are multiplied: fp32, or bf16 (16 bits, with sums in 32, on processors with AVX512-BF16).",
            valueName: "fp32|bf16"))
    var precision = Precision.float32

    @OptionGroup
    var emulation: EmulationOptions

    func validate() throws { try precision.requireOption(emulated: emulation.emulate) }
}

/// What is done on processors without instructions for 16 bits.
struct EmulationOptions: ParsableArguments {
    @Flag(
        help:
            "With --precision bf16: compute without the processor's own instructions, to the same bits, but slower than fp32."
    )
    var emulate = false
}

extension Precision: ExpressibleByArgument {}
extension Precision {
    /// The check of options: ``require(emulated:)``.
    func requireOption(emulated: Bool) throws {
        do { try require(emulated: emulated) } catch { throw ValidationError("\(error).") }
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
