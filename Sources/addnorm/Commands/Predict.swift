import ArgumentParser
import Datasets
import Foundation
import Inference
import Reports
import Transformer

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify new text.",
        discussion: """
            Prints one line for each text, in the order of the input: the label, its probability and the text, between tabs. \
            Standard input is answered as it comes. An empty line is a text as well.

              addnorm predict --model models/reviews --text 'Great value, I would buy it again.'
              addnorm predict --model models/reviews new-reviews.txt
              tail -f reviews.log | addnorm predict --model models/reviews --json

            A regression answers with a number in place of the label and its probability; in JSON it is called value.

            With --abstain-below, texts of which the model is less sure get the label null. Where texts can have several \
            labels, these stand between '|', and the probability is that of all of them being right.

            --id-column puts a column of the input before each answer. With --on-bad-row keep, a row that cannot be read is \
            answered by null and, in place of the text, what is wrong (in JSON: error).

              addnorm predict --model models/reviews --id-column id --on-bad-row keep new.csv

            Many processes share the work by --shard I/N: each reads its own part of the files, and with --output writes it to \
            a file of its own, beside a manifest. One that was killed goes on with --resume, and one that has finished does nothing. \
            'shards status' says what is missing, and 'shards merge' makes one file of all.

              addnorm predict --model models/reviews --id-column id --output answers --shard 0/8 --resume new.csv

            A model that reads pairs of texts takes the second one from --text-pair-column, in JSON from text_pair.

            One that was trained to tell whether a text entails another (natural-language inference) tells any labels: \
            --candidate-labels gives them, and each is put into --hypothesis in turn.

              addnorm predict --model models/nli --candidate-labels food,service,price reviews.txt
            """)

    @OptionGroup
    var model: ModelOptions

    @OptionGroup
    var input: TextInput

    @Option(
        help: ArgumentHelp(
            "Print this column of the input before each answer: a header's name or key, or a number from 1.",
            valueName: "column"))
    var idColumn: Layout.Column?

    @Option(
        help: ArgumentHelp(
            "Put these columns of the input into the output, between commas: names of the header or keys, or numbers from 1.",
            valueName: "column,…"),
        transform: { $0.split(separator: ",", omittingEmptySubsequences: false).map { Layout.Column(String($0)) } })
    var keep: [Layout.Column] = []

    @Flag(help: "Print one JSON object for each text, with the probability of every label.")
    var json = false

    @OptionGroup(title: "Many processes")
    var shards: ShardOptions

    @OptionGroup(title: "Many processes")
    var shardOutput: ShardOutputOptions

    @OptionGroup
    var decisions: DecisionOptions

    @OptionGroup(title: "Labels that the model was not trained with")
    var zeroShot: ZeroShotOptions

    @OptionGroup(title: "Long texts")
    var longTexts: LongTextOptions

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    @OptionGroup(title: "Precision")
    var precision: PrecisionOptions

    func validate() throws {
        if shards.shard != nil && input.files.isEmpty { throw ValidationError("--shard is for files.") }
        if keep.contains(.name("")) || Set(keep.map(\.text)).count < keep.count {
            throw ValidationError("--keep has a column twice, or none.")
        }
        if !keep.isEmpty && !input.text.isEmpty { throw ValidationError("--keep is for files.") }
        guard shardOutput.output != nil else { return }
        if input.files.isEmpty { throw ValidationError("--output is for files.") }
        if json { throw ValidationError("--json is for what is printed; --output-format says what --output writes.") }
    }

    func run() throws {
        var classifier = try inference.classifier(model, reading: longTexts, in: precision)
        let zeroShot = try zeroShot.zeroShot(by: classifier.configuration)
        try zeroShot?.requireRoom(in: classifier)
        let configuration = zeroShot?.configuration ?? classifier.configuration
        var layout =
            zeroShot == nil
            ? try input.layout.layout(for: classifier.model.settings)
            : try input.layout.layoutOfSingleTexts(
                for: "With --candidate-labels, the second text is the hypothesis. Give")
        (layout.groupColumn, layout.groupOption, layout.keptColumns) = (idColumn, "--id-column", keep)
        if decisions.abstainBelow != nil && zeroShot == nil {
            try classifier.model.requireLabels(for: "--abstain-below")
        }
        let answerKeys: [Configuration.ProblemType: String] = [.multiLabel: "labels", .regression: "value"]
        let format = AnswerFormat(
            kind: shardOutput.output == nil ? json ? .jsonl : .text : shardOutput.outputFormat,
            answerKey: answerKeys[configuration.problemType] ?? "label", hasID: idColumn != nil, kept: keep,
            hasPairs: layout.secondText == .needed, hasErrors: layout.onBadRow == .keep)
        let shard =
            input.files.isEmpty ? nil : try shards.shard() ?? (shardOutput.output == nil ? nil : .whole)
        let shardInput = try shard.map { try layout.input(of: $0, in: input.files) }
        var part: ShardPart?
        if let shard, let shardInput, let output = shardOutput.output {
            try OutputFile.check(output, besides: input.files + [model.folder])
            let manifest = try ShardManifest(
                shard, of: shardInput, files: input.files, layout: layout, format, model: model,
                options: options(layout, classifier.longTexts))
            part = try shardOutput.open(manifest)
            if part == nil { return }
        }
        var (count, longer, done) = (0, 0, part?.rows ?? 0)
        // Each answer has the probability of every label.
        let mostTexts = max(1, 4_000_000 / configuration.labels.count)
        let hashes = try input.forEachBatchOfRows(ofAtMost: mostTexts, by: layout, shardInput?.pieces) { rows in
            let answered = min(done, rows.count)
            done -= answered
            let rows = rows.dropFirst(answered)
            let read = rows.filter { $0.problem == nil }
            let encoded = try classifier.encode(zeroShot?.pairs(of: read.map(\.text)) ?? read.map(\.input))
            count += encoded.count
            longer += encoded.countOfLonger
            var answers: [AnswerFormat.Answer]
            if configuration.problemType == .regression {
                answers = (encoded.count > 0 ? try classifier.numbers(of: encoded) : []).map { AnswerFormat.Answer($0) }
            } else {
                let predictions =
                    encoded.count == 0
                    ? []
                    : Array(try zeroShot?.predictions(classifier.logits(of: encoded)) ?? classifier.classify(encoded))
                answers = predictions.map {
                    AnswerFormat.Answer($0, of: configuration, abstainBelow: decisions.abstainBelow, format.answerKey)
                }
            }
            answers.reverse()
            let none = AnswerFormat.Answer(without: format.answerKey)
            let lines = try format.lines(rows.map { ($0, $0.problem == nil ? answers.popLast() ?? none : none) })
            if part == nil { try Output.write(lines) } else { try part?.write(lines, rows: rows.count) }
        }
        try part?.finish(inputSha256: Datasets.sha256(ofLines: hashes))
        let longTexts = classifier.longTexts
        if longer > 0 && longTexts.method == .truncate {
            let texts = zeroShot == nil ? "texts" : "pairs of a text and a hypothesis"
            Output.warn(
                "\(longer) of \(count) \(texts) have more than \(longTexts.maximumLength) tokens and were cut off")
        }
    }

    /// What decides about the answers beside model and input.
    private func options(_ layout: Layout, _ longTexts: LongTexts) -> [String: String] {
        let others: [(String, String?)] = [
            ("id_column", idColumn?.text), ("keep", keep.isEmpty ? nil : keep.map(\.text).joined(separator: ",")),
            ("abstain_below", decisions.abstainBelow.map { "\($0)" }), ("precision", precision.precision.rawValue),
            ("max_length", "\(longTexts.maximumLength)"), ("long_texts", longTexts.method.rawValue),
            ("stride", longTexts.stride.map { "\($0)" }),
            (
                "candidate_labels",
                zeroShot.candidateLabels.isEmpty ? nil : zeroShot.candidateLabels.joined(separator: ",")
            ),
            ("hypothesis", zeroShot.hypothesis), ("multi_label", zeroShot.multiLabel ? "true" : nil),
        ]
        return Dictionary(
            layout.settings.map { ($0.name, $0.value) } + others.compactMap { name, value in value.map { (name, $0) } }
        ) { first, _ in first }
    }
}

