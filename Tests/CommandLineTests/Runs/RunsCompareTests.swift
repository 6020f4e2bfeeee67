import Foundation
import Testing

@Suite struct RunsCompareTests {
    /// Calls `body` with a program that has trained the runs `one` and `two` with other seeds, and evaluated each on `test.tsv`.
    private func withRuns(_ body: (Program) throws -> Void) async throws {
        try await Program.use { program in
            try program.write(Program.testRows, to: "test.tsv")
            for (name, seed) in [("one", "1"), ("two", "2")] {
                #expect(try program.train("--name", name, "--seed", seed, "--overwrite").status == 0)
                #expect(try program.run("evaluate", "--model", "model", "test.tsv").status == 0)
            }
            try body(program)
        }
    }

    @Test func theTextHasTheTestsAndInWhatTheRunsDiffer() async throws {
        try await withRuns { program in
            let text = try program.run("runs", "compare", "one", "2", "--equivalent-within", "0.5", "--flips", "2")
            #expect(text.status == 0, "\(text.errors)")
            #expect(text.output.contains("dev accuracy"))
            #expect(text.output.contains("test.tsv, 3 texts; differences B − A in points"))
            #expect(text.output.contains("A    B    only A right  only B right  McNemar p  accuracy  95 % interval"))
            #expect(text.output.contains("two: not shown to be equivalent within 0.5 points (90 % interval −"))
            #expect(text.output.contains("differs  one") && text.output.contains("seed     1"))
        }
    }

    @Test func theDocumentHasRunsTestsParametersAndGroups() async throws {
        try await withRuns { program in
            let document = try program.run(
                "runs", "compare", "--json", "one", "two", "--group-by", "epochs", "batch_size",
                "--equivalent-within", "1"
            ).object
            #expect(Set(document.keys) == ["runs", "tests", "parameters", "groups", "group_tests", "notices"])
            #expect(document["parameters"] as? [String: [String]] == ["seed": ["1", "2"]])
            let runs = try #require(document["runs"] as? [[String: Any]])
            #expect(runs.allSatisfy { Set($0.keys) == ["id", "name", "status", "seed", "output", "metrics"] })
            let test = try #require((document["tests"] as? [[String: Any]])?.first)
            #expect(
                Set(test.keys) == [
                    "a", "b", "data", "data_sha256", "examples", "only_a_right", "only_b_right", "mcnemar_p",
                    "accuracy_difference", "accuracy_ci", "macro_f1_difference", "macro_f1_ci", "needed", "sentence",
                    "equivalence", "metric", "metric_difference", "metric_ci", "metric_p", "verdict", "disagreement",
                ])
            #expect((test["accuracy_ci"] as? [Double])?.count == 2 && test["examples"] as? Int == 3)
            let equivalence = try #require(test["equivalence"] as? [String: Any])
            #expect(equivalence["within"] as? Double == 0.01 && equivalence["equivalent"] is Bool)
            let group = try #require((document["groups"] as? [[String: Any]])?.first)
            #expect(group["n"] as? Int == 2 && group["name"] as? String == "epochs 15, batch_size 4")
        }
    }

    @Test func whatCannotBeComparedIsRefused() async throws {
        try await withRuns { program in
            for (arguments, status, message) in [
                (["one"], 64, "Name two runs or more"), (["one", "1"], 64, "'1' is named twice"),
                (["one", "nobody"], 1, "no run has the id or name 'nobody'"),
                (["one", "two", "--group-by", "lr"], 1, "no run has the parameter 'lr'; there are batch_size,"),
                (["one", "two", "--equivalent-within", "nan"], 64, "--equivalent-within must be more than 0"),
            ] as [([String], Int32, String)] {
                let result = try program.run(["runs", "compare"] + arguments)
                #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
            }
        }
    }
}
