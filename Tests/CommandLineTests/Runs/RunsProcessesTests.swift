import Foundation
import Testing

/// Runs that other processes train, watch and kill.
@Suite struct RunsProcessesTests {
    /// The status of a run, or nil if there is no such run.
    private func status(of run: String, in program: Program) throws -> String? {
        let shown = try program.run("runs", "show", run, "--json")
        guard shown.status == 0 else { return nil }
        return (try shown.object["run"] as? [String: Any])?["status"] as? String
    }

    /// Calls `body` with a run `long` that is being trained in the background, and has finished an epoch.
    private func withLongTraining(_ body: (Program, Process) throws -> Void) async throws {
        try await Program.use { program in
            let training = try program.startLongTraining("--output", "long", "--name", "long")
            defer { training.terminate() }
            try program.wait(for: "a first epoch") {
                try program.run("runs", "list", "--where", "accuracy > 0").output.contains("long")
            }
            try body(program, training)
        }
    }

    @Test func aRunThatIsBeingTrainedIsNeitherDeletedNorResumed() async throws {
        try await withLongTraining { program, _ in
            let deleted = try program.run("runs", "delete", "long")
            #expect(deleted.errors.contains("is being trained"))
            let resumed = try program.run("train", "--resume", "long")
            #expect(resumed.errors.contains("is being trained by another process"))
            #expect(try status(of: "long", in: program) == "running")
        }
    }

    @Test func whoWatchesARunThatIsKilledIsToldThatItWasInterrupted() async throws {
        try await withLongTraining { program, training in
            let watching = try program.start(["runs", "watch", "long", "--interval", "0.1"], output: "watched")
            try program.wait(for: "an epoch") { try program.text(of: "watched").contains("epoch 2: train loss") }

            kill(training.processIdentifier, SIGKILL)
            training.waitUntilExit()
            watching.waitUntilExit()
            #expect(watching.terminationStatus == 1)
            #expect(try program.text(of: "watched").hasSuffix("run 'long': interrupted\n"))
        }
    }

    @Test func aRunThatWasKilledIsInterruptedForEveryCommandAndCanBePruned() async throws {
        try await withLongTraining { program, training in
            kill(training.processIdentifier, SIGKILL)
            training.waitUntilExit()
            #expect(try status(of: "long", in: program) == "interrupted")
            for arguments in [["list"], ["query", "SELECT status FROM runs"], ["export", "--format", "csv"]] {
                #expect(try program.run(["runs"] + arguments).output.contains("interrupted"), "\(arguments)")
            }
            let wouldDelete = try program.run("runs", "prune")
            #expect(wouldDelete.output == "would delete 1 run: long\nto do so, add --yes\n")
            #expect(try program.run("runs", "prune", "--yes").output == "deleted 1 run: long\n")
            #expect(try program.run("runs", "list", "--json").json as? [String] == [])
        }
    }

    /// Two trainings and a reader, all the time: nobody is in anybody's way, and no row is lost or there twice.
    @Test func twoTrainingsAndAReaderShareADatabaseWithoutALostRow() async throws {
        try await Program.use { program in
            try program.write(String(repeating: Program.rows, count: 10), to: "train.tsv")
            let trainings = try ["a", "b"].map { name in
                try program.start(
                    ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", name, "--name", name]
                        + ["--epochs", "200", "--batch-size", "4", "--threads", "1"] + Program.smallShape,
                    errors: name + ".err")
            }
            var reads = 0
            while trainings.contains(where: \.isRunning) {
                let list = try program.run("runs", "list", "--json")
                guard list.status == 0 else {
                    // Before the first has made the file, and recorded its run.
                    #expect(reads == 0 && list.errors.contains(/no such database|no run has been/), "\(list.errors)")
                    continue
                }
                reads += 1
            }
            #expect(reads > 2)
            for (training, name) in zip(trainings, ["a", "b"]) {
                training.waitUntilExit()
                let errors = try program.text(of: name + ".err")
                #expect(training.terminationStatus == 0 && !errors.contains("locked"), "\(errors)")
            }
            // 20 steps in each of 200 epochs: four values every ten steps, and seven after each epoch.
            let counts = try program.run(
                "runs", "query", "--csv",
                "SELECT runs.name, count(*) FROM runs JOIN metrics ON run_id = id GROUP BY id ORDER BY 1")
            #expect(counts.output.hasSuffix("a,3000\r\nb,3000\r\n"), "\(counts.output) \(counts.errors)")
            #expect(try program.run("runs", "query", "PRAGMA integrity_check").output.contains("ok"))
        }
    }
}
