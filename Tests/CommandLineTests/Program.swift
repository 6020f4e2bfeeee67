import Foundation
import Testing

/// The program as a user has it: arguments, streams and exit status.
struct Program {
    /// The working directory of every call, empty at first.
    let folder: URL

    static let executable = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(
        path: "addnorm")

    /// Calls `body` with a program in an empty folder, which is removed afterwards.
    static func use(_ body: (Program) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(Program(folder: folder))
    }

    /// Calls `body` with a program that has trained a very small model to the folder `model`, as run 1.
    static func withModel(_ body: (Program) async throws -> Void) async throws {
        try await use { program in
            let training = try program.train()
            #expect(training.status == 0, "\(training.errors)")
            try await body(program)
        }
    }
}

// MARK: - Running

extension Program {
    struct Result {
        let wasKilled: Bool
        let status: Int32
        let output: String
        let errors: String

        /// Standard output as JSON.
        var json: Any { get throws { try JSONSerialization.jsonObject(with: Data(output.utf8)) } }

        /// Standard output as a JSON object.
        var object: [String: Any] { get throws { try #require(try json as? [String: Any], "\(output)\(errors)") } }

        /// Standard output as a JSON array of objects.
        var objects: [[String: Any]] { get throws { try #require(try json as? [[String: Any]], "\(output)\(errors)") } }
    }

    func process(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        return process
    }

    /// Runs the program to its end.
    func run(_ arguments: String..., input: String = "") throws -> Result { try run(arguments, input: input) }

    /// - Parameter environment: what is added to the environment of the tests
    func run(_ arguments: [String], input: String = "", environment: [String: String] = [:]) throws -> Result {
        let process = process(arguments)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        try write(input, to: ".in")
        process.standardInput = try FileHandle(forReadingFrom: url(".in"))
        // Files, because pipes would have to be emptied while the process runs.
        process.standardOutput = try emptyFile(".out")
        process.standardError = try emptyFile(".err")
        try process.run()
        process.waitUntilExit()
        if environment.isEmpty { #expect(process.terminationReason == .exit, "\(arguments) ended by a signal") }
        return Result(
            wasKilled: process.terminationReason == .uncaughtSignal,
            status: process.terminationStatus, output: try text(of: ".out"), errors: try text(of: ".err"))
    }

    /// Starts the program in the background; its standard output and standard error go to files of the folder, or nowhere.
    func start(_ arguments: [String], output: String? = nil, errors: String? = nil) throws -> Process {
        let process = process(arguments)
        process.standardOutput = try output.map(emptyFile) ?? .nullDevice
        process.standardError = try errors.map(emptyFile) ?? .nullDevice
        try process.run()
        return process
    }

    /// Waits until a condition holds, for at most half a minute.
    func wait(for what: String, until condition: () throws -> Bool) throws {
        for _ in 0..<600 {
            if try condition() { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        Issue.record("waited in vain for \(what)")
    }
}

// MARK: - Files

extension Program {
    func url(_ name: String) -> URL { folder.appending(path: name) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: url(name).path) }

    func text(of name: String) throws -> String { try String(contentsOf: url(name), encoding: .utf8) }

    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: url(name)) }

    private func emptyFile(_ name: String) throws -> FileHandle {
        try Data().write(to: url(name))
        return try FileHandle(forWritingTo: url(name))
    }
}

// MARK: - A very small model

extension Program {
    static let rows = """
        a wonderful film\tpositive
        wonderful food and a wonderful room\tpositive
        great, simply great\tpositive
        a great book\tpositive
        an awful film\tnegative
        awful food and an awful room\tnegative
        boring, simply boring\tnegative
        a boring book\tnegative

        """

    /// Three texts, the last of which the model of ``rows`` gets wrong.
    static let testRows = "wonderful\tpositive\nawful\tnegative\nboring\tpositive\n"

    static let smallShape = ["--layers", "1", "--hidden-size", "16", "--heads", "2", "--intermediate-size", "32"]

    /// Trains a very small model to the folder `model`, with `train.tsv` as its dev data, too.
    func train(_ more: String...) throws -> Result { try train(more) }

    func train(_ more: [String]) throws -> Result {
        try write(Self.rows, to: "train.tsv")
        // An option is given once.
        let usual = [
            "--train", "train.tsv", "--dev", "train.tsv", "--output", "model", "--batch-size", "4",
            "--learning-rate", "5e-3", "--epochs", "15",
        ]
        let others = stride(from: 0, to: usual.count, by: 2).filter { !more.contains(usual[$0]) }
        return try run(["train"] + others.flatMap { usual[$0...$0 + 1] } + Self.smallShape + more)
    }

    /// Starts a training in the background that would take very long.
    func startLongTraining(_ more: String..., errors: String? = nil) throws -> Process {
        try write(String(repeating: Self.rows, count: 50), to: "many.tsv")
        return try start(
            ["train", "--train", "many.tsv", "--epochs", "100000", "--threads", "1"] + Self.smallShape + more,
            errors: errors)
    }
}
