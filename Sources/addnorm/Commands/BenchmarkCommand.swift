import ArgumentParser
import Reports
import Training
import Transformer

struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure how fast a model is on this machine.",
        discussion: """
            Tokenizes and classifies the file, one text alone and all in batches, and takes some training steps; nothing is \
            written. The share of the peak compares the arithmetic that the model needs with what OpenBLAS reaches on large \
            matrices in the same run. The machine should be idle.

              addnorm benchmark --model models/minilm-l6 --data reviews.tsv
            """)

    @Option(help: ArgumentHelp("The folder of the model.", valueName: "dir"), completion: .directory)
    var model: String

    @Option(help: ArgumentHelp("Labelled texts.", valueName: "file"), completion: .file())
    var data: String

    @Option(help: "Training steps that are timed.")
    var steps = 50

    @Option(help: "How the model's rows become one. (default: as the model says)")
    var pooling: Configuration.Pooling?

    @Option(help: "Cut off texts after so many tokens. (default: 128, or the model's limit if that is less)")
    var maxLength: Int?

    @OptionGroup(title: "Threads and batches")
    var inference: InferenceOptions

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @Flag(help: "Print one JSON document.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    func validate() throws {
        try requirePositive(steps, "--steps")
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length must be at least 2: [CLS] and [SEP].") }
    }

    func run() throws {
        var request = TrainingRequest(train: [data], output: "")
        request.model = database.folder(ofModel: model)
        request.layout = layout.layout
        request.hyperparameters.kind = .fineTuning
        request.hyperparameters.pooling = pooling
        request.hyperparameters.maxLength = maxLength
        request.hyperparameters.batchSize = inference.batchSize
        request.hyperparameters.threads = inference.threads
        let result = try Benchmark(request, steps: steps, notice: Output.warn)
        if json { try Output.write(json: result) } else { try Output.write(text(of: result)) }
    }

    private func text(of result: Benchmark) -> String {
        let work = [("classifying", result.classifying), ("training", result.training)]
        func count(_ value: Double) -> String { Int(value.rounded()).formatted() }
        let rows = work.map { name, work in
            [
                name, count(work.tokensPerSecond), count(work.sentencesPerSecond), count(work.gflops),
                "\(count(100 * work.shareOfPeak)) %", "\(count(work.peakMemoryMb)) MB",
            ]
        }
        let tokenizing = ["tokenizing", count(result.tokenizingTokensPerSecond), "", "", "", ""]
        let table = ReportTable(
            ["", "tokens/s", "sentences/s", "GFLOP/s", "of peak", "peak memory"],
            [.text, .number, .number, .number, .number, .number], ([tokenizing] + rows).map { $0.map { .text($0) } })
        let latency = result.latency
        return """
            \(result.data): \(result.classifying.sentences.formatted()) sentences, \
            \(result.classifying.tokens.formatted()) tokens; \(result.pooling) pooling, batches of \(result.batchSize), \
            \(result.threads) threads

            \(table.text)
            one sentence: \(latency.p50Ms.figure) ms (median), \(latency.p90Ms.figure) ms (90 %), \
            \(latency.p99Ms.figure) ms (99 %)
            matrix products of OpenBLAS: \(count(result.peakGflops)) GFLOP/s

            """
    }
}

extension Configuration.Pooling: ExpressibleByArgument {}
