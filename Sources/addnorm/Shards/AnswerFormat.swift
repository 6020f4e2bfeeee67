import Datasets
import Escaping
import Foundation
import Reports

/// How the answers of `predict` are written, a row for each text.
struct AnswerFormat {
    enum Kind: String, Codable, CaseIterable {
        /// A JSON object on each line.
        case jsonl
        /// A table with a header.
        case csv
        /// The answer and the text between tabs.
        case text
    }

    let kind: Kind
    /// What the answer is called: label, labels or value.
    let answerKey: String
    var hasID = false
    /// The columns that go through to the output.
    var kept: [Layout.Column] = []
    /// Whether there is a second text.
    var hasPairs = false
    /// Whether rows that are wrong have a place.
    var hasErrors = false

    /// The first line of a file; empty if there is none.
    var header: String {
        guard kind == .csv else { return "" }
        let names = [
            hasID ? ["id"] : [], [answerKey], answerKey == "value" ? [] : ["confidence", "probabilities"], ["text"],
            hasPairs ? ["text_pair"] : [], hasErrors ? ["error"] : [], kept.map { "kept.\($0.text)" },
        ]
        return names.flatMap { $0 }.csvRow
    }

    /// What is said of a text; without an answer, of one that could not be read.
    struct Answer {
        /// For JSON.
        let object: JSONObject
        /// For people, and for a table: the answer, and its confidence, if it has one.
        let cells, exactCells: [String]
        /// By label; nil if it has none.
        let probabilities: [String: Float]?
    }

    /// A line for each row, even if its text has several.
    func lines(_ rows: [(Example, Answer)]) throws -> String {
        switch kind {
        case .jsonl: return try Output.jsonLines(rows.map(object))
        case .csv: return try rows.map { try fields($0, $1).csvRow }.joined()
        case .text:
            return rows.map { row, answer in
                let texts = row.problem.map { [$0] } ?? row.input.parts
                return (id(row) + answer.cells + keptValues(row) + texts).map(\.printable).joined(separator: "\t")
                    + "\n"
            }.joined()
        }
    }

    private func object(_ row: Example, _ answer: Answer) -> JSONObject {
        let values = Dictionary(zip(kept.map(\.text), keptValues(row))) { first, _ in first }
        return JSONObject(
            ["text": row.problem == nil ? row.text : nil],
            optional: [
                "text_pair": row.textPair, "id": hasID ? row.group ?? "" : nil, "error": row.problem,
                "kept": kept.isEmpty ? nil : values,
            ]
        ).adding(answer.object)
    }

    private func fields(_ row: Example, _ answer: Answer) throws -> [String] {
        let probabilities = try answer.probabilities.map {
            try Output.jsonLines([$0]).trimmingCharacters(in: .newlines)
        }
        return id(row) + answer.exactCells + (answerKey == "value" ? [] : [probabilities ?? ""]) + [row.text]
            + (hasPairs ? [row.textPair ?? ""] : []) + (hasErrors ? [row.problem ?? ""] : []) + keptValues(row)
    }

    private func id(_ row: Example) -> [String] { hasID ? [row.group ?? ""] : [] }

    private func keptValues(_ row: Example) -> [String] {
        row.kept.isEmpty ? kept.map { _ in "" } : row.kept
    }
}
