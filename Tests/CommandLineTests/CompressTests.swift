import Foundation
import Testing

/// `compress`, and what is done with its folders.
@Suite struct CompressTests {
    @Test func aCompressedModelAnswersTheSameEverywhere() async throws {
        try await Program.withModel { program in
            let compressed = try program.run(
                "compress", "--model", "model", "--output", "small", "--calibrate", "train.tsv", "--check", "train.tsv",
                "--equivalent-within", "100", "--json")
            let object = try compressed.object
            let parts = try #require(object["parts"] as? [[String: Any]])
            #expect(parts.map { $0["part"] as? String }.prefix(2) == ["embeddings", "layer 1"])
            #expect(parts.allSatisfy { $0["stored"] as? String == "int8" && $0["loss"] is Double })
            let check = try #require(object["check"] as? [String: Any])
            #expect((check["models"] as? [[String: Any]])?.count == 2 && check["mcnemar_p"] is Double)

            let texts = "a good film\na bad one, sadly\n\n\(String(repeating: "much ", count: 300))\n"
            func answers(_ products: String, _ threads: String) throws -> String {
                let result = try program.run(
                    ["predict", "--model", "small", "--json", "--threads", threads], input: texts,
                    environment: ["ADDNORM_PRODUCTS": products])
                // What this processor does not have is refused by name.
                if result.status != 0 {
                    #expect(result.errors.contains("'\(products)', which this processor does not have"))
                    return ""
                }
                return result.output
            }
            let all = try ["vnni", "avx512", "avx2", "plain"].flatMap { [try answers($0, "1"), try answers($0, "3")] }
            #expect(Set(all).subtracting([""]).count == 1)

            // Both are runs, with results on the same file.
            let run = try #require(object["run"] as? String)
            let comparison = try program.run("runs", "compare", "1", run, "--json")
            #expect(comparison.status == 0 && comparison.output.contains("mcnemar_p"), "\(comparison.errors)")
            let shown = try program.run("show", "small", "--json").object
            #expect(shown["weights"] as? String == "int8" && shown["run"] as? String == run)

            for arguments in [
                ["train", "--model", "small", "--train", "train.tsv", "--output", "other"],
                ["explain", "--model", "small", "--text", "good"], ["embed", "--model", "small", "--text", "good"],
                ["export", "--model", "small", "--format", "onnx", "--output", "other"],
                ["compress", "--model", "small", "--output", "other"],
                ["predict", "--model", "small", "--precision", "bf16", "--emulate", "--text", "good"],
            ] {
                let result = try program.run(arguments)
                #expect(
                    result.status == 1 && result.errors.contains("compressed to 8 bits"),
                    "\(arguments): \(result.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: program.url("other").path))
        }
    }

    /// A model that is not shown to be as good is not written, and what stands there stays.
    @Test func whatIsNotShownIsNotWritten() async throws {
        try await Program.withModel { program in
            #expect(try program.run("compress", "--model", "model", "--output", "small").status == 0)
            let before = try Data(contentsOf: program.url("small/model.safetensors"))
            let refused = try program.run(
                "compress", "--model", "model", "--output", "small", "--overwrite", "--check", "train.tsv",
                "--equivalent-within", "0.0001")
            #expect(refused.status == 1 && refused.errors.contains("nothing was written"), "\(refused.errors)")
            #expect(try Data(contentsOf: program.url("small/model.safetensors")) == before)
            // Nothing may be lost: then nothing is compressed.
            let kept = try program.run(
                "compress", "--model", "model", "--output", "kept", "--calibrate", "train.tsv", "--max-loss", "0",
                "--json"
            ).object
            let parts = try #require(kept["parts"] as? [[String: Any]])
            #expect(parts.allSatisfy { $0["stored"] as? String == "fp32" } && kept["loss"] as? Double == 0)
            for (arguments, message) in [
                (["--max-loss", "1"], "--max-loss is for --calibrate"), (["--name", "x"], "are for --check"),
                (["--calibrate", "none.tsv"], "none.tsv"), (["--check", "model"], "model"),
            ] {
                let result = try program.run(["compress", "--model", "model", "--output", "y"] + arguments)
                #expect(result.status != 0 && result.errors.contains(message), "\(result.errors)")
            }
        }
    }
}
