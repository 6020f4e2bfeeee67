import ArgumentParser
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// `addnorm predict`
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
        let folder = try model.load()
        let configuration = folder.classifier.configuration
        let longTexts = try longTexts.longTexts(model, of: folder)
        var (count, longer) = (0, 0)
        let workers = inference.workers
        var predictor = Predictor(for: folder.classifier, batchSize: inference.batchSize, workers: workers)
        try input.forEachBatch { texts in
            let encoded = EncodedTexts(texts, folder.tokenizer, longTexts, on: workers)
            count += encoded.count
            longer += encoded.countOfLonger(than: longTexts)
            let predictions = try Predictions(
                logits: predictor.logits(folder.classifier, encoded), problemType: configuration.problemType,
                folder.settings)
            let answers = zip(texts, predictions).map { Answer($0, $1, configuration, decisions) }
            if json { try Output.write(jsonLines: answers) } else { try Output.write(answers.map(\.line).joined()) }
        }
        if longer > 0 && longTexts.method == .truncate {
            Output.warn("\(longer) of \(count) texts have more than \(longTexts.maximumLength) tokens and were cut off")
        }
    }

    private struct Answer: Encodable {
        let text: String
        /// Nil where the model abstains; where there can be several labels, they are a list by another name.
        let label: Nullable<LabelNames>?
        let labels: Nullable<LabelNames>?
        let confidence: Float
        let probabilities: [String: Float]

        init(
            _ text: String, _ prediction: Prediction, _ configuration: Configuration, _ decisions: DecisionOptions
        ) {
            self.text = text
            let isList = configuration.problemType == .multiLabel
            let isAnswer = prediction.isGiven(abstainingBelow: decisions.abstainBelow ?? 0)
            let names = Nullable(
                isAnswer ? LabelNames(prediction.labels, configuration.labels, isList: isList) : nil)
            (label, labels) = isList ? (nil, names) : (names, nil)
            confidence = prediction.confidence
            probabilities = Dictionary(uniqueKeysWithValues: zip(configuration.labels, prediction.probabilities))
        }

        /// One line for each text, even if --text had several.
        var line: String {
            let name = (label ?? labels)?.value?.text ?? "null"
            return "\(name)\t\(Double(confidence).figure)\t\(text.printable)\n"
        }
    }
}
