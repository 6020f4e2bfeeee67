import Foundation
import Testing
import Training

@Suite struct HyperparametersTests {
    @Test func theNamesInTheDatabaseStay() {
        let names = Hyperparameters().texts.map(\.name).sorted()
        #expect(
            names == [
                "batch_size", "class_weights", "contrastive_learning_rate", "contrastive_steps", "dev_fraction",
                "distillation_temperature", "distillation_weight",
                "dropout", "early_stopping", "epochs", "few_shot",
                "gradient_accumulation", "heads", "hidden_size", "initializer_range", "intermediate_size",
                "label_smoothing",
                "layer_decay", "layers", "learning_rate", "log_layer_norms", "long_texts", "lora_alpha", "lora_dropout",
                "lora_rank", "lora_targets", "max_grad_norm",
                "max_length", "metric", "ngrams", "norm", "norm_placement", "on_non_finite", "pooling", "precision",
                "problem_type",
                "residual", "seed", "stride", "threads", "tokenizer",
                "train_embeddings", "train_layers", "vocab_size",
                "warmup_ratio", "weight_decay",
            ])
    }

    @Test func defaultsFollowTheKindOfTraining() {
        let kinds = TrainingKind.allCases.map { Hyperparameters(for: $0) }
        #expect(kinds.map { $0.epochs } == [4, 8, 3, 40, 3])
        #expect(kinds.map { $0.learningRate } == [1e-4, 5e-4, 2e-4, 1e-2, 2e-3])
        #expect(kinds.map { $0.layerDecay } == [1, 1, 0.9, 1, 1])
    }

    @Test func theyAreReadAsTheyWereWritten() throws {
        var written = Hyperparameters(for: .fineTuning)
        written.trainLayers = .top(2)
        written.classWeights = .byLabel(["a=b": 0.1, "c": 3])
        written.learningRate = 1.0 / 3
        written.seed = UInt64(Int64.max)
        written.pooling = .cls
        written.dropout = 0.1
        let read = try JSONDecoder().decode(Hyperparameters.self, from: JSONEncoder().encode(written))
        #expect(read.texts.map(\.value) == written.texts.map(\.value))
        #expect(read.trainLayers == .top(2) && read.classWeights == written.classWeights && read.earlyStopping == nil)
    }

    @Test func whatIsOutOfRangeIsNamed() {
        func problem(_ change: (inout Hyperparameters) -> Void, startingFrom model: String? = nil) -> String? {
            var hyperparameters = Hyperparameters()
            change(&hyperparameters)
            do {
                try hyperparameters.prepare(startingFrom: model)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(problem { _ in } == nil)
        #expect(problem { $0.epochs = 0 } == "--epochs must be at least 1")
        #expect(problem { $0.batchSize = 2_000_000_000 }?.hasPrefix("--batch-size must be at most") == true)
        #expect(problem { $0.learningRate = .nan } == "--learning-rate must be above 0")
        #expect(problem { $0.learningRate = .infinity } == "--learning-rate must be above 0")
        #expect(problem { $0.maxLength = 2_000_000_000 } == "--max-length must be at most 1,000,000,000")
        #expect(problem { $0.layerDecay = 1.1 } == "--layer-decay must be above 0 and at most 1")
        #expect(problem { $0.dropout = 1 } == "--dropout must be at least 0 and below 1")
        #expect(problem { $0.maxLength = 1 } == "--max-length must be at least 2: [CLS] and [SEP]")
        #expect(problem { $0.heads = 3 } == "--hidden-size must be a multiple of --heads")
        #expect(problem { $0.stride = 3 } == "--stride is for --long-texts windows")
        #expect(problem { $0.trainLayers = .head }?.hasPrefix("--train-layers is for pretrained models") == true)
        #expect(problem({ $0.trainEmbeddings = true }, startingFrom: "m")?.contains("'all' has them already") == true)
        #expect(problem({ $0.heads = 2 }, startingFrom: "m")?.contains("--model has decided them") == true)
    }

    /// What the documentation lists is what is declared.
    @Test func theDocumentationHasThemAll() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/hyperparameters.md")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        let declared = Hyperparameters.all.map {
            "| `\($0.option)` | \($0.defaultText ?? "") | \($0.help.replacing("|", with: "\\|")) |"
        }
        #expect(lines.filter { $0.hasPrefix("| `--") } == declared.map { $0[...] })
    }
}
