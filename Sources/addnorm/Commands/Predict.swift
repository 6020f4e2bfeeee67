import ArgumentParser
import Datasets
import Escaping
import Inference
import Reports

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

    @OptionGroup(title: "Long texts")
    var longTexts: LongTextOptions

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    func run() throws {
        var classifier = try inference.classifier(model, reading: longTexts)
        let configuration = classifier.configuration
        if decisions.abstainBelow != nil { try classifier.model.requireLabels(for: "--abstain-below") }
        let isRegression = configuration.problemType == .regression
        let labelsKey = configuration.problemType == .multiLabel ? "labels" : "label"
        var (count, longer) = (0, 0)
        // Each answer has the probability of every label.
        let mostTexts = max(1, 4_000_000 / configuration.labels.count)
        try input.forEachBatchOfRows(ofAtMost: mostTexts, id: idColumn) { rows in
            let encoded = try classifier.encode(rows.filter { $0.problem == nil }.map(\.text))
            count += encoded.count
            longer += encoded.countOfLonger
            if isRegression {
                let numbers = encoded.count > 0 ? try classifier.numbers(of: encoded) : []
                return try write(rows, numbers)
            }
            let predictions = encoded.count > 0 ? Array(try classifier.classify(encoded)) : []
            var unused = predictions[...]
            // One line for each row, even if --text had several.
            let answers = rows.map { row in
                let prediction = row.problem == nil ? unused.popFirst() : nil
                let names = prediction?.names(of: configuration, abstainingBelow: decisions.abstainBelow)
                return (row, prediction, names)
            }
            if json {
                try Output.write(
                    jsonLines: answers.map { row, prediction, names in
                        JSONObject(
                            [
                                "text": row.problem == nil ? row.text : nil, labelsKey: names,
                                "confidence": prediction?.confidence,
                                "probabilities": prediction?.probabilities(of: configuration),
                            ], optional: ["id": idColumn == nil ? nil : row.group ?? "", "error": row.problem])
                    })
            } else {
                let lines = answers.map { row, prediction, names in
                    let cells = [
                        names?.text ?? "null", prediction.map { Double($0.confidence).figure } ?? "null",
                        row.problem ?? row.text,
                    ]
                    let id = idColumn == nil ? [] : [row.group ?? ""]
                    return (id + cells).map(\.printable).joined(separator: "\t") + "\n"
                }
                try Output.write(lines.joined())
            }
        }
        let longTexts = classifier.longTexts
        if longer > 0 && longTexts.method == .truncate {
            Output.warn("\(longer) of \(count) texts have more than \(longTexts.maximumLength) tokens and were cut off")
        }
    }
    /// Writes the numbers that a regression has predicted for those of the rows that could be read.
    private func write(_ rows: [Example], _ numbers: [Float]) throws {
        var unused = numbers[...]
        let answers = rows.map { row in (row, row.problem == nil ? unused.popFirst() : nil) }
        if json {
            return try Output.write(
                jsonLines: answers.map { row, number in
                    JSONObject(
                        ["text": row.problem == nil ? row.text : nil, "value": number],
                        optional: ["id": idColumn == nil ? nil : row.group ?? "", "error": row.problem])
                })
        }
        let lines = answers.map { row, number in
            let id = idColumn == nil ? [] : [row.group ?? ""]
            let cells = [number.map { Double($0).figure } ?? "null", row.problem ?? row.text]
            return (id + cells).map(\.printable).joined(separator: "\t") + "\n"
        }
        try Output.write(lines.joined())
    }
}
