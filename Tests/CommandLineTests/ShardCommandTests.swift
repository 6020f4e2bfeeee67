import Foundation
import Testing

/// `predict --shard`, and what becomes of the parts.
@Suite struct ShardCommandTests {
    private static let rows = (0..<60).map { row in
        "\(row),\"\(row % 3 == 0 ? "a wonderful\nfilm" : "awful \"\"food\"\"") \(row)\",\(row % 2)"
    }

    private static func predict(
        _ program: Program, _ output: String, _ shard: String, _ more: String..., environment: [String: String] = [:]
    ) throws -> Program.Result {
        try program.run(
            ["predict", "--model", "model", "--id-column", "id", "--keep", "gold", "--output", output]
                + (shard.isEmpty ? [] : ["--shard", shard]) + more + ["a.csv", "b.jsonl"], environment: environment)
    }

    private static func withData(_ body: (Program) throws -> Void) async throws {
        try await Program.withModel { program in
            try program.write("id,text,gold\n" + rows.joined(separator: "\n") + "\n", to: "a.csv")
            try program.write(
                (0..<30).map { "{\"id\": \($0), \"text\": \"good \($0)\", \"gold\": null}\n" }.joined(), to: "b.jsonl")
            try body(program)
        }
    }

    @Test(arguments: ["jsonl", "csv"]) func partsMakeWhatOneProcessWrites(_ format: String) async throws {
        try await Self.withData { program in
            #expect(try Self.predict(program, "one", "", "--output-format", format).status == 0)
            let one = try program.text(of: "one/part-0-of-1.\(format)")
            if format == "jsonl" {
                let printed = try program.run(
                    "predict", "--model", "model", "--id-column", "id", "--keep", "gold", "--json", "a.csv", "b.jsonl")
                #expect(printed.output == one)
                let first = try #require(
                    JSONSerialization.jsonObject(with: Data(one.prefix { $0 != "\n" }.utf8)) as? [String: Any])
                #expect(first["id"] as? String == "0" && first["kept"] as? [String: String] == ["gold": "0"])
            } else {
                #expect(one.hasPrefix("id,label,confidence,probabilities,text,kept.gold\r\n0,positive,"))
            }
            for shard in [2, 0, 3] {
                #expect(try Self.predict(program, "four", "\(shard)/4", "--output-format", format).status == 0)
            }
            let missing = try program.run("shards", "status", "four")
            #expect(missing.status == 1 && missing.output.contains("missing: 1\n"), "\(missing.output)")
            #expect(
                try program.run("shards", "merge", "four", "--output", "all").errors.contains("shard 1 of 4 is missing")
            )
            // Killed in the middle of a row.
            #expect(try Self.predict(program, "four", "1/4", "--output-format", format).status == 0)
            let part = program.url("four/part-1-of-4.\(format)")
            let written = try Data(contentsOf: part)
            try written.prefix(written.count / 2).write(to: program.url("four/part-1-of-4.\(format).unfinished"))
            try FileManager.default.removeItem(at: part)
            let manifest = program.url("four/part-1-of-4.json")
            let isThere = try String(contentsOf: manifest, encoding: .utf8).replacing(
                "\"finished\"", with: "\"unfinished\"")
            try Data(isThere.utf8).write(to: manifest)
            #expect(try program.run("shards", "status", "four", "--json").object["unfinished"] as? [Int] == [1])
            let resumed = try Self.predict(program, "four", "1/4", "--output-format", format, "--resume")
            #expect(resumed.errors.contains("goes on after"), "\(resumed.errors)")
            #expect(try Data(contentsOf: part) == written)
            // Killed between the last two steps.
            try Data(isThere.utf8).write(to: manifest)
            #expect(
                try Self.predict(program, "four", "1/4", "--output-format", format).errors.contains("is finished, with")
            )

            let status = try program.run("shards", "status", "four", "--json")
            #expect(try status.status == 0 && status.object["rows"] as? Int == 90)
            #expect(try program.run("shards", "merge", "four", "--output", "all").status == 0)
            #expect(try program.text(of: "all") == one)
            #expect(try program.run("shards", "merge", "four", "--output", "all").errors.contains("--overwrite"))
            let folder = try program.run("shards", "merge", "four", "--output", "model", "--overwrite")
            #expect(folder.status == 1 && folder.errors.contains("is not an ordinary file"))
            #expect(program.exists("model/config.json"))
            try (written + Data("x".utf8)).write(to: part)
            let damaged = try program.run("shards", "merge", "four", "--output", "all", "--overwrite")
            #expect(damaged.status == 1 && damaged.errors.contains("is not what its manifest says"))
            #expect(try program.text(of: "all") == one)
        }
    }

    @Test func otherWorkIsRefused() async throws {
        try await Self.withData { program in
            #expect(try Self.predict(program, "out", "0/2").status == 0)
            #expect(try Self.predict(program, "out", "0/2").errors.contains("is finished, with"))
            #expect(
                try Self.predict(program, "out", "0/2", "--abstain-below", "0.9").errors.contains("is of other options")
            )
            try program.write("id,text,gold\n1,other,2\n", to: "a.csv")
            #expect(try Self.predict(program, "out", "0/2").errors.contains("is of other input"))
            #expect(try Self.predict(program, "out", "1/3").errors.contains("of another number of shards"))
            let turned = try program.run(
                "predict", "--model", "model", "--id-column", "id", "--keep", "gold", "--output", "out", "--shard",
                "0/2", "b.jsonl", "a.csv")
            #expect(turned.errors.contains("is of other input"))
            // The other half, of files that are not the same any more.
            #expect(try Self.predict(program, "out", "1/2").status == 0)
            #expect(
                try program.run("shards", "merge", "out", "--output", "all").errors.contains("is of other input"))
            try program.write("{}", to: "model/note.json")
            #expect(try Self.predict(program, "out", "0/2").errors.contains("is of another model"))
            for (arguments, message) in [
                (["--shard", "0/2"], "--shard is for files"), (["--output", "x"], "--output is for files"),
                (["--resume", "a.csv"], "--resume is for --output"), (["--shard", "2/2", "a.csv"], "'2/2' is invalid"),
                (["--output", "x", "--json", "a.csv"], "--output-format"),
                (["--output", "x", "--shard", "0/2", "-"], "neither"),
                (["--shard", "/2", "a.csv"], "says which part of 2"), (["--keep", "a,a", "a.csv"], "a column twice"),
                (["--output", "model/answers", "a.csv"], "would replace what is read"),
            ] {
                let result = try program.run(["predict", "--model", "model"] + arguments, input: "x")
                #expect(result.status != 0 && result.errors.contains(message), "\(arguments): \(result.errors)")
            }
        }
    }

    @Test func jobsSayWhichPartItIs() async throws {
        try await Self.withData { program in
            func rows(_ environment: [String: String], _ more: String...) throws -> Int {
                let result = try program.run(
                    ["predict", "--model", "model", "--json", "b.jsonl"] + more, environment: environment)
                #expect(result.errors.contains("shard 1/3, by "), "\(result.errors)")
                return result.output.split(separator: "\n").count
            }
            let counts = [
                try rows(["SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "4"]),
                try rows(["JOB_COMPLETION_INDEX": "1"], "--shard", "/3"),
                try rows(["OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "3"]),
            ]
            #expect(counts == [10, 10, 10])
            let unknown = try program.run(
                ["predict", "--model", "model", "b.jsonl"], environment: ["JOB_COMPLETION_INDEX": "1"])
            #expect(unknown.status != 0 && unknown.errors.contains("give --shard /N"))
            // One text has no parts.
            let text = try program.run(
                ["predict", "--model", "model", "--text", "good"], environment: ["JOB_COMPLETION_INDEX": "1"])
            #expect(text.status == 0)
        }
    }

    @Test func shardsAreEvaluated() async throws {
        try await Program.withModel { program in
            try program.write(Program.testRows, to: "test.tsv")
            func examples(_ arguments: String...) throws -> Int {
                let result = try program.run(["evaluate", "--model", "model", "test.tsv", "--json"] + arguments)
                return result.output.isEmpty ? 0 : try #require(try result.object["examples"] as? Int)
            }
            let parts = try (0..<9).map { try examples("--shard", "\($0)/9") }
            #expect(try parts.reduce(0, +) == examples() && parts.contains { $0 > 0 })
        }
    }
}
