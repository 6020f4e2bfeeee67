import Escaping
import Foundation
import Reports
import Training

extension DataReport {
    /// Where there are more labels, the least frequent are not listed.
    private static let mostLabels = 20

    /// For a person.
    var text: String {
        var lines: [String] = []
        for file in files {
            lines.append("\(file.data.printable): \(Self.count(file.examples, "text"))")
            lines += facts(of: file).map { name, fact in
                "  " + name.padding(toLength: 15, withPad: " ", startingAt: 0) + fact
            }
        }
        for leak in leaks {
            lines.append(
                "\(leak.texts.formatted()) \(leak.texts == 1 ? "text stands" : "texts stand") both in \(leak.training) and in \(leak.heldOut)"
                    + (canBeDropped(leak) ? " (--drop-leaked leaves them out of training)" : ""))
            lines += leak.first.map { "  " + $0.text(labels: false) }
        }
        for leak in nearLeaks {
            lines.append(
                "\(Self.count(leak.texts, "text")) of \(leak.heldOut) \(leak.texts == 1 ? "is" : "are") nearly in \(leak.training) too: but for"
                    + " punctuation, links or names of users")
            lines += leak.first.map { "  " + $0.text(labels: false) }
        }
        if droppedLeaks > 0 {
            lines.append(
                "left out of the training data because they stand in the held-out data too: \(Self.count(droppedLeaks, "text"))"
            )
        }
        return lines.map { $0.printable + "\n" }.joined()
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number.formatted()) \(noun)\(number == 1 ? "" : "s")"
    }

    private func facts(of file: File) -> [(name: String, fact: String)] {
        var labels = file.labels[...]
        if labels.count > Self.mostLabels {
            labels = labels.sorted { ($1.examples, $0.label) < ($0.examples, $1.label) }.prefix(Self.mostLabels)
        }
        let listed = labels.map {
            "\($0.label.shortened(to: 60)) \($0.examples.formatted()) (\(String(format: "%.1f", 100 * $0.share)) %)"
        }
        let more = labels.count < file.labels.count ? ", … (\(file.labels.count) labels)" : ""
        let tokens = file.tokens
        let numbers = file.numbers.map { numbers in
            func text(_ number: Double) -> String { String(format: "%.6g", number) }
            return
                "\(text(numbers.min)) to \(text(numbers.max)), median \(text(numbers.median)), mean \(text(numbers.mean)),"
                + " standard deviation \(text(numbers.standardDeviation))"
        }
        var facts = [
            numbers.map { ("numbers", $0) } ?? ("labels", listed.joined(separator: ", ") + more),
            (
                "tokens",
                "\(tokens.min) to \(tokens.max.formatted()), median \(tokens.median), 95 % up to \(tokens.p95.formatted()); "
                    + (file.longerTexts == 0
                        ? "none longer than \(maxLength)"
                        : "\(Self.count(file.longerTexts, "text")) longer than \(maxLength) (\(treatment))")
            ),
        ]
        if !file.unknownLabels.isEmpty {
            let names = file.unknownLabels.prefix(Self.mostLabels).map { "'\($0)'" }.joined(separator: ", ")
            let training = files.prefix(trainingFiles).map(\.data).joined(separator: ", ")
            facts.append(("unknown labels", "not in \(training): \(names)"))
        }
        if file.unlabeled > 0 { facts.append(("without label", Self.count(file.unlabeled, "text"))) }
        if file.emptyTexts > 0 { facts.append(("empty", Self.count(file.emptyTexts, "text"))) }
        if file.badRows > 0 {
            facts.append(("bad rows", "\(file.badRows.formatted()) skipped"))
            facts += file.firstBadRows.map { ("", $0) }
        }
        if !file.unusedLabelMapKeys.isEmpty {
            let keys = file.unusedLabelMapKeys.map { "'\($0)'" }.joined(separator: ", ")
            facts.append(("label map", "no row has \(keys)"))
        }
        if file.leftOut > 0 { facts.append(("left out", "\(Self.count(file.leftOut, "row")), by --label-map")) }
        if file.htmlTexts > 0 {
            facts.append(("HTML", "\(Self.count(file.htmlTexts, "text")) with entities or tags, as &amp; or <br>"))
        }
        for (name, what, repeated) in [
            ("duplicates", "more than once", file.duplicates),
            ("contradictions", "with different labels", file.contradictions),
            (
                "near-duplicates", "that others nearly have, but for punctuation, links or names of users",
                file.nearDuplicates
            ),
        ] where repeated.texts > 0 {
            let rows = Self.count(repeated.texts + repeated.rows, "row")
            facts.append((name, "\(Self.count(repeated.texts, "text")) \(what), in \(rows)"))
            facts += repeated.first.map { ("", $0.text(labels: name == "contradictions")) }
        }
        return facts
    }

    /// Whether it is one between training and held-out data.
    private func canBeDropped(_ leak: Leak) -> Bool {
        let training = files.prefix(trainingFiles).map(\.data)
        return training.contains(leak.training) && !training.contains(leak.heldOut)
    }

    private var treatment: String {
        switch longTexts {
        case .truncate: "cut off there"
        case .headTail: "read at their beginning and end"
        case .windows: "read in windows"
        }
    }
}

extension DataReport.Occurrences {
    fileprivate func text(labels: Bool) -> String {
        let places = places.map { "\($0.file):\($0.line)" + (labels ? " \($0.label)" : "") }.joined(separator: ", ")
        return "\(places): \(text.printable.shortened(to: 60))"
    }
}
