import Foundation
import RunStore
import Testing

/// The program as a user has it: arguments, streams and exit status.
struct Program {
    /// An empty folder, the working directory of every call.
    let folder: URL

    static let executable = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(
        path: "addnorm")

    struct Result {
        let status: Int32
        let output: String
        let errors: String

        /// Standard output as JSON.
        var json: Any { get throws { try JSONSerialization.jsonObject(with: Data(output.utf8)) } }
    }

    /// Calls `body` with a program in an empty folder.
    static func use(_ body: (Program) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(Program(folder: folder))
    }

    func process(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        return process
    }

    /// Runs the program to its end.
    func run(_ arguments: String..., input: String = "") throws -> Result { try run(arguments, input: input) }

    func run(_ arguments: [String], input: String = "") throws -> Result {
        let process = process(arguments)
        // Files, because pipes would have to be emptied while the process runs.
        let (output, errors) = (folder.appending(path: ".out"), folder.appending(path: ".err"))
        let stdin = folder.appending(path: ".in")
        for file in [output, errors] { try Data().write(to: file) }
        try Data(input.utf8).write(to: stdin)
        process.standardInput = try FileHandle(forReadingFrom: stdin)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit, "\(arguments) ended by a signal")
        return Result(
            status: process.terminationStatus,
            output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: name))
    }

    static let rows = """
        a wonderful film\tpositive
        wonderful food and a wonderful room\tpositive
        great, simply great\tpositive
        a great book\tpositive
        an awful film\tnegative
        awful food and an awful room\tnegative
        boring, simply boring\tnegative
        a boring book\tnegative

        """

    /// Trains a very small model to the folder `model`.
    func train(_ more: String...) throws -> Result {
        try write(Self.rows, to: "train.tsv")
        return try run(
            ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "model", "--layers", "1"]
                + ["--hidden-size", "16", "--heads", "2", "--intermediate-size", "32", "--batch-size", "4"]
                + ["--learning-rate", "5e-3", "--epochs", "15"] + more)
    }
}

@Suite struct CommandLineTests {
    @Test func aSession() async throws {
        try await Program.use { program in
            let training = try program.train("--name", "first")
            #expect(training.status == 0, "\(training.errors)")
            #expect(training.output.contains("model written to model (run 'first' in addnorm.sqlite"))
            #expect(training.errors.contains("epoch 15: train loss"))
            // No bar where there is no terminal.
            #expect(!training.errors.contains("\u{1B}"))

            try program.write("wonderful\tpositive\nawful\tnegative\nboring\tpositive\n", to: "test.tsv")
            let report = try program.run("evaluate", "--model", "model", "test.tsv")
            #expect(report.status == 0 && report.output.contains("precision  recall  f1-score  support"))
            #expect(report.output.contains("actual \\ predicted  negative  positive"))

            let document = try #require(
                try program.run("evaluate", "--model", "model", "--json", "--predictions", "p.tsv", "test.tsv").json
                    as? [String: Any])
            #expect(
                Set(document.keys) == [
                    "model", "data", "examples", "loss", "accuracy", "accuracy_ci", "macro_f1", "macro_f1_ci",
                    "weighted_f1",
                    "labels", "confusion", "roc_auc", "average_precision", "mcc", "log_loss", "ece", "reliability",
                    "temperature", "seconds", "tokens",
                ])
            #expect(document["examples"] as? Int == 3)
            #expect(document["confusion"] as? [[Int]] == [[1, 0], [1, 1]])
            #expect(abs(try #require(document["accuracy"] as? Double) - 2 / 3) < 1e-12)
            let lines = try String(contentsOf: program.folder.appending(path: "p.tsv"), encoding: .utf8)
                .split(separator: "\n")
            #expect(lines[0] == "text\tactual\tpredicted\tconfidence\tprobabilities\tfile\tline")
            #expect(lines[3].hasPrefix("boring\tpositive\tnegative\t0."))

