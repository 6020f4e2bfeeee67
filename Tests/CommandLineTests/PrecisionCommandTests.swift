import Foundation
import Testing

/// Models in 16 bits by the program, which the processor may have instructions for or not.
@Suite struct PrecisionCommandTests {
    static let narrow = ["--precision", "bf16"]

    @Test func aModelIsTrainedResumedAndAskedIn16Bits() async throws {
        try await Program.use { program in
            func weights(_ folder: String) throws -> Data {
                try Data(contentsOf: program.url("\(folder)/model.safetensors"))
            }
            func lines(_ text: String) -> [Substring] {
                text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            }
            let training = try program.train("--precision", "bf16", "--emulate")
            #expect(training.status == 0, "\(training.errors)")
            // Resumed, it can be emulated as well.
            let beginning = ["--train", "train.tsv", "--output", "long", "--name", "long", "--epochs", "100000"]
            for arguments in [
                beginning + Program.smallShape + Self.narrow + ["--emulate"], ["--resume", "long", "--emulate"],
            ] {
                let long = try program.start(["train"] + arguments, errors: "log")
                try program.wait(for: "an epoch") { try program.text(of: "log").contains("epoch ") }
                long.interrupt()
                long.waitUntilExit()
                #expect(long.terminationStatus == 130)
            }
            let params = try program.run(
                "runs", "query", "--csv", "SELECT run_id, value FROM params WHERE name = 'precision' ORDER BY run_id")
            #expect(lines(params.output) == ["run_id,value", "1,bf16", "2,bf16", ""], "\(params.output)")

            let evaluation = ["evaluate", "--model", "model", "train.tsv", "--json"]
            let whole = try program.run(evaluation).object
            let half = try program.run(evaluation + Self.narrow + ["--emulate"]).object
            let (loss, other) = (try #require(whole["loss"] as? Double), try #require(half["loss"] as? Double))
            #expect(loss != other && abs(loss - other) < 0.02)
            let recorded = try program.run(
                "runs", "query", "--csv", "SELECT precision FROM evaluations ORDER BY id")
            #expect(lines(recorded.output) == ["precision", "", "bf16", ""], "\(recorded.output)")
            let text = ["predict", "--model", "model", "--text", "a wonderful book"]
            #expect(try program.run(text + Self.narrow + ["--emulate"]).output.hasPrefix("positive\t"))

            // Where the processor has the instructions, the same bits; else what to do.
            let plain = try program.train("--precision", "bf16", "--output", "plain")
            let asked = try program.run(text + Self.narrow)
            if plain.status == 0 {
                #expect(try weights("plain") == weights("model") && asked.status == 0)
            } else {
                for result in [plain, asked] {
                    #expect(result.status == 64 && result.errors.contains("this processor has no instructions for it"))
                }
            }
        }
    }

    @Test func whatHasNoMeaningIsRefused() async throws {
        try await Program.use { program in
            try program.write(Program.rows, to: "train.tsv")
            for arguments in [
                ["train", "--train", "train.tsv", "--output", "m", "--emulate"],
                ["train", "--train", "train.tsv", "--output", "m", "--precision", "fp32", "--emulate"],
                ["predict", "--model", "m", "--emulate"], ["evaluate", "--model", "m", "--emulate", "train.tsv"],
            ] {
                let result = try program.run(arguments)
                #expect(result.status == 64 && result.errors.contains("--emulate is for --precision bf16"))
            }
            let unknown = try program.run("predict", "--model", "m", "--precision", "fp16")
            #expect(unknown.status == 64 && unknown.errors.contains("bf16"))
            let trained = try program.train("--epochs", "1")
            #expect(trained.status == 0)
            let resumed = try program.run("train", "--resume", "run-1", "--precision", "bf16")
            #expect(resumed.status == 64 && resumed.errors.contains("only --db and --emulate can be given"))
            #expect(!program.exists("m"))
        }
    }
}
