import Foundation
import Testing

@Suite struct EvaluateTests {
    @Test func theReportHasFiguresOfEachLabelAndAConfusionMatrix() async throws {
        try await Program.withModel { program in
            try program.write(Program.testRows, to: "test.tsv")
            let report = try program.run("evaluate", "--model", "model", "test.tsv")
            #expect(report.status == 0 && report.output.contains("precision  recall  f1-score  support"))
            #expect(report.output.contains("actual \\ predicted  negative  positive"))
        }
    }

    @Test func theDocumentHasTheseKeysAndFigures() async throws {
        try await Program.withModel { program in
            try program.write(Program.testRows, to: "test.tsv")
            let document = try program.run("evaluate", "--model", "model", "--json", "test.tsv").object
            #expect(
                Set(document.keys) == [
                    "model", "data", "examples", "loss", "accuracy", "accuracy_ci", "macro_f1", "macro_f1_ci",
                    "weighted_f1", "labels", "confusion", "roc_auc", "average_precision", "mcc", "log_loss", "ece",
                    "reliability", "temperature", "seconds", "tokens",
                ])
            #expect(document["examples"] as? Int == 3)
            #expect(document["confusion"] as? [[Int]] == [[1, 0], [1, 1]])
            #expect(abs(try #require(document["accuracy"] as? Double) - 2 / 3) < 1e-12)
        }
    }

    @Test func severalFilesAreReportedOneByOneAndTogether() async throws {
        try await Program.withModel { program in
            try program.write(Program.testRows, to: "test.tsv")
            let several = try program.run("evaluate", "--model", "model", "--json", "test.tsv", "train.tsv").objects
            #expect(several.map { $0["examples"] as? Int } == [3, 8, 11])
            #expect(several[2]["data"] as? String == "test.tsv, train.tsv")
        }
    }

    @Test func everyEvaluationIsRecordedWithTheRunThatTrainedTheModel() async throws {
        try await Program.withModel { program in
            try program.write(Program.testRows, to: "test.tsv")
            for files in [["test.tsv"], ["test.tsv"], ["test.tsv", "train.tsv"]] {
                #expect(try program.run(["evaluate", "--model", "model"] + files).status == 0)
            }
            let rows = try program.run(
                "runs", "query", "--json", "SELECT run_id, examples, accuracy FROM evaluations ORDER BY id")
            #expect(try rows.objects.map { $0["run_id"] as? Int } == [1, 1, 1, 1])
            let shown = try program.run("runs", "show", "run-1", "--json").object
            #expect((shown["evaluations"] as? [Any])?.count == 4)
        }
    }

    /// A comma-separated file with columns of other names, labels that are given new ones, and a row that is cut off.
    @Test func columnsAndLabelsAreRenamedAndBadRowsSkippedWhereAsked() async throws {
        try await Program.withModel { program in
            try program.write(
                "stars,title,body\n5,Great,\"a wonderful,\ngreat film\"\n1,Awful,boring\n3,So,so\n1\n", to: "t.csv")
            let columns = ["--text-column", "title", "--text-column", "body", "--label-column", "stars"]
            let map = ["--label-map", "5=positive,1=negative", "--label-map", "3="]
            let report = try program.run(
                ["evaluate", "--model", "model", "t.csv", "--json", "--predictions", "p.tsv", "--on-bad-row", "skip"]
                    + columns + map)
            #expect(try report.object["examples"] as? Int == 2)
            #expect(
                report.errors.contains("t.csv: 1 bad row was skipped\n  t.csv:6: the row has 1 fields instead of 3"))
            #expect(report.errors.contains("t.csv: 1 row is left out by --label-map"))
            let predictions = try program.text(of: "p.tsv")
            #expect(predictions.contains("\nGreat a wonderful, great film\tpositive\tpositive\t"))
        }
    }

    @Test func textsWithoutATokenAreEvaluated() async throws {
        try await Program.withModel { program in
            try program.write("\tpositive\n   \tnegative\n\u{200B}\tnegative\n", to: "blank.tsv")
            let document = try program.run("evaluate", "--model", "model", "--json", "blank.tsv").object
            #expect(document["examples"] as? Int == 3)
            #expect(document["tokens"] as? Int == 6)
        }
    }
}

