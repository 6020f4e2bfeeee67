import ArgumentParser
import Escaping
import Foundation
import Kernels

@main
struct AddNormCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "addnorm",
        abstract: "Train a Transformer encoder to classify text, on an ordinary CPU.",
        discussion: """
            A first session:

              addnorm train --train reviews.tsv --output models/reviews
              addnorm evaluate --model models/reviews held-out.tsv
              addnorm predict --model models/reviews --text 'I would go again tomorrow.'
              addnorm runs list

            Results go to standard output, progress and warnings to standard error. Exit status: 0 done, 1 the work failed, \
            64 wrong usage, 130 interrupted with Ctrl-C.
            """,
        version: Program.version,
        subcommands: [
            Train.self, BaselineCommand.self, Tune.self, Ablate.self, Evaluate.self, Predict.self, Explain.self,
            Embed.self, Search.self, Show.self,
            ExportCommand.self, Compress.self, DataCommand.self, Tokenize.self, Runs.self,
            Shards.self, BenchmarkCommand.self,
        ]
    )

    static func main() {
        VanishedFile.watch()
        do {
            _ = try DemandedProducts()
        } catch {
            exit(withError: ValidationError(error.description))
        }
        do {
            if let notice = AvailableProcessors.here.notice { Output.warn(notice) }
            try requireOptionsOnce(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot()
            try command.run()
        } catch {
            exit(saying: error)
        }
    }

    /// Names the option that is meant by an unknown one: the parser looks for words that are spelled alike, which `--lr` and `--learning-rate` are not.
    private static func advising(_ message: String) -> String {
        guard let match = message.firstMatch(of: /Unknown option '(--[a-z-]+)'/),
            let name = CommandLine.arguments.dropFirst().first,
            let command = configuration.subcommands.first(where: {
                $0.configuration.commandName ?? "\($0)".lowercased() == name
            })
        else { return message }
        let options = helpMessage(for: command).matches(of: /--[a-z-]+/).map { String($0.output) }
        guard let option = optionMeant(by: String(match.1), among: options) else { return message }
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
        let first = lines[0].replacing(/\. Did you mean .*/, with: "")
        return (["\(first). Did you mean '\(option)'?"] + lines.dropFirst()).joined(separator: "\n")
    }

    /// Ends the program. Names of files, labels and columns in an error may be anybody's: a terminal gets nothing that it obeys.
    private static func exit(saying error: any Error) -> Never {
        let status = exitCode(for: error)
        if status.isSuccess { exit(withError: error) }
        let message = advising(fullMessage(for: error))
        if !message.isEmpty { Output.note(message.printableLines + "\n") }
        Foundation.exit(status.rawValue)
    }
}