extension AnswerFormat.Answer {
    /// A number.
    fileprivate init(_ number: Float) {
        self.init(
            object: JSONObject(["value": number]), cells: [Double(number).figure], exactCells: ["\(number)"],
            probabilities: nil)
    }

    /// Labels; null if the answer is less confident than is wanted.
    fileprivate init(
        _ prediction: Prediction, of configuration: Configuration, abstainBelow least: Double?, _ key: String
    ) {
        let names = prediction.names(of: configuration, abstainingBelow: least)
        let probabilities = prediction.probabilities(of: configuration)
        self.init(
            object: JSONObject([key: names, "confidence": prediction.confidence, "probabilities": probabilities]),
            cells: [names?.text ?? "null", Double(prediction.confidence).figure],
            exactCells: [names?.text ?? "", "\(prediction.confidence)"], probabilities: probabilities)
    }

    /// That there is none.
    fileprivate init(without key: String) {
        let isNumber = key == "value"
        self.init(
            object: isNumber
                ? JSONObject([key: String?.none])
                : JSONObject([key: String?.none, "confidence": String?.none, "probabilities": String?.none]),
            cells: isNumber ? ["null"] : ["null", "null"], exactCells: isNumber ? [""] : ["", ""], probabilities: nil)
    }
}

/// Where a shard's answers are written.
struct ShardOutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write the answers into this folder, to part-I-of-N, which appears when it is complete, with a manifest beside it.",
            valueName: "dir"), completion: .directory)
    var output: String?

    @Option(help: ArgumentHelp("What --output writes: jsonl or csv.", valueName: "jsonl|csv"))
    var outputFormat = AnswerFormat.Kind.jsonl

    @Flag(help: "Go on where a process that has not finished this part was; else it begins anew.")
    var resume = false

    func validate() throws {
        if output?.isEmpty == true { throw ValidationError("--output must not be empty.") }
        if resume && output == nil { throw ValidationError("--resume is for --output.") }
        if outputFormat != .jsonl && output == nil { throw ValidationError("--output-format is for --output.") }
        if outputFormat == .text { throw ValidationError("--output-format must be jsonl or csv.") }
    }

    /// Opens the part; nil if it is finished.
    func open(_ manifest: ShardManifest) throws -> ShardPart? {
        guard let output else { return nil }
        switch try ShardPart.open(manifest, in: URL(filePath: output), resumes: resume) {
        case .finished(let rows):
            Output.warn("\(output)/\(manifest.part) is finished, with \(rows.formatted()) rows")
            return nil
        case .unfinished(let part):
            if part.rows > 0 { Output.warn("\(output)/\(manifest.part) goes on after \(part.rows.formatted()) rows") }
            return part
        }
    }
}

