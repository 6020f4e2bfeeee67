import ArgumentParser
import Escaping
import Training

/// What is read and written.
struct FileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Labelled texts: .tsv (without header, text<TAB>label), .csv, .jsonl, or a folder with one for each label. Given \
            several times: all of them.
            """, valueName: "file"), completion: .file())
    var train: [String] = []

    @Option(
        help: ArgumentHelp("The folder that the trained model is written to.", valueName: "dir"), completion: .directory
    )
    var output: String?

    @Flag(help: "Replace a model that is at --output already.")
    var overwrite = false

    @Option(help: ArgumentHelp("Labelled texts to choose the best epoch by.", valueName: "file"), completion: .file())
    var dev: String?

    @OptionGroup
    var selection: BestEpochOptions

    @Flag(help: "Leave out training texts that stand in the held-out data too, but for case and white space.")
    var dropLeaked = false

    @Option(
        help: ArgumentHelp(
            "The folder of a pretrained BERT encoder, or of a classifier, to start from; or a run.", valueName: "dir"),
        completion: .directory)
    var model: String?

    @Option(
        help: ArgumentHelp(
            """
            Distillation: the folder of a trained classifier, or a run, whose probabilities are learned beside the labels. Without --model, the new model begins with \
            every second layer of it, or with as many as --layers says.
            """, valueName: "dir"),
        completion: .directory)
    var teacher: String?

    @Option(
        help: ArgumentHelp(
            "With --teacher: texts without labels, to be learned from it too. Can be given several times.",
            valueName: "file"), completion: .file())
    var unlabelled: [String] = []

    /// Whether nothing was given.
    var isEmpty: Bool {
        selection.given.isEmpty && train.isEmpty && unlabelled.isEmpty
            && [output, dev, model, teacher].allSatisfy { $0 == nil } && !overwrite
            && !dropLeaked
    }
}

/// How a run is kept.
struct RunOptions: ParsableArguments {
    @Option(help: "A unique name for the run. (default: a short one is made)")
    var name: String?

    @Option(
        help:
            "What the run is about: only runs of one project are compared. (default: the data that the best epoch is chosen by)",
        completion: .projects)
    var project: String?

    @Option(
        help: ArgumentHelp(
            "Train once with each of these seeds (1,2,3), to --output/seed-1 and so on, and say how far the results lie apart.",
            valueName: "seeds"))
    var seeds: SeedList?

    @OptionGroup
    var jobs: JobOptions

    @Option(
        help: ArgumentHelp(
            "Go on with a run that was ended with Ctrl-C, or has a checkpoint; it keeps its options.", valueName: "run"),
        completion: .runs)
    var resume: String?

    @Option(
        help: ArgumentHelp(
            "Write a checkpoint every so many steps (200) or minutes (5m), to resume from.", valueName: "interval"))
    var checkpointEvery: TrainingRequest.CheckpointInterval?

    @OptionGroup
    var emulation: EmulationOptions

    @OptionGroup
    var database: DatabaseOptions

    func validate() throws {
        if let name { try requireRunName(name, "--name") }
        if let project, project.isEmpty || project != project.printable {
            throw ValidationError("--project must not be empty, or contain control characters.")
        }
    }
}

/// Seeds as a user writes them: `1,2,3`
struct SeedList: ExpressibleByArgument {
    let values: [UInt64]

    init?(argument: String) {
        let values = argument.list.compactMap { UInt64($0) }
        guard !values.isEmpty, values.count == argument.list.count, Set(values).count == values.count,
            values.allSatisfy({ $0 <= UInt64(Int64.max) })
        else { return nil }
        self.values = values
    }
}

extension TrainingRequest.CheckpointInterval: ExpressibleByArgument {
    package init?(argument: String) {
        if let steps = Int(argument), steps >= 1 {
            self = .steps(steps)
        } else if argument.hasSuffix("m"), let minutes = Double(argument.dropLast()), minutes > 0,
            minutes <= TrainingRequest.mostMinutes
        {
            self = .minutes(minutes)
        } else {
            return nil
        }
    }
}
