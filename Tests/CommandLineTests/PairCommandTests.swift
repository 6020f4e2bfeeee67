import Foundation
import Testing

/// Texts that are read together, and labels that a model was not trained with.
@Suite struct PairCommandTests {
    /// Calls `body` with a program that has a model of pairs, `model`, and the files that it was trained with and measured by.
    private func withPairs(_ body: (Program) throws -> Void) async throws {
        try await Program.use { program in
            let words = ["tea", "soup", "bread", "rice"]
            let rows = (0..<48).map { number in
                let (first, second) = (words[number % 4], words[number / 4 % 4])
                return "we had \(first)\tthere was \(second)\t\(number / 4 % 2 == 0 ? "entailment" : "contradiction")"
            }
            try program.write((["text\ttext_pair\tlabel"] + rows).joined(separator: "\n") + "\n", to: "train.tsv")
            let named = rows.map { $0.split(separator: "\t") }
                .map { #"{"premise": "\#($0[0])", "hypothesis": "\#($0[1])", "label": "\#($0[2])"}"# }
            try program.write(named.joined(separator: "\n") + "\n", to: "dev.jsonl")
            let training = try program.run(
                ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "model", "--epochs", "20"]
                    + ["--learning-rate", "5e-3", "--batch-size", "8", "--pooling", "cls"] + Program.smallShape)
            #expect(training.status == 0, "\(training.errors)")
            try body(program)
        }
    }

    private static let columns = ["--text-column", "premise", "--text-pair-column", "hypothesis"]

