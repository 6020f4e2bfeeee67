import Foundation
import Testing

/// Listing, showing and editing runs.
@Suite struct RunsEditTests {
    @Test func aRunIsListedAndShownByNameAndById() async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "first", "--epochs", "1").status == 0)
            #expect(try program.run("runs", "list").output.contains("first  finished"))
            let shown = try program.run("runs", "show", "first", "--json").object
            #expect((shown["run"] as? [String: Any])?["train_sha256"] as? String != nil)
            #expect(try program.run("runs", "show", "1").output.contains("hyper-parameter"))
        }
    }

    @Test func aRunIsRenamedTaggedAndNoted() async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "first", "--epochs", "1").status == 0)
            #expect(try program.run("runs", "rename", "first", "second").output == "run 'second' (id 1)\n")
            #expect(try program.run("runs", "tag", "second", "x", "y").output == "run 'second' (id 1), tagged x, y\n")
            let run = try program.run("runs", "note", "1", "so, so", "--json").object
            #expect(run["tags"] as? [String] == ["x", "y"] && run["note"] as? String == "so, so")
            #expect(
                try program.run("runs", "list", "--tag", "x", "--columns", "name, seed,tags").output.contains(
                    "second    42  x, y"))
        }
    }

    @Test func theBestRunIsNamedWithItsMetric() async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "first", "--epochs", "1").status == 0)
            let best = try program.run("runs", "best", "--json").object
            #expect(best["name"] as? String == "first" && best["metric"] as? String == "macro_f1")
        }
    }

    @Test func runsOfAnExperimentAreListedIfAskedForAndShowIt() async throws {
        try await Program.use { program in
            for name in ["first", "part"] {
                #expect(try program.train("--name", name, "--epochs", "1", "--overwrite").status == 0)
            }
            try program.makeExperiment(of: ["part"])
            let list = try program.run("runs", "list")
            #expect(list.output.contains("first") && !list.output.contains("part"))
            #expect(
                list.errors.contains(
                    "1 run of experiments is not listed: --where \"experiment = 'ablate-1'\"\n"))
            let part = try program.run(
                "runs", "list", "--where", "experiment = 'ablate-1' AND outcome = 'stuck'", "--columns", "name")
            #expect(part.output == "name\npart\n" && part.errors.isEmpty)
            let shown = try program.run("runs", "show", "part").output
            #expect(shown.contains("ablate-1\n") && shown.contains("stuck\n"))
            #expect(try program.run("runs", "show", "part", "--json").object["experiment"] as? String == "ablate-1")
            // The latest run is one of its own.
            #expect(try program.run("runs", "show", "--json").object["experiment"] == nil)
            #expect(try program.run("runs", "delete", "part").output == "deleted 1 run: part\n")
            #expect(try program.run("runs", "list").errors.isEmpty)
        }
    }

    @Test func namesConditionsAndDatabasesThatCannotBeAreRefused() async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "first", "--epochs", "1").status == 0)
            for (arguments, status, message) in [
                (["rename", "first", "7"], Int32(64), "could be taken for a run's id"),
                (["tag", "first", "a,b"], 64, "or contain commas"),
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
}
