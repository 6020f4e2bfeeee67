import Escaping
import Datasets
import Foundation
import Evaluation
import Transformer

/// The file of `evaluate --predictions`: a row for each text.
struct PredictionsFile {
    private struct Row: Encodable {
        let text: String
        let actual: LabelNames
        let predicted: Nullable<LabelNames>
        let confidence: Float
        let probabilities: [String: Float]
        let file: String
        let line: Int

        /// In the order of the header.
        var cells: [String] {
            get throws {
                let probabilities = try Output.jsonLines([probabilities]).trimmingCharacters(in: .newlines)
                return [
                    text, actual.text, predicted.value?.text ?? "null", "\(confidence)", probabilities, file, "\(line)",
                ]
            }
        }
    }

    private let configuration: Configuration
    private let isCSV: Bool
    private let isJSON: Bool
    private var file: OutputFile
    private var hasHeader = false

    /// Opens the file.
    ///
    /// - Parameter others: what must not be overwritten
    /// - Throws: ``OutputError`` if it cannot be written.
    init(_ path: String, _ configuration: Configuration, besides others: [String]) throws {
        self.configuration = configuration
        let ending = URL(filePath: path).pathExtension.lowercased()
        (isCSV, isJSON) = (ending == "csv", ["jsonl", "ndjson"].contains(ending))
        file = try OutputFile(path, besides: others)
    }

    /// Appends what was said of the texts of a file.
    ///
    /// - Parameter least: answers that are less confident are none
    /// - Throws: ``OutputError`` if the disk is full, for example.
    mutating func write(_ result: EvaluationResult, of dataset: Dataset, abstainBelow least: Double?) throws {
        if !hasHeader && !isJSON {
            try file.write(line(["text", "actual", "predicted", "confidence", "probabilities", "file", "line"]))
        }
        hasHeader = true
        // Some at a time, or a million rows would be held as text.
        for start in stride(from: 0, to: dataset.examples.count, by: 1000) {
            let rows = (start..<min(start + 1000, dataset.examples.count)).map { index in
                let (example, prediction) = (dataset.examples[index], result.predictions[index])
                return Row(
                    text: example.text, actual: LabelNames(result.targets[index], of: configuration),
                    predicted: prediction.names(of: configuration, abstainingBelow: least),
                    confidence: prediction.confidence, probabilities: prediction.probabilities(of: configuration),
                    file: dataset.file(of: example), line: example.line)
            }
            try file.write(
                isJSON ? Output.jsonLines(rows) : rows.map { line(try $0.cells) }.joined())
        }
    }

    /// A line of a table.
    private func line(_ cells: [String]) -> String {
        isCSV ? cells.csvRow : cells.map(\.oneLine).joined(separator: "\t") + "\n"
    }
}