            let several = try #require(
                try program.run("evaluate", "--model", "model", "--json", "test.tsv", "train.tsv").json
                    as? [[String: Any]])
            #expect(several.map { $0["examples"] as? Int } == [3, 8, 11])
            #expect(several[2]["data"] as? String == "test.tsv, train.tsv")

            let rows = try program.run(
                "runs", "query", "--json", "SELECT run_id, examples, accuracy FROM evaluations ORDER BY id")
            #expect((try rows.json as? [[String: Any]])?.map { $0["run_id"] as? Int } == [1, 1, 1, 1])
            let csv = try program.run(
                "runs", "query", "--csv", "SELECT 1 AS a, 'x, \"y\"' AS b, NULL AS c, 'two' || char(10) || 'lines' AS d"
            )
            #expect(csv.output == "a,b,c,d\r\n1,\"x, \"\"y\"\"\",,\"two\nlines\"\r\n")
            let table = try program.run("runs", "query", "SELECT name, 7 AS n FROM runs")
            #expect(table.output == "name   n\nfirst  7\n")
            #expect(try program.run("runs", "list").output.contains("first  finished"))
            let shown = try #require(try program.run("runs", "show", "first", "--json").json as? [String: Any])
            #expect((shown["run"] as? [String: Any])?["train_sha256"] as? String != nil)
            #expect((shown["evaluations"] as? [Any])?.count == 4)
            #expect(try program.run("runs", "show", "1").output.contains("hyper-parameter"))
        }
    }

    /// Data of other formats: columns, labels with new names, rows that are skipped.
    @Test func formats() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            try program.write(
                "stars,title,body\n5,Great,\"a wonderful,\ngreat film\"\n1,Awful,boring\n3,So,so\n1\n", to: "t.csv")
            let columns = ["--text-column", "title", "--text-column", "body", "--label-column", "stars"]
            let map = ["--label-map", "5=positive,1=negative", "--label-map", "3="]
            let report = try program.run(
                ["evaluate", "--model", "model", "t.csv", "--json", "--predictions", "p.tsv", "--on-bad-row", "skip"]
                    + columns + map)
            #expect((try report.json as? [String: Any])?["examples"] as? Int == 2)
            #expect(
                report.errors.contains("t.csv: 1 bad row was skipped\n  t.csv:6: the row has 1 fields instead of 3"))
            #expect(report.errors.contains("t.csv: 1 row is left out by --label-map"))
            let predictions = try String(contentsOf: program.folder.appending(path: "p.tsv"), encoding: .utf8)
            #expect(predictions.contains("\nGreat a wonderful, great film\tpositive\tpositive\t"))

            let lines = "{\"text\": \"great\"}\n{\"texts\": 1}\n{\"text\": \"awful\"}\n"
            let first = try program.run("predict", "--model", "model", "--format", "jsonl", input: lines)
            #expect(first.status == 1 && first.output.hasSuffix("\tgreat\n"))
            #expect(first.errors.contains("-:2: the key 'text' is missing"))
            let all = try program.run(
                "predict", "--model", "model", "--format", "jsonl", "--on-bad-row", "skip", input: lines)
            #expect(all.status == 0 && all.output.hasSuffix("\tawful\n"))
            #expect(all.errors.contains("-: 1 bad row was skipped"))
        }
    }

    /// Rows, mistakes, groups and decisions of an evaluation.
    @Test func evaluation() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            try program.write(
                "body,sentiment,lang\r\n\"wonderful, great\nfood\",positive,en\r\nawful,negative,fr\r\nboring,positive,en\r\n",
                to: "test.csv")
            let options = ["evaluate", "--model", "model", "--json", "--text-column", "body"]
            func evaluate(_ more: String...) throws -> [String: Any] {
                let result = try program.run(options + more)
                #expect(result.status == 0, "\(result.errors)")
                return try #require(try result.json as? [String: Any])
            }
            let document = try evaluate("--errors", "5", "--by", "lang", "--abstain-below", "1", "test.csv")
            let errors = try #require(document["errors"] as? [[String: Any]])
            #expect(errors.count == 1 && errors[0]["line"] as? Int == 5 && errors[0]["actual"] as? String == "positive")
            let groups = try #require(document["by"] as? [[String: Any]])
            #expect(groups.map { $0["value"] as? String } == ["en", "fr"])
            #expect(groups.map { $0["accuracy"] as? Double } == [0.5, 1])
            // Of one label only, there is no area under a curve.
            #expect(groups.allSatisfy { $0["roc_auc"] is NSNull })
            let abstention = try #require(document["abstention"] as? [String: Any])
            #expect(abstention["coverage"] as? Double == 0 && abstention["accuracy"] is NSNull)

            _ = try evaluate("--predictions", "p.jsonl", "--abstain-below", "1", "test.csv")
            let rows = try String(contentsOf: program.folder.appending(path: "p.jsonl"), encoding: .utf8)
                .split(separator: "\n").map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
            #expect(rows.count == 3 && rows[0]?["text"] as? String == "wonderful, great\nfood")
            #expect(rows[0]?["predicted"] is NSNull && rows[0]?["actual"] as? String == "positive")
            #expect((rows[1]?["probabilities"] as? [String: Double])?.count == 2)
            // No answer is told from no label.
            _ = try evaluate("--predictions", "p.csv", "--abstain-below", "1", "test.csv")
            let table = try String(contentsOf: program.folder.appending(path: "p.csv"), encoding: .utf8)
            #expect(table.contains("\r\nawful,negative,null,0."))
            // What is written can be read again.
            _ = try evaluate("--predictions", "p.csv", "test.csv")
            let again = try program.run(
                "evaluate", "--model", "model", "--json", "--label-column", "actual", "p.csv")
            #expect((try again.json as? [String: Any])?["accuracy"] as? Double == document["accuracy"] as? Double)

            // Nothing that is read is written to.
            try FileManager.default.createSymbolicLink(
                at: program.folder.appending(path: "link"),
                withDestinationURL: program.folder.appending(path: "model/config.json"))
            for file in ["test.csv", "model/config.json", "addnorm.sqlite", "link"] {
                let before = try Data(contentsOf: program.folder.appending(path: file))
                let refused = try program.run(options + ["--predictions", file, "test.csv"])
                #expect(refused.status == 1 && refused.errors.contains("\(file): would replace what is read"))
                #expect(try Data(contentsOf: program.folder.appending(path: file)) == before)
            }

            let calibrated = try evaluate("--calibrate", "--tune-threshold", "f1", "test.csv")
            let temperature = try #require(calibrated["temperature"] as? Double)
            #expect(temperature != 1 && calibrated["threshold"] as? Double != nil)
            #expect(calibrated["log_loss"] as? Double != document["log_loss"] as? Double)
            #expect(try evaluate("test.csv")["temperature"] as? Double == temperature)
            let answer = try program.run(
                "predict", "--model", "model", "--json", "--abstain-below", "1", "--text", "awful")
            #expect((try answer.json as? [String: Any])?["label"] is NSNull)
            #expect(
                try program.run("predict", "--model", "model", "--abstain-below", "1", "--text", "awful").output
                    .hasPrefix("null\t0."))
        }
    }

    @Test func data() async throws {
        try await Program.use { program in
            try program.write(Program.rows + "a GREAT book\tnegative\nno label\n", to: "train.tsv")
            try program.write("An awful   film\tnegative\n", to: "dev.tsv")
            let refused = try program.run("data", "train.tsv", "dev.tsv")
            #expect(refused.status == 1 && refused.errors.contains("train.tsv:10: "))
            let report = try program.run("data", "--on-bad-row", "skip", "train.tsv", "dev.tsv")
            #expect(report.status == 0)
            for part in [
                "train.tsv: 9 texts", "negative 5 (55.6 %), positive 4 (44.4 %)", "bad rows       1 skipped",
                "contradictions 1 text with different labels, in 2 rows",
                "train.tsv:4 positive, train.tsv:9 negative: a great book",
                "1 text stands both in train.tsv and in dev.tsv", "train.tsv:5, dev.tsv:1: an awful film",
            ] {
                #expect(report.output.contains(part), "\(part) in:\n\(report.output)")
            }
            let suspects = try program.run(
                "data", "--on-bad-row", "skip", "--suspects", "2", "--json", "--epochs", "2", "--layers", "1",
                "--hidden-size", "16", "--heads", "2", "--intermediate-size", "32", "train.tsv")
            let found = try #require(try suspects.json as? [String: Any])
            #expect((found["suspects"] as? [[String: Any]])?.count == 2 && found["examples"] as? Int == 9)
            #expect(suspects.errors.contains("train.tsv: 1 bad row was skipped"))
            #expect(try program.run("data", "--suspects", "2", "--train-layers", "head", "train.tsv").status == 64)
            let json = try #require(
                try program.run("data", "--json", "--on-bad-row", "skip", "train.tsv", "dev.tsv").json as? [String: Any]
            )
            #expect((json["leaks"] as? [[String: Any]])?.first?["texts"] as? Int == 1)
            #expect((json["files"] as? [[String: Any]])?.map { $0["examples"] as? Int } == [9, 1])
        }
    }

    @Test func severalLabels() async throws {
        try await Program.use { program in
            try program.write(
                (0..<12).map {
                    #"{"text": "\#($0 % 2 == 0 ? "great" : "awful") \#($0 % 3 == 0 ? "food" : "film") \#($0)", "#
                        + #""label": [\#([$0 % 2 == 0 ? "\"good\"" : nil, $0 % 3 == 0 ? "\"food\"" : nil].compactMap { $0 }.joined(separator: ","))]}"#
                }
                .joined(separator: "\n"), to: "train.jsonl")
            let training = try program.run(
                "train", "--train", "train.jsonl", "--dev", "train.jsonl", "--output", "model", "--layers", "1",
                "--hidden-size", "16", "--heads", "2", "--intermediate-size", "32", "--batch-size", "4",
                "--learning-rate", "5e-3", "--epochs", "60")
            #expect(training.status == 0, "\(training.errors)")
            let document = try #require(
                try program.run("evaluate", "--model", "model", "--json", "train.jsonl").json as? [String: Any])
            for key in ["micro_f1", "macro_f1", "samples_f1", "subset_accuracy", "hamming_loss"] {
                #expect(document[key] as? Double != nil, "\(key)")
            }
            #expect(document["subset_accuracy"] as? Double == 1)
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

    @Test func predictions() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            let texts = "wonderful food\n\n   \nawful food"
            let plain = try program.run("predict", "--model", "model", input: texts)
            let lines = plain.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            #expect(lines.count == 4)
            #expect(lines.first?.hasPrefix("positive\t0.") == true && lines.last?.hasSuffix("\tawful food") == true)

            try program.write(texts, to: "texts.txt")
            #expect(try program.run("predict", "--model", "model", "texts.txt").output == plain.output)
            // Neither the size of a batch nor the number of threads changes an answer.
            let alone = try program.run(
                "predict", "--model", "model", "--batch-size", "1", "--threads", "1", "texts.txt", "-", input: "x")
            #expect(alone.output.hasPrefix(plain.output) && alone.output.hasSuffix("\tx\n"))

            let broken = try program.run("predict", "--model", "model", "--text", "great\r\nbook")
            #expect(broken.output.hasSuffix("\tgreat  book\n"))

            let json = try program.run("predict", "--model", "model", "--json", "--text", "great\n\"book\"")
            let answer = try #require(try json.json as? [String: Any])
            #expect(answer["text"] as? String == "great\n\"book\"" && answer["label"] as? String == "positive")
            let probabilities = try #require(answer["probabilities"] as? [String: Double])
            #expect(abs(probabilities.values.reduce(0, +) - 1) < 1e-6)
            #expect(answer["confidence"] as? Double == probabilities["positive"])

            let tokens = try program.run(
                "tokenize", "--model", "model", "--json", "--max-length", "4", "--text", "a great book")
            let object = try #require(try tokens.json as? [String: Any])
            #expect(object["tokens"] as? [String] == ["[CLS]", "a", "great", "[SEP]"])
            #expect((object["ids"] as? [Int])?.count == 4)
        }
    }

    /// A line is answered before the next one is there.
    @Test(.timeLimit(.minutes(1))) func streams() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            let process = program.process(["predict", "--model", "model"])
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            for text in ["wonderful", "awful"] {
                try input.fileHandleForWriting.write(contentsOf: Data("\(text)\n".utf8))
                let answer = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
                #expect(answer.hasSuffix("\t\(text)\n"))
            }
            try input.fileHandleForWriting.close()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
    }

    /// What is mapped can be cut off by others: an error then, and no crash.
    @Test(.timeLimit(.minutes(1))) func aModelThatIsCutOff() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            let process = program.process(["predict", "--model", "model"])
            let (input, output, errors) = (Pipe(), Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            try input.fileHandleForWriting.write(contentsOf: Data("wonderful\n".utf8))
            #expect(!output.fileHandleForReading.availableData.isEmpty)
            try Data().write(to: program.folder.appending(path: "model/model.safetensors"))
            try input.fileHandleForWriting.write(contentsOf: Data("awful\n".utf8))
            try input.fileHandleForWriting.close()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 1)
            let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            #expect(text.contains("cut off by another program"))
        }
    }

    /// Ctrl-C: a model, a run marked as interrupted, and an exit status that scripts notice.
    @Test(.timeLimit(.minutes(1))) func interrupt() async throws {
        try await Program.use { program in
            try program.write(Program.rows, to: "train.tsv")
            let process = program.process(
                ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "model", "--epochs", "1000000"])
            let errors = Pipe()
            process.standardError = errors
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            var text = ""
            while !text.contains("epoch 2:") {
                text += String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
            }
            process.interrupt()
            // Emptied, so that the process does not wait for us.
            _ = try errors.fileHandleForReading.readToEnd()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 130)
            let store = try RunStore(path: program.folder.appending(path: "addnorm.sqlite").path, for: .read)
            #expect(try store.run("run-1").status == .interrupted)
            #expect(try program.run("predict", "--model", "model", "--text", "great").status == 0)
            #expect(FileManager.default.fileExists(atPath: program.folder.appending(path: "model.checkpoint").path))
        }
    }

    /// Wrong input of every kind: the arguments, the exit status, and what the message must say.
    static let mistakes: [(arguments: [String], status: Int32, message: String)] = [
        (["train", "--train", "missing.tsv", "--output", "m"], 1, "missing.tsv: no such file"),
        (["train", "--train", "empty.tsv", "--output", "m"], 1, "empty.tsv: the file is empty"),
        (["train", "--train", "untabbed.tsv", "--output", "m"], 1, "untabbed.tsv:2: the row has no tab"),
        (["train", "--train", "latin1.tsv", "--output", "m"], 1, "latin1.tsv:1: not valid UTF-8"),
        (["train", "--train", "single.tsv", "--output", "m"], 1, "every example has the label 'good'"),
        (
            ["train", "--train", "train.tsv", "--dev", "unknown.tsv", "--output", "m"], 1,
            "unknown.tsv:2: the label 'meh'"
        ),
        (["train", "--train", "model", "--output", "m"], 1, "model: there are no folders in it"),
        (["train", "--train", "train.tsv", "--output", "train.tsv/m"], 1, "cannot be written there"),
        (["train", "--train", "train.tsv", "--output", "/proc/m"], 1, "cannot be written there"),
        (["train", "--train", "train.tsv", "--output", "model"], 1, "a model is there already"),
        (["train", "--train", "train.tsv", "--output", ".", "--overwrite"], 1, "is no part of a model"),
        (["train", "--train", "train.tsv", "--output", "m", "--db", "train.tsv"], 1, "not a SQLite database"),
        (["train", "--train", "train.tsv", "--output", "m", "--db", "nowhere/x.sqlite"], 1, "cannot be opened"),
        (["train", "--train", "train.tsv", "--output", "m", "--name", "run-1"], 1, "choose another name"),
        (["train", "--train", "train.tsv", "--output", "m", "--model", "nowhere"], 1, "no such model folder"),
        (
            [
                "train", "--train", "train.tsv", "--output", "m", "--layers", "1024", "--hidden-size", "65536",
                "--heads", "1",
            ], 1,
            "GB of memory"
        ),
        (["train", "--train", "train.tsv", "--output", "m", "--db", ""], 64, "--db must not be empty"),
        (["train", "--train", "train.tsv", "--output", "m", "--seed", "18446744073709551615"], 64, "--seed must be"),
        (["train", "--output", "m"], 64, "--train FILE and --output DIR are needed"),
        (["train", "--train", "train.tsv", "--output", "m", "--epochs", "0"], 64, "--epochs must be at least 1"),
        (["train", "--train", "train.tsv", "--output", "m", "--heads", "3"], 64, "multiple of --heads"),
        (["train", "--train", "train.tsv", "--output", "m", "--dropout", "1"], 64, "--dropout must be"),
        (["train", "--train", "train.tsv", "--output", "m", "--name", "12"], 64, "--name must not be"),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--model", "model", "--layers", "3"], 64,
            "for new models"
        ),
        (["train", "--train", "train.tsv", "--output", "m", "--train-layers", "head"], 64, "give one with --model"),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--model", "model", "--train-embeddings"], 64,
            "--train-embeddings is for"
        ),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--model", "model", "--train-layers", "some"], 64,
            "--train-layers"
        ),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--model", "model", "--train-layers", "2"], 1,
            "the model has 1 layers"
        ),
        (["train", "--train", "train.tsv", "--output", "m", "--class-weights", "heavy"], 64, "--class-weights"),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--class-weights", "good=2"], 1,
            "there is no label 'good'"
        ),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--label-smoothing", "1"], 64,
            "--label-smoothing must be"
        ),
        (["train", "--train", "train.tsv", "--output", "m", "--layer-decay", "0"], 64, "--layer-decay must be"),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--gradient-accumulation", "0"], 64,
            "--gradient-accumulation must be"
        ),
        (
            ["train", "--train", "train.tsv", "--output", "m", "--model", "model", "--max-length", "4096"], 1,
            "more than the limit of model, 128"
        ),
        (["train", "--resume", "run-1", "--epochs", "3"], 64, "only --db can be given"),
        (["train", "--resume", "run-1"], 1, "is finished"),
        (["train", "--resume", "nobody"], 1, "no run has the id or name 'nobody'"),
        (["evaluate", "--model", "model", "unknown.tsv"], 1, "unknown.tsv:2: the label 'meh' is unknown"),
        (["evaluate", "--model", "nowhere", "train.tsv"], 1, "nowhere: no such model folder"),
        (["evaluate", "--model", "model"], 64, "Missing expected argument"),
        (["evaluate", "--model", "model", "train.tsv", "--max-length", "4096"], 64, "more than the model's limit"),
        (["evaluate", "--model", "model", "train.tsv", "--predictions", "nowhere/p.tsv"], 1, "cannot be written"),
        (["predict", "--model", "model", "latin1.tsv"], 1, "latin1.tsv:1: not valid UTF-8"),
        (["predict", "--model", "model", "missing.txt"], 1, "missing.txt: no such file"),
        (["predict", "--model", "model", "train.tsv", "--text", "x"], 64, "either files or --text"),
        (["predict", "--model", "."], 1, "config.json: cannot be read"),
        (["runs", "list", "--db", "nothing.sqlite"], 1, "nothing.sqlite: no such database"),
        (["runs", "query", "--db", "train.tsv", "SELECT 1"], 1, "not a SQLite database"),
        (["runs", "query", "DROP TABLE runs"], 1, "cannot be written to"),
        (["runs", "query", "SELECT 1", "--json", "--csv"], 64, "either --json or --csv"),
        (["runs", "show", "run-9"], 1, "no run has the id or name 'run-9'"),
        (["sing"], 64, "Unexpected argument 'sing'"),
    ]

    @Test func badInput() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            try program.write("", to: "empty.tsv")
            try program.write("fine\tgood\nno tab\n", to: "untabbed.tsv")
            try program.write("fine\tgood\nfiner\tgood\n", to: "single.tsv")
            try program.write("fine\tpositive\nso so\tmeh\n", to: "unknown.tsv")
            try (Data("caf".utf8) + [0xE9] + Data("\tgood\n".utf8)).write(
                to: program.folder.appending(path: "latin1.tsv"))
            for (arguments, status, message) in Self.mistakes {
                let result = try program.run(arguments)
                #expect(result.status == status, "\(arguments): \(result.errors)")
                #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
                #expect(result.output.isEmpty, "\(arguments): \(result.output)")
            }
            // Nothing was recorded, and nothing left behind.
            #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "nowhere").path))
            let store = try RunStore(path: program.folder.appending(path: "addnorm.sqlite").path, for: .read)
            #expect(try store.list(RunSelection(), columns: ["id"]).rows.count == 1)
            #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "m").path))
        }
    }

    /// A model is trained further: its head alone, then for other labels.
    @Test func fineTuning() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            let head = try program.run(
                "train", "--model", "model", "--train", "train.tsv", "--dev", "train.tsv", "--output", "head",
                "--train-layers", "head", "--class-weights", "positive=2,negative=1", "--max-length", "4", "--name",
                "head")
            #expect(head.status == 0, "\(head.errors)")
            #expect(head.errors.contains("(34 are trained)"))
            #expect(head.errors.contains("the frozen encoder has read 16 of 16 texts"))
            #expect(head.errors.contains("8 texts longer than 4 (cut off there)"))
            let params = try program.run(
                "runs", "query", "--csv", "SELECT name, value FROM params WHERE run_id = 2 ORDER BY name")
            for line in [
                "class_weights,\"negative=1.0,positive=2.0\"", "train_layers,head", "train_embeddings,false",
                "pooling,mean",
                "layer_decay,1", "gradient_accumulation,1",
            ] { #expect(params.output.contains(line), "\(line) in \(params.output)") }

            try program.write(
                "a wonderful film\tgood\nan awful film\tbad\nso so\tfair\nsome film\tfair\n", to: "other.tsv")
            let other = try program.run(
                "train", "--model", "model", "--train", "other.tsv", "--dev", "other.tsv", "--output", "other",
                "--train-layers", "1", "--train-embeddings", "--layer-decay", "0.9", "--label-smoothing", "0.1",
                "--gradient-accumulation", "2", "--batch-size", "1", "--class-weights", "balanced")
            #expect(other.status == 0, "\(other.errors)")
            #expect(other.errors.contains("a new one is put in its place"))
            let answer = try program.run("predict", "--model", "other", "--json", "--text", "an awful film")
            let document = try #require(try answer.json as? [String: Any])
            #expect(Set(try #require(document["probabilities"] as? [String: Double]).keys) == ["bad", "fair", "good"])

            let long = try program.run("predict", "--model", "other", "--max-length", "3", "--text", "an awful film")
            #expect(long.errors.contains("1 of 1 texts have more than 3 tokens and were cut off"))
        }
    }

    /// Texts without a token are texts: trained on, evaluated and predicted.
    @Test func benchmark() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            let arguments = [
                "benchmark", "--model", "model", "--data", "train.tsv", "--steps", "2", "--batch-size", "4",
            ]
            let result = try program.run(arguments + ["--json"])
            #expect(result.status == 0, "\(result.errors)")
            let json = try #require(try result.json as? [String: Any])
            let peak = try #require(json["peak_gflops"] as? Double)
            for (name, sentences) in [("classifying", 8), ("training", 8)] {
                let work = try #require(json[name] as? [String: Any])
                #expect(work["sentences"] as? Int == sentences)
                let gflops = try #require(work["gflops"] as? Double)
                let share = try #require(work["share_of_peak"] as? Double)
                #expect(share > 0 && abs(share * peak - gflops) < 1e-6 * gflops)
                #expect(try #require(work["peak_memory_mb"] as? Double) > 1)
            }
            let latency = try #require(json["latency"] as? [String: Any])
            #expect(try #require(latency["p50_ms"] as? Double) <= #require(latency["p99_ms"] as? Double))
            #expect(try program.run(arguments).output.contains("of peak"))
            let tooLong = try program.run(arguments + ["--max-length", "4000"])
            #expect(tooLong.status == 1 && tooLong.errors.contains("--max-length 4000"))
        }
    }

    @Test func emptyTexts() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            try program.write("\tpositive\n   \tnegative\n\u{200B}\tnegative\n", to: "blank.tsv")
            let result = try program.run("evaluate", "--model", "model", "--json", "blank.tsv")
            let document = try #require(try result.json as? [String: Any])
            #expect(document["examples"] as? Int == 3)
            #expect(document["tokens"] as? Int == 6)
        }
    }

    @Test func aFullDisk() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            let process = program.process(["predict", "--model", "model", "--text", "great"])
            let errors = Pipe()
            process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
            process.standardError = errors
            try process.run()
            process.waitUntilExit()
            let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            #expect(process.terminationStatus == 1)
            #expect(text.contains("standard output cannot be written to"))
        }
    }

    @Test(arguments: [[], ["train"], ["evaluate"], ["predict"], ["tokenize"], ["benchmark"], ["runs", "query"]])
    func help(_ command: [String]) async throws {
        try await Program.use { program in
            let result = try program.run(command + ["--help"])
            #expect(result.status == 0 && result.output.contains("USAGE: addnorm"))
        }
    }
}
