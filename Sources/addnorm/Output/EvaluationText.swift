import Reports

extension EvaluationDocument {
    /// With more labels, a matrix is too wide to be read.
    private static let mostColumns = 20

    /// For a person.
    var text: String {
        let heading = heading(
            "\(result.predictions.count.formatted()) examples, loss \(result.loss.figure)", tokens: result.tokens,
            seconds: result.seconds)
        let reliability = ReportTable(metrics.probabilities.reliability, ofDecisions: result.targets.areSeveral).text
        var parts = [heading, changes, reportTable, matrix, figures, reliability, mistakeTable]
        parts += (groups ?? []).map(\.text)
        return parts.filter { !$0.isEmpty }.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }.joined(separator: "\n")
    }

    /// What was fitted to the files; a group of their rows does not say it again.
    private var changes: String {
        if value != nil { return "" }
        let temperature = view.calibration.map {
            "temperature \($0.temperature.figure), kept in the model: log loss \($0.logLossBefore.figure) →"
                + " \($0.logLossAfter.figure), calibration error \($0.eceBefore.figure) → \($0.eceAfter.figure)"
        }
        let threshold = view.tunedThreshold.map {
            "threshold \($0.threshold.figure), kept in the model: \($0.metric) \($0.before.figure) → \($0.after.figure)"
        }
        return [temperature, threshold].compactMap { $0 }.joined(separator: "\n")
    }

    /// scikit-learn's classification report.
    private var reportTable: String {
        let (report, averages) = (result.report, result.report.averages)
        let support = report.labels.reduce(0) { $0 + $1.support }
        var rows: [(name: String, precision: Double?, recall: Double?, f1: Double?, support: Int?)] =
            report.labels.map { ($0.label, $0.precision, $0.recall, $0.f1, $0.support) }
        rows.append(("", nil, nil, nil, nil))
        if !result.targets.areSeveral { rows.append(("accuracy", nil, nil, report.accuracy, support)) }
        for (name, average) in [
            ("micro", averages.micro), ("macro", averages.macro), ("weighted", averages.weighted),
            ("samples", averages.samples),
        ] {
            guard let average else { continue }
            rows.append(("\(name) avg", average.precision, average.recall, average.f1, support))
        }
        return ReportTable(
            rows,
            [
                .number("") { $0.name }, .figure("precision") { $0.precision }, .figure("recall") { $0.recall },
                .figure("f1-score") { $0.f1 }, .count("support") { $0.support },
            ]
        ).text
    }

    private var matrix: String {
        let labels = result.report.labels.map(\.label)
        guard case .pairs(let counts) = result.report.confusion else { return "" }
        guard labels.count <= Self.mostColumns else {
            return "the confusion matrix of \(labels.count) labels is in the output of --json"
        }
        return ReportTable(
            ["actual \\ predicted"] + labels, [.text] + labels.map { _ in .number },
            zip(labels, counts).map { label, row in [.text(label)] + row.map { .count($0) } }
        ).text
    }

    private var figures: String {
        let (report, probabilities) = (result.report, metrics.probabilities)
        let table = ReportTable(figures: [
            (result.targets.areSeveral ? "subset accuracy" : "accuracy", report.accuracy, metrics.accuracy),
            ("macro F1", report.macroF1, metrics.macroF1), ("ROC AUC", probabilities.rocAuc, nil),
            ("average precision", probabilities.averagePrecision, nil),
            ("Matthews correlation", probabilities.mcc, nil),
            ("Hamming loss", report.hammingLoss, nil), ("log loss", result.loss, nil),
            ("calibration error", probabilities.reliability.expectedError, nil),
        ])
        guard let abstention else { return table.text }
        let accuracy = abstention.accuracy.map { ", accuracy on these \($0.figure)" } ?? ""
        return table.text
            + "\nanswered with a confidence of at least \(abstention.below): coverage \(abstention.coverage.figure)\(accuracy)\n"
    }

    private var mistakeTable: String {
        guard let mistakes else { return "" }
        if mistakes.isEmpty { return "no mistakes" }
        return ReportTable(
            mistakes,
            [
                .text("mistake") { "\($0.file):\($0.line)" }, .text("actual", \.actual.text),
                .text("predicted", \.predicted.text), .figure("confidence") { Double($0.confidence) },
                .text("text", \.text),
            ]
        ).text
    }
}
