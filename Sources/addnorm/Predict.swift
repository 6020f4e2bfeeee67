import ArgumentParser
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
            """)

    @OptionGroup
    var model: ModelOptions

    @OptionGroup
    var input: TextInput

    @Flag(help: "Print one JSON object for each text, with the probability of every label.")
    var json = false

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    func run() throws {
        let folder = try model.load()
        let labels = folder.classifier.configuration.labels
        let maximumLength = try model.maximumLength(limit: folder.classifier.configuration.maximumLength)
        var (count, truncated) = (0, 0)
        let workers = inference.workers
        var predictor = Predictor(for: folder.classifier, batchSize: inference.batchSize, workers: workers)
        try input.forEachBatch { texts in
            let encodings = folder.tokenizer.encode(texts, maximumLength: maximumLength, on: workers)
            count += encodings.count
            truncated += encodings.count(where: \.isTruncated)
            let predictions = try predictor.predict(folder.classifier, encodings.map(\.ids))
            if json {
                try Output.write(jsonLines: zip(texts, predictions).map { Answer($0, $1, labels) })
            } else {
                let lines = zip(texts, predictions).map { text, prediction in
                    "\(labels[prediction.label])\t\(Double(prediction.confidence).figure)\t\(text.onOneLine)\n"
                }
                try Output.write(lines.joined())
            }
        }
        if truncated > 0 {
            Output.warn("\(truncated) of \(count) texts have more than \(maximumLength) tokens and were cut off")
        }
    }

    private struct Answer: Encodable {
        let text: String
        let label: String
        let confidence: Float
        let probabilities: [String: Float]

        init(_ text: String, _ prediction: Predictor.Prediction, _ labels: [String]) {
            self.text = text
            label = labels[prediction.label]
            confidence = prediction.confidence
            probabilities = Dictionary(uniqueKeysWithValues: zip(labels, prediction.probabilities))
        }
    }
}