    @Test func pairsAreLearnedMeasuredPredictedAndKept() async throws {
        try await withPairs { program in
            func fails(_ arguments: [String], _ message: String, status: Int32 = 1) throws {
                let result = try program.run(arguments)
                #expect(result.status == status && result.errors.contains(message), "\(arguments): \(result.errors)")
            }
            let evaluation = try program.run(
                ["evaluate", "--model", "model", "--json", "--predictions", "p.csv", "dev.jsonl"] + Self.columns
            ).object
            // The first text alone says nothing.
            #expect(try #require(evaluation["accuracy"] as? Double) == 1)
            let rows = try program.text(of: "p.csv").split(whereSeparator: \.isNewline)
            #expect(rows.count == 49 && rows[0].hasPrefix("text,text_pair,actual,predicted,"))
            #expect(rows[1].hasPrefix("we had tea,there was tea,entailment,"))
            let recorded = try program.run(
                "runs", "query", "--csv", "SELECT text_pair_column FROM evaluations")
            #expect(recorded.output.contains("hypothesis"))

            // The same pair from everywhere.
            let one = try program.run(
                "predict", "--model", "model", "--json", "--text", "we had tea", "--text-pair", "there was tea"
            ).object
            #expect(one["text_pair"] as? String == "there was tea" && one["text"] as? String == "we had tea")
            let piped = try program.run(
                ["predict", "--model", "model", "--json", "--format", "jsonl"],
                input: #"{"text": "we had tea", "text_pair": "there was tea"}"# + "\n"
            ).object
            #expect(abs(try #require(one["confidence"] as? Double) - (piped["confidence"] as? Double ?? 0)) < 1e-5)
            let file = try program.run(["predict", "--model", "model", "dev.jsonl"] + Self.columns).output
            let cells = file.split(separator: "\n")[0].split(separator: "\t")
            #expect(cells[0] == one["label"] as? String ?? "" && cells.dropFirst(2) == ["we had tea", "there was tea"])
            let tokens = try program.run(
                "tokenize", "--model", "model", "--text", "we had tea", "--text-pair", "there")
            #expect(tokens.output == "[CLS] we had tea [SEP] there [SEP]\n")
            _ = try program.run("data", "train.tsv", "--split", "50/25/25", "--output", "parts")
            #expect(try program.text(of: "parts/train.csv").hasPrefix("text,text_pair,label"))

            try fails(["predict", "--model", "model", "--text", "we had tea"], "give a --text-pair", status: 64)
            try fails(
                ["evaluate", "--model", "model", "dev.jsonl", "--text-column", "premise"],
                "dev.jsonl:1: has no 'text_pair'")
            let explained = try program.run(
                "explain", "--model", "model", "--json", "--text", "we had tea", "--text-pair", "there was tea"
            ).object
            #expect(explained["text"] as? String == "we had tea | there was tea")
            #expect(
                (explained["words"] as? [[String: Any]])?.map { $0["word"] as? String } == [
                    "we", "had", "tea", "there", "was", "tea",
                ])
            try fails(["explain", "--model", "model", "--text", "we had tea"], "give a --text-pair", status: 64)
            try fails(
                ["embed", "--model", "model", "--text", "a", "--text-pair", "b"], "Single texts are read",
                status: 64)
            try fails(["predict", "--model", "model", "train.tsv", "--long-texts", "windows"], "is for single texts")
            try fails(["predict", "--model", "model", "train.tsv", "--max-length", "2"], "need 3 tokens")
            try fails(
                ["predict", "--model", "model", "--text", "a", "--text-pair", "b", "--text-pair", "c"],
                "one --text-pair for each --text", status: 64)
            try fails(
                [
                    "train", "--train", "train.tsv", "--dev", "dev.jsonl", "--output", "other", "--text-column",
                    "premise",
                ],
                "no column is called 'premise'")
            try program.write("text\tlabel\nsoup\tentailment\n", to: "single.tsv")
            try fails(
                ["train", "--train", "train.tsv", "--dev", "single.tsv", "--output", "other"], "has no second texts")
            try fails(
                ["export", "--model", "model", "--format", "sentence-transformers", "--output", "st"], "single texts")
        }
    }

    /// A row without a second text is a row that is wrong; a model of single texts passes second ones over.
    @Test func secondTextsAreThereOrNot() async throws {
        try await withPairs { program in
            let rows = [#"{"text": "we had tea"}"#, #"{"text": "we had tea", "text_pair": "there was tea"}"#]
            let kept = try program.run(
                ["predict", "--model", "model", "--json", "--format", "jsonl", "--on-bad-row", "keep"],
                input: rows.joined(separator: "\n") + "\n"
            ).output.split(separator: "\n")
            #expect(kept.count == 2 && kept[0].contains("has no 'text_pair'") && kept[1].contains("entailment"))

            let training = try program.run(
                ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "single", "--epochs", "1"]
                    + ["--text-column", "text_pair"] + Program.smallShape)
            #expect(training.status == 0, "\(training.errors)")
            let answers = try [rows[0], rows[1]].map {
                try program.run(
                    ["predict", "--model", "single", "--json", "--format", "jsonl"], input: $0 + "\n"
                ).output
            }
            #expect(answers[0] == answers[1] && answers[0].contains("confidence"))
            for (options, status) in [
                (["--text", "a", "--text-pair", "b"], 64), (["train.tsv", "--text-pair-column", "2"], 64),
            ] {
                let refused = try program.run(["predict", "--model", "single"] + options)
                #expect(
                    Int(refused.status) == status && refused.errors.contains("single texts")
                        || refused.errors.contains("Single"))
            }
        }
    }

    @Test func labelsAreToldThatTheModelWasNotTrainedWith() async throws {
        try await withPairs { program in
            let candidates = ["--candidate-labels", "tea, soup", "--hypothesis", "there was {}"]
            let told = try program.run(
                ["predict", "--model", "model", "--json", "--text", "we had tea"] + candidates
            ).object
            let shares = try #require(told["probabilities"] as? [String: Double])
            #expect(shares.keys.sorted() == ["soup", "tea"] && abs(shares.values.reduce(0, +) - 1) < 1e-5)
            // Two labels of the model: what it says of each pair is what it says of each label.
            let pairs = try ["tea", "soup"].map { label in
                let answer = try program.run(
                    "predict", "--model", "model", "--json", "--text", "we had tea", "--text-pair", "there was \(label)"
                ).object
                return try #require((answer["probabilities"] as? [String: Double])?["entailment"])
            }
            let several = try program.run(
                ["predict", "--model", "model", "--json", "--multi-label", "--text", "we had tea"] + candidates
            ).object
            let probabilities = try #require(several["probabilities"] as? [String: Double])
            for (label, probability) in zip(["tea", "soup"], pairs) {
                #expect(abs(try #require(probabilities[label]) - probability) < 1e-5)
            }
            #expect(several["labels"] is [String])

            for (arguments, message) in [
                (["--candidate-labels", "a,a"], "a label twice"), (["--hypothesis", "about {}"], "--candidate-labels"),
                (["--candidate-labels", "a,b", "--hypothesis", "about"], "in it once"),
                (["--candidate-labels", "a,b", "--text-pair", "x"], "leave --text-pair out"),
                (["--candidate-labels", ""], "an empty one"), (["--candidate-labels", "a,,b"], "an empty one"),
            ] {
                let result = try program.run(["predict", "--model", "model", "--text", "x"] + arguments)
                #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
            }
        }
    }
}
