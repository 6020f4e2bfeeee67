import Foundation
import Testing

/// `addnorm train --seeds`.
@Suite struct SeedsTests {
    @Test func everySeedHasARunAndAModel() async throws {
        try await Program.use { program in
            let training = try program.train("--seeds", "1,2,3", "--name", "s", "--epochs", "2")
            #expect(training.status == 0, "\(training.errors)")
            #expect(training.output.contains("s (3 seeds)") && training.output.contains("95 % interval"))
            let runs = try program.run("runs", "list", "--json").objects
            #expect(runs.map { $0["name"] as? String } == ["s-seed-3", "s-seed-2", "s-seed-1"])
            #expect(runs.map { $0["seed"] as? Int } == [3, 2, 1])
            #expect(runs.allSatisfy { $0["seed_group"] as? String == "s" })
            for seed in 1...3 { #expect(program.exists("model/seed-\(seed)/model.safetensors")) }
            let groups = try program.run("runs", "list", "--json", "--group-by", "seed_group").objects
            #expect(groups.count == 1 && groups[0]["n"] as? Int == 3)
        }
    }

    @Test func whoInterruptsTheFirstSeedIsToldHowTheOthersJoinItsGroup() async throws {
        try await Program.use { program in
            let training = try program.startLongTraining("--output", "many", "--seeds", "7,8", errors: "errors")
            try program.wait(for: "the first epoch") { try program.text(of: "errors").contains("epoch 1: train loss") }
            training.interrupt()
            training.waitUntilExit()
            #expect(training.terminationStatus == 130)
            #expect(
                try program.text(of: "errors")
                    .contains("not trained yet; the same command does so with --name run-1 --seeds 8\n"))
        }
    }

    @Test func noSeedIsTrainedIfOneOfThemCannotBe() async throws {
        try await Program.use { program in
            #expect(try program.train("--seeds", "1,2", "--name", "s", "--epochs", "2").status == 0)
            let taken = try program.train("--output", "other", "--seeds", "4,2", "--name", "s")
            #expect(taken.status == 1 && taken.errors.contains("a run called 's-seed-2' is there already"))
            #expect(!program.exists("other"))
            let again = try program.train("--seeds", "4,2", "--name", "t")
            #expect(again.status == 1 && again.errors.contains("seed-2: a model is there already"))
            #expect(!program.exists("model/seed-4"))
        }
    }

    @Test func seedsAreHandedOutAndNoneIsTrainedTwice() async throws {
        try await Program.use { program in
            let jobs = ["--name", "s", "--epochs", "2", "--jobs", "2"]
            let training = try program.train(["--seeds", "1,2,3"] + jobs)
            #expect(training.status == 0, "\(training.errors)")
            #expect(training.output.contains("s (3 seeds)") && !training.output.contains("s (2 seeds)"))
            #expect(training.errors.contains("seed 3: best epoch"))
            let models = try (1...3).map { try Data(contentsOf: program.url("model/seed-\($0)/model.safetensors")) }
            // As one after the other, on as many threads.
            let alone = try program.train(
                "--output", "alone", "--seed", "2", "--epochs", "2", "--threads",
                "\(max(1, ProcessInfo.processInfo.activeProcessorCount / 2))")
            #expect(alone.status == 0)
            #expect(try Data(contentsOf: program.url("alone/model.safetensors")) == models[1])

            // The same command trains what is left; so does it without --jobs.
            let again = try program.train(["--seeds", "3,4,1"] + jobs)
            #expect(again.status == 0 && again.errors.contains("'s-seed-1' is trained already"), "\(again.errors)")
            #expect(again.output.contains("s (4 seeds)") && !again.errors.contains("seed 3: best"))
            let other = try program.train(["--seeds", "1,5", "--learning-rate", "1e-3"] + jobs)
            #expect(other.status == 1 && other.errors.contains("seed-1: a model is there already"))
            #expect(!program.exists("model/seed-5"))
            // A model that is gone is not trained already.
            try FileManager.default.removeItem(at: program.url("model/seed-2"))
            let gone = try program.train(["--seeds", "2"] + jobs)
            #expect(gone.status == 1 && gone.errors.contains("a run called 's-seed-2' is there already"))
        }
    }

    /// Each is a line for a shell, with a database of its own.
    @Test func commandsArePrintedForOtherEngines() async throws {
        try await Program.use { program in
            let printed = try program.train(
                "--seeds", "1,2", "--name", "it's", "--epochs", "2", "--print-commands", "--db", "my runs.sqlite")
            let lines = printed.output.split(separator: "\n")
            #expect(lines.count == 2 && !program.exists("model") && !program.exists("my runs.sqlite"))
            let shell = Process()
            shell.executableURL = URL(filePath: "/bin/sh")
            shell.arguments = ["-c", String(lines[1])]
            shell.currentDirectoryURL = program.folder
            (shell.standardOutput, shell.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
            try shell.run()
            shell.waitUntilExit()
            #expect(shell.terminationStatus == 0)
            #expect(program.exists("model/seed-2/model.safetensors") && program.exists("my runs-seed-2.sqlite"))
            for arguments in [
                ["--jobs", "2"], ["--seeds", "1,2", "--jobs", "2"], ["--seeds", "1,2", "--name", "x", "--jobs", "0"],
            ] {
                #expect(try program.train(arguments).status == 64)
            }
        }
    }
}
