import ArgumentParser
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

            With --abstain-below, texts of which the model is less sure get the label null. Where texts can have several \
            labels, these stand between '|', and the probability is that of all of them being right.
            """)

    @OptionGroup
    var model: ModelOptions

    @OptionGroup
    var input: TextInput

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
        let labelsKey = configuration.problemType == .multiLabel ? "labels" : "label"
        var (count, longer) = (0, 0)
        // Each answer has the probability of every label.
        let mostTexts = max(1, 4_000_000 / configuration.labels.count)
        try input.forEachBatch(ofAtMost: mostTexts) { texts in
            let encoded = try classifier.encode(texts)
            count += encoded.count
            longer += encoded.countOfLonger
            let answers = zip(texts, try classifier.classify(encoded)).map { text, prediction in
                (text, prediction, names: prediction.names(of: configuration, abstainingBelow: decisions.abstainBelow))
            }
            if json {
                try Output.write(
                    jsonLines: answers.map { text, prediction, names in
                        JSONObject([
                            "text": text, labelsKey: names, "confidence": prediction.confidence,
                            "probabilities": prediction.probabilities(of: configuration),
                        ])
                    })
            } else {
                // One line for each text, even if --text had several.
                let lines = answers.map { text, prediction, names in
                    "\(names?.text.printable ?? "null")\t\(Double(prediction.confidence).figure)\t\(text.printable)\n"
                }
                try Output.write(lines.joined())
            }
        }
        let longTexts = classifier.longTexts
        if longer > 0 && longTexts.method == .truncate {
            Output.warn("\(longer) of \(count) texts have more than \(longTexts.maximumLength) tokens and were cut off")
        }
    }
}
