import Datasets
import Kernels
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// What is printed of an evaluation: as text, or as JSON by the names of its keys.
struct EvaluationDocument: Encodable {
    /// What is asked for, the same for every file.
    struct View {
        let model: String
        /// Their names, by id.
        let labels: [String]
        /// What was changed in the model before.
        let changes: Changes
        let abstainBelow: Double?
        /// How many mistakes are shown.
        let errors: Int
        /// Whether there is a report for each group of the rows.
        var isGrouped: Bool
        let workers: Workers
    }

    /// What was fitted to the files.
    struct Changes {
        var calibration: ModelFolder.Calibration?
        var threshold: ModelFolder.TunedThreshold?
    }

    /// The examples of some files, one after the other, or some of them.
    struct Rows {
        private let datasets: [Dataset]
        /// The places of the examples among those of all files.
        private let places: [Int]

        init(_ datasets: [Dataset]) {
            self.datasets = datasets
            places = Array(0..<datasets.reduce(0) { $0 + $1.examples.count })
        }

        /// Those at some indices.
        func part(_ indices: [Int]) -> Rows { Rows(datasets, indices.map { places[$0] }) }

        private init(_ datasets: [Dataset], _ places: [Int]) { (self.datasets, self.places) = (datasets, places) }

        var indices: Range<Int> { places.indices }

        subscript(index: Int) -> (file: String, example: Example) {
            var place = places[index]
            for dataset in datasets {
                if place < dataset.examples.count {
                    let example = dataset.examples[place]
                    return (dataset.file(of: example), example)
                }
                place -= dataset.examples.count
            }
            preconditionFailure("no such row")
        }
    }

    /// The mean over labels, and over what else.
    struct Averages: Encodable {
        let micro: MultiLabelReport.Average
        let macro: MultiLabelReport.Average
        let weighted: MultiLabelReport.Average
        let samples: MultiLabelReport.Average
    }

    /// What becomes of the result if less confident answers are not given.
    struct Abstention: Encodable {
        let below: Double
        let coverage: Double
        let accuracy: Nullable<Double>
    }

    /// A wrong answer.
    struct Mistake: Encodable {
        let file: String
        let line: Int
        let actual: LabelNames
        let predicted: LabelNames
        let confidence: Float
        let text: String
    }

    let model: String
    let data: String
    /// The value of the column that the texts have in common, in a report on a group.
    private(set) var value: String?
    let examples: Int
    let loss: Double
    let accuracy: Double
    let accuracyCi: [Double]
    let macroF1: Double
    let macroF1Ci: [Double]
    let weightedF1: Double
    let microF1: Double?
    let samplesF1: Double?
    let subsetAccuracy: Double?
    let hammingLoss: Double?
    let averages: Averages?
    let labels: [ClassificationReport.Label]
    /// Where texts have several labels: [[true negatives, false positives], [false negatives, true positives]] of each.
    let confusion: Confusion
    let rocAuc: Nullable<Double>
    let averagePrecision: Nullable<Double>
    let mcc: Nullable<Double>
    let logLoss: Double
    let ece: Double
    let reliability: [ReliabilityBin]
    let temperature: Double
    let threshold: Double?
    let calibration: ModelFolder.Calibration?
    let tunedThreshold: ModelFolder.TunedThreshold?
    let abstention: Abstention?
    let errors: [Mistake]?
    let by: [EvaluationDocument]?
    /// Of the whole file; nil in a report on a group.
    private(set) var seconds: Double?
    private(set) var tokens: Int?

    /// What the text and the database need.
    let result: EvaluationResult
    let metrics: EvaluationMetrics

    /// All but the last two.
    private enum CodingKeys: CodingKey {
        case model, data, value, examples, loss, accuracy, accuracyCi, macroF1, macroF1Ci, weightedF1, microF1,
            samplesF1
        case subsetAccuracy, hammingLoss, averages, labels, confusion, rocAuc, averagePrecision, mcc, logLoss, ece
        case reliability, temperature, threshold, calibration, tunedThreshold, abstention, errors, by, seconds, tokens
    }

