import Foundation
import Plots
import RunStore
import Statistics

extension Report.Section {
    private static let (mostLabels, mostColumns, mostMistakes, mostPoints) = (30, 12, 20, 2000)

    /// An evaluation: figures, labels, what was confused, calibration, and the worst mistakes.
    ///
    /// - Parameter title: stands before the name of the file
    init(_ title: String, _ evaluation: Evaluation, in store: RunStore) throws {
        let id = evaluation.id
        let parts = [
            evaluation.part, Self.labels(try store.classMetrics(of: id)), Self.matrix(try store.confusions(of: id)),
            Self.calibration(CalibrationBins(try store.confidences(of: id))),
            Self.mistakes(try store.mistakes(of: id, atMost: Self.mostMistakes)),
            Self.numbers(try store.predictedNumbers(of: id, atMost: Self.mostPoints)),
        ]
        let file = URL(filePath: evaluation.data).lastPathComponent
        self.init("\(title) on \(file)", hasColumns: true, parts.compactMap { $0 })
    }

    private static func labels(_ labels: [ClassMetric]) -> Report.Part? {
        if labels.isEmpty { return nil }
        let isCut = labels.count > mostLabels
        let shown = isCut ? Array(labels.sorted { ($0.f1, $0.label) < ($1.f1, $1.label) }[..<mostLabels]) : labels
        let table = ReportTable(
            shown,
            [
                .text("label", \.label), .figure("precision", \.precision), .figure("recall", \.recall),
                .figure("F1", \.f1), .count("texts", \.support),
            ])
        return Report.Part(
            heading: isCut ? "The \(shown.count) of \(labels.count.grouped) labels with the lowest F1" : "Labels",
            [.table(table)])
    }

    private static func matrix(_ confusions: [Confusion]) -> Report.Part? {
        let counts = Dictionary(confusions.map { ([$0.actual, $0.predicted], $0.count) }) { $1 }
        let sums = Dictionary(confusions.map { ($0.actual, $0.count) }, uniquingKeysWith: +)
        let all = Set(counts.keys.joined()).sorted()
        var shown = all
        if all.count > mostColumns {
            // The pairs that are confused most, as long as there is room for both labels.
            let pairs = counts.filter { $0.key[0] != $0.key[1] && $0.value > 0 }
                .sorted { ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1]) }
            shown = pairs.reduce(into: Set()) { chosen, pair in
                if chosen.union(pair.key).count <= mostColumns { chosen.formUnion(pair.key) }
            }.sorted()
        }
        if shown.isEmpty { return nil }
        let table = ReportTable(
            shown,
            [.text("", \.self)]
                + shown.map { predicted in
                    .cell(predicted, .number) { .share(counts[[$0, predicted]] ?? 0, of: sums[$0] ?? 0) }
                }, style: .matrix)
        return Report.Part(
            heading: shown.count < all.count
                ? "The \(shown.count) of \(all.count.grouped) labels most often confused" : "Confusion matrix",
            [
                .note(
                    "Rows: the actual label; columns: the predicted one. The stronger the shade, the larger the share of the row."
                ), .table(table),
            ])
    }

    private static func calibration(_ calibration: CalibrationBins) -> Report.Part? {
        let bins = calibration.bins.filter { $0.count > 0 }
        let points = bins.map { bin in
            let interval = wilsonInterval(bin.right, of: bin.count)
            return Figure.Point(
                bin.confidence ?? 0, bin.accuracy, low: interval.low, high: interval.high, count: bin.count)
        }
        guard let first = points.first else { return nil }
        let wanted = [first.x, 1].map { Figure.Point($0, $0) }
        let figure = Figure(
            "Accuracy by confidence",
            note: "Dashed: as it should be. Bars: 95 % intervals. Above: numbers of texts.",
            x: .init("confidence", limits: 0...1), y: .init("accuracy", limits: 0...1),
            [
                Figure.Series("answers", isNamed: false, .points, color: 0, points),
                Figure.Series("as it should be", isNamed: false, .dashed, color: nil, wanted),
            ])
        return Report.Part(heading: "Calibration", [.figure(figure), .table(ReportTable(calibration))])
    }

    /// Predicted numbers against actual ones.
    private static func numbers(_ numbers: [PredictedNumber]) -> Report.Part? {
        guard let least = numbers.map({ min($0.actual, $0.predicted) }).min(),
            let most = numbers.map({ max($0.actual, $0.predicted) }).max()
        else { return nil }
        let points = numbers.sorted { ($0.actual, $0.row) < ($1.actual, $1.row) }.map {
            Figure.Point($0.actual, $0.predicted)
        }
        let figure = Figure(
            "Predicted by actual numbers",
            note: "Dashed: as it should be."
                + (numbers.count < mostPoints ? "" : " The first \(mostPoints.grouped) texts."),
            x: .init("actual"), y: .init("predicted"),
            [
                Figure.Series("texts", isNamed: false, .scatter, color: 0, points),
                Figure.Series(
                    "as it should be", isNamed: false, .dashed, color: nil, [least, most].map { Figure.Point($0, $0) }),
            ])
        return Report.Part(heading: "Predicted numbers", [.figure(figure)])
    }

    private static func mistakes(_ mistakes: [PredictionRecord]) -> Report.Part? {
        if mistakes.isEmpty { return nil }
        let table = ReportTable(
            mistakes,
            [
                .number("row") { "\($0.row)" }, .text("actual", \.actual), .text("predicted", \.predicted),
                .figure("confidence", \.confidence), .prose("text", \.text).ifAny,
            ])
        return Report.Part(heading: "The most confident mistakes", [.table(table)])
    }
}

