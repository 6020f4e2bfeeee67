import Escaping
import Foundation
import Inference
import Reports
import Transformer

extension Explanation {
    /// For a program.
    func document(of configuration: Configuration, actual: String?) -> JSONObject {
        JSONObject(
            [
                "text": text, "label": configuration.labels[label], "confidence": confidence,
                "probabilities": prediction.probabilities(of: configuration), "agree": agrees,
                "words": words.map {
                    JSONObject([
                        "word": $0.text, "start": $0.place.lowerBound, "end": $0.place.upperBound,
                        "gradient": $0.gradient, "leave_one_out": $0.leaveOneOut,
                    ])
                },
            ], optional: ["actual": actual])
    }

    /// For a person.
    ///
    /// - Parameters:
    ///   - method: the scores by which words are coloured
    ///   - labels: the names of all labels, by id
    ///   - actual: the label that the text has in the file, if that is known
    func text(by method: Method, labels: [String], actual: String?) -> String {
        let heading = heading(labels, actual: actual) + "\n"
        let methods = [method] + Method.allCases.filter { $0 != method }
        let facts =
            [Fact<Word>.text("word") { $0.text.printable.shortened(to: 40) }]
            + methods.map { method in .number(method.rawValue) { $0.score(by: method)?.score ?? "not read" } }
        if words.isEmpty { return heading + "no words\n" }
        if Output.resultsHaveColor {
            let read = words.filter { $0.score(by: method) != nil }
            let important = read.sorted { abs($0.score(by: method)!) > abs($1.score(by: method)!) }
            let table = ReportTable(important.prefix(Self.mostImportant), facts)
            return heading + colored(by: method) + "\n\n" + table.text
        }
        return heading + ReportTable(words, facts).text
            + methods.map { "\($0.rawValue): \(balance(by: $0, labels: labels))\n" }.joined()
    }

    /// The strongest words for and against the label: `for negative: 'bad' +2.310; against: 'isn't' -2.340`.
    func balance(by method: Method, labels: [String]) -> String {
        func list(_ isFor: Bool) -> String {
            let words = words(for: isFor, by: method).prefix(Self.mostNamed)
            return words.isEmpty
                ? "nothing"
                : words.map { "'\($0.text.printable)' \($0.score(by: method)!.score)" }.joined(separator: ", ")
        }
        return "for \(labels[label].printable): \(list(true)); against: \(list(false))"
    }

    /// As many words are named for, and against, a label.
    private static let mostNamed = 3

    /// As many words are listed below a coloured text.
    private static let mostImportant = 5

    /// The text with a background for every word that matters; black on it can be read on dark and light terminals.
    private func colored(by method: Method) -> String {
        let (green, red) = ([151, 114, 77, 34], [181, 174, 167, 196])
        let shares = shares(by: method)
        return pieces.map { text, word in
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

    /// The label, its probability, and the predicted label if that is another one.
    func heading(_ labels: [String], actual: String? = nil) -> String {
        let labels = labels.map(\.printable)
        let predicted = prediction.labels.map { "\(labels[$0]) \(Double(prediction.probabilities[$0]).figure)" }
        let other =
            prediction.labels == [label]
            ? "" : " (predicted: \(predicted.isEmpty ? "no label" : predicted.joined(separator: ", ")))"
        let known = actual.map { " (labelled: \($0.printable))" } ?? ""
        return "\(labels[label]) \(Double(confidence).figure)\(other)\(known)"
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
