import ArgumentParser
import Escaping
import Experiments
import Foundation
import Reports
import RunStore
import Training

struct Tune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Search for better hyper-parameters than the defaults, within a time.",
        discussion: """
            Trains many random choices with few texts, the better third of them with more, and so on (successive halving). The \
            best is then trained with fresh seeds, as are the defaults, and a test tells whether it is better than these. Every \
            training is a run in the database; the same command goes on with a search that was ended.

              addnorm tune --train train.tsv --dev dev.tsv --output tuned --minutes 20
              addnorm tune --model models/minilm-l6 --train train.tsv --dev dev.tsv \
                --output tuned --vary learning-rate=1e-5..5e-4 --vary epochs=2,3,4

            Options of 'train' that are given are the same in all trainings.
            """)

    @OptionGroup(title: "Files")
    var files: FileOptions

    @Option(help: "The time for the whole search, in minutes.")
    var minutes = 20.0

    @Option(
        help: ArgumentHelp(
            """
            What is searched: a range, or values between commas. Can be given several times. (default: learning rate, epochs, \
            batch size, dropout, class weights, and with --model layer decay and pooling)
            """, valueName: "name=values"))
    var vary: [SearchDimension] = []

    @Option(help: "With how many fresh seeds the best choice and the defaults are trained in the end.")
    var seeds = 3

    @Option(help: "The name of the search, which its runs begin with.")
    var name = "tune"

    @Option(help: "What the runs are about.", completion: .projects)
    var project: String?

    @OptionGroup(title: "Training")
    var training: TrainingOptions

    @OptionGroup(title: "LoRA")
    var adapter: AdapterOptions

    @OptionGroup(title: "New models")
    var shape: ShapeOptions

    @OptionGroup(title: "Rarely needed")
    var rare: RareTrainingOptions

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    @OptionGroup
    var answer: AnswerOptions

    func validate() throws {
        guard minutes > 0, minutes <= 1e6 else { throw ValidationError("--minutes must be above 0.") }
        guard (1...100).contains(seeds) else { throw ValidationError("--seeds must lie between 1 and 100.") }
        try requireRunName(name, "--name")
        if files.train.isEmpty || files.output == nil {
            throw ValidationError("--train FILE and --output DIR are needed.")
        }
        _ = try hyperparameters()
    }

    private func hyperparameters() throws -> Hyperparameters {
        try Hyperparameters(training, adapter, rare, shape, files.selection, model: files.model)
    }

    func run() throws {
        Interrupt.watch()
        var request = TrainingRequest(train: files.train, output: files.output ?? "")
        (request.dev, request.layout, request.dropLeaked) = (files.dev, layout.layout, files.dropLeaked)
        request.model = files.model.map(answer.database.folder)
        (request.name, request.project) = (name, project)
        request.hyperparameters = try hyperparameters()
        request.command = CommandLine.arguments.shellQuoted
        let metric = request.hyperparameters.metric
        let store = try answer.database.open(for: .write)
        let dimensions = vary.isEmpty ? SearchDimension.usual(for: request.hyperparameters) : vary
        var tuning = try Tuning(
            request, varying: dimensions, seconds: 60 * minutes, seeds: seeds, in: store)
        let display = ProgressDisplay()
        let found = try tuning.run { request in
            defer { display.finish() }
            var trainer = try Trainer(
                request, store: { store }, version: Program.version,
                report: { event in
                    if case .step = event { display.show(event) }
                }, isInterrupted: { Interrupt.isRaised })
            let result = try trainer.run()
            return result.wasInterrupted ? nil : result
        } report: { event in
            switch event {
            case .plan(let choices, let seconds):
                Output.warn(
                    "a training takes \(seconds.duration): \(max(1, choices).of("choice")) in \(minutes.formatted()) minutes"
                )
            case .trial(let trial):
                let share = trial.share < 1 ? " (1/\(Int((1 / trial.share).rounded())) of the texts)" : ""
                Output.warn(
                    "\(trial.run)\(share): \(metric.words) \(trial.value.figure)  \(trial.choice.text)")
            }
        }
        guard let (best, groups) = found else {
            Output.warn("interrupted; the same command goes on")
            throw ExitCode(130)
        }
        let tests = GroupTest.tests(of: groups)
        let isBetter = tests.first.map { $0.isDecided && $0.isInFavorOfB } ?? false
        let tried = Set(tuning.trials.map(\.choice.number)).count
        let verdict =
            best.number == 0
            ? tried > 1
                ? "none of \((tried - 1).of("other choice")) is better than the defaults"
                : "there was time for nothing but the defaults; give more --minutes, or fewer --seeds"
            : isBetter
                ? "better than the defaults: \(best.text)"
                : "the best of \(tried) choices is not shown to be better than the defaults: \(best.text)"
        let chosen = groups.last.map { isBetter ? $0 : groups[0] }
        let model = chosen?.runs.max { metric.merit($0.devValue) < metric.merit($1.devValue) }
        if answer.json {
            return try Output.write(
                json: JSONObject([
                    "best": Dictionary(best.values.map { ($0.name, $0.value) }) { $1 }, "is_better": isBetter,
                    "verdict": verdict, "trials": tuning.trials.count, "groups": groups, "group_tests": tests,
                    "model": model?.run.output,
                ]))
        }
        try Output.write(verdict + "\n\n" + [groups.part].text + (model.map { "\nmodel: \($0.run.output)\n" } ?? ""))
    }
}

extension Tuning.Choice {
    /// As options of 'train'.
    fileprivate var text: String {
        number == 0
            ? "the defaults"
            : values.map { "--\($0.name.replacing("_", with: "-")) \($0.value)" }.joined(separator: " ")
    }
}

extension SearchDimension: ExpressibleByArgument {
    package init?(argument: String) { self.init(text: argument) }
}
