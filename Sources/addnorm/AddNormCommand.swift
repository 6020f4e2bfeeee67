import ArgumentParser
import Datasets
import Foundation
import Kernels
import RunStore
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
            Train.self, Evaluate.self, Predict.self, Explain.self, Tokenize.self, Runs.self, BenchmarkCommand.self,
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
            valueName: "file"))
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
    @Option(help: "The format of the input: tsv or lines. (default: by the file's ending; .tsv, else lines)")
    var format: Layout.Format?

    @Option(
        help: ArgumentHelp(
            "The column of the text: a header's name, or a number from 1.", valueName: "column"))
    var textColumn: Layout.Column?

    @Option(
        help: ArgumentHelp(
            "The column of the label: a header's name, or a number from 1.", valueName: "column"))
    var labelColumn: Layout.Column?

    var layout: Layout { Layout(format: format, textColumn: textColumn, labelColumn: labelColumn) }
}

/// The model of `evaluate`, `predict`, `explain` and `tokenize`.
struct ModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder of the model.", valueName: "dir"))
    var model: String

    @Option(help: "Cut off texts after so many tokens, special tokens included. (default: the model's limit)")
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

    func validate() throws {
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length must be at least 2: [CLS] and [SEP].") }
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
        try requirePositive(threads, "--threads")
        try requirePositive(batchSize, "--batch-size")
    }
}

/// Checks a number of things: at least one, and not so many that sums of such numbers could overflow.
func requirePositive(_ value: Int?, _ option: String) throws {
    guard let value else { return }
    if value < 1 { throw ValidationError("\(option) must be at least 1.") }
    if value > 1_000_000_000 { throw ValidationError("\(option) must be at most 1,000,000,000.") }
}

extension Layout.Format: ExpressibleByArgument {}
extension Configuration.Pooling: ExpressibleByArgument {}
extension Configuration.NormPlacement: ExpressibleByArgument {}
extension Layout.Column: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
