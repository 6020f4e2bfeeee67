import Foundation
import Testing

/// Encoders of other families than BERT, by the program. The models are the fixtures of `transformers`, whose tokens are whole words.
@Suite struct FamilyCommandTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
        path: "TransformerTests/Fixtures")

    /// Long texts, explanations, embeddings, adapters and exports; and what is written is of the family again.
    @Test(arguments: ["distilbert", "roberta", "camembert", "xlm-roberta", "electra", "modernbert", "modernbert-mean"])
    func modelsAreTrainedAndUsed(_ family: String) async throws {
        try await Program.use { program in
            func succeeds(_ arguments: String...) throws -> Program.Result {
                let result = try program.run(arguments)
                #expect(result.status == 0, "\(arguments): \(result.errors)")
                return result
            }
            let type = "\"model_type\" : \"\(family.replacing("-mean", with: ""))\""
            try FileManager.default.copyItem(
                at: Self.fixtures.appending(path: "family-\(family)"), to: program.url("base"))
            let long = (5..<30).map { "token\($0)" }.joined(separator: " ")
            try program.write("\(long)\tpositive\ntoken5 token6\tnegative\ntoken7\tneutral\n", to: "train.tsv")
            let training = try succeeds(
                "train", "--model", "base", "--train", "train.tsv", "--dev", "train.tsv", "--epochs", "2", "--output",
                "model",
                "--long-texts", "windows", "--max-length", "8", "--stride", "3")
            #expect(!training.errors.contains("has no class"), "\(training.errors)")
            #expect(try program.text(of: "model/config.json").contains(type))
            #expect(try succeeds("predict", "--model", "model", "--json", "--text", long).output.contains("label"))
            #expect(
                try succeeds("explain", "--model", "model", "--json", "--text", "token5 token6").output.contains(
                    "token6"))
            _ = try succeeds("embed", "--model", "base", "--text", "token5 token6")
            let isModern = family.hasPrefix("modernbert")
            _ = try succeeds(
                "train", "--model", "base", "--train", "train.tsv", "--dev", "train.tsv", "--epochs", "2", "--output",
                "adapter",
                "--lora-rank", "2", "--lora-targets",
                isModern ? "output,intermediate,ffn-output" : "query,value,ffn-output")
            _ = try succeeds("predict", "--model", "adapter", "--text", "token5")
            let queries = try program.run(
                "train", "--model", "base", "--train", "train.tsv", "--dev", "train.tsv", "--output", "other",
                "--lora-rank", "2")
            let onnx = try program.run("export", "--model", "model", "--format", "onnx", "--output", "onnx")
            if isModern {
                #expect(queries.status == 1 && queries.errors.contains("a part of one matrix with others"))
                #expect(onnx.status == 1 && onnx.errors.contains("rotary positions"))
            } else {
                #expect(queries.status == 0 && onnx.status == 0, "\(queries.errors)\(onnx.errors)")
            }
        }
    }
}
