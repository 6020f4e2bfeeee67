import ArgumentParser
import Datasets
import Escaping
import Experiments
import Foundation
import Reports
import RunStore
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a classifier on labelled text.",
        discussion: """
            With --model, a pretrained BERT encoder is fine-tuned: any folder of that layout, as published for transformers or \
            written by addnorm. Without it, a new encoder is trained from random weights, and its vocabulary is learned from \
            the training file.

            After each epoch the model is evaluated on the dev file; --output receives the weights of the best epoch (dev \
            macro F1, then loss).

            Ctrl-C ends a run cleanly: the best weights so far are written, and --resume goes on from there.

              addnorm train --model models/minilm-l6 --train r.tsv --output models/m
              addnorm train --model models/minilm-l6 --train-layers head \\
                --train r.tsv --output models/quick
              addnorm train --train r.tsv --dev dev.tsv --output models/new \\
                --epochs 20 --early-stopping 3
              addnorm train --resume run-7
            """)

    @OptionGroup(title: "Files")
    var files: FileOptions

    @OptionGroup(title: "Run")
    var runOptions: RunOptions

    @OptionGroup(title: "Training")
    var training: TrainingOptions

    @OptionGroup(title: "LoRA")
    var adapter: AdapterOptions

    @OptionGroup(title: "Few texts")
    var fewShot: FewShotOptions

    @OptionGroup(title: "New models")
    var shape: ShapeOptions

    @OptionGroup(title: "Rarely needed")
    var rare: RareTrainingOptions

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        if runOptions.resume != nil {
            if !isOnlyResumed {
                throw ValidationError(
                    "A run that is resumed keeps its options: besides --resume, only --db and --emulate can be given.")
            }
        } else if files.train.isEmpty || files.output == nil {
            throw ValidationError("--train FILE and --output DIR are needed (or --resume RUN).")
        }
        if (files.train + files.unlabelled + [files.dev]).contains("-") {
            throw ValidationError("Training data must be files: standard input could not be read again by --resume.")
        }
        if runOptions.jobs.isGiven && (runOptions.seeds == nil || runOptions.name == nil) {
            throw ValidationError("--jobs and --print-commands are for --seeds, with a --name for all.")
        }
        if runOptions.seeds != nil && training.given.isSet(\.seed) {
            throw ValidationError("Give either --seed or --seeds, not both.")
        }
        if !files.unlabelled.isEmpty && files.teacher == nil { throw ValidationError("--unlabelled is for --teacher.") }
        if runOptions.resume != nil { return }
        let isHeldOut = try hyperparameters().devFraction > 0 || files.dev != nil
        if !isHeldOut && (files.dropLeaked || files.selection.given.earlyStopping != nil) {
            throw ValidationError(
                "--drop-leaked and --early-stopping need texts that are held out: with --few-shot, give --dev or --dev-fraction."
            )
        }
    }

    private func hyperparameters() throws -> Hyperparameters {
        try Hyperparameters(
            training, adapter, fewShot, rare, shape, files.selection, model: files.model, teacher: files.teacher,
            emulatesBFloat16: runOptions.emulation.emulate)
    }

    /// Whether nothing is given that a run has decided about when it began.
    private var isOnlyResumed: Bool {
        training.given.isEmpty && adapter.given.isEmpty && fewShot.given.isEmpty && rare.given.isEmpty
            && shape.given.isEmpty && files.isEmpty
            && layout.layout == Layout()
            && runOptions.name == nil && runOptions.project == nil && runOptions.seeds == nil
            && runOptions.checkpointEvery == nil && !runOptions.jobs.isGiven
    }

    func run() throws {
        // Who reads the progress may stop reading; the training goes on.
        signal(SIGPIPE, SIG_IGN)
        guard let seeds = runOptions.seeds?.values else {
            try finish(train(request()))
            return
        }
        let jobs = SeedJobs(seeds: seeds, runOptions.database, threads: training.given.threads)
        if runOptions.jobs.printCommands { return try jobs.printCommands() }
        var request = try request()
        if let count = runOptions.jobs.jobs { request.hyperparameters.threads = jobs.threads(atATime: count) }
        var study = try SeedStudy(request, seeds: seeds, store: try? runOptions.database.open(for: .read))
        for run in study.finished { Output.warn("'\(run)' is trained already") }
        if let count = runOptions.jobs.jobs {
            try jobs.run(study.left, atATime: count)
        } else {
            try train(&study)
        }
        // Also those of an earlier call, with other seeds.
        let store = try runOptions.database.open(for: .read)
        let runs = try store.runs(ofSeedGroup: study.group ?? "")
        let groups = try SeedGroup.groups(of: runs.map { try ComparedRun($0, in: store) })
        Output.warn(groups.notices)
        try Output.write([groups.part].text)
    }

    /// Trains with one seed after the other.
    private func train(_ study: inout SeedStudy) throws {
        do {
            var isFirst = true
            while let result = try study.next(
                store: { try runOptions.database.open(for: .write) },
                {
                    switch $0 {
                    case .begin(let request): try train(request, isFirst: isFirst)
                    case .resume(let run): try train(request(), resuming: run, isFirst: isFirst)
                    }
                })
            {
                isFirst = false
                try finish(result)
            }
        } catch {
            if !study.left.isEmpty {
                let seeds = study.left.map { "\($0)" }.joined(separator: ",")
                let options = (study.group.map { ["--name", $0] } ?? []) + ["--seeds", seeds]
                Output.warn("not trained yet; the same command does so with \(options.shellQuoted)")
            }
            throw error
        }
    }

    /// Trains one model.
    ///
    /// - Parameters:
    ///   - request: of no meaning if a run is resumed
    ///   - run: the run that is resumed; nil: none, unless --resume names one
    ///   - isFirst: whether the data have not been reported on
    private func train(
        _ request: TrainingRequest, resuming run: String? = nil, isFirst: Bool = true
    ) throws -> TrainingResult {
        let display = ProgressDisplay()
        // Also after an error, which is then printed on a line of its own.
        defer { display.finish() }
        let report: (TrainingEvent) -> Void = { event in
            if case .data = event, !isFirst { return }
            display.show(event)
        }
        // Opened once the request has been checked, so that a slip of the pen leaves no database behind.
        let store = {
            if runOptions.resume == nil { try requireDatabase(outside: request.output) }
            // Until then nothing is kept, and Ctrl-C ends the program at once, also while it learns n-grams.
            Interrupt.watch()
            return try runOptions.database.open(for: .write)
        }
        var trainer =
            if let resume = runOptions.resume ?? run {
                try Trainer(
                    resuming: resume, emulatesBFloat16: runOptions.emulation.emulate, store: store(), report: report,
                    isInterrupted: { Interrupt.isRaised })
            } else {
                try Trainer(
                    request, store: store, version: Program.version, report: report,
                    isInterrupted: { Interrupt.isRaised })
            }
        return try trainer.run()
    }

    /// Refuses a database in a folder that is going to be replaced as a whole.
    private func requireDatabase(outside output: String) throws {
        func place(_ path: String) -> URL { URL(filePath: absolutePath(path)).resolvingSymlinksInPath() }
        let (database, output) = (place(runOptions.database.path).path, place(output).path)
        if database == output || database.hasPrefix(output + "/") {
            throw ValidationError(
                "The database \(database) must not lie in the folder of the model; choose another --db or --output.")
        }
    }

    /// Says how a training has ended.
    private func finish(_ result: TrainingResult) throws {
        if let best = result.best {
            try Output.write(
                "best epoch \(best.epoch) of \(result.epochs): dev "
                    + (best.told + ["loss \(best.devLoss.figure)"]).joined(separator: ", ") + "\n")
        }
        // As the user wrote it.
        let output = runOptions.seeds == nil ? files.output ?? result.output : result.output
        let outcome =
            result.hasWrittenOutput ? "model written to \(output)" : "no epoch was completed; \(output) is as it was"
        try Output.write(
            "\(outcome) (run '\(result.run)' in \(runOptions.database.path),"
                + " \(result.seconds.duration))\n")
        if result.hasWrittenOutput {
            let (reader, call) =
                result.isAdapter
                ? ("PEFT", "PeftModel.from_pretrained(model, '\(output.printable)')")
                : ("transformers", "AutoModelForSequenceClassification.from_pretrained('\(output.printable)')")
            Output.note(
                result.foreignPart.map {
                    "\(reader) has no class for \($0), and refuses the folder; for other programs: addnorm export\n"
                } ?? "\(reader) can load it: \(call)\n")
        }
        // A comparison that cannot be made makes no training fail.
        if let baseline = try? baseline(besides: result) { Output.warn(baseline) }
        if result.wasInterrupted {
            let database = runOptions.database.db.map { ["--db", $0] } ?? []
            let command = ["addnorm", "train", "--resume", result.run] + database
            Output.warn("interrupted; go on with: \(command.shellQuoted)")
            throw ExitCode(130)
        }
    }

    /// What the latest baseline of the same data has reached by the metric of the run.
    private func baseline(besides result: TrainingResult) throws -> String? {
        let store = try runOptions.database.open(for: .read)
        let run = try ComparedRun(store.run(result.run), in: store)
        guard let found = try store.baselines(trainSha256: run.run.trainSha256).first else { return nil }
        let baseline = try ComparedRun(found, judgedBy: run.metric, in: store)
        guard let value = baseline.devValue, let own = run.devValue else { return nil }
        let isBetter = run.metric.merit(own) > run.metric.merit(value)
        let isSame = found.devSha256 == run.run.devSha256
        let data = found.devSha256 == nil ? " (cross-validated)" : isSame ? "" : " (on other dev data)"
        return
            "the baseline '\(found.name)' has dev \(run.metric.words) \(value.figure)\(data); this run has \(own.figure)"
            + (isBetter ? "" : ", which is not better") + ": see 'addnorm runs compare'"
    }

    /// What was asked for.
    private func request() throws -> TrainingRequest {
        var request = TrainingRequest(train: files.train, output: files.output ?? "")
        request.dev = files.dev
        request.model = files.model.map(runOptions.database.folder)
        (request.teacher, request.unlabelled) = (files.teacher.map(runOptions.database.folder), files.unlabelled)
        request.overwrite = files.overwrite
        (request.name, request.project) = (runOptions.name, runOptions.project)
        request.checkpointEvery = runOptions.checkpointEvery
        request.layout = layout.layout
        request.dropLeaked = files.dropLeaked
        request.emulatesBFloat16 = runOptions.emulation.emulate
        request.hyperparameters = runOptions.resume == nil ? try hyperparameters() : Hyperparameters()
        request.command = CommandLine.arguments.shellQuoted
        return request
    }
}
