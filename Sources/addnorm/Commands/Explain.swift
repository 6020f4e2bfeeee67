import ArgumentParser
import Inference
import Kernels
import Transformer

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show which words of a text carried the decision.",
        discussion: """
            Every word gets two scores, in nats of the label's log-odds, log(p / (1 - p)): positive for the label, negative \
            against it.

              leave-one-out  by how much they fall if the word is left out
              gradient       gradient x input: what the word's embeddings add to
                             them, with all that only scales held constant

            On a terminal the words are coloured, green for the label and red, underlined, against it, the stronger the larger \
            their score is; elsewhere, or with NO_COLOR, a table has them all. Words beyond the model's limit are not read and \
            have no score.

              addnorm explain --model models/reviews --text 'Good food, bad coffee.'
              addnorm explain --model models/reviews --label negative \\
                --text 'Good food, bad coffee.'
              addnorm explain --model models/reviews --output reviews.html new-reviews.txt
              addnorm explain --model models/reviews --json < new-reviews.txt
            """)

    @OptionGroup
    var model: ModelOptions

    @OptionGroup
    var input: TextInput

    @Option(help: ArgumentHelp("Explain this label. (default: the predicted one)", valueName: "name"))
    var label: String?

    @Option(help: "The scores by which words are coloured: leave-one-out or gradient.")
    var method = Explanation.Method.leaveOneOut

    @Flag(help: "Print one JSON object for each text, with both scores of every word.")
    var json = false

    @Option(
        help: ArgumentHelp("Write a page of all texts, for a browser, instead of printing them.", valueName: "file"),
        completion: .file())
    var output: String?

    @Option(help: "Threads to use. (default: one for each processor)")
    var threads: Int?

    func validate() throws { try requirePositive(threads, "--threads", atMost: Workers.mostThreads) }

    func run() throws {
        let folder = try model.load()
        let maximumLength = try model.maximumLength(of: folder)
        let label = try label.map { try id(of: $0, among: folder.classifier.configuration.labels) }
        // Before the work, which may be long.
        var file = try output.map {
            try OutputFile($0, besides: (input.files.isEmpty ? ["-"] : input.files) + [model.model])
        }
        var classifier = Classifier(
            folder, longTexts: LongTexts(maximumLength: maximumLength),
            on: Workers(announcing: threads))
        let configuration = classifier.configuration
        var page = ExplanationPage(model: model.model, labels: configuration.labels)
        var (count, truncated) = (0, 0)
        do {
            try input.forEachBatch { texts in
                for text in texts {
                    let explanation = try classifier.explain(text, label: label)
                    if json {
                        try Output.write(jsonLines: [explanation.document(of: configuration)])
                    } else if output == nil {
                        let text = explanation.text(by: method, labels: configuration.labels)
                        try Output.write((count > 0 ? "\n" : "") + text)
                    }
                    if output != nil { page.explanations.append(explanation) }
                    count += 1
                    if explanation.isTruncated { truncated += 1 }
                }
            }
        } catch {
            // What was explained until then is not lost.
            if count > 0 { try file?.write(page.html) }
            throw error
        }
        try file?.write(page.html)
        if truncated > 0 {
            Output.warn("\(truncated) of \(count) texts have more than \(maximumLength) tokens and were cut off")
        }
    }

    private func id(of name: String, among labels: [String]) throws -> Int {
        if let id = labels.firstIndex(of: name) { return id }
        let known = labels.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
        throw ValidationError("The model has no label '\(name)'; it has \(known)\(labels.count > 20 ? ", …" : "").")
    }
}

extension Explanation.Method: ExpressibleByArgument {}
