import Foundation
import Testing

/// Texts that have a number, from training to comparison.
@Suite struct RegressionCommandTests {
    /// Calls `body` with a program that has the file `train.csv`, in which each text has a number.
    private func withNumbers(_ body: (Program) throws -> Void) async throws {
        try await Program.use { program in
            let words = ["awful": -1.5, "weak": -0.5, "fair": 0.5, "great": 2]
            let rows = (0..<32).map { number in
                let word = words.keys.sorted()[number % 4]
                return "a \(word) film \(number / 4),\(words[word] ?? 0)"
            }
            try program.write((["text,score"] + rows).joined(separator: "\n") + "\n", to: "train.csv")
            try body(program)
        }
    }

    private static let columns = ["--text-column", "text", "--label-column", "score"]

    private func train(_ program: Program, to output: String, _ more: [String] = []) throws -> Program.Result {
        try program.run(
            ["train", "--train", "train.csv", "--dev", "train.csv", "--output", output, "--name", output]
                + ["--problem-type", "regression", "--batch-size", "4", "--learning-rate", "5e-3"]
                + (more.contains("--epochs") ? [] : ["--epochs", "40"]) + Self.columns + Program.smallShape + more)
    }

    @Test func numbersAreLearnedPredictedMeasuredAndCompared() async throws {
        try await withNumbers { program in
            let training = try train(program, to: "model")
            #expect(training.status == 0, "\(training.errors)")
            #expect(training.errors.contains("numbers        -1.5 to 2"), "\(training.errors)")
            #expect(training.output.contains("Pearson 0.9"), "\(training.output)")
            #expect(training.errors.contains("refuses the folder") == training.errors.contains("mean pooling"))

            let predicted = try program.run("predict", "--model", "model", "--text", "a great film 3")
            let number = try #require(Double(predicted.output.prefix { $0 != "\t" }), "\(predicted.output)")
            #expect(abs(number - 2) < 0.5)
            let object = try program.run("predict", "--model", "model", "--json", "--text", "a great film 3").object
            #expect(Set(object.keys) == ["text", "value"])
            #expect(abs(try #require(object["value"] as? Double) - number) < 1e-3)

            let document = try program.run(
                ["evaluate", "--model", "model", "--json", "--errors", "2", "--predictions", "p.csv", "train.csv"]
                    + Self.columns
            ).object
            let (mse, pearson) = (
                try #require(document["mse"] as? Double), try #require(document["pearson"] as? Double)
            )
            #expect(mse < 0.3 && pearson > 0.9 && document["loss"] as? Double == mse)
            #expect((document["errors"] as? [Any])?.count == 2)
            let rows = try program.text(of: "p.csv").split(whereSeparator: \.isNewline)
            #expect(rows.count == 33 && rows[0] == "text,actual,predicted,file,line")
            // From the file alone, the same.
            let errors = rows.dropFirst().map { row in
                let cells = row.split(separator: ",")
                return (Double(cells[1]) ?? 0) - (Double(cells[2]) ?? 0)
            }
            #expect(abs(errors.reduce(0) { $0 + $1 * $1 } / 32 - mse) < 1e-5)

            let other = try train(program, to: "other", ["--epochs", "1"])
            #expect(other.status == 0, "\(other.errors)")
            _ = try program.run(["evaluate", "--model", "other", "train.csv"] + Self.columns)
            let comparison = try program.run("runs", "compare", "other", "model")
            #expect(comparison.output.contains("mean squared error on"), "\(comparison.output)\(comparison.errors)")
            #expect(comparison.output.contains("model is better by"), "\(comparison.output)")
            let best = try program.run("runs", "best", "--metric", "mse")
            #expect(best.output.hasPrefix("model: mse"), "\(best.output)")
            let list = try program.run("runs", "list", "--metric", "pearson")
            #expect(list.output.contains("pearson") && list.output.contains("model"))
            #expect(try program.run("runs", "report", "model", "other", "--output", "report.html").status == 0)
            #expect(try program.text(of: "report.html").contains("Predicted by actual numbers"))
            #expect(try program.run("show", "model").output.contains("regression"))
        }
    }

    /// Everything that is about labels, by name.
    @Test func whatIsForLabelsIsRefused() async throws {
        try await withNumbers { program in
            for (options, message) in [
                (["--metric", "accuracy"], "for labels"), (["--ngrams", "on"], "--ngrams on"),
                (["--class-weights", "balanced"], "--class-weights"),
                (["--label-smoothing", "0.1"], "--label-smoothing"),
                (["--few-shot"], "--few-shot"), (["--teacher", "x"], "--teacher"),
            ] {
                let refused = try train(program, to: "no", options)
                #expect(refused.status != 0 && refused.errors.contains(message), "\(options): \(refused.errors)")
            }
            let metric = try program.run(
                ["train", "--train", "train.csv", "--output", "no", "--metric", "mse"] + Self.columns)
            #expect(metric.errors.contains("--problem-type regression"), "\(metric.errors)")
            #expect(try train(program, to: "model", ["--epochs", "1"]).status == 0)
            for (command, message) in [
                (["explain", "--model", "model", "--text", "x"], "'explain' is for labels"),
                (
                    ["predict", "--model", "model", "--abstain-below", "0.5", "--text", "x"],
                    "--abstain-below is for labels"
                ),
                (["evaluate", "--model", "model", "--calibrate", "train.csv"], "--calibrate is for labels"),
                (
                    ["evaluate", "--model", "model", "--tune-threshold", "f1", "train.csv"],
                    "--tune-threshold is for labels"
                ),
                (["ablate", "--model", "model", "--dev", "train.csv"], "'ablate' is for labels"),
                (["data", "train.csv", "--problem-type", "regression", "--suspects", "3"], "have numbers"),
                (["evaluate", "--model", "model", "words.csv"], "words.csv:3: the label 'many' is no number"),
            ] {
                try program.write("text,score\na,1\nb,many\n", to: "words.csv")
                let columns = command.contains("--text") ? [] : Self.columns
                let refused = try program.run(command + columns)
                #expect(refused.status == 1 && refused.errors.contains(message), "\(command): \(refused.errors)")
            }
            // Numbers alone make no regression.
            let classes = try program.run(
                ["train", "--train", "train.csv", "--output", "classes", "--epochs", "1"] + Self.columns)
            #expect(classes.status == 0 && classes.errors.contains("labels  "), "\(classes.errors)")
        }
    }
}
