import Foundation
import RunStore
import Testing

/// What would mislead somebody who begins.
@Suite struct FirstWeekTests {
    @Test func severalTrainingFilesAreOneSet() async throws {
        try await Program.use { program in
            let rows = Program.rows.split(separator: "\n").map { $0 + "\n" }
            try program.write(rows.prefix(4).joined(), to: "a.tsv")
            try program.write(rows.dropFirst(4).joined(), to: "b.tsv")
            try program.write(Program.testRows, to: "dev.tsv")
            let files = ["--train", "a.tsv", "--train", "b.tsv", "--dev", "dev.tsv", "--epochs", "1"]
            let result = try program.run(["train", "--output", "model"] + files + Program.smallShape)
            #expect(result.status == 0 && result.errors.contains("a.tsv: 4 texts"), "\(result.errors)")
            #expect(result.errors.contains("b.tsv: \(rows.count - 4) texts"))
            let store = try RunStore(path: program.url("addnorm.sqlite").path, for: .read)
            #expect(try store.run("1").trainFiles.map { URL(filePath: $0).lastPathComponent } == ["a.tsv", "b.tsv"])
            let twice = try program.run("train", "--train", "a.tsv", "--train", "a.tsv", "--output", "m")
            #expect(twice.status == 1 && twice.errors.contains("a.tsv: is named twice"))
            // A bad row names its file.
            try program.write("good\tpositive\nno tab\n", to: "c.tsv")
            let bad = try program.run("train", "--train", "a.tsv", "--train", "c.tsv", "--output", "m")
            #expect(bad.status == 1 && bad.errors.contains("c.tsv:2: the row has no tab"))
        }
    }

    @Test func optionsAreGivenOnceAndMeantOnesAreNamed() async throws {
        try await Program.use { program in
            for (arguments, message) in [
                (
                    ["train", "--train", "a", "--output", "b", "--epochs", "1", "--epochs", "2"],
                    "--epochs is given twice"
                ),
                (["runs", "list", "--limit=1", "--limit", "2"], "--limit is given twice"),
                (["train", "--train", "a", "--output", "b", "--lr", "1"], "Did you mean '--learning-rate'?"),
            ] {
                let result = try program.run(arguments)
                #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
            }
        }
    }

