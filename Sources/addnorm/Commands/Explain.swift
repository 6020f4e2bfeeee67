import ArgumentParser
import Foundation
import Kernels
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// `addnorm explain`
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

    func validate() throws { try requirePositive(threads, "--threads", atMost: mostThreads) }

    func run() throws {
        let folder = try model.load()
        let configuration = folder.classifier.configuration
        let labels = configuration.labels
        let maximumLength = try model.maximumLength(of: folder)
        let label = try label.map { name in
            guard let id = labels.firstIndex(of: name) else {
                let known = labels.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
                throw ValidationError(
                    "The model has no label '\(name)'; it has \(known)\(labels.count > 20 ? ", …" : "").")
            }
            return id
        }
        // Before the work, which may be long.
        var file = try output.map {
            try OutputFile($0, besides: (input.files.isEmpty ? ["-"] : input.files) + [model.model])
        }
        var page = ExplanationPage(model: model.model, labels: labels)
        var (count, truncated) = (0, 0)
        var explainer = Explainer(
            for: folder, maximumLength: maximumLength, workers: Workers(count: threads ?? Workers.processors))
        do {
            try input.forEachBatch { texts in
                for text in texts {
                    let explanation = try explainer.explain(text, label: label)
                    if json {
                        try Output.write(jsonLines: [Answer(explanation, labels)])
                    } else if output == nil {
                        try Output.write((count > 0 ? "\n" : "") + printed(explanation, labels))
                    }
                    if output != nil { page.append(explanation) }
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

    /// What is printed of one text.
    private func printed(_ explanation: Explanation, _ labels: [String]) -> String {
        let heading = explanation.heading(labels) + "\n"
        let words = explanation.words
        let methods = [method] + Explanation.Method.allCases.filter { $0 != method }
        var table = TextTable(header: ["word"] + methods.map(\.rawValue), numeric: [1, 2])
        func row(_ word: Explanation.Word) -> [String] {
            [word.text.printable.shortened(to: 40)] + methods.map { word.score(by: $0)?.score ?? "not read" }
        }
        if words.isEmpty { return heading + "no words\n" }
        if Output.resultsHaveColor {
            let read = words.filter { $0.score(by: method) != nil }
            let important = read.sorted { abs($0.score(by: method)!) > abs($1.score(by: method)!) }
            table.rows = important.prefix(Self.mostImportant).map(row)
            return heading + colored(explanation) + "\n\n" + table.text
        }
        table.rows = words.map(row)
        let names = methods.compactMap { method in
            explanation.mostImportant(by: method).map { "'\(words[$0].text.printable)' by \(method.rawValue)" }
        }
        return heading + table.text + (names.isEmpty ? "" : "most important: \(names.joined(separator: ", "))\n")
    }

    /// As many words are listed below a coloured text.
    private static let mostImportant = 5

    /// The text with a background for every word that matters; black on it can be read on dark and light terminals.
    private func colored(_ explanation: Explanation) -> String {
        let (green, red) = ([151, 114, 77, 34], [181, 174, 167, 196])
        let shares = explanation.shares(by: method)
        return explanation.pieces.map { text, word in
            let text = text.printable
            guard let word else { return text }
            guard let share = shares[word] else { return "\u{1B}[2m\(text)\u{1B}[0m" }
            // Below an eighth of the largest score a word is left as it is.
            guard abs(share) >= 0.125 else { return text }
            let level = min(Int(abs(share) * 4), 3)
            return share > 0
                ? "\u{1B}[38;5;16;48;5;\(green[level])m\(text)\u{1B}[0m"
                : "\u{1B}[4;38;5;16;48;5;\(red[level])m\(text)\u{1B}[0m"
        }.joined()
    }

    private struct Answer: Encodable {
        let text: String
        let label: String
        let confidence: Float
        let probabilities: [String: Float]
        let agree: Nullable<Bool>
        let words: [Word]

        struct Word: Encodable {
            let word: String
            let start: Int
            let end: Int
            let gradient: Nullable<Double>
            let leaveOneOut: Nullable<Double>
        }

        init(_ explanation: Explanation, _ labels: [String]) {
            text = explanation.text
            label = labels[explanation.label]
            confidence = explanation.confidence
            probabilities = Dictionary(uniqueKeysWithValues: zip(labels, explanation.prediction.probabilities))
            agree = Nullable(explanation.agrees)
            words = explanation.words.map {
                Word(
                    word: $0.text, start: $0.place.lowerBound, end: $0.place.upperBound,
                    gradient: Nullable($0.gradient), leaveOneOut: Nullable($0.leaveOneOut))
            }
        }
    }
}

extension Explanation {
    /// The label, its probability, and the predicted label if that is another one.
    func heading(_ labels: [String]) -> String {
        let predicted = prediction.labels.map { "\(labels[$0]) \(Double(prediction.probabilities[$0]).figure)" }
        let other =
            prediction.labels == [label]
            ? "" : " (predicted: \(predicted.isEmpty ? "no label" : predicted.joined(separator: ", ")))"
        return "\(labels[label]) \(Double(confidence).figure)\(other)"
    }

    /// The whole text in pieces: words, by their index, and what stands between them.
    var pieces: [(text: String, word: Int?)] {
        let scalars = Array(text.unicodeScalars)
        var (pieces, end): ([(text: String, word: Int?)], Int) = ([], 0)
        func append(_ place: Range<Int>, _ word: Int?) {
            pieces.append((String(String.UnicodeScalarView(scalars[place])), word))
        }
        for (index, word) in words.enumerated() {
            append(end..<word.place.lowerBound, nil)
            append(word.place, index)
            end = word.place.upperBound
        }
        append(end..<scalars.count, nil)
        return pieces.filter { !$0.text.isEmpty }
    }

    /// The score of each word relative to the largest, in -1 ... 1; nil if the word is not read.
    func shares(by method: Method) -> [Double?] {
        let scores = words.map { $0.score(by: method) }
        let largest = scores.lazy.map { abs($0 ?? 0) }.max() ?? 0
        return scores.map { score in score.map { largest > 0 ? $0 / largest : 0 } }
    }
}

extension Double {
    /// A word's score: three digits after the point, and always a sign.
    var score: String { String(format: "%+.3f", abs(self) < 0.0005 ? 0 : self) }
}

extension Explanation.Method: ExpressibleByArgument {}
