import ArgumentParser
import Escaping
import Foundation
import Kernels

/// How the trainings of several seeds are handed out.
struct JobOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Train with so many of the --seeds at a time, each in a process of its own, on its share of the threads. (default: one after the other)",
            valueName: "n"))
    var jobs: Int?

    @Flag(
        help:
            "Train nothing: print a command for each of the --seeds, for other engines, with a database of its own; 'runs merge' brings these together."
    )
    var printCommands = false

    var isGiven: Bool { jobs != nil || printCommands }

    func validate() throws {
        try requirePositive(jobs, "--jobs")
        if jobs != nil && printCommands { throw ValidationError("Give either --jobs or --print-commands, not both.") }
    }
}

/// One training for each seed, in processes of their own.
struct SeedJobs {
    private let seeds: [UInt64]
    private let database: DatabaseOptions
    /// Nil: as many as there are for each.
    private let threads: Int?

    init(seeds: [UInt64], _ database: DatabaseOptions, threads: Int?) {
        (self.seeds, self.database, self.threads) = (seeds, database, threads)
    }

    /// The command as it was given, for one seed.
    ///
    /// - Parameter more: options in place of those that were given
    private static func arguments(seed: UInt64, _ more: KeyValuePairs<String, String>) -> [String] {
        let replaced = Set(["--seeds", "--jobs"] + more.map(\.key))
        var arguments: [String] = []
        var rest = CommandLine.arguments.dropFirst()
        while let argument = rest.popFirst() {
            let option = String(argument.prefix { $0 != "=" })
            if argument == "--print-commands" { continue }
            if replaced.contains(option) {
                if option == argument { rest = rest.dropFirst() }
            } else {
                arguments.append(argument)
            }
        }
        return arguments + ["--seeds", "\(seed)"] + more.flatMap { [$0.key, $0.value] }
    }

    /// Prints the command of each seed.
    func printCommands() throws {
        let file = URL(filePath: database.path)
        let stem = file.deletingPathExtension().lastPathComponent
        let commands = seeds.map { seed in
            let own = (database.path as NSString).deletingLastPathComponent
            let path = (own as NSString).appendingPathComponent(
                "\(stem)-seed-\(seed)" + (file.pathExtension.isEmpty ? "" : "." + file.pathExtension))
            return ([CommandLine.arguments[0]] + Self.arguments(seed: seed, ["--db": path])).shellQuoted + "\n"
        }
        try Output.write(commands.joined())
    }

    /// The threads of each of so many trainings.
    func threads(atATime count: Int) -> Int { threads ?? max(1, AvailableProcessors.here.count / count) }

    /// Trains with each of some seeds.
    ///
    /// - Parameter count: how many at a time
    /// - Throws: an error if one has failed, when all have ended; `ExitCode` 130 if they were interrupted.
    func run(_ seeds: [UInt64], atATime count: Int) throws {
        Interrupt.watch()
        var (waiting, running, failed, isToEnd) = (seeds[...], [Job](), [UInt64](), false)
        while !running.isEmpty || (!waiting.isEmpty && !Interrupt.isRaised) {
            if running.count < count, !Interrupt.isRaised, let seed = waiting.popFirst() {
                running.append(try Job(seed, Self.arguments(seed: seed, ["--threads": "\(threads(atATime: count))"])))
                continue
            }
            if Interrupt.isRaised && !isToEnd {
                // A terminal has told them, too.
                isToEnd = true
                for job in running { job.process.interrupt() }
            }
            for job in running where !job.process.isRunning {
                try job.tell()
                if job.process.terminationStatus != 0 { failed.append(job.seed) }
            }
            running.removeAll { !$0.process.isRunning }
            Thread.sleep(forTimeInterval: 0.05)
        }
        if Interrupt.isRaised {
            Output.warn("interrupted; the same command goes on")
            throw ExitCode(130)
        }
        if !failed.isEmpty {
            throw OutputError(
                description:
                    "not trained: seed \(failed.map { "\($0)" }.joined(separator: ", ")); the same command tries again")
        }
    }

    /// The training of one seed.
    private struct Job {
        let seed: UInt64
        let process = Process()
        private let output: FileHandle

        init(_ seed: UInt64, _ arguments: [String]) throws {
            self.seed = seed
            output = FileHandle(fileDescriptor: try openNamelessFile(), closeOnDealloc: true)
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = arguments
            (process.standardInput, process.standardOutput, process.standardError) = (
                FileHandle.nullDevice, output, output
            )
            try process.run()
            Output.warn("seed \(seed) is being trained")
        }

        /// Says what it has said.
        func tell() throws {
            try output.seek(toOffset: 0)
            let lines = String(decoding: try output.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
            // The table of all seeds comes in the end.
            let told =
                process.terminationStatus == 0
                ? lines.filter { $0.hasPrefix("best epoch") || $0.hasPrefix("model written") } : lines
            Output.warn(told.map { "seed \(seed): \($0)" })
        }
    }
}
