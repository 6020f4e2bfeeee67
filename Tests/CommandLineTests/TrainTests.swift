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

    /// By default no more threads than `OMP_NUM_THREADS` and the processors that the process is bound to; `--threads` goes first.
    @Test func aTrainingTakesThreadsForTheProcessorsThatItMayUse() async throws {
        try await Program.use { program in
            try program.write(Program.rows, to: "train.tsv")
            let training = ["train", "--train", "train.tsv", "--epochs", "1", "--ngrams", "off"] + Program.smallShape
            let environments: [(name: String, openMP: String, more: [String])] = [
                ("one", "1", []), ("two", "1", ["--threads", "2"]), ("ignored", "two", []),
            ]
            let results = try environments.map { name, openMP, more in
                try program.run(
                    training + ["--output", name, "--name", name] + more, environment: ["OMP_NUM_THREADS": openMP])
            }
            #expect(results.allSatisfy { $0.status == 0 }, "\(results.map(\.errors))")
            #expect(results.map { $0.errors.contains("OMP_NUM_THREADS is 'two'") } == [false, false, true])
            // The first processor of a list like 0-3,8: the program is bound to it.
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let processor = try #require(status.firstMatch(of: /Cpus_allowed_list:\s*(\d+)/)?.1)
            let bound = program.process(
                ["-c", "\(processor)", Program.executable.path] + training + ["--output", "bound", "--name", "bound"])
            bound.executableURL = URL(filePath: "/usr/bin/taskset")
            try bound.run()
            bound.waitUntilExit()
            let store = try RunStore(path: program.url("addnorm.sqlite").path, for: .read)
            #expect(try ["one", "two", "bound"].map { try store.run($0).threads } == [1, 2, 1])
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

    /// Once it is loaded, the model says what it said when it was trained, and goes on with its tokens.
    @Test(arguments: ["wordpiece", "bpe", "unigram"]) func aVocabularyOfAnyKind(_ kind: String) async throws {
        try await Program.use { program in
            let training = try program.train("--tokenizer", kind, "--long-texts", "windows", "--max-length", "5")
            #expect(training.status == 0, "\(training.errors)")
            let best = try program.run(
                "runs", "query", "--json",
                "SELECT value AS loss FROM metrics WHERE split = 'dev' AND name = 'loss' AND epoch = (SELECT best_epoch FROM run_summary)"
            )
            let loss = try #require(best.objects.first?["loss"] as? Double, "\(best.output)\(best.errors)")
            let evaluation = try program.run("evaluate", "--model", "model", "--json", "train.tsv").object
            #expect(abs(try #require(evaluation["loss"] as? Double) - loss) < 1e-6)
            let explanation = try program.run("explain", "--model", "model", "--text", "great, awful food", "--json")
            #expect(explanation.output.contains("\"awful\"") && explanation.status == 0, "\(explanation.errors)")

            let further = [
                "train", "--model", "model", "--train", "train.tsv", "--output", "further", "--epochs", "1", "--name",
                "further",
            ]
            #expect(try program.run(further).status == 0)
            let params = "SELECT value FROM params WHERE name = 'tokenizer' ORDER BY run_id"
            #expect(try program.run("runs", "query", "--csv", params).output == "value\r\n\(kind)\r\n\(kind)\r\n")
            let refused = try program.run(further + ["--tokenizer", kind])
            #expect(refused.status == 64 && refused.errors.contains("--tokenizer, --vocab-size"))
        }
    }

    @Test func aVocabularyOfBytesHasThemAll() async throws {
        try await Program.use { program in
            let refused = try program.train("--tokenizer", "bpe", "--vocab-size", "260")
            #expect(
                refused.status == 64
                    && refused.errors.contains("--vocab-size must be at least 261 with --tokenizer bpe"))
            #expect(try program.train("--tokenizer", "bpe", "--vocab-size", "261", "--epochs", "1").status == 0)
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
