import ArgumentParser
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
            Train.self, Evaluate.self, Predict.self, Explain.self, DataCommand.self, Tokenize.self, Runs.self,
            BenchmarkCommand.self,
        ]
    )

    static func main() {
        VanishedFile.watch()
        do {
            _ = try Products.demanded()
        } catch {
            exit(withError: ValidationError(error.description))
        }
        main(nil)
    }
}
