import ArgumentParser
import Reports
import RunStore
import Training

extension Runs {
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one run: hyper-parameters, metrics of each epoch and their course, evaluations, files.")

        @Argument(
            help: ArgumentHelp("The id or the name of a run. (default: the latest)", valueName: "run"),
            completion: .runs)
        var idOrName: String?

        @OptionGroup
        var answer: AnswerOptions

        func run() throws {
            let store = try answer.database.open(for: .read)
            let run = try store.run(idOrName ?? store.latestRun())
            let checkpoint = Trainer.checkpoint(forOutput: run.output)
            let details = try RunDetails(of: run, checkpoint: checkpoint, in: store)
            try answer.json ? Output.write(json: details) : Output.write(details.parts.text)
        }
    }
}