    /// Evaluates what was computed.
    ///
    /// - Parameters:
    ///   - name: of the data
    ///   - rows: of the texts
    init(
        _ name: String, _ computed: LabeledLogits, _ rows: Rows, _ folder: ModelFolder, _ view: View
    ) throws {
        let result = try EvaluationResult(computed, folder.classifier.configuration, folder.settings)
        let metrics = result.metrics(on: view.workers)
        (self.result, self.metrics) = (result, metrics)
        model = view.model
        data = name
        examples = result.predictions.count
        (loss, logLoss) = (result.loss, result.loss)
        accuracy = result.report.accuracy
        accuracyCi = [metrics.accuracy.low, metrics.accuracy.high]
        macroF1 = result.report.macroF1
        macroF1Ci = [metrics.macroF1.low, metrics.macroF1.high]
        weightedF1 = result.report.weightedF1
        labels = result.report.labels
        switch result.report {
        case .one(let report):
            confusion = .pairs(report.confusion)
            (microF1, samplesF1, subsetAccuracy, hammingLoss, averages) = (nil, nil, nil, nil, nil)
        case .several(let report):
            confusion = .ofEachLabel(report.confusions)
            (microF1, samplesF1) = (report.micro.f1, report.samples.f1)
            (subsetAccuracy, hammingLoss) = (report.subsetAccuracy, report.hammingLoss)
            averages = Averages(
                micro: report.micro, macro: report.macro, weighted: report.weighted, samples: report.samples)
        }
        rocAuc = Nullable(metrics.probabilities.rocAuc)
        averagePrecision = Nullable(metrics.probabilities.averagePrecision)
        mcc = Nullable(metrics.probabilities.mcc)
        ece = metrics.probabilities.ece
        reliability = metrics.probabilities.reliability
        temperature = folder.settings.temperature
        threshold = folder.settings.calibratedThreshold
        (calibration, tunedThreshold) = (view.changes.calibration, view.changes.threshold)
        abstention = view.abstainBelow.map { below in
            let (coverage, accuracy) = result.coverage(abstainingBelow: below)
            return Abstention(below: below, coverage: coverage, accuracy: Nullable(accuracy))
        }
        errors =
            view.errors == 0
            ? nil
            : result.mistakes().prefix(view.errors).map { index in
                let (row, prediction) = (rows[index], result.predictions[index])
                return Mistake(
                    file: row.file, line: row.example.line,
                    actual: LabelNames(result.actual(index), view.labels, isList: result.report.isMultiLabel),
                    predicted: LabelNames(prediction.labels, view.labels, isList: result.report.isMultiLabel),
                    confidence: prediction.confidence, text: row.example.text)
            }
        if view.isGrouped {
            var view = view
            view.isGrouped = false
            by = try Dictionary(grouping: rows.indices) { rows[$0].example.group ?? "" }
                .sorted { $0.key < $1.key }
                .map { value, indices in
                    var part = try EvaluationDocument(
                        name, computed.part(indices), rows.part(indices), folder, view)
                    part.value = value
                    (part.seconds, part.tokens) = (nil, nil)
                    return part
                }
        } else {
            by = nil
        }
        seconds = result.seconds
        tokens = result.tokens
    }
}

/// How often labels were taken for each other.
enum Confusion: Encodable {
    case pairs([[Int]])
    case ofEachLabel([[[Int]]])

    func encode(to encoder: any Swift.Encoder) throws {
        switch self {
        case .pairs(let counts): try counts.encode(to: encoder)
        case .ofEachLabel(let counts): try counts.encode(to: encoder)
        }
    }
}

// MARK: As text

extension EvaluationDocument {
    /// With more labels, a matrix is too wide to be read.
    private static let mostColumns = 20

