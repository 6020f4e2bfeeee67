import ArgumentParser
import Datasets
import Foundation
import Kernels
import RunStore
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// `addnorm`
@main
struct AddNormCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "addnorm",
        abstract: "Train a Transformer encoder to classify text, on an ordinary CPU.",
        discussion: """
            A first session:

              addnorm train --train reviews.tsv --output models/reviews
              addnorm evaluate --model models/reviews held-out.tsv
              addnorm predict --model models/reviews --text 'I would go again tomorrow.'
              addnorm runs list

            Results go to standard output, progress and warnings to standard error. Exit status: 0 done, 1 the work failed, \
            64 wrong usage, 130 interrupted with Ctrl-C.
            """,
        version: version,
        subcommands: [
            Train.self, Evaluate.self, Predict.self, Explain.self, DataCommand.self, Tokenize.self, Runs.self,
            BenchmarkCommand.self,
        ]
    )

    /// Of this program; each run records it.
    static let version = "0.1.0"

    static func main() {
        VanishedFile.watch()
        main(nil)
    }
}

/// `--db`
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The SQLite file of runs. (default: $ADDNORM_DB, else addnorm.sqlite in the current folder)",
            valueName: "file"), completion: .file())
    var db: String?

    var path: String {
        let variable = ProcessInfo.processInfo.environment["ADDNORM_DB"] ?? ""
        return db ?? (variable.isEmpty ? "addnorm.sqlite" : variable)
    }

    func validate() throws {
        if db?.isEmpty == true { throw ValidationError("--db must not be empty.") }
    }

    func open(for access: RunStore.Access) throws -> RunStore { try RunStore(path: path, for: access) }
}

/// How input files are read.
struct LayoutOptions: ParsableArguments {
    @Option(
        help: """
            The format of the input: columns between tabs (tsv) or commas (csv), a JSON object on each line (jsonl), a folder \
            for each label with a file for each text (folder), or one text on each line (lines). What is compressed with gzip \
            is inflated. (default: folder if it is one, else by the ending, before .gz if there is that: .tsv, .csv, .jsonl or \
            .ndjson, else lines)
            """)
    var format: Layout.Format?

    @Option(
        help: ArgumentHelp(
            """
            The column of the text: a name of the header, a number from 1, or a key of JSON. Given several times, the columns \
            are joined with a space. (default: text, sentence, review or content; without a header, the first of a TSV file)
            """, valueName: "column"))
    var textColumn: [Layout.Column] = []

    @Option(
        help: ArgumentHelp(
            """
            The column of the label, in the same way. (default: label, sentiment, class or category; without a header, the \
            second of a TSV file)
            """, valueName: "column"))
    var labelColumn: Layout.Column?

    @Option(
        help: ArgumentHelp(
            """
            New names for labels: 1=bad,2=bad,5=good. Rows whose label gets an empty name (3=) are left out; of a text with \
            several labels, only that label. Can be given several times.
            """, valueName: "old=new,…"))
    var labelMap: [LabelMap] = []

    @Option(help: "What becomes of a row that is wrong: it is an error, or it is skipped and counted.")
    var onBadRow = BadRowPolicy.error

    var layout: Layout {
        Layout(
            format: format, textColumns: textColumn, labelColumn: labelColumn,
            labelMap: Dictionary(labelMap.flatMap(\.names)) { first, _ in first }, onBadRow: onBadRow)
    }

    func validate() throws {
        var seen: Set<String> = []
        for (old, _) in labelMap.flatMap(\.names) where !seen.insert(old).inserted {
            throw ValidationError("--label-map has the label '\(old)' twice.")
        }
    }
}

/// New names of labels, as a user writes them: `old=new,…`
struct LabelMap: ExpressibleByArgument {
    let names: [(old: String, new: String)]

    init?(argument: String) {
        var names: [(old: String, new: String)] = []
        for entry in argument.split(separator: ",", omittingEmptySubsequences: false) {
            // The last sign, because a label can have one.
            guard let sign = entry.lastIndex(of: "=") else { return nil }
            let old = entry[..<sign].trimmingCharacters(in: .whitespaces)
            if old.isEmpty { return nil }
            names.append((old, entry[entry.index(after: sign)...].trimmingCharacters(in: .whitespaces)))
        }
        self.names = names
    }
}

