import ArgumentParser
import Reports
import RunStore
import Training

extension Runs {
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Show one run: hyper-parameters, metrics of each epoch and their course, evaluations, files; or the figures of a group of seeds."
        )

        @Argument(
            help: ArgumentHelp("The id or the name of a run. (default: the latest)", valueName: "run"),
            completion: .runs)
        var idOrName: String?

        @OptionGroup
        var answer: AnswerOptions

        func run() throws {
            let store = try answer.database.open(for: .read)
            let runs = try store.runs(called: idOrName ?? store.latestRun())
            if runs.count > 1 {
                let groups = try SeedGroup.groups(of: runs.map { try ComparedRun($0, in: store) })
                Output.warn(groups.notices)
                return try answer.json ? Output.write(json: groups) : Output.write([groups.part].text)
            }
            let run = runs[0]
            let checkpoint = Trainer.checkpoint(forOutput: run.output)
            let details = try RunDetails(of: run, checkpoint: checkpoint, in: store)
            try answer.json ? Output.write(json: details) : Output.write(details.parts.text)
        }
    }
}
