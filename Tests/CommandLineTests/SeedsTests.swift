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
}
