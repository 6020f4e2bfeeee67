import Foundation
import Testing

@Suite struct PredictTests {
    static let texts = "wonderful food\n\n   \nawful food"

    @Test func everyLineHasOneAnswerInTheOrderOfTheInput() async throws {
        try await Program.withModel { program in
            let plain = try program.run("predict", "--model", "model", input: Self.texts)
            let lines = plain.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            #expect(lines.count == 4)
            #expect(lines.first?.hasPrefix("positive\t0.") == true && lines.last?.hasSuffix("\tawful food") == true)

            try program.write(Self.texts, to: "texts.txt")
            #expect(try program.run("predict", "--model", "model", "texts.txt").output == plain.output)
        }
    }

    @Test func neitherBatchesNorThreadsChangeAnAnswer() async throws {
        try await Program.withModel { program in
            try program.write(Self.texts, to: "texts.txt")
            let plain = try program.run("predict", "--model", "model", "texts.txt")
            let alone = try program.run(
                "predict", "--model", "model", "--batch-size", "1", "--threads", "1", "texts.txt", "-", input: "x")
            #expect(alone.output.hasPrefix(plain.output) && alone.output.hasSuffix("\tx\n"))
        }
    }

    @Test func aTextWithALineBreakIsStillOneLine() async throws {
        try await Program.withModel { program in
            let broken = try program.run("predict", "--model", "model", "--text", "great\r\nbook")
            #expect(broken.output.hasSuffix("\tgreat  book\n"))
        }
    }

    /// A model's labels may be anybody's: a terminal gets nothing that it obeys, and each text has one line.
    @Test func labelsDoNotDriveTheTerminal() async throws {
        try await Program.withModel { program in
            let file = program.url("model/config.json")
            let config = try String(contentsOf: file, encoding: .utf8)
            let label = "p\\u001b]0;x\\u0007\\u001b[2J\\u202e\\n\\t\\u2028os"
            try Data(config.replacing("\"positive\"", with: "\"\(label)\"").utf8).write(to: file)
            try program.write(Program.testRows, to: "test.tsv")
            for arguments in [
                ["predict", "--model", "model", "--text", "wonderful", "--text", "awful"],
                ["explain", "--model", "model", "--text", "wonderful"],
                ["explain", "--model", "model", "--text", "wonderful", "--label", "\u{1B}[2J\u{202E}"],
                ["evaluate", "--model", "model", "test.tsv"],
                ["evaluate", "--model", "model", "--label-map", "positive=\u{1B}[2J", "test.tsv"],
                ["data", "--label-map", "positive=\u{1B}[2J\u{202E}", "test.tsv"],
                ["train", "--model", "model", "--train", "test.tsv", "--output", "m", "--epochs", "1", "--name", "x"],
                ["predict", "--model", "\u{1B}[2J"], ["predict", "--model", "model", "\u{1B}[2J\u{202E}"],
                ["\u{1B}[2J"], ["runs", "show", "\u{1B}[2J"],
            ] {
                let result = try program.run(arguments)
                let shown = (result.output + result.errors).unicodeScalars
                #expect(
                    !shown.contains { $0 == "\u{1B}" || $0 == "\u{202E}" || $0 == "\u{7}" || $0 == "\u{2028}" },
                    "\(arguments)")
                if arguments[0] == "predict" && result.status == 0 {
                    #expect(result.output.split(separator: "\n").count == 2, "\(result.output)")
                }
            }
        }
    }

    @Test func anAnswerInJSONHasTheTextAndAllProbabilities() async throws {
        try await Program.withModel { program in
            let answer = try program.run("predict", "--model", "model", "--json", "--text", "great\n\"book\"").object
            #expect(answer["text"] as? String == "great\n\"book\"" && answer["label"] as? String == "positive")
            let probabilities = try #require(answer["probabilities"] as? [String: Double])
            #expect(abs(probabilities.values.reduce(0, +) - 1) < 1e-6)
            #expect(answer["confidence"] as? Double == probabilities["positive"])
        }
    }

    @Test func anAnswerBelowAConfidenceIsNull() async throws {
        try await Program.withModel { program in
            let arguments = ["predict", "--model", "model", "--abstain-below", "1", "--text", "awful"]
            let answer = try program.run(arguments + ["--json"]).object
            #expect(answer["label"] is NSNull)
            #expect(try program.run(arguments).output.hasPrefix("null\t0."))
        }
    }

    @Test func linesOfJSONAreReadAndBadOnesSkippedWhereAsked() async throws {
        try await Program.withModel { program in
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

    @Test func textsThatAreCutOffAreCounted() async throws {
        try await Program.withModel { program in
            let long = try program.run("predict", "--model", "model", "--max-length", "3", "--text", "an awful film")
            #expect(long.errors.contains("1 of 1 texts have more than 3 tokens and were cut off"))
        }
    }
}

/// What lies around the program: pipes, disks, other programs.
@Suite struct PredictStreamsTests {
    @Test(.timeLimit(.minutes(1))) func aLineIsAnsweredBeforeTheNextOneIsThere() async throws {
        try await Program.withModel { program in
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

    /// The weights are mapped, and another program can cut the file off: an error then, and no crash.
    @Test(.timeLimit(.minutes(1))) func aModelThatAnotherProgramCutsOffIsAnError() async throws {
        try await Program.withModel { program in
            let process = program.process(["predict", "--model", "model"])
            let (input, output, errors) = (Pipe(), Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            try input.fileHandleForWriting.write(contentsOf: Data("wonderful\n".utf8))
            #expect(!output.fileHandleForReading.availableData.isEmpty)
            try program.write("", to: "model/model.safetensors")
            try input.fileHandleForWriting.write(contentsOf: Data("awful\n".utf8))
            try input.fileHandleForWriting.close()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 1)
            let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            #expect(text.contains("cut off by another program"))
        }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"))) func aFullDiskIsAnError() async throws {
        try await Program.withModel { program in
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
}