extension AnswerFormat.Kind: ExpressibleByArgument {}

/// What a model for natural-language inference is asked.
struct ZeroShotOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Tell which of these labels a text has, by a model that was trained to tell whether a text entails another.",
            valueName: "label,…"),
        transform: {
            $0.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
        })
    var candidateLabels: [String] = []

    @Option(
        help: ArgumentHelp(
            "What a text entails if it has the label that is put in the place of {}. (default: This example is {}.)",
            valueName: "sentence"))
    var hypothesis: String?

    @Flag(help: "A text can have several of the labels, or none.")
    var multiLabel = false

    func validate() throws {
        if let hypothesis, hypothesis.components(separatedBy: ZeroShot.placeholder).count != 2 {
            throw ValidationError("--hypothesis must have the place of the label, {}, in it once.")
        }
        if candidateLabels.contains("") || Set(candidateLabels).count < candidateLabels.count {
            throw ValidationError("--candidate-labels has a label twice, or an empty one.")
        }
        if candidateLabels.isEmpty && (multiLabel || hypothesis != nil) {
            throw ValidationError("--hypothesis and --multi-label are for --candidate-labels.")
        }
    }

    /// - Returns: nil if there are no candidates
    /// - Throws: an error if the model cannot tell.
    func zeroShot(by model: Configuration) throws -> ZeroShot? {
        candidateLabels.isEmpty
            ? nil
            : try ZeroShot(
                candidateLabels, hypothesis: hypothesis ?? "This example is {}.", areSeveral: multiLabel, by: model)
    }
}
