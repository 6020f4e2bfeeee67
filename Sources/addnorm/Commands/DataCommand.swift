import ArgumentParser
import Datasets
import Escaping
import Experiments
import Foundation
import Inference
import Kernels
import Reports
import Training
import Transformer

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Look at labelled files before training with them.",
        discussion: """
            Prints what 'train' says of its data before it begins: how often each label occurs, how long the texts are, rows \
            that cannot be read, texts that occur more than once, those of them whose labels differ, and texts that stand in \
            more than one of the files. Texts are the same if only case and white space are different.

              addnorm data train.csv dev.csv --model models/minilm-l6
              addnorm data reviews.jsonl --on-bad-row skip --json

            --suspects shows the rows whose labels are most likely wrong (confident learning, Northcutt 2021): the file is \
            split into \(CrossValidation.folds) parts, each is classified by a model that was trained on the others, with the options of 'train', and \
            what these say is compared with the labels. That is done \(CrossValidation.rounds) times, with other parts, and takes about as long as \
            \(CrossValidation.rounds * (CrossValidation.folds - 1)) trainings.

              addnorm data train.tsv --model models/minilm-l6 --suspects 50

            --split writes parts of the files, as train.csv, dev.csv and test.csv in the folder --output: each has about the same \
            share of every label, and what belongs together stays together: texts that are the same, and with --by all texts \
            of one author, say. The same --seed gives the same parts.

              addnorm data all.csv --split 80/10/10 --output parts --by author

            --next shows which of the texts of --unlabelled to label next: those that a classifier, fitted to the labelled files in \
            seconds, is most in doubt about, and that differ from each other; the most uncertain first. With --model, it reads texts as the \
            vectors of 'addnorm embed', else as a bag of words. Texts that are labelled already are passed over.

              addnorm data train.tsv --unlabelled texts.txt --next 100
            """)

    @Argument(
        help: ArgumentHelp("Labelled texts; the training data first, if there are several.", valueName: "file"),
        completion: .file())
    var files: [String]

    @Option(
        help: ArgumentHelp(
            "The folder of the model whose tokens are counted, and that --suspects trains, or whose vectors --next compares. (default: a new model, with a vocabulary learned from the first file; for --next a bag of words)",
            valueName: "dir"), completion: .directory)
    var model: String?

    @Option(help: ArgumentHelp("Show the rows of the file whose labels are most likely wrong.", valueName: "n"))
    var suspects: Int?

    @Option(
        help: ArgumentHelp(
            "Split the examples into two or three parts of these sizes, train, dev and test: 80/10/10.",
            valueName: "sizes"))
    var split: SplitSizes?

    @Option(
        help: ArgumentHelp(
            "With --split: keep the texts of each value of this column together: a header's name or key, or a number from 1.",
            valueName: "column"))
    var by: Layout.Column?

    @Option(help: ArgumentHelp("With --split: the folder of the parts.", valueName: "dir"), completion: .directory)
    var output: String?

    @Option(help: ArgumentHelp("Show so many of the texts of --unlabelled, which to label next.", valueName: "n"))
    var next: Int?

    @Option(
        help: ArgumentHelp(
            "With --next: texts without labels, in any format that files have; '-' is standard input. Can be given several times.",
            valueName: "file"), completion: .file())
    var unlabelled: [String] = []

    @Option(
        help: ArgumentHelp(
            "With --next and --model: the vectors of the texts of --unlabelled, which 'addnorm embed --output' has made of the same files with the same model. (default: they are computed)",
            valueName: "file.npy"), completion: .file(extensions: ["npy"]))
    var embeddings: String?

    @Flag(help: "Print one JSON document; with --next one object for each text.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    @OptionGroup(title: "Training")
    var training: TrainingOptions

    @OptionGroup(title: "New models")
    var shape: ShapeOptions

    @OptionGroup(title: "Rarely needed")
    var rare: RareTrainingOptions

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        try requirePositive(suspects, "--suspects")
        if suspects != nil && files.count != 1 { throw ValidationError("--suspects is for one file.") }
        if (split == nil) != (output == nil) { throw ValidationError("--split and --output belong together.") }
        if by != nil && split == nil { throw ValidationError("--by is for --split.") }
        if [split != nil, suspects != nil, next != nil].filter({ $0 }).count > 1 {
            throw ValidationError("Give only one of --split, --suspects and --next.")
        }
        try validateNext()
        _ = try hyperparameters()
    }

    private func hyperparameters() throws -> Hyperparameters {
        try Hyperparameters(training, rare, shape, model: model)
    }

    private func validateNext() throws {
        if (next == nil) != unlabelled.isEmpty { throw ValidationError("--next and --unlabelled belong together.") }
        if embeddings != nil && (next == nil || model == nil) {
            throw ValidationError("--embeddings is for --next with --model.")
        }
        guard next != nil else { return }
        // What is labelled changes what is to be labelled next.
        try requirePositive(next, "--next", atMost: 1000)
        if (files + unlabelled).count(where: { $0 == "-" }) > 1 {
            throw ValidationError("Standard input can be read once.")
        }
        let options = [training.given, rare.given, shape.given].flatMap(\.options)
        if let other = options.first(where: { !["--seed", "--threads", "--problem-type"].contains($0) }) {
            throw ValidationError("\(other) has no meaning with --next, which trains no model.")
        }
    }

    func run() throws {
        var request = TrainingRequest(train: [files[0]], output: "")
        request.model = model.map(database.folder)
        request.layout = layout.layout
        request.hyperparameters = try hyperparameters()
        let workers = request.hyperparameters.workers
        if let split, let output {
            try write(split, to: output, request, on: workers)
        } else if let suspects {
            try show(suspects, request, on: workers)
        } else if let next {
            try showNext(next, request, on: workers)
        } else {
            let report = try DataReport(of: files, request, on: workers)
            if json { try Output.write(json: report) } else { try Output.write(report.text) }
        }
    }

    /// Writes the parts, and says what is in them.
    private func write(_ split: SplitSizes, to folder: String, _ request: TrainingRequest, on workers: Workers) throws {
        var layout = request.layout
        layout.groupColumn = by
        let data = try Dataset(
            contentsOf: files, layout: layout, labels: .reading(request.hyperparameters.problemType))
        for notice in data.notices { Output.warn(notice) }
        let places = try Split(data, shares: split.shares, seed: request.hyperparameters.seed, on: workers).parts
        let paths = split.names.map { "\(folder)/\($0).csv" }
        if let present = paths.first(where: FileManager.default.fileExists) {
            throw OutputError(description: "\(present): is there already; choose another --output")
        }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var outputs = try paths.map { try OutputFile($0, besides: files) }
        for (part, places) in places.enumerated() {
            try outputs[part].write(
                (["text"] + (data.hasPairs ? ["text_pair"] : []) + ["label"] + (by == nil ? [] : ["group"])).csvRow)
            for start in stride(from: 0, to: places.count, by: 1000) {
                let rows = places[start..<min(start + 1000, places.count)].map { place in
                    let example = data.examples[place]
                    return
                        (example.input.parts + [example.label ?? ""] + (example.group.map { [$0] } ?? [])).csvRow
                }
                try outputs[part].write(rows.joined())
            }
        }
        let parts = zip(paths, places.map { data.part($0) })
        if json {
            return try Output.write(
                json: parts.map { JSONObject(["data": $0, "examples": $1.examples.count, "labels": $1.labelCounts]) })
        }
        for (path, part) in parts {
            let labels = part.labelCounts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.formatted())" }
            let counts = part.hasNumbers ? "" : ": " + labels.joined(separator: ", ")
            try Output.write("\(path): \(part.examples.count.formatted()) texts\(counts)\n")
        }
    }

    private func show(_ count: Int, _ request: TrainingRequest, on workers: Workers) throws {
        let display = ProgressDisplay()
        defer { display.finish() }
        let found = try Suspects(request, most: count, on: workers, report: display.show)
        display.finish()
        for notice in found.data.notices { Output.warn(notice) }
        if json {
            return try Output.write(
                json: JSONObject([
                    "data": files[0], "examples": found.data.examples.count,
                    "estimated_errors": found.estimatedErrors, "suspects": found.rows,
                ]))
        }
        let table = ReportTable(
            found.rows,
            [
                .text("row") { "\($0.file):\($0.line)" }, .text("label", \.label), .text("model says", \.suggested),
                .figure("probability") { Double($0.probability) }, .text("text", \.text),
            ])
        try Output.write(
            "\(files[0]): \(found.data.examples.count.formatted()) examples, of which about \(found.estimatedErrors.formatted())"
                + " may be labelled wrongly; the most likely \(found.rows.count):\n\n" + table.text)
    }

    private func showNext(_ count: Int, _ request: TrainingRequest, on workers: Workers) throws {
        let data = try Dataset(
            contentsOf: files, layout: request.layout, labels: .reading(request.hyperparameters.problemType))
        for notice in data.notices { Output.warn(notice) }
        let embedder = try request.model.map {
            TextEmbedder(try EmbeddingModel(contentsOf: URL(filePath: $0)), on: workers)
        }
        var known = try embedder.flatMap { embedder in
            try embeddings.map { try NumPyRows($0, madeBy: embedder) }
        }
        var next = try NextLabels(
            data, count: count, by: embedder, seed: request.hyperparameters.seed, on: workers)
        for file in unlabelled {
            try request.layout.forEachBatch(of: Piece(path: file), ofAtMost: 1000) {
                try next.look(at: $0, of: file, known?.next($0.count))
            }
        }
        try known?.requireEnd()
        if let notice = next.notice { Output.warn(notice) }
        let texts = next.texts
        if texts.isEmpty {
            throw DatasetError(unlabelled.joined(separator: ", "), "has no text that is not labelled already")
        }
        if texts.count < count {
            Output.warn("there are only \(texts.count) of \(count) texts that are not labelled already")
        }
        if json { return try Output.write(jsonLines: texts) }
        for text in texts {
            try Output.write(
                "\(Double(text.uncertainty).figure)\t\("\(text.file):\(text.line)".printable)\t\(text.text.printable)\n"
            )
        }
    }
}

/// The sizes of the parts of data, as a user writes them: `80/10/10`
struct SplitSizes: ExpressibleByArgument {
    /// With a sum of 1.
    let shares: [Double]
    var names: [String] { Array(["train", "dev", "test"].prefix(shares.count)) }

    init?(argument: String) {
        let sizes = argument.split(separator: "/", omittingEmptySubsequences: false).compactMap { Double($0) }
        let sum = sizes.reduce(0, +)
        guard (2...3).contains(sizes.count), sizes.count == argument.split(separator: "/").count,
            sizes.allSatisfy({ $0 > 0 && $0 < 1e9 })
        else { return nil }
        shares = sizes.map { $0 / sum }
    }
}
