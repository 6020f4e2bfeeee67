import Evaluation
import Statistics

extension EvaluationDocument {
    /// With more labels, a matrix is too wide to be read.
    private static let mostColumns = 20

    /// For a person.
    var text: String {
        var heading = data + (value.map { ", " + ($0.isEmpty ? "(none)" : $0.printable) } ?? "")
        heading += ": \(result.predictions.count.formatted()) examples, loss \(result.loss.figure)"
        if value == nil {
            let speed = Double(result.tokens) / max(result.seconds, 1e-9)
            heading += ", \(result.seconds.duration), \(Int(speed).formatted()) tokens/s"
        }
        let changes = value == nil ? [view.calibration?.text, view.tunedThreshold?.text].compactMap { $0 } : []
        var parts = [heading, changes.joined(separator: "\n"), reportTable, matrix, figures, reliabilityTable]
        parts += [mistakeTable] + (groups ?? []).map(\.text)
        return parts.filter { !$0.isEmpty }.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }.joined(separator: "\n")
    }

    /// scikit-learn's classification report.
    private var reportTable: String {
        let (report, averages) = (result.report, result.report.averages)
        var table = TextTable(header: ["", "precision", "recall", "f1-score", "support"], numeric: [0, 1, 2, 3, 4])
        table.rows = report.labels.map {
            [$0.label, $0.precision.figure, $0.recall.figure, $0.f1.figure, "\($0.support)"]
        }
        table.rows.append(["", "", "", "", ""])
        let support = report.labels.reduce(0) { $0 + $1.support }
        if !result.targets.areSeveral { table.rows.append(["accuracy", "", "", report.accuracy.figure, "\(support)"]) }
        for (name, average) in [
            ("micro", averages.micro), ("macro", averages.macro), ("weighted", averages.weighted),
            ("samples", averages.samples),
        ] {
            guard let average else { continue }
            table.rows.append([
                "\(name) avg", average.precision.figure, average.recall.figure, average.f1.figure, "\(support)",
            ])
        }
        return table.text
    }

    private var matrix: String {
        let labels = result.report.labels
        guard case .pairs(let counts) = result.report.confusion else { return "" }
        guard labels.count <= Self.mostColumns else {
            return "the confusion matrix of \(labels.count) labels is in the output of --json"
        }
        var table = TextTable(
            header: ["actual \\ predicted"] + labels.map(\.label), numeric: Set(1...labels.count))
        for (label, row) in zip(labels, counts) { table.rows.append([label.label] + row.map(String.init)) }
        return table.text
    }

    private var figures: String {
        var table = TextTable(header: ["", "", "95 % interval"], numeric: [1])
        func interval(_ interval: Interval) -> String { "\(interval.low.figure) to \(interval.high.figure)" }
        let (report, probabilities) = (result.report, metrics.probabilities)
        table.rows = [
            [
                result.targets.areSeveral ? "subset accuracy" : "accuracy", report.accuracy.figure,
                interval(metrics.accuracy),
            ],
            ["macro F1", report.macroF1.figure, interval(metrics.macroF1)],
        ]
        let others: [(String, Double?)] = [
            ("ROC AUC", probabilities.rocAuc), ("average precision", probabilities.averagePrecision),
            ("Matthews correlation", probabilities.mcc), ("Hamming loss", report.hammingLoss),
            ("log loss", result.loss), ("calibration error", probabilities.reliability.expectedError),
        ]
        table.rows += others.compactMap { name, value in value.map { [name, $0.figure, ""] } }
        var text = table.text
        if let abstention {
            let accuracy = abstention.accuracy.value.map { ", accuracy on these \($0.figure)" } ?? ""
            text +=
                "\nanswered with a confidence of at least \(abstention.below): coverage \(abstention.coverage.figure)\(accuracy)\n"
        }
        return text
    }

    private var reliabilityTable: String {
        let isMultiLabel = result.targets.areSeveral
        var table = TextTable(
            header: [
                isMultiLabel ? "probability" : "confidence", isMultiLabel ? "decisions" : "texts", "mean",
                isMultiLabel ? "share with the label" : "accuracy",
            ], numeric: [1, 2, 3])
        for bin in metrics.probabilities.reliability.bins where bin.count > 0 {
            table.rows.append([
                "\(bin.lower.twoDigits) to \(bin.upper.twoDigits)", "\(bin.count)", bin.confidence?.figure ?? "",
                bin.accuracy?.figure ?? "",
            ])
        }
        return table.text
    }

    private var mistakeTable: String {
        guard let mistakes else { return "" }
        if mistakes.isEmpty { return "no mistakes" }
        var table = TextTable(header: ["mistake", "actual", "predicted", "confidence", "text"], numeric: [3])
        for mistake in mistakes {
            table.rows.append([
                "\(mistake.file):\(mistake.line)", mistake.actual.text, mistake.predicted.text,
                Double(mistake.confidence).figure, mistake.text.printable,
            ])
        }
        return table.text
    }
}

extension Calibration {
    fileprivate var text: String {
        "temperature \(temperature.figure), kept in the model: log loss \(logLossBefore.figure) → \(logLossAfter.figure),"
            + " calibration error \(eceBefore.figure) → \(eceAfter.figure)"
    }
}

extension TunedThreshold {
    fileprivate var text: String {
        "threshold \(threshold.figure), kept in the model: \(metric) \(before.figure) → \(after.figure)"
    }
}