    /// For a person.
    var text: String {
        var heading = data + (value.map { ", " + ($0.isEmpty ? "(none)" : $0.printable) } ?? "")
        heading += ": \(examples.formatted()) examples, loss \(loss.figure)"
        if let seconds, let tokens {
            heading += ", \(seconds.duration), \(Int(Double(tokens) / max(seconds, 1e-9)).formatted()) tokens/s"
        }
        var parts = [heading, changes, report.text, matrix, figures, reliabilityTable]
        if let errors { parts.append(mistakes(errors)) }
        parts += (by ?? []).map(\.text)
        return parts.filter { !$0.isEmpty }.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" }.joined(separator: "\n")
    }

    private var changes: String {
        guard value == nil else { return "" }
        return [calibration?.text, tunedThreshold?.text].compactMap { $0 }.joined(separator: "\n")
    }

    /// scikit-learn's classification report.
    private var report: TextTable {
        var table = TextTable(header: ["", "precision", "recall", "f1-score", "support"], numeric: [0, 1, 2, 3, 4])
        for label in labels {
            table.rows.append(
                [label.label, label.precision.figure, label.recall.figure, label.f1.figure, "\(label.support)"])
        }
        table.rows.append(["", "", "", "", ""])
        func add(_ name: String, _ precision: Double, _ recall: Double, _ f1: Double, _ support: Int) {
            table.rows.append([name, precision.figure, recall.figure, f1.figure, "\(support)"])
        }
        switch result.report {
        case .one(let report):
            let precision = report.averages { $0.precision }
            let recall = report.averages { $0.recall }
            table.rows.append(["accuracy", "", "", accuracy.figure, "\(examples)"])
            add("macro avg", precision.macro, recall.macro, macroF1, examples)
            add("weighted avg", precision.weighted, recall.weighted, weightedF1, examples)
        case .several(let report):
            let support = labels.reduce(0) { $0 + $1.support }
            for (name, average) in [
                ("micro avg", report.micro), ("macro avg", report.macro), ("weighted avg", report.weighted),
                ("samples avg", report.samples),
            ] {
                add(name, average.precision, average.recall, average.f1, support)
            }
        }
        return table
    }

    private var matrix: String {
        guard case .pairs(let counts) = confusion else { return "" }
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
        func interval(_ bounds: [Double]) -> String { "\(bounds[0].figure) to \(bounds[1].figure)" }
        table.rows = [
            [subsetAccuracy == nil ? "accuracy" : "subset accuracy", accuracy.figure, interval(accuracyCi)],
            ["macro F1", macroF1.figure, interval(macroF1Ci)],
        ]
        let others: [(String, Double?)] = [
            ("ROC AUC", rocAuc.value), ("average precision", averagePrecision.value),
            ("Matthews correlation", mcc.value),
            ("Hamming loss", hammingLoss), ("log loss", logLoss), ("calibration error", ece),
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
        let isMultiLabel = subsetAccuracy != nil
        var table = TextTable(
            header: [
                isMultiLabel ? "probability" : "confidence", isMultiLabel ? "decisions" : "texts", "mean",
                isMultiLabel ? "share with the label" : "accuracy",
            ], numeric: [1, 2, 3])
        for bin in reliability where bin.count > 0 {
            table.rows.append([
                "\(bin.lower.twoDigits) to \(bin.upper.twoDigits)", "\(bin.count)", bin.confidence?.figure ?? "",
                bin.accuracy?.figure ?? "",
            ])
        }
        return table.text
    }

    private func mistakes(_ mistakes: [Mistake]) -> String {
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

extension ModelFolder.Calibration {
    fileprivate var text: String {
        "temperature \(temperature.figure), kept in the model: log loss \(logLossBefore.figure) → \(logLossAfter.figure),"
            + " calibration error \(eceBefore.figure) → \(eceAfter.figure)"
    }
}

extension ModelFolder.TunedThreshold {
    fileprivate var text: String {
        "threshold \(threshold.figure), kept in the model: \(metric) \(before.figure) → \(after.figure)"
    }
}