/// The model of `evaluate`, `predict`, `explain` and `tokenize`.
struct ModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder of the model.", valueName: "dir"), completion: .directory)
    var model: String

    @Option(
        help: """
            Read so many tokens of a text at a time, special tokens included. (default: the model's limit, or what a model \
            that was trained with --long-texts reads)
            """)
    var maxLength: Int?

    var url: URL { URL(filePath: model) }

    /// Reads the classifier.
    func load() throws -> ModelFolder { try ModelFolder(contentsOf: url, mapped: true, notice: Output.warn) }

    /// - Parameter limit: the model's
    func maximumLength(limit: Int) throws -> Int {
        if let maxLength, maxLength > limit {
            throw ValidationError("--max-length \(maxLength) is more than the model's limit, \(limit).")
        }
        return maxLength ?? limit
    }

    /// As asked for, else as a model that was trained to read long texts in parts, else the limit.
    func maximumLength(of folder: ModelFolder) throws -> Int {
        let length = try maximumLength(limit: folder.classifier.configuration.maximumLength)
        return maxLength == nil ? folder.settings.longTexts?.maximumLength ?? length : length
    }

    func validate() throws {
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length must be at least 2: [CLS] and [SEP].") }
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

/// What is done with long texts.
struct LongTextOptions: ParsableArguments {
    @Option(
        help: """
            What is done with texts that have more than --max-length tokens: truncate (the beginning is read), head-tail (a \
            quarter of the tokens from the beginning, the rest from the end), or windows (all is read, in windows that \
            overlap; the logits are averaged, and in training each window carries its text's label). (default: truncate; \
            for a trained model, as it was trained)
            """)
    var longTexts: LongTexts.Method?

    @Option(
        help: ArgumentHelp(
            "With windows: tokens from the beginning of one to that of the next. (default: half a window)",
            valueName: "tokens"))
    var stride: Int?

    func validate() throws {
        try requirePositive(stride, "--stride")
    }

    /// Refuses a stride where there are no windows.
    func requireWindows(_ method: LongTexts.Method) throws {
        if stride != nil && method != .windows { throw ValidationError("--stride is for --long-texts windows.") }
    }

    /// How a model reads texts: as these options say, else as it was trained.
    func longTexts(_ model: ModelOptions, of folder: ModelFolder) throws -> LongTexts {
        var result = LongTexts(maximumLength: try model.maximumLength(of: folder))
        if let kept = folder.settings.longTexts { (result.method, result.stride) = (kept.method, kept.stride) }
        if let longTexts {
            result.method = longTexts
            // What was kept is for the way that was kept.
            if folder.settings.longTexts?.method != longTexts { result.stride = nil }
        }
        result.stride = stride ?? result.stride
        try requireWindows(result.method)
        return result
    }
}

/// How inference is run.
struct InferenceOptions: ParsableArguments {
    @Option(help: "Threads to use. (default: one for each processor)")
    var threads: Int?

    @Option(help: "Texts that are run at a time; long ones are fewer, with 512 tokens together.")
    var batchSize = 32

    var workers: Workers { Workers(count: threads ?? Workers.processors) }

    func validate() throws {
        try requirePositive(threads, "--threads", atMost: mostThreads)
        try requirePositive(batchSize, "--batch-size")
    }
}

/// Checks a number of things: at least one, and not so many that sums of such numbers could overflow.
func requirePositive(_ value: Int?, _ option: String, atMost most: Int = 1_000_000_000) throws {
    guard let value else { return }
    if value < 1 { throw ValidationError("\(option) must be at least 1.") }
    if value > most { throw ValidationError("\(option) must be at most \(most.formatted()).") }
}

/// Checks a name for a run.
func requireRunName(_ name: String, _ option: String) throws {
    if name.isEmpty || name.allSatisfy(\.isNumber) {
        throw ValidationError("\(option) must not be empty or a number, or it could be taken for a run's id.")
    }
    if name.hasPrefix("-") || name != name.trimmingCharacters(in: .whitespaces) {
        throw ValidationError(
            "\(option) must not begin with '-', which begins an option, nor begin or end with a blank.")
    }
    if name != name.printable { throw ValidationError("\(option) must not contain control characters.") }
}

/// More threads than any machine has would only take time.
let mostThreads = 4096

extension Layout.Format: ExpressibleByArgument {}
extension BadRowPolicy: ExpressibleByArgument {}
extension Configuration.Pooling: ExpressibleByArgument {}
extension Configuration.ProblemType: ExpressibleByArgument {}
extension LongTexts.Method: ExpressibleByArgument {}
extension ThresholdMetric: ExpressibleByArgument {}
extension Configuration.NormPlacement: ExpressibleByArgument {}
extension Layout.Column: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
