import Foundation
import RunStore
import Testing

@Suite struct TrainTests {
    @Test func aTrainingWritesAModelAndSaysWhere() async throws {
        try await Program.use { program in
            let training = try program.train("--name", "first")
            #expect(training.status == 0, "\(training.errors)")
            #expect(training.output.contains("model written to model (run 'first' in addnorm.sqlite"))
            #expect(training.errors.contains("epoch 15: train loss"))
            // No bar where there is no terminal.
            #expect(!training.errors.contains("\u{1B}"))
        }
    }

    /// Ctrl-C: a model, a run marked as interrupted, and an exit status that scripts notice.
    @Test(.timeLimit(.minutes(1))) func aRunThatIsInterruptedKeepsItsModel() async throws {
        try await Program.use { program in
            try program.write(Program.rows, to: "train.tsv")
            let process = try program.start(
                ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "model", "--epochs", "1000000"],
                errors: "errors")
            try program.wait(for: "the second epoch") { try program.text(of: "errors").contains("epoch 2:") }
            process.interrupt()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 130)
            let store = try RunStore(path: program.url("addnorm.sqlite").path, for: .read)
            #expect(try store.run("run-1").status == .interrupted)
            #expect(try program.run("predict", "--model", "model", "--text", "great").status == 0)
            #expect(program.exists("model.checkpoint"))
        }
    }

    /// `train 2>&1 | head -1`
    @Test func aTrainingGoesOnWhenNobodyReadsItsProgress() async throws {
        try await Program.use { program in
            try program.write(Program.rows, to: "train.tsv")
            let process = program.process(
                ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "model"] + Program.smallShape)
            let pipe = Pipe()
            (process.standardOutput, process.standardError) = (pipe, pipe)
            try pipe.fileHandleForReading.close()
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit)
            let store = try RunStore(path: program.url("addnorm.sqlite").path, for: .read)
            #expect(try store.run("run-1").status == .finished)
            #expect(program.exists("model/model.safetensors"))
        }
    }

    @Test func theHeadAloneIsTrainedOnWhatAFrozenEncoderHasRead() async throws {
        try await Program.withModel { program in
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
                "pooling,mean", "layer_decay,1", "gradient_accumulation,1",
            ] { #expect(params.output.contains(line), "\(line) in \(params.output)") }
        }
    }

    @Test func aModelIsTrainedFurtherForOtherLabels() async throws {
        try await Program.withModel { program in
            try program.write(
                "a wonderful film\tgood\nan awful film\tbad\nso so\tfair\nsome film\tfair\n", to: "other.tsv")
            let other = try program.run(
                "train", "--model", "model", "--train", "other.tsv", "--dev", "other.tsv", "--output", "other",
                "--train-layers", "1", "--train-embeddings", "--layer-decay", "0.9", "--label-smoothing", "0.1",
                "--gradient-accumulation", "2", "--batch-size", "1", "--class-weights", "balanced")
            #expect(other.status == 0, "\(other.errors)")
            #expect(other.errors.contains("a new one is put in its place"))
            let answer = try program.run("predict", "--model", "other", "--json", "--text", "an awful film").object
            #expect(Set(try #require(answer["probabilities"] as? [String: Double]).keys) == ["bad", "fair", "good"])
        }
    }
}
