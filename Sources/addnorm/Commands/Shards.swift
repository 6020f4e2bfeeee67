import ArgumentParser
import Datasets
import Foundation
import Reports

/// The outputs of processes that have shared the work.
struct Shards: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look after what many processes have written with 'predict --output'.",
        subcommands: [Status.self, Merge.self])

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which shards are missing.",
            discussion: """
                The numbers of those that are missing are written as job arrays take them. Exit status 1 if there are some.

                  addnorm shards status answers
                """)

        @Argument(help: ArgumentHelp("The folder of --output.", valueName: "dir"), completion: .directory)
        var folder: String

        @Flag(help: "Print a JSON object.")
        var json = false

        func run() throws {
            let shards = try ShardFolder(folder)
            if json {
                try Output.write(
                    json: JSONObject([
                        "shards": shards.count, "finished": shards.finished.count, "rows": shards.rows,
                        "missing": shards.missing, "unfinished": shards.unfinished,
                        "model": shards.first.model, "model_sha256": shards.first.modelSha256,
                    ]))
            } else {
                var text =
                    "\(folder): \(shards.finished.count.formatted()) of \(shards.count.formatted()) shards are finished, with \(shards.rows.formatted()) rows\n"
                if !shards.missing.isEmpty { text += "missing: \(Self.ranges(shards.missing))\n" }
                if !shards.unfinished.isEmpty { text += "of these begun: \(Self.ranges(shards.unfinished))\n" }
                try Output.write(text)
            }
            if !shards.missing.isEmpty { throw ExitCode(1) }
        }

        /// Numbers as job arrays take them: 2,5-8
        private static func ranges(_ numbers: [Int]) -> String {
            var ranges: [ClosedRange<Int>] = []
            for number in numbers {
                if let last = ranges.last, last.upperBound + 1 == number {
                    ranges[ranges.count - 1] = last.lowerBound...number
                } else {
                    ranges.append(number...number)
                }
            }
            return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
                .joined(separator: ",")
        }
    }

    struct Merge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make one file of all shards.",
            discussion: """
                The file is, byte for byte, what one process would have written. It appears when it is complete. Before, it is checked that no shard is \
                missing, that all are of one model with one set of options, that their inputs follow each other without gaps and without anything twice, \
                and that each is what its manifest says.

                  addnorm shards merge answers --output answers.jsonl
                """)

        @Argument(help: ArgumentHelp("The folder of --output.", valueName: "dir"), completion: .directory)
        var folder: String

        @Option(help: ArgumentHelp("The file that is written.", valueName: "file"), completion: .file())
        var output: String

        @Flag(help: "Replace a file that is there.")
        var overwrite = false

        func run() throws {
            let shards = try ShardFolder(folder)
            try shards.requireWhole()
            if !overwrite && FileManager.default.fileExists(atPath: output) {
                throw OutputError(description: "\(output): exists; --overwrite replaces it")
            }
            try OutputFile.check(output, besides: [folder])
            let rows = try shards.merge(to: URL(filePath: output))
            Output.warn("\(output): \(rows.formatted()) rows of \(shards.count.formatted()) shards")
        }
    }
}
