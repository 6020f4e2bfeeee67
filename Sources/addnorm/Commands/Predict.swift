import ArgumentParser
import Datasets
import Escaping
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

    @Flag(help: "Print one JSON object for each text, with the probability of every label.")
    var json = false

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

    func run() throws {
        var classifier = try inference.classifier(model, reading: longTexts, in: precision)
        let zeroShot = try zeroShot.zeroShot(by: classifier.configuration)
        try zeroShot?.requireRoom(in: classifier)
        let configuration = zeroShot?.configuration ?? classifier.configuration
        let layout =
            zeroShot == nil
            ? try input.layout.layout(for: classifier.model.settings)
            : try input.layout.layoutOfSingleTexts(
                for: "With --candidate-labels, the second text is the hypothesis. Give")
        if decisions.abstainBelow != nil && zeroShot == nil {
            try classifier.model.requireLabels(for: "--abstain-below")
        }
        let labelsKey = configuration.problemType == .multiLabel ? "labels" : "label"
        var (count, longer) = (0, 0)
        // Each answer has the probability of every label.
        let mostTexts = max(1, 4_000_000 / configuration.labels.count)
        try input.forEachBatchOfRows(ofAtMost: mostTexts, by: layout, id: idColumn) { rows in
            let read = rows.filter { $0.problem == nil }
            let encoded = try classifier.encode(zeroShot?.pairs(of: read.map(\.text)) ?? read.map(\.input))
            count += encoded.count
            longer += encoded.countOfLonger
            if configuration.problemType == .regression {
                let numbers = encoded.count > 0 ? try classifier.numbers(of: encoded) : []
                return try write(rows, numbers) { number in
                    (JSONObject(["value": number]), [number.map { Double($0).figure } ?? "null"])
                }
            }
            let predictions =
                encoded.count == 0
                ? [] : Array(try zeroShot?.predictions(classifier.logits(of: encoded)) ?? classifier.classify(encoded))
            try write(rows, predictions) { prediction in
                let names = prediction?.names(of: configuration, abstainingBelow: decisions.abstainBelow)
                return (
                    JSONObject([
                        labelsKey: names, "confidence": prediction?.confidence,
                        "probabilities": prediction?.probabilities(of: configuration),
                    ]), [names?.text ?? "null", prediction.map { Double($0.confidence).figure } ?? "null"]
                )
            }
        }
        let longTexts = classifier.longTexts
        if longer > 0 && longTexts.method == .truncate {
            let texts = zeroShot == nil ? "texts" : "pairs of a text and a hypothesis"
            Output.warn(
                "\(longer) of \(count) \(texts) have more than \(longTexts.maximumLength) tokens and were cut off")
        }
    }

    /// Writes one line for each row, even if --text had several.
    ///
    /// - Parameters:
    ///   - answers: for those of the rows that could be read
    ///   - describe: an answer, or that there is none, for JSON and for a table
    private func write<Answer>(
        _ rows: [Example], _ answers: [Answer],
        _ describe: (Answer?) -> (object: JSONObject, cells: [String])
    ) throws {
        var unused = answers[...]
        let lines = rows.map { row in (row, describe(row.problem == nil ? unused.popFirst() : nil)) }
        if json {
            return try Output.write(
                jsonLines: lines.map { row, answer in
                    JSONObject(
                        ["text": row.problem == nil ? row.text : nil],
                        optional: [
                            "text_pair": row.textPair, "id": idColumn == nil ? nil : row.group ?? "",
                            "error": row.problem,
                        ]
                    ).adding(answer.object)
                })
        }
        let table = lines.map { row, answer in
            let id = idColumn == nil ? [] : [row.group ?? ""]
            let texts = row.problem.map { [$0] } ?? row.input.parts
            return (id + answer.cells + texts).map(\.printable).joined(separator: "\t") + "\n"
        }
        try Output.write(table.joined())
    }
}

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
