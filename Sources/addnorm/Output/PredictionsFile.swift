import Datasets
import Escaping
import Evaluation
import Foundation
import Reports
import Transformer

/// The file of `evaluate --predictions`: a row for each text.
struct PredictionsFile {
    private let configuration: Configuration
    private let isCSV: Bool
    private let isJSON: Bool
    private var file: OutputFile
    /// Whether there is a column for a second text.
    private var hasPairs = false

    /// Opens the file.
    ///
    /// - Parameters:
    ///   - others: what must not be overwritten
    ///   - database: has the same texts, and so the file is as private
    /// - Throws: ``OutputError`` if it cannot be written.
    init(_ path: String, _ configuration: Configuration, besides others: [String], database: String) throws {
        self.configuration = configuration
        let ending = URL(filePath: path).pathExtension.lowercased()
        (isCSV, isJSON) = (ending == "csv", ["jsonl", "ndjson"].contains(ending))
        try? FileManager.default.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        file = try OutputFile(path, besides: others + [database], privateLike: database)
    }

    /// Appends what was said of the texts of a file.
    ///
    /// - Parameter least: answers that are less confident are none
    /// - Throws: ``OutputError`` if the disk is full, for example.
    mutating func write(_ result: EvaluationResult, of dataset: Dataset, abstainBelow least: Double?) throws {
        try begin(with: dataset, ["actual", "predicted", "confidence", "probabilities"])
        // Some at a time, or a million rows would be held as text.
        for start in stride(from: 0, to: dataset.examples.count, by: 1000) {
            let rows = try (start..<min(start + 1000, dataset.examples.count)).map { index in
                let (example, prediction) = (dataset.examples[index], result.predictions[index])
                let actual = LabelNames(result.targets[index], of: configuration)
                let predicted = prediction.names(of: configuration, abstainingBelow: least)
                let probabilities = prediction.probabilities(of: configuration)
                let file = dataset.file(of: example)
                if isJSON {
                    return try Output.jsonLines([
                        JSONObject(
                            [
                                "text": example.text, "actual": actual, "predicted": predicted,
                                "confidence": prediction.confidence, "probabilities": probabilities, "file": file,
                                "line": example.line,
                            ], optional: ["text_pair": example.textPair])
                    ])
                }
                return line(
                    texts(of: example) + [
                        actual.text, predicted?.text ?? "", "\(prediction.confidence)",
                        try Output.jsonLines([probabilities]).trimmingCharacters(in: .newlines), file,
                        "\(example.line)",
                    ])
            }
            try file.write(rows.joined())
        }
    }

    /// Appends the numbers that were predicted for the texts of a file.
    ///
    /// - Throws: ``OutputError`` if the disk is full, for example.
    mutating func write(_ result: RegressionResult, of dataset: Dataset) throws {
        try begin(with: dataset, ["actual", "predicted"])
        for start in stride(from: 0, to: dataset.examples.count, by: 1000) {
            let rows = try (start..<min(start + 1000, dataset.examples.count)).map { index in
                let example = dataset.examples[index]
                let (actual, predicted) = (result.pairs.actual[index], Float(result.pairs.predicted[index]))
                let file = dataset.file(of: example)
                return isJSON
                    ? try Output.jsonLines([
                        JSONObject(
                            [
                                "text": example.text, "actual": actual, "predicted": predicted, "file": file,
                                "line": example.line,
                            ], optional: ["text_pair": example.textPair])
                    ]) : line(texts(of: example) + ["\(actual)", "\(predicted)", file, "\(example.line)"])
            }
            try file.write(rows.joined())
        }
    }

    /// Writes the names of the columns before the first row of a table.
    private mutating func begin(with dataset: Dataset, _ columns: [String]) throws {
        if file.hasBegun || isJSON { return }
        hasPairs = dataset.hasPairs
        try file.write(line((hasPairs ? ["text", "text_pair"] : ["text"]) + columns + ["file", "line"]))
    }

    private func texts(of example: Example) -> [String] {
        hasPairs ? [example.text, example.textPair ?? ""] : [example.text]
    }

    /// A line of a table.
    private func line(_ cells: [String]) -> String {
        isCSV ? cells.csvRow : cells.map(\.oneLine).joined(separator: "\t") + "\n"
    }
}
