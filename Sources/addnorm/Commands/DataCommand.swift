import ArgumentParser
import Datasets
import Experiments
import Foundation
import Kernels
import Reports
import Training

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
            """)

    @Argument(
        help: ArgumentHelp("Labelled texts; the training data first, if there are several.", valueName: "file"),
        completion: .file())
    var files: [String]

    @Option(
        help: ArgumentHelp(
            "The folder of the model whose tokens are counted, and that --suspects trains. (default: a new model, with a vocabulary learned from the first file)",
            valueName: "dir"), completion: .directory)
    var model: String?

    @Option(help: ArgumentHelp("Show the rows of the file whose labels are most likely wrong.", valueName: "n"))
    var suspects: Int?

    @Flag(help: "Print one JSON document.")
    var json = false

    @OptionGroup(title: "Training")
    var training: TrainingOptions

    @OptionGroup(title: "New models")
    var shape: ShapeOptions

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        try requirePositive(suspects, "--suspects")
        if suspects != nil && files.count != 1 { throw ValidationError("--suspects is for one file.") }
        _ = try Hyperparameters(training, shape, model: model)
    }

    func run() throws {
        var request = TrainingRequest(train: [files[0]], output: "")
        request.model = model
        request.layout = layout.layout
        request.hyperparameters = try Hyperparameters(training, shape, model: model)
        let workers = request.hyperparameters.workers
        if let suspects {
            try show(suspects, request, on: workers)
        } else {
            let report = try DataReport(of: files, request, on: workers)
            if json { try Output.write(json: report) } else { try Output.write(report.text) }
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
}
