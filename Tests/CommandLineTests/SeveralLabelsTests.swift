import Foundation
import Testing

/// Texts that have any number of labels, from training to prediction.
@Suite struct SeveralLabelsTests {
    /// Calls `body` with a program that has trained a model for the labels `food` and `good`.
    private func withModel(_ body: (Program) throws -> Void) async throws {
        try await Program.use { program in
            let lines = (0..<12).map { number in
                let (isGood, isFood) = (number % 2 == 0, number % 3 == 0)
                let text = "\(isGood ? "great" : "awful") \(isFood ? "food" : "film") \(number)"
                let labels = [isGood ? "\"good\"" : nil, isFood ? "\"food\"" : nil].compactMap { $0 }
                return #"{"text": "\#(text)", "label": [\#(labels.joined(separator: ","))]}"#
            }
            try program.write(lines.joined(separator: "\n"), to: "train.jsonl")
            let training = try program.run(
                ["train", "--train", "train.jsonl", "--dev", "train.jsonl", "--output", "model", "--batch-size", "4"]
                    + ["--learning-rate", "5e-3", "--epochs", "60"] + Program.smallShape)
            #expect(training.status == 0, "\(training.errors)")
            try body(program)
        }
    }

    @Test func anEvaluationReportsEachTextAndAllLabels() async throws {
        try await withModel { program in
            let document = try program.run("evaluate", "--model", "model", "--json", "train.jsonl").object
            for key in ["micro_f1", "macro_f1", "samples_f1", "subset_accuracy", "hamming_loss"] {
                #expect(document[key] as? Double != nil, "\(key)")
            }
            #expect(document["subset_accuracy"] as? Double == 1)
        }
    }

    @Test func aPredictionNamesAllLabelsOfAText() async throws {
        try await withModel { program in
            let answers = try program.run(
                "predict", "--model", "model", "--json", "--text", "great food", "--text", "awful film")
            let labels = try answers.output.split(separator: "\n").map {
                (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["labels"] as? [String]
            }
            #expect(labels == [["food", "good"], []])
            #expect(
                try program.run("predict", "--model", "model", "--text", "great food").output.hasPrefix("food|good\t"))
        }
    }
}
