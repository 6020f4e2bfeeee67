#if os(Linux)
    import Foundation
    import RunStore
    import Testing

    /// The program is killed before a call to the file system, or one of its calls fails: for some of all calls, and for every single one if the
    /// environment has `ADDNORM_FAULTS=all`.
    @Suite(.serialized) struct FaultTests {
        /// What is done, and what has to come of it whatever happens meanwhile.
        struct Scenario: Sendable, CustomTestStringConvertible {
            let testDescription: String
            /// The names of the runs.
            let runs: [String]
            /// What is done for the runs that have not been begun.
            let command: @Sendable (_ runs: [String]) -> [String]
            /// Whether a model stands at the output before.
            var hasModel = false
        }

        private static let training = training(threads: 1)

        private static func training(threads: Int) -> [String] {
            ["train", "--train", "train.tsv", "--dev", "train.tsv", "--output", "model", "--batch-size", "4"]
                + ["--epochs", "2", "--checkpoint-every", "2", "--learning-rate", "5e-3", "--threads", "\(threads)"]
                + Program.smallShape
        }

        static let scenarios = [
            Scenario(testDescription: "train", runs: ["a"]) { training + ["--name"] + $0 },
            Scenario(
                testDescription: "train --overwrite", runs: ["a"],
                command: { training + ["--overwrite", "--name"] + $0 }, hasModel: true),
            Scenario(testDescription: "train --seeds", runs: ["s-seed-1", "s-seed-2"]) { runs in
                let seeds = runs.map { String($0.dropFirst("s-seed-".count)) }
                return training + ["--name", "s", "--seeds", seeds.joined(separator: ",")]
            },
            Scenario(
                testDescription: "evaluate --calibrate", runs: [],
                command: { _ in ["evaluate", "--model", "model", "--calibrate", "test.tsv"] }, hasModel: true),
        ]

        /// Killed, the disk is full, the disk has failed, a signal came.
        static let faults = ["kill", "\(ENOSPC)", "\(EIO)", "\(EINTR)"]

        @Test(arguments: scenarios) func whoeverIsKilledCanGoOn(_ scenario: Scenario) async throws {
            try await check(scenario, fault: "kill", points: 8)
        }

        @Test(arguments: zip(scenarios, faults.dropFirst() + faults.suffix(1)))
        func callsThatFailAreSaidAndCanBeMadeUpFor(_ scenario: Scenario, _ fault: String) async throws {
            try await check(scenario, fault: fault, points: 8)
        }

        @Test(
            .enabled(if: isWhole, "takes half an hour: scripts/checks/faults.sh runs it"),
            arguments: scenarios, faults)
        func everySingleCall(_ scenario: Scenario, _ fault: String) async throws {
            try await check(scenario, fault: fault, points: .max)
        }

        @Test func nothingWaitsForAThreadThatCannotBeStarted() async throws {
            try await Program.use { program in
                // OpenBLAS, which starts its own when it is loaded, ends the program if it cannot.
                let environment = [
                    "LD_PRELOAD": try Self.library(in: program), "ADDNORM_FAULT": "threads",
                    "OPENBLAS_NUM_THREADS": "1",
                ]
                try program.write(Program.rows, to: "train.tsv")
                let commands = [
                    Self.training(threads: 2), ["evaluate", "--model", "model", "train.tsv", "--threads", "2"],
                    ["runs", "list"], ["runs", "query", "SELECT 1"],
                ]
                for command in commands {
                    let result = try program.run(command, environment: environment)
                    #expect(result.status == 0, "\(command): \(result.errors)")
                    #expect(result.errors.contains("only 1 of 2 threads") == (command[0] != "runs"))
                }
            }
        }

        private static var isWhole: Bool { ProcessInfo.processInfo.environment["ADDNORM_FAULTS"] == "all" }

        // MARK: One scenario

        private func check(_ scenario: Scenario, fault: String, points: Int) async throws {
            try await Program.use { program in
                let library = try Self.library(in: program)
                let number = try #require(try count(scenario, in: program, library))
                let expected = try outcome(scenario, in: program)
                // Some are as good as others: every call is tried in the end.
                let step = max(1, number / points)
                for point in stride(from: 1 + Int.random(in: 0..<step), through: number, by: step) {
                    try prepare(scenario, in: program)
                    let before = try outcome(scenario, in: program).models
                    let result = try program.run(
                        scenario.command(scenario.runs),
                        environment: [
                            "LD_PRELOAD": library, "ADDNORM_FAULT": "\(fault):\(point)",
                            "ADDNORM_FAULT_LOG": program.url("call.log").path,
                        ])
                    let call = "call \(point), \(try program.text(of: "call.log")), \(result.errors)"
                    if fault == "kill" {
                        // The order of calls is not always the same, and the last ones may not be reached.
                        #expect(result.wasKilled || result.status == 0, "\(call)")
                    } else {
                        #expect(!result.wasKilled && (result.status == 0 || !result.errors.isEmpty), "\(call)")
                    }
                    // What stood there stands, or what is to stand there does.
                    for (path, model) in try outcome(scenario, in: program).models {
                        #expect(model == before[path] || model == expected.models[path], "\(call): \(path)")
                    }
                    if scenario.hasModel { #expect(program.exists("model/model.safetensors"), "\(call)") }
                    try finish(scenario, in: program, call)
                    #expect(try outcome(scenario, in: program) == expected, "\(call)")
                    try program.write("", to: "call.log")
                }
            }
        }

        /// Makes an empty folder with what the command needs.
        private func prepare(_ scenario: Scenario, in program: Program) throws {
            for name in ["model", "model.checkpoint", "addnorm.sqlite"] {
                try? FileManager.default.removeItem(at: program.url(name))
            }
            if scenario.hasModel {
                try FileManager.default.copyItem(at: program.url("earlier"), to: program.url("model"))
                try FileManager.default.copyItem(at: program.url("earlier.sqlite"), to: program.url("addnorm.sqlite"))
            }
        }

        /// Does it once, undisturbed.
        ///
        /// - Returns: the number of its calls
        private func count(_ scenario: Scenario, in program: Program, _ library: String) throws -> Int? {
            try program.write(Program.rows, to: "train.tsv")
            try program.write(Program.testRows, to: "test.tsv")
            if scenario.hasModel {
                let training = try program.train()
                #expect(training.status == 0, "\(training.errors)")
                try FileManager.default.moveItem(at: program.url("model"), to: program.url("earlier"))
                try FileManager.default.moveItem(at: program.url("addnorm.sqlite"), to: program.url("earlier.sqlite"))
            }
            try prepare(scenario, in: program)
            let result = try program.run(
                scenario.command(scenario.runs),
                environment: [
                    "LD_PRELOAD": library, "ADDNORM_FAULT": "kill:1000000000",
                    "ADDNORM_FAULT_LOG": program.url("call.log").path,
                ])
            #expect(result.status == 0, "\(result.errors)")
            let log = try program.text(of: "call.log")
            try program.write("", to: "call.log")
            return log.split(separator: " ").last.flatMap { Int($0.trimmingCharacters(in: .newlines)) }
        }

        /// Does what a user does afterwards: resume the runs that were begun, or begin them again.
        private func finish(_ scenario: Scenario, in program: Program, _ call: String) throws {
            var missing: [String] = []
            let store = try? RunStore(path: program.url("addnorm.sqlite").path, for: .read)
            for run in scenario.runs {
                guard (try? store?.run(run)) != nil else {
                    missing.append(run)
                    continue
                }
                let result = try program.run("train", "--resume", run)
                if result.errors.contains("no checkpoint is there") {
                    let deletion = try program.run("runs", "delete", run)
                    #expect(deletion.status == 0, "\(call): \(deletion.errors)")
                    missing.append(run)
                } else {
                    #expect(
                        result.status == 0 || result.errors.contains("nothing to resume"), "\(call): \(result.errors)")
                }
            }
            if !missing.isEmpty || scenario.runs.isEmpty {
                let result = try program.run(scenario.command(missing))
                #expect(result.status == 0, "\(call): \(result.errors)")
            }
        }

        // MARK: What has come of it

        private struct Outcome: Equatable {
            /// The bytes of the models' files, by path.
            var models: [String: Data] = [:]
            /// What is recorded of the runs, but for times.
            var metrics: [[String]] = []
            /// What SQLite finds wrong with the database.
            var problems: [String] = []
            /// What should have been removed.
            var leftovers: [String] = []
        }

        private func outcome(_ scenario: Scenario, in program: Program) throws -> Outcome {
            var outcome = Outcome()
            for path in try FileManager.default.subpathsOfDirectory(atPath: program.folder.path) {
                let name = URL(filePath: path).lastPathComponent
                if name.contains(".addnorm-") || name.hasSuffix(".checkpoint") || name.hasSuffix("-journal") {
                    outcome.leftovers.append(path)
                } else if path.hasPrefix("model/"), !path.contains("/."), !path.contains(".checkpoint/"),
                    !program.isFolder(path)
                {
                    outcome.models[path] = try Data(contentsOf: program.url(path))
                }
            }
            guard program.exists("addnorm.sqlite"),
                let store = try? RunStore(path: program.url("addnorm.sqlite").path, for: .read)
            else { return outcome }
            func rows(_ sql: String) throws -> [[String]] { try store.query(sql).rows.map { $0.map(\.text) } }
            for run in scenario.runs {
                outcome.metrics += try rows(
                    """
                    SELECT r.name, status, split, m.name, step, value FROM runs AS r JOIN metrics AS m ON m.run_id = r.id
                    WHERE r.name = '\(run)' AND m.name <> 'tokens_per_second' ORDER BY split, m.name, step
                    """)
            }
            outcome.problems =
                try rows("PRAGMA integrity_check").flatMap(\.self) + rows("PRAGMA foreign_key_check").flatMap(\.self)
            return outcome
        }

        /// Compiles the library that makes calls fail.
        private static func library(in program: Program) throws -> String {
            let source = URL(filePath: #filePath).deletingLastPathComponent().appending(
                path: "../../scripts/checks/faults.c")
            let library = program.url("faults.so").path
            let compiler = Process()
            compiler.executableURL = URL(filePath: "/usr/bin/env")
            compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", "-o", library, source.path, "-ldl"]
            try compiler.run()
            compiler.waitUntilExit()
            try #require(
                compiler.terminationStatus == 0, "clang, which comes with Swift, could not compile \(source.path)")
            return library
        }
    }

    extension Program {
        fileprivate func isFolder(_ path: String) -> Bool {
            (try? url(path).resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
        }
    }
#endif