/// Mistakes, groups, files of predictions, and decisions that are kept in the model.
@Suite struct EvaluationDetailsTests {
    /// Calls `body` with a trained model, with `test.csv`, whose third text the model gets wrong, and with a function that
    /// evaluates the model as the options say and returns the JSON document.
    private func withTest(_ body: (Program, (String...) throws -> [String: Any]) throws -> Void) async throws {
        try await Program.withModel { program in
            try program.write(
                "body,sentiment,lang\r\n\"wonderful, great\nfood\",positive,en\r\nawful,negative,fr\r\nboring,positive,en\r\n",
                to: "test.csv")
            func evaluate(_ more: String...) throws -> [String: Any] {
                let result = try program.run(
                    ["evaluate", "--model", "model", "--json", "--text-column", "body"] + more + ["test.csv"])
                #expect(result.status == 0, "\(result.errors)")
                return try result.object
            }
            try body(program, evaluate)
        }
    }

    @Test func mistakesAreShownWithTheirLine() async throws {
        try await withTest { _, evaluate in
            let errors = try #require(try evaluate("--errors", "5")["errors"] as? [[String: Any]])
            #expect(errors.count == 1 && errors[0]["line"] as? Int == 5 && errors[0]["actual"] as? String == "positive")
        }
    }

    @Test func theValuesOfAColumnAreReportedApart() async throws {
        try await withTest { _, evaluate in
            let groups = try #require(try evaluate("--by", "lang")["by"] as? [[String: Any]])
            #expect(groups.map { $0["value"] as? String } == ["en", "fr"])
            #expect(groups.map { $0["accuracy"] as? Double } == [0.5, 1])
            // Of one label only, there is no area under a curve.
            #expect(groups.allSatisfy { $0["roc_auc"] is NSNull })
        }
    }

    @Test func answersBelowAConfidenceAreWithheld() async throws {
        try await withTest { program, evaluate in
            let abstention = try #require(try evaluate("--abstain-below", "1")["abstention"] as? [String: Any])
            #expect(abstention["coverage"] as? Double == 0 && abstention["accuracy"] is NSNull)

            _ = try evaluate("--predictions", "p.jsonl", "--abstain-below", "1")
            let rows = try program.text(of: "p.jsonl").split(separator: "\n").map {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
            #expect(rows.count == 3 && rows[0]?["text"] as? String == "wonderful, great\nfood")
            #expect(rows[0]?["predicted"] is NSNull && rows[0]?["actual"] as? String == "positive")
            #expect((rows[1]?["probabilities"] as? [String: Double])?.count == 2)
            // An answer that is withheld is told from a label that is empty.
            _ = try evaluate("--predictions", "p.csv", "--abstain-below", "1")
            #expect(try program.text(of: "p.csv").contains("\r\nawful,negative,,0."))
        }
    }

    @Test func aTableOfPredictionsHasTheTextAndWhatTheModelMadeOfIt() async throws {
        try await Program.withModel { program in
            try program.write(Program.testRows, to: "test.tsv")
            #expect(
                try program.run("evaluate", "--model", "model", "--predictions", "p.tsv", "test.tsv").status == 0)
            let lines = try program.text(of: "p.tsv").split(separator: "\n")
            #expect(lines[0] == "text\tactual\tpredicted\tconfidence\tprobabilities\tfile\tline")
            #expect(lines[3].hasPrefix("boring\tpositive\tnegative\t0."))
        }
    }

    @Test func predictionsThatWereWrittenCanBeEvaluatedAgain() async throws {
        try await withTest { program, evaluate in
            let first = try evaluate("--predictions", "p.csv")
            let again = try program.run(
                "evaluate", "--model", "model", "--json", "--label-column", "actual", "p.csv"
            ).object
            #expect(again["accuracy"] as? Double == first["accuracy"] as? Double)
        }
    }

    @Test func predictionsNeverReplaceWhatIsRead() async throws {
        try await withTest { program, evaluate in
            _ = try evaluate()
            try FileManager.default.createSymbolicLink(
                at: program.url("link"), withDestinationURL: program.url("model/config.json"))
            for file in ["test.csv", "model/config.json", "addnorm.sqlite", "link"] {
                let before = try Data(contentsOf: program.url(file))
                let refused = try program.run(
                    "evaluate", "--model", "model", "--text-column", "body", "--predictions", file, "test.csv")
                #expect(refused.status == 1 && refused.errors.contains("\(file): would replace what is read"))
                #expect(try Data(contentsOf: program.url(file)) == before)
            }
        }
    }

    @Test func aTemperatureAndAThresholdAreKeptInTheModel() async throws {
        try await withTest { _, evaluate in
            let before = try evaluate()
            let calibrated = try evaluate("--calibrate", "--tune-threshold", "f1")
            let temperature = try #require(calibrated["temperature"] as? Double)
            #expect(temperature != 1 && calibrated["threshold"] as? Double != nil)
            #expect(calibrated["log_loss"] as? Double != before["log_loss"] as? Double)
            #expect(try evaluate()["temperature"] as? Double == temperature)
        }
    }
}
