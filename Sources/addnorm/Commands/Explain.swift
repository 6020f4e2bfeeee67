import ArgumentParser
import Datasets
import Evaluation
import Inference
import Kernels
import Tokenization
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

            With --errors, the files are labelled ones, and of the texts that the model gets wrong the most confident answers are \
            explained. With --label-column, every text is shown with its label.

              addnorm explain --model models/reviews --errors 10 held-out.tsv
            """)

    @OptionGroup
    var model: ModelOptions

    @OptionGroup
    var input: TextInput

    @Option(help: ArgumentHelp("Explain this label. (default: the predicted one)", valueName: "name"))
    var label: String?

    @Option(help: ArgumentHelp("Explain so many mistakes in labelled files, the most confident first.", valueName: "n"))
    var errors: Int?

    @Option(help: "The scores by which words are coloured: leave-one-out or gradient.")
    var method = Explanation.Method.leaveOneOut

    @Flag(help: "Print one JSON object for each text, with both scores of every word.")
    var json = false

    @Option(
        help: ArgumentHelp("Write a page of all texts, for a browser, instead of printing them.", valueName: "file"),
        completion: .file())
    var output: String?

    @Option(help: "Threads to use. (default: one for each processor that may be used)")
    var threads: Int?

    func validate() throws {
        try requirePositive(threads, "--threads", atMost: Workers.mostThreads)
        try requirePositive(errors, "--errors")
        if errors != nil && input.files.isEmpty { throw ValidationError("--errors is for labelled files.") }
    }

    func run() throws {
        let folder = try model.load()
        try folder.requireLabels(for: "'explain'")
        try folder.requireFloat32(for: "'explain'")
        let maximumLength = try model.maximumLength(of: folder)
        let label = try label.map { try id(of: $0, among: folder.classifier.configuration.labels) }
        // Before the work, which may be long.
        var file = try output.map {
            try OutputFile($0, besides: (input.files.isEmpty ? ["-"] : input.files) + [model.folder])
        }
        var classifier = Classifier(
            folder, longTexts: LongTexts(maximumLength: maximumLength),
            on: Workers(announcing: threads))
        let configuration = classifier.configuration
        var page = ExplanationPage(model: model.model, labels: configuration.labels)
        var (count, truncated) = (0, 0)
        do {
            func explain(_ text: Text, actual: String?) throws {
                let explanation = try classifier.explain(text, label: label)
                if json {
                    try Output.write(jsonLines: [explanation.document(of: configuration, actual: actual)])
                } else if output == nil {
                    let text = explanation.text(by: method, labels: configuration.labels, actual: actual)
                    try Output.write((count > 0 ? "\n" : "") + text)
                }
                if output != nil { page.explanations.append((explanation, actual)) }
                count += 1
                if explanation.isTruncated { truncated += 1 }
            }
            if errors != nil || !input.files.isEmpty && input.layout.labelColumn != nil {
                for example in try labeledExamples(for: &classifier) {
                    try explain(example.input, actual: example.label)
                }
            } else {
                try input.forEachBatch(by: input.layout.layout(for: folder.settings)) { texts in
                    for text in texts { try explain(text, actual: nil) }
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

    /// The examples of labelled files: all, or those that the model is most confidently wrong about.
    private func labeledExamples(for classifier: inout Classifier) throws -> [Example] {
        var layout = try input.layout.layout(for: classifier.model.settings)
        if layout.labelMap.isEmpty { layout.labelMap = try TrainingData(ofModelIn: model.url)?.labelMap ?? [:] }
        var wrong: [(example: Example, confidence: Float)] = []
        for path in input.files {
            var data = try Dataset(
                contentsOf: path, layout: layout, labels: .reading(classifier.configuration.problemType))
            for notice in data.notices { Output.warn(notice) }
            guard errors != nil else {
                wrong += data.examples.map { ($0, 0) }
                continue
            }
            let examples = try EncodedExamples(
                &data, for: classifier.model, classifier.longTexts, on: classifier.workers)
            let computed = try LabeledLogits(of: examples) { try classifier.logits(of: $0) }
            let result = try EvaluationResult(computed, classifier.configuration, classifier.model.settings)
            wrong += result.mistakes().map { (data.examples[$0], result.predictions[$0].confidence) }
        }
        guard let errors else { return wrong.map(\.example) }
        if wrong.isEmpty { Output.warn("the model gets no text wrong") }
        return wrong.sorted { $0.confidence > $1.confidence }.prefix(errors).map(\.example)
    }

    private func id(of name: String, among labels: [String]) throws -> Int {
        if let id = labels.firstIndex(of: name) { return id }
        let known = labels.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
        throw ValidationError("The model has no label '\(name)'; it has \(known)\(labels.count > 20 ? ", …" : "").")
    }
}

extension Explanation.Method: ExpressibleByArgument {}
