import Foundation
import Testing

/// Adapters by the program: trained beside a model, used beside it, merged.
@Suite struct AdapterCommandTests {
    static let training = [
        "train", "--train", "train.tsv", "--dev", "train.tsv", "--model", "model", "--batch-size", "4", "--epochs", "4",
        "--lora-rank", "2",
    ]

    static func withAdapter(_ body: (Program) async throws -> Void) async throws {
        try await Program.use { program in
            let base = try program.train("--pooling", "cls")
            #expect(base.status == 0, "\(base.errors)")
            let result = try program.run(training + ["--output", "adapter", "--lora-targets", "all", "--name", "ad"])
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.errors.contains("PEFT can load it: PeftModel.from_pretrained(model, 'adapter')"))
            try await body(program)
        }
    }

    @Test func anAdapterAnswersBesideItsModelAndMerged() async throws {
        try await Self.withAdapter { program in
            let files = try FileManager.default.contentsOfDirectory(atPath: program.url("adapter").path).sorted()
            #expect(files == ["adapter_config.json", "adapter_model.safetensors", "config.json", "training_data.json"])
            let text = ["--text", "a wonderful book", "--text", "an awful room"]
            let named = try program.run(["predict", "--model", "model", "--adapter", "adapter"] + text)
            #expect(named.status == 0 && named.output.contains("positive\t0."), "\(named.errors)")
            for model in ["adapter", "ad"] {
                #expect(try program.run(["predict", "--model", model] + text).output == named.output)
            }
            let byName = try program.run(["predict", "--model", "model", "--adapter", "ad"] + text)
            #expect(byName.output == named.output)
            let merging = try program.run("export", "--model", "adapter", "--format", "merged", "--output", "merged")
            #expect(merging.status == 0, "\(merging.errors)")
            let merged = try program.run(["predict", "--model", "merged"] + text)
            #expect(
                merged.output.split(separator: "\n").map { $0.prefix(12) }
                    == named.output.split(separator: "\n").map { $0.prefix(12) })
            let again = try program.run("export", "--model", "merged", "--format", "merged", "--output", "m2")
            #expect(again.status == 1 && again.errors.contains("has no adapter that could be merged"))
            let onnx = try program.run("export", "--model", "adapter", "--format", "onnx", "--output", "onnx")
            #expect(onnx.status == 0 && program.exists("onnx/model.onnx"), "\(onnx.errors)")
            let tokens = try program.run(["tokenize", "--model", "adapter"] + text)
            #expect(try tokens.output == program.run(["tokenize", "--model", "model"] + text).output)
        }
    }

    @Test func settingsAreKeptInTheFolderOfTheAdapter() async throws {
        try await Self.withAdapter { program in
            // One of them is not what the model was taught.
            try program.write(Program.rows + "great\tnegative\n", to: "test.tsv")
            let before = try program.text(of: "model/config.json")
            let result = try program.run(
                "evaluate", "--model", "model", "--adapter", "adapter", "--calibrate", "--force", "test.tsv")
            #expect(result.status == 0, "\(result.errors)")
            #expect(try program.text(of: "model/config.json") == before)
            #expect(try program.text(of: "adapter/config.json").contains("calibration_temperature"))
            let shown = try program.run("show", "adapter", "--json").object
            #expect(shown["lora_rank"] as? Int == 2 && shown["lora_alpha"] as? Double == 4)
            #expect((shown["temperature"] as? Double) != 1)
            #expect(
                try program.run("show", "ad").output.contains(
                    "LoRA of rank 2, alpha / rank = 2.0, on query, key, value"))
        }
    }

    @Test func whatHasNoMeaningIsRefused() async throws {
        try await Self.withAdapter { program in
            let mistakes: [(arguments: [String], status: Int32, message: String)] = [
                (
                    ["predict", "--model", "model", "--adapter", "model", "--text", "a"], 1,
                    "no adapter: there is no adapter_config.json"
                ),
                (["predict", "--model", "adapter", "--adapter", "adapter", "--text", "a"], 1, "is an adapter itself"),
                (
                    ["train", "--train", "train.tsv", "--model", "adapter", "--output", "m"], 1,
                    "is an adapter; train further from its model"
                ),
                (
                    ["train", "--train", "train.tsv", "--output", "m", "--lora-rank", "2"], 64,
                    "give a model with --model"
                ),
                (
                    Self.training + ["--output", "m", "--train-layers", "head"], 64,
                    "--train-layers head and --lora-rank do not go together"
                ),
                (Self.training + ["--output", "m", "--lora-targets", "query,nothing"], 64, "ffn-output"),
                (
                    Self.training + ["--output", "m", "--pooling", "mean", "--lora-targets", "pooler"], 1,
                    "choose among query, key, value"
                ),
                (Self.training + ["--output", "model", "--overwrite"], 1, "cannot take the place of the model"),
                (
                    ["train", "--train", "train.tsv", "--model", "model", "--output", "m", "--lora-alpha", "4"], 64,
                    "give its rank with --lora-rank"
                ),
            ]
            for (arguments, status, message) in mistakes {
                let result = try program.run(arguments)
                #expect(result.status == status && result.errors.contains(message), "\(arguments): \(result.errors)")
                #expect(!program.exists("m"))
            }
            try FileManager.default.moveItem(at: program.url("model"), to: program.url("moved"))
            let lost = try program.run("predict", "--model", "adapter", "--text", "a wonderful book")
            #expect(lost.status == 1 && lost.errors.contains("give both: --model DIR --adapter"), "\(lost.errors)")
            let found = try program.run(
                "predict", "--model", "moved", "--adapter", "adapter", "--text", "a wonderful book")
            #expect(found.status == 0, "\(found.errors)")
        }
    }
}
