import Datasets
import Foundation
import Evaluation
import Experiments
import Inference
import Training
import Transformer

/// The file of `evaluate --predictions`: a row for each text.
struct PredictionsFile {
    private enum Format { case tsv, csv, jsonLines }

    private struct Row: Encodable {
        let text: String
        let actual: LabelNames
        let predicted: Nullable<LabelNames>
        let confidence: Float
        let probabilities: [String: Float]
        let file: String
        let line: Int
    }

    private let labels: [String]
    private let isMultiLabel: Bool
    private let format: Format
    private var file: OutputFile
    private var hasHeader = false

    /// Opens the file.
    ///
    /// - Parameter others: what must not be overwritten
    /// - Throws: ``OutputError`` if it cannot be written.
    init(_ path: String, _ configuration: Configuration, besides others: [String]) throws {
        labels = configuration.labels
        isMultiLabel = configuration.problemType == .multiLabel
        format =
            switch URL(filePath: path).pathExtension.lowercased() {
            case "csv": .csv
            case "jsonl", "ndjson": .jsonLines
            default: .tsv
            }
        file = try OutputFile(path, besides: others)
    }

    /// Appends what was said of the texts of a file.
    ///
    /// - Parameter least: answers that are less confident are none
    /// - Throws: ``OutputError`` if the disk is full, for example.
    mutating func write(_ result: EvaluationResult, of dataset: Dataset, abstainBelow least: Double?) throws {
        if format != .jsonLines && !hasHeader {
            try write([["text", "actual", "predicted", "confidence", "probabilities", "file", "line"]])
            hasHeader = true
        }
        // Some at a time, or a million rows would be held as text.
        for start in stride(from: 0, to: dataset.examples.count, by: 1000) {
            let part = (start..<min(start + 1000, dataset.examples.count)).map { index in
                let (example, prediction) = (dataset.examples[index], result.predictions[index])
                let isAnswer = prediction.isGiven(abstainingBelow: least ?? 0)
                return Row(
                    text: example.text,
                    actual: LabelNames(result.actual(index), labels, isList: isMultiLabel),
                    predicted: Nullable(
                        isAnswer ? LabelNames(prediction.labels, labels, isList: isMultiLabel) : nil),
                    confidence: prediction.confidence,
                    probabilities: Dictionary(uniqueKeysWithValues: zip(labels, prediction.probabilities)),
                    file: dataset.file(of: example), line: example.line)
            }
            if format == .jsonLines {
                try file.write(Output.jsonLines(part))
            } else {
                try write(
                    part.map {
                        [
                            $0.text, $0.actual.text, $0.predicted.value?.text ?? "null", "\($0.confidence)",
                            try Output.jsonLines([$0.probabilities]).trimmingCharacters(in: .newlines), $0.file,
                            "\($0.line)",
                        ]
                    })
            }
        }
    }

    private mutating func write(_ rows: [[String]]) throws {
        let isCSV = format == .csv
        try file.write(
            rows.map { cells in
                isCSV
                    ? cells.csvRow
                    : cells.map(\.oneLine).joined(separator: "\t") + "\n"
            }.joined())
    }
}