extension Evaluation {
    fileprivate var part: Report.Part {
        func interval(_ low: Double?, _ high: Double?) -> Interval? {
            low.flatMap { low in high.map { Interval(low: low, high: $0) } }
        }
        let table = ReportTable(figures: [
            ("accuracy", accuracy, interval(accuracyLow, accuracyHigh)),
            ("macro F1", macroF1, interval(macroF1Low, macroF1High)), ("weighted F1", weightedF1, nil),
            ("ROC AUC", rocAuc, nil), ("average precision", averagePrecision, nil), ("Matthews correlation", mcc, nil),
            ("log loss (nats)", mse == nil ? loss : nil, nil), ("calibration error", ece, nil),
            ("mean squared error", mse, interval(mseLow, mseHigh)),
            ("mean absolute error", mae, interval(maeLow, maeHigh)),
            ("Pearson", pearson, interval(pearsonLow, pearsonHigh)),
            ("Spearman", spearman, interval(spearmanLow, spearmanHigh)),
        ])
        return Report.Part(
            heading: "Figures",
            [.note("\(data), \(examples.grouped) texts, evaluated \(evaluatedAt.minute)"), .table(table)])
    }
}

extension ReportTable {
    /// Figures of an evaluation, with their 95 % intervals; those without a value are left out.
    package init(figures: [(name: String, value: Double?, interval: Interval?)]) {
        self.init(
            figures.filter { $0.value != nil },
            [.text("") { $0.name }, .figure("") { $0.value }, .text("95 % interval") { $0.interval?.figures ?? "" }])
    }

    /// A row for each bin that has answers.
    ///
    /// - Parameter ofDecisions: whether texts have several labels: then each text and label is a decision
    package init(_ calibration: CalibrationBins, ofDecisions: Bool = false) {
        self.init(
            calibration.bins.filter { $0.count > 0 },
            [
                .text(ofDecisions ? "probability" : "confidence") {
                    String(format: "%.2f to %.2f", $0.lower, $0.upper)
                },
                .count(ofDecisions ? "decisions" : "texts", \.count), .figure("mean", \.confidence),
                .figure(ofDecisions ? "share with the label" : "accuracy", \.accuracy),
            ])
    }
}
