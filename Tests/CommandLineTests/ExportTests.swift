import Foundation
import RunStore
import Testing

@Suite struct ExportTests {
    /// A database `addnorm.sqlite` with two runs.
    private func makeDatabase(in program: Program) throws {
        let store = try RunStore(path: program.folder.appending(path: "addnorm.sqlite").path, for: .write)
        for name in ["it's \"1\", $(touch harm)", "lr=1:2\\3"] {
            let run = Run(
                name: name, command: "addnorm train", model: nil, output: "/m", trainData: "/t", trainSha256: "ab",
                devData: nil, devSha256: nil, seed: 3, threads: 2, version: "test", parameters: 10)
            let id = try store.begin(run, params: [("seed", "3"), ("pooling", "mean")]).id ?? 0
            try store.record([
                Metric(run: id, .dev, "loss", step: 1, epoch: 1, value: .nan),
                Metric(run: id, .dev, "loss", step: 2, epoch: 2, value: .infinity),
                Metric(run: id, .dev, "loss", step: 3, epoch: 3, value: 0.1),
            ])
            try store.finish(id, .finished, hasWrittenOutput: true)
        }
    }

    @Test func tableAndLines() async throws {
        try await Program.use { program in
            try makeDatabase(in: program)
            let csv = try program.run("runs", "export")
            let lines = csv.output.components(separatedBy: "\r\n")
            #expect(csv.status == 0 && lines.count == 4 && lines[0].hasSuffix(",tags,pooling"))
            #expect(lines[1].hasPrefix("1,\"it's \"\"1\"\", $(touch harm)\",finished,"))
            #expect(lines[1].hasSuffix(",,mean") && lines[2].hasPrefix("2,lr=1:2\\3,"))

            let file = program.folder.appending(path: "one.jsonl")
            #expect(try program.run("runs", "export", "--format", "jsonl", "--output", "one.jsonl", "2").status == 0)
            let text = try String(contentsOf: file, encoding: .utf8)
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

    @Test func refusals() async throws {
        try await Program.use { program in
            try makeDatabase(in: program)
            #expect(try program.run("runs", "export", "--format", "xml").status == 64)
            for arguments in [["--output", "addnorm.sqlite"], ["nobody"]] {
                let result = try program.run(["runs", "export"] + arguments)
                #expect(result.status == 1 && result.output.isEmpty && result.errors.hasPrefix("Error: "))
            }
        }
    }

    /// Bash expands the words that it is given, as if they had been typed.
    @Test func namesInBash() async throws {
        try await Program.use { program in
            try makeDatabase(in: program)
            try FileManager.default.moveItem(
                at: program.folder.appending(path: "addnorm.sqlite"), to: program.folder.appending(path: "my runs.db"))
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
            let names = try String(contentsOf: program.folder.appending(path: "names"), encoding: .utf8)
            #expect(names == "lr=1:2\\3\nit's \"1\", $(touch harm)\n")
            #expect(!FileManager.default.fileExists(atPath: program.folder.appending(path: "harm").path))
        }
    }
}