    @Test func aHeaderIsNoExample() async throws {
        try await Program.use { program in
            try program.write("review\tstars\n" + Program.rows, to: "known.tsv")
            let known = try program.run("data", "known.tsv")
            #expect(known.status == 1 && known.errors.contains("name one with --label-column"), "\(known.errors)")
            let numbers = try program.run("data", "known.tsv", "--label-column", "2", "--json").object
            #expect(((numbers["files"] as? [[String: Any]])?[0]["labels"] as? [Any])?.count == 2)

            try program.write("comment\tpolarity\n" + Program.rows + Program.rows, to: "unknown.tsv")
            let unknown = try program.run("data", "unknown.tsv")
            #expect(
                unknown.status == 1 && unknown.errors.contains("looks like a header; if it is one, give --text-column"))
            #expect(try program.run("data", "unknown.tsv", "--text-column", "1", "--label-column", "2").status == 0)
            #expect(
                try program.run("data", "unknown.tsv", "--text-column", "comment", "--label-column", "polarity").status
                    == 0)
        }
    }

    @Test func whatWasReadIsRecordedAndCompared() async throws {
        try await Program.use { program in
            try program.write(Program.testRows, to: "test.tsv")
            for name in ["one", "two"] {
                #expect(try program.train("--name", name, "--overwrite", "--on-bad-row", "skip").status == 0)
                let options = name == "one" ? ["--max-length", "3"] : []
                #expect(try program.run(["evaluate", "--model", "model", "test.tsv"] + options).status == 0)
            }
            let document = try program.run("runs", "compare", "--json", "one", "two").object
            let parameters = try #require(document["parameters"] as? [String: [String]])
            #expect(parameters.count == 1 && parameters.values.first == ["3", "128"], "\(parameters)")
            #expect(parameters.keys.first?.hasPrefix("max_length on ") == true)
            let query = try program.run(
                "runs", "query", "--csv",
                "SELECT value FROM params WHERE name IN ('on_bad_row', 'drop_leaked') ORDER BY name, run_id")
            #expect(query.output == "value\r\nfalse\r\nfalse\r\nskip\r\nskip\r\n")
            let settings = try program.run(
                "runs", "query", "--csv", "SELECT temperature, max_length, long_texts, trained_texts FROM evaluations")
            #expect(settings.output.hasSuffix("1.0,3,truncate,0\r\n1.0,128,truncate,0\r\n"), "\(settings.output)")
        }
    }

    @Test func textsOfTheTrainingAreKnownAgain() async throws {
        try await Program.withModel { program in
            let whole = try program.run("evaluate", "--model", "model", "train.tsv")
            #expect(
                whole.status == 0
                    && whole.errors.contains("trained with this file (8 of 8 texts): figures on it flatter"))
            // But for case and white space.
            try program.write("  A   WONDERFUL film\tpositive\n" + Program.testRows, to: "mixed.tsv")
            try program.write(
                Program.rows.uppercased().replacing("POSITIVE", with: "positive").replacing(
                    "NEGATIVE", with: "negative"), to: "upper.tsv")
            let upper = try program.run("evaluate", "--model", "model", "--calibrate", "upper.tsv")
            #expect(upper.status == 1 && upper.errors.contains("8 of 8 texts of this file"), "\(upper.errors)")
            // A temperature needs a wrong answer.
            let (first, others) = (Program.rows.prefix { $0 != "\n" }, Program.rows.drop { $0 != "\n" })
            let wrong = first.hasSuffix("positive") ? "negative" : "positive"
            try program.write(first.prefix { $0 != "\t" } + "\t" + wrong + others, to: "wrong.tsv")
            let forced = try program.run("evaluate", "--model", "model", "--calibrate", "--force", "wrong.tsv")
            #expect(forced.status == 0 && forced.output.contains("kept in the model"))
            let back = try program.run("evaluate", "--model", "model", "--uncalibrate", "train.tsv")
            #expect(back.status == 0)
            #expect(try !program.text(of: "model/config.json").contains("calibration_temperature"))
        }
    }

    @Test func theModelRemembersItsLabelMap() async throws {
        try await Program.use { program in
            let map = ["--label-map", "positive=good,negative=bad"]
            try program.write(Program.rows, to: "train.tsv")
            let training = try program.run(
                ["train", "--train", "train.tsv", "--output", "model", "--epochs", "2"] + map + Program.smallShape)
            #expect(training.status == 0, "\(training.errors)")
            try program.write(Program.testRows, to: "test.tsv")
            let result = try program.run("evaluate", "--model", "model", "test.tsv")
            #expect(result.status == 0 && result.output.contains("good"), "\(result.errors)")
            #expect(result.errors.contains("labels are renamed as for the training"))
        }
    }

    @Test func whatTransformersCannotComputeIsNotCalledBERT() async throws {
        try await Program.withModel { program in
            let mean = try program.text(of: "model/config.json")
            #expect(mean.contains("\"addnorm-bert\"") && mean.contains("AddNormForSequenceClassification"))
            #expect(try program.train("--pooling", "cls", "--output", "cls").status == 0)
            let cls = try program.text(of: "cls/config.json")
            #expect(cls.contains("\"bert\"") && cls.contains("BertForSequenceClassification"))
        }
    }

    @Test func theEpochIsChosenByTheMetric() async throws {
        try await Program.use { program in
            for metric in ["log_loss", "f1:positive", "mcc"] {
                let result = try program.train("--metric", metric, "--name", metric, "--output", metric)
                #expect(result.status == 0, "\(result.errors)")
            }
            let rows = try program.run(
                "runs", "query", "--csv", "SELECT name, metric, dev_metric = dev_loss FROM run_summary ORDER BY name")
            #expect(
                rows.output
                    == "name,metric,dev_metric = dev_loss\r\nf1:positive,f1:positive,0\r\nlog_loss,loss,1\r\nmcc,mcc,0\r\n"
            )
            for metric in ["log_loss", "f1:positive", "mcc"] {
                #expect(try program.run("evaluate", "--model", metric, "train.tsv").status == 0)
            }
            let list = try program.run("runs", "list", "--metric", "mcc")
            #expect(
                list.output.contains("macro F1     mcc") || list.output.contains("mcc  epoch"),
                "\(list.output)\(list.errors)")
            #expect(
                try program.run("runs", "report", "mcc", "log_loss", "--metric", "mcc", "--output", "r.html").status
                    == 0)
            #expect(try program.text(of: "r.html").contains("MCC"))
            // By what evaluations recorded of every text.
            for metric in ["log-loss", "roc_auc", "weighted_f1"] {
                let compared = try program.run("runs", "compare", "log_loss", "mcc", "--metric", metric, "--json")
                    .object
                let test = try #require((compared["tests"] as? [[String: Any]])?.first)
                #expect(test["metric"] as? String == metric.replacing("-", with: "_") && test["metric_ci"] is [Double])
            }
            let unknown = try program.train("--metric", "f1:nobody", "--output", "x")
            #expect(unknown.status == 1 && unknown.errors.contains("there is no such label"))
        }
    }

    @Test func groupsAreComparedAsGroups() async throws {
        try await Program.use { program in
            try program.write(Program.testRows, to: "test.tsv")
            for name in ["a", "b"] {
                let result = try program.train("--name", name, "--seeds", "1,2", "--output", name, "--epochs", "2")
                #expect(result.status == 0, "\(result.errors)")
                for seed in [1, 2] { _ = try program.run("evaluate", "--model", "\(name)/seed-\(seed)", "test.tsv") }
            }
            let result = try program.run("runs", "compare", "a", "b")
            #expect(result.status == 0 && result.output.hasPrefix("macro F1 on "), "\(result.output) \(result.errors)")
            #expect(result.output.contains("mean over 2 seeds") && !result.output.contains("McNemar"))
            #expect(try program.run("runs", "export", "a").output.split(separator: "\r\n").count == 3)
        }
    }

    @Test func figuresOfOtherDataWinNothing() async throws {
        try await Program.use { program in
            try program.write(Program.testRows, to: "dev.tsv")
            #expect(try program.train("--name", "old", "--output", "old").status == 0)
            #expect(
                try program.train("--name", "new", "--output", "new", "--dev", "dev.tsv", "--epochs", "1").status == 0)
            let best = try program.run("runs", "best")
            #expect(
                best.output.hasPrefix("new:") && best.errors.contains("only runs of the project 'dev.tsv "),
                "\(best.errors)")
            #expect(try program.run("runs", "list").errors.contains("runs of 2 projects"))
        }
    }

    @Test func partsKeepTogetherWhatBelongsTogether() async throws {
        try await Program.use { program in
            let rows = (0..<100).map { "text number \($0 / 2),\($0 % 3 == 0 ? "a" : "b"),author \($0 / 10)\r\n" }
            try program.write("text,label,author\r\n" + rows.joined(), to: "all.csv")
            let result = try program.run(
                "data", "all.csv", "--split", "60/20/20", "--by", "author", "--output", "parts", "--json")
            #expect(result.status == 0, "\(result.errors)")
            let parts = try ["train", "dev", "test"].map { name in
                try program.text(of: "parts/\(name).csv").split(separator: "\r\n").dropFirst().map(String.init)
            }
            #expect(parts.map(\.count) == [60, 20, 20])
            let authors = parts.map { Set($0.map { $0.split(separator: ",").last! }) }
            #expect(
                authors[0].isDisjoint(with: authors[1].union(authors[2])) && authors[1].isDisjoint(with: authors[2]))
            let again = try program.run("data", "all.csv", "--split", "60/40", "--output", "parts")
            #expect(again.status == 1 && again.errors.contains("is there already"))
        }
    }

    @Test func aCollapsedRunSaysSo() async throws {
        try await Program.use { program in
            let result = try program.train("--learning-rate", "5", "--epochs", "1")
            #expect(result.status == 0 && result.errors.contains("every dev text gets the label"), "\(result.errors)")
            let show = try program.run("runs", "show").output
            #expect(show.contains("warning") && show.contains("has learned nothing"))
        }
    }

    @Test func everyRowHasItsAnswer() async throws {
        try await Program.withModel { program in
            let rows = Data("id,text\n7,wonderful film\n8,caf".utf8) + [0xE9] + Data("\n9,awful\n".utf8)
            try rows.write(to: program.url("rows.csv"))
            let options = ["--id-column", "id", "--on-bad-row", "keep", "rows.csv"]
            let text = try program.run(["predict", "--model", "model"] + options)
            let lines = text.output.split(separator: "\n")
            #expect(lines.count == 3 && lines[0].hasPrefix("7\tpositive\t") && lines[2].hasPrefix("9\t"))
            #expect(lines[1].contains("\tnull\tnull\trows.csv:3: not valid UTF-8"))
            let json = try program.run(["predict", "--model", "model", "--json"] + options)
            #expect(
                json.output.split(separator: "\n").map { $0.contains("\"error\":\"rows.csv:3") } == [
                    false, true, false,
                ])
            #expect(try program.run("evaluate", "--model", "model", "--on-bad-row", "keep", "train.tsv").status == 1)
        }
    }

    @Test func aRunStandsForItsModel() async throws {
        try await Program.withModel { program in
            let folder = try program.run("predict", "--model", "model", "--text", "wonderful")
            #expect(try program.run("predict", "--model", "run-1", "--text", "wonderful").output == folder.output)
            let show = try program.run("show", "run-1")
            #expect(show.status == 0 && show.output.contains("trained with") && show.output.contains("8 texts of "))
            #expect(try program.run("show", "model", "--json").object["pooling"] as? String == "mean")
        }
    }

    @Test func aBaselineIsARunLikeAnyOther() async throws {
        try await Program.use { program in
            let rows = (0..<40).map {
                "\($0 % 2 == 0 ? "wonderful lovely" : "awful dreadful") thing \($0 % 7)\t\($0 % 2)\n"
            }
            try program.write(rows.joined(), to: "train.tsv")
            try program.write("lovely wonderful\t0\ndreadful awful\t1\n", to: "test.tsv")
            let result = try program.run("baseline", "--train", "train.tsv", "test.tsv", "--json").object
            #expect(result["run"] as? String == "baseline-1" && result["cross_validated"] as? Double == 1)
            let figures = try #require((result["evaluations"] as? [[String: Any]])?.first)
            #expect(figures["accuracy"] as? Double == 1)
            let training = try program.run(
                ["train", "--train", "train.tsv", "--output", "model", "--epochs", "1"] + Program.smallShape)
            #expect(training.errors.contains("the baseline 'baseline-1' has dev macro F1 1.0000 (cross-validated)"))
            #expect(try program.run("evaluate", "--model", "model", "test.tsv").status == 0)
            let compared = try program.run("runs", "compare", "baseline-1", "run-2")
            #expect(compared.status == 0 && compared.output.contains("only A right"), "\(compared.errors)")
        }
    }

    @Test func aSearchIsTestedAgainstTheDefaultsAndGoesOn() async throws {
        try await Program.use { program in
            try program.write(String(repeating: Program.rows, count: 4), to: "train.tsv")
            let command =
                ["tune", "--train", "train.tsv", "--dev", "train.tsv", "--output", "search", "--minutes", "0.05"]
                + ["--seeds", "2", "--epochs", "2", "--vary", "learning-rate=1e-4..1e-2", "--json"] + Program.smallShape
            let first = try program.run(command)
            #expect(first.status == 0, "\(first.errors)")
            #expect(try (first.object["verdict"] as? String)?.contains("the defaults") == true)
            let query = ["runs", "query", "--csv", "SELECT name, started_at FROM runs ORDER BY id"]
            let runs = try program.run(query).output
            #expect(runs.contains("tune-trial-0,") && runs.contains("tune-defaults-2,"))
            // Nothing is trained twice.
            let second = try program.run(command)
            #expect(second.status == 0, "\(second.errors)")
            #expect(try program.run(query).output.hasPrefix(runs))
            let other = try program.run(command + ["--batch-size", "2"])
            #expect(other.status == 1 && other.errors.contains("is of another search"), "\(other.errors)")
            let model = try #require(try second.object["model"] as? String)
            #expect(try program.run("predict", "--model", model, "--text", "wonderful").status == 0)
            // What a model has decided makes no other search.
            let further = [
                "tune", "--model", model, "--train", "train.tsv", "--dev", "train.tsv", "--output", "further",
                "--minutes", "0.02",
                "--seeds", "1", "--epochs", "1", "--vary", "learning-rate=1e-4,1e-3", "--name", "further",
            ]
            for _ in 1...2 {
                let result = try program.run(further)
                #expect(result.status == 0, "\(result.errors)")
            }
            for vary in ["speed=1,2", "epochs=0,1", "epochs"] {
                let refused = try program.run("tune", "--train", "train.tsv", "--output", "x", "--vary", vary)
                #expect(refused.status != 0 && !refused.errors.isEmpty)
            }
        }
    }

    @Test func mistakesAreExplainedWithTheirLabels() async throws {
        try await Program.withModel { program in
            try program.write("wonderful film\tnegative\nawful food\tnegative\n", to: "wrong.tsv")
            let result = try program.run("explain", "--model", "model", "--errors", "5", "wrong.tsv")
            #expect(result.output.hasPrefix("positive 0.") && result.output.contains("(labelled: negative)"))
            #expect(result.output.components(separatedBy: "labelled").count == 2)
        }
    }

    @Test func anExportIsWrittenWhole() async throws {
        try await Program.withModel { program in
            // The model has n-grams beside its encoder.
            let refused = try program.run(
                "export", "--model", "model", "--format", "sentence-transformers", "--output", "st")
            #expect(refused.status == 1 && refused.errors.contains("--ngrams off") && !program.exists("st"))
            let alone = try program.run(
                [
                    "train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "alone", "--ngrams", "off",
                    "--epochs", "1",
                ]
                    + Program.smallShape)
            #expect(alone.status == 0 && !program.exists("alone/ngrams.safetensors"), "\(alone.errors)")
            for (model, format) in [("model", "onnx"), ("alone", "sentence-transformers")] {
                let result = try program.run("export", "--model", model, "--format", format, "--output", format)
                #expect(result.status == 0, "\(result.errors)")
                #expect(
                    try program.run("export", "--model", model, "--format", format, "--output", format).status == 1)
            }
            #expect(program.exists("onnx/model.onnx") && program.exists("onnx/vocab.txt"))
            #expect(try program.text(of: "sentence-transformers/modules.json").contains("1_Pooling"))
            #expect(try program.text(of: "sentence-transformers/config.json").contains("\"BertModel\""))
        }
    }
}
