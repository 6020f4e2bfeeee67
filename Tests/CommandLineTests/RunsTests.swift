import Foundation
import RunStore
import Testing

/// `addnorm runs`, with trainings in other processes.
@Suite struct RunsTests {
    /// Waits until a condition holds, for at most half a minute.
    private func wait(_ what: String, until condition: () throws -> Bool) throws {
        for _ in 0..<600 {
            if try condition() { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        Issue.record("waited in vain for \(what)")
    }

    /// A training that would take long, in the background.
    private func longTraining(
        _ program: Program, _ more: String..., errors: FileHandle = .nullDevice
    ) throws -> Process {
        try program.write(String(repeating: Program.rows, count: 50), to: "many.tsv")
        let process = program.process(
            [
                "train", "--train", "many.tsv", "--epochs", "100000", "--layers", "1", "--hidden-size", "16", "--heads",
                "2",
            ]
                + ["--intermediate-size", "32", "--threads", "1"] + more)
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func status(_ program: Program, _ name: String) throws -> String? {
        let run = try program.run("runs", "show", name, "--json")
        guard run.status == 0 else { return nil }
        return ((try run.json as? [String: Any])?["run"] as? [String: Any])?["status"] as? String
    }

    @Test func severalSeeds() async throws {
        try await Program.use { program in
            let training = try program.train("--seeds", "1,2,3", "--name", "s", "--epochs", "2")
            #expect(training.status == 0, "\(training.errors)")
            #expect(training.output.contains("s (3 seeds)") && training.output.contains("95 % interval"))
            let runs = try #require(try program.run("runs", "list", "--json").json as? [[String: Any]])
            #expect(runs.map { $0["name"] as? String } == ["s-seed-3", "s-seed-2", "s-seed-1"])
            #expect(runs.map { $0["seed"] as? Int } == [3, 2, 1])
            #expect(runs.allSatisfy { $0["seed_group"] as? String == "s" })
            for seed in 1...3 {
                let weights = program.folder.appending(path: "model/seed-\(seed)/model.safetensors").path
                #expect(FileManager.default.fileExists(atPath: weights))
            }
            let groups = try #require(
                try program.run("runs", "list", "--json", "--group-by", "seed_group").json as? [[String: Any]])
            #expect(groups.count == 1 && groups[0]["n"] as? Int == 3)
            // Who ends the first of several is told how the others come into the same group.
            let errors = program.folder.appending(path: "errors")
            try Data().write(to: errors)
            let interrupted = try longTraining(
                program, "--output", "many", "--seeds", "7,8", errors: try FileHandle(forWritingTo: errors))
            try wait("the first epoch") {
                try String(contentsOf: errors, encoding: .utf8).contains("epoch 1: train loss")
            }
            interrupted.interrupt()
            interrupted.waitUntilExit()
            #expect(interrupted.terminationStatus == 130)
            #expect(
                try String(contentsOf: errors, encoding: .utf8)
                    .contains("not trained yet; the same command does so with --name run-4 --seeds 8\n"))
            // Not one of them is trained if one cannot be.
            let taken = try program.train("--output", "other", "--seeds", "4,2", "--name", "s")
            #expect(taken.status == 1 && taken.errors.contains("a run called 's-seed-2' is there already"))
            #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "other").path))
            let again = try program.train("--seeds", "4,2", "--name", "t")
            #expect(again.status == 1 && again.errors.contains("seed-2: a model is there already"))
            #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "model/seed-4").path))
        }
    }

    @Test func whoWatchesAndWhoIsKilled() async throws {
        try await Program.use { program in
            let training = try longTraining(program, "--output", "long", "--name", "long")
            defer { training.terminate() }
            try wait("a first epoch") {
                try program.run("runs", "list", "--where", "accuracy > 0").output.contains("long")
            }
            #expect(try status(program, "long") == "running")
            #expect(try program.run("runs", "delete", "long").errors.contains("is being trained"))
            #expect(try program.run("train", "--resume", "long").errors.contains("is being trained by another process"))

            let watching = program.process(["runs", "watch", "long", "--interval", "0.1"])
            let output = program.folder.appending(path: "watched")
            try Data().write(to: output)
            watching.standardOutput = try FileHandle(forWritingTo: output)
            watching.standardError = FileHandle.nullDevice
            try watching.run()
            try wait("an epoch") { try String(contentsOf: output, encoding: .utf8).contains("epoch 2: train loss") }

            kill(training.processIdentifier, SIGKILL)
            training.waitUntilExit()
            watching.waitUntilExit()
            #expect(watching.terminationStatus == 1)
            #expect(try String(contentsOf: output, encoding: .utf8).hasSuffix("run 'long': interrupted\n"))
            #expect(try status(program, "long") == "interrupted")
            for arguments in [["list"], ["query", "SELECT status FROM runs"], ["export", "--format", "csv"]] {
                #expect(try program.run(["runs"] + arguments).output.contains("interrupted"), "\(arguments)")
            }
            #expect(try program.run("runs", "prune").output == "would delete 1 run: long\nto do so, add --yes\n")
            #expect(try program.run("runs", "prune", "--yes").output == "deleted 1 run: long\n")
            #expect(try program.run("runs", "list", "--json").json as? [String] == [])
        }
    }

    /// Two trainings and a reader, all the time: nobody is in anybody's way, and no row is lost or there twice.
    @Test func manyProcesses() async throws {
        try await Program.use { program in
            try program.write(String(repeating: Program.rows, count: 10), to: "train.tsv")
            let trainings = try ["a", "b"].map { name in
                let process = program.process(
                    ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", name, "--name", name]
                        + [
                            "--epochs", "200", "--batch-size", "4", "--layers", "1", "--hidden-size", "16", "--heads",
                            "2",
                        ]
                        + ["--intermediate-size", "32", "--threads", "1"])
                process.standardOutput = FileHandle.nullDevice
                let errors = program.folder.appending(path: name + ".err")
                try Data().write(to: errors)
                process.standardError = try FileHandle(forWritingTo: errors)
                try process.run()
                return process
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
                let errors = try String(contentsOf: program.folder.appending(path: name + ".err"), encoding: .utf8)
                #expect(training.terminationStatus == 0 && !errors.contains("locked"), "\(errors)")
            }
            // 20 steps in each of 200 epochs: four values every ten steps, and four after each epoch.
            let counts = try program.run(
                "runs", "query", "--csv",
                "SELECT runs.name, count(*) FROM runs JOIN metrics ON run_id = id GROUP BY id ORDER BY 1")
            #expect(counts.output.hasSuffix("a,2400\r\nb,2400\r\n"), "\(counts.output) \(counts.errors)")
            #expect(try program.run("runs", "query", "PRAGMA integrity_check").output.contains("ok"))
        }
    }

    @Test func editing() async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "first", "--epochs", "1").status == 0)
            #expect(try program.run("runs", "rename", "first", "second").output == "run 'second' (id 1)\n")
            #expect(try program.run("runs", "tag", "second", "x", "y").output == "run 'second' (id 1), tagged x, y\n")
            let run = try program.run("runs", "note", "1", "so, so", "--json").json as? [String: Any]
            #expect(run?["tags"] as? [String] == ["x", "y"] && run?["note"] as? String == "so, so")
            #expect(
                try program.run("runs", "list", "--tag", "x", "--columns", "name, seed,tags").output.contains(
                    "second    42  x, y"))
            let best = try program.run("runs", "best", "--json").json as? [String: Any]
            #expect(best?["name"] as? String == "second" && best?["metric"] as? String == "accuracy")
            for (arguments, status, message) in [
                (["rename", "second", "7"], Int32(64), "could be taken for a run's id"),
                (["tag", "second", "a,b"], 64, "or contain commas"),
                (["best", "--metric", "speed"], 1, "no run has the metric 'speed'; there are accuracy"),
                (["list", "--where", "acuracy > 1"], 1, "no such column: acuracy; there are accuracy"),
                (["list", "--limit", "0"], 64, "--limit must be at least 1"),
                (["note", "nobody", "x", "--db", "other.sqlite"], 1, "no such database"),
            ] {
                let result = try program.run(["runs"] + arguments)
                #expect(result.status == status && result.errors.contains(message), "\(arguments): \(result.errors)")
            }
        }
    }

    /// The queries of the documentation work as they stand.
    @Test func documentedQueries() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try ["README.md", "docs/runs.md"].map {
            try String(contentsOf: root.appending(path: $0), encoding: .utf8)
        }.joined()
        let queries = text.matches(of: /```sql\n([\s\S]*?)```/).map { String($0.output.1) }
        #expect(queries.count >= 8)
        try await Program.use { program in
            #expect(try program.train("--seeds", "1,2", "--name", "s").status == 0)
            try program.write(Program.rows + "boring\tpositive\nwonderful\tnegative\n", to: "test.tsv")
            for seed in 1...2 {
                #expect(try program.run("evaluate", "--model", "model/seed-\(seed)", "test.tsv").status == 0)
            }
            for query in queries {
                let result = try program.run("runs", "query", "--json", query)
                #expect(result.status == 0, "\(query)\(result.errors)")
                #expect(!(try #require(result.json as? [Any])).isEmpty, "\(query) finds nothing")
            }
        }
    }
}
