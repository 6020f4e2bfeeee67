import Foundation
import RunStore
import Testing

@Suite struct RunsExportTests {
    @Test func aTableHasARowForEachRunWithTagsAndParameters() async throws {
        try await Program.use { program in
            try program.makeDatabase()
            let csv = try program.run("runs", "export")
            let lines = csv.output.components(separatedBy: "\r\n")
            #expect(csv.status == 0 && lines.count == 5 && lines[0].hasSuffix(",tags,pooling"))
            #expect(lines[1].hasPrefix("1,\"it's \"\"1\"\", $(touch harm)\",finished,"))
            #expect(lines[1].hasSuffix(",,mean") && lines[2].hasPrefix("2,lr=1:2\\3,"))
        }
    }

    @Test func aLineOfJSONHasAllThatIsKnownOfARun() async throws {
        try await Program.use { program in
            try program.makeDatabase()
            #expect(try program.run("runs", "export", "--format", "jsonl", "--output", "one.jsonl", "2").status == 0)
            let text = try program.text(of: "one.jsonl")
            #expect(text.split(separator: "\n").count == 1)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(Set(object.keys) == ["run", "tags", "params", "metrics", "evaluations"])
            let params = try #require(object["params"] as? [String: Any])
            #expect(params["pooling"] as? String == "mean" && params["seed"] as? Int == 3 && params.count == 2)
            let metrics = try #require(object["metrics"] as? [[String: Any]])
            #expect(metrics.map { $0["value"] is NSNull } == [true, true, false])
            #expect(metrics[2]["value"] as? Double == 0.1 && metrics[2]["split"] as? String == "dev")
        }
    }

    @Test func unknownFormatsAndRunsAreRefusedAndTheDatabaseIsNeverReplaced() async throws {
        try await Program.use { program in
            try program.makeDatabase()
            #expect(try program.run("runs", "export", "--format", "xml").status == 64)
            for arguments in [["--output", "addnorm.sqlite"], ["nobody"]] {
                let result = try program.run(["runs", "export"] + arguments)
                #expect(result.status == 1 && result.output.isEmpty && result.errors.hasPrefix("Error: "))
            }
        }
    }
}

@Suite struct CompletionsTests {
    /// Bash expands the words that it is given, as if they had been typed.
    @Test func namesThatBashWouldRunAreCompletedAsTheyAre() async throws {
        try await Program.use { program in
            try program.makeDatabase()
            try FileManager.default.moveItem(at: program.url("addnorm.sqlite"), to: program.url("my runs.db"))
            let bash = Process()
            bash.executableURL = URL(filePath: "/bin/bash")
            bash.currentDirectoryURL = program.folder
            bash.arguments = [
                "-c",
                """
                source <("$0" --generate-completion-script bash)
                COMP_WORDS=("$0" runs show --db "'my runs.db'" '')
                COMP_LINE="${COMP_WORDS[*]}" COMP_POINT=${#COMP_LINE} COMP_CWORD=5
                _addnorm "$0" '' "'my runs.db'"
                printf '%s\\n' "${COMPREPLY[@]}" > names
                """, Program.executable.path,
            ]
            try bash.run()
            bash.waitUntilExit()
            #expect(
                try program.text(of: "names")
                    == "a'\u{301}$(touch harm)'\u{301}\nlr=1:2\\3\nit's \"1\", $(touch harm)\n")
            #expect(!program.exists("harm"))
        }
    }
}

extension Program {
    /// Makes a database `addnorm.sqlite` with three runs whose names are hard to quote.
    fileprivate func makeDatabase() throws {
        let store = try RunStore(path: url("addnorm.sqlite").path, for: .write)
        // A quote with a combining mark is one Character, and still a quote for the shell.
        for name in ["it's \"1\", $(touch harm)", "lr=1:2\\3", "a'\u{301}$(touch harm)'\u{301}"] {
            var run = Run(
                name: name, command: "addnorm train", output: "/m", trainData: "/t", trainSha256: "ab",
                version: "test")
            (run.seed, run.threads, run.parameters) = (3, 2, 10)
            let id = try store.begin(run, params: [("seed", "3"), ("pooling", "mean")]).id
            try store.record([
                Metric(run: id, .dev, "loss", step: 1, epoch: 1, value: .nan),
                Metric(run: id, .dev, "loss", step: 2, epoch: 2, value: .infinity),
                Metric(run: id, .dev, "loss", step: 3, epoch: 3, value: 0.1),
            ])
            try store.finish(id, .finished, hasWrittenOutput: true)
        }
    }
}
