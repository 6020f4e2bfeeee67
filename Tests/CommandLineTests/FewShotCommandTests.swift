import Foundation
import Testing

/// A training with few texts by the program.
@Suite struct FewShotCommandTests {
    static let training = ["train", "--few-shot", "--model", "model", "--train", "train.tsv", "--output", "few"]

    @Test func theModelIsAClassifierAsAnyOther() async throws {
        try await Program.withModel { program in
            let result = try program.run(
                Self.training + ["--name", "few", "--contrastive-steps", "10", "--contrastive-learning-rate", "1e-3"])
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.errors.contains("texts are learned, none are held out"))
            #expect(result.errors.contains("the encoder is tuned: step 10/10, loss 0."))
            let answers = try program.run("predict", "--model", "few", "--text", "a wonderful book", "--json").object
            #expect(["positive", "negative"].contains(answers["label"] as? String))
            let query = "SELECT count(*) AS n FROM metrics WHERE name = 'contrastive_loss'"
            #expect(try program.run("runs", "query", query, "--json").objects.first?["n"] as? Int == 10)
        }
    }

    @Test func whatHasNoMeaningIsRefusedByName() async throws {
        try await Program.withModel { program in
            for (options, message) in [
                (["--early-stopping", "2"], "--drop-leaked and --early-stopping need texts that are held out"),
                (["--drop-leaked"], "--drop-leaked and --early-stopping need texts that are held out"),
                (["--train-layers", "head"], "--train-layers and --few-shot do not go together"),
                (["--lora-rank", "2"], "--lora-rank and --few-shot do not go together"),
            ] {
                let result = try program.run(Self.training + options)
                #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
            }
            #expect(!program.exists("few"))
        }
    }
}
