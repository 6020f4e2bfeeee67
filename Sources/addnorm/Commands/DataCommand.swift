import ArgumentParser
import Datasets
import Foundation
import Kernels
import Tokenization
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// `addnorm data`
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
        var request = TrainingRequest(train: files[0], output: "")
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
                json: Document(
                    data: files[0], examples: found.data.examples.count, estimatedErrors: found.estimatedErrors,
                    suspects: found.rows))
        }
        var table = TextTable(header: ["row", "label", "model says", "probability", "text"], numeric: [3])
        for row in found.rows {
            table.rows.append([
                "\(row.file):\(row.line)", row.label, row.suggested, Double(row.probability).figure, row.text.printable,
            ])
        }
        try Output.write(
            "\(files[0]): \(found.data.examples.count.formatted()) examples, of which about \(found.estimatedErrors.formatted())"
                + " may be labelled wrongly; the most likely \(found.rows.count):\n\n" + table.text)
    }

    private struct Document: Encodable {
        let data: String
        let examples: Int
        let estimatedErrors: Int
        let suspects: [Suspects.Row]
    }
}

// MARK: As text

extension DataReport {
    /// With more, the least frequent labels are not listed.
    private static let mostLabels = 20

    /// For a person.
    var text: String {
        var lines: [String] = []
        for file in files {
            lines.append("\(file.data.printable): \(Self.count(file.examples, "text"))")
            lines += facts(of: file).map { name, fact in
                "  " + name.padding(toLength: 15, withPad: " ", startingAt: 0) + fact
            }
        }
        for leak in leaks {
            lines.append(
                "\(leak.texts.formatted()) \(leak.texts == 1 ? "text stands" : "texts stand") both in \(leak.training) and in \(leak.heldOut)"
                    + (leak.training == files[0].data ? " (--drop-leaked leaves them out of training)" : ""))
            lines += leak.first.map { "  " + $0.text(labels: false) }
        }
        if droppedLeaks > 0 {
            lines.append(
                "left out of the training data because they stand in the held-out data too: \(Self.count(droppedLeaks, "text"))"
            )
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number.formatted()) \(noun)\(number == 1 ? "" : "s")"
    }

    private func facts(of file: File) -> [(name: String, fact: String)] {
        let labels = file.labels.sorted { ($1.examples, $0.label) < ($0.examples, $1.label) }
        let listed = (labels.count > Self.mostLabels ? Array(labels.prefix(Self.mostLabels)) : file.labels)
            .map {
                "\($0.label.shortened(to: 60)) \($0.examples.formatted()) (\(String(format: "%.1f", 100 * $0.share)) %)"
            }
        let more = labels.count > Self.mostLabels ? ", … (\(labels.count) labels)" : ""
        let tokens = file.tokens
        var facts = [
            ("labels", listed.joined(separator: ", ") + more),
            (
                "tokens",
                "\(tokens.min) to \(tokens.max.formatted()), median \(tokens.median), 95 % up to \(tokens.p95.formatted()); "
                    + (file.longerTexts == 0
                        ? "none longer than \(maxLength)"
                        : "\(Self.count(file.longerTexts, "text")) longer than \(maxLength) (\(treatment))")
            ),
        ]
        if !file.unknownLabels.isEmpty {
            let names = file.unknownLabels.prefix(Self.mostLabels).map { "'\($0)'" }.joined(separator: ", ")
            facts.append(("unknown labels", "not in \(files[0].data): \(names)"))
        }
        if file.unlabeled > 0 { facts.append(("without label", Self.count(file.unlabeled, "text"))) }
        if file.emptyTexts > 0 { facts.append(("empty", Self.count(file.emptyTexts, "text"))) }
        if file.badRows > 0 {
            facts.append(("bad rows", "\(file.badRows.formatted()) skipped"))
            facts += file.firstBadRows.map { ("", $0) }
        }
        if !file.unusedLabelMapKeys.isEmpty {
            facts.append(
                ("label map", "no row has \(file.unusedLabelMapKeys.map { "'\($0)'" }.joined(separator: ", "))"))
        }
        if file.leftOut > 0 { facts.append(("left out", "\(Self.count(file.leftOut, "row")), by --label-map")) }
        for (name, repeated) in [("duplicates", file.duplicates), ("contradictions", file.contradictions)]
        where repeated.texts > 0 {
            let what = name == "duplicates" ? "more than once" : "with different labels"
            facts.append(
                (
                    name,
                    "\(Self.count(repeated.texts, "text")) \(what), in \(Self.count(repeated.texts + repeated.rows, "row"))"
                ))
            facts += repeated.first.map { ("", $0.text(labels: name == "contradictions")) }
        }
        return facts
    }

    private var treatment: String {
        switch longTexts {
        case .truncate: "cut off there"
        case .headTail: "read at their beginning and end"
        case .windows: "read in windows"
        }
    }
}

extension DataReport.Occurrences {
    fileprivate func text(labels: Bool) -> String {
        let places = places.map { "\($0.file):\($0.line)" + (labels ? " \($0.label)" : "") }.joined(separator: ", ")
        return "\(places): \(text.printable.shortened(to: 60))"
    }
}
