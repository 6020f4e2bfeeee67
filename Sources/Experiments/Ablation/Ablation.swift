import Foundation
import Kernels
import RunStore
import Training
import Transformer

/// The experiment on Add & Norm: what passes through the layers of new models, at which learning rates they train, and how fast and how well, in
/// each form of the step.
///
/// One training runs on each core: side by side they take less time than one after the other on all cores, and what comes out does not depend on the
/// number of cores. Each is a run in the database, known by its name; one that is finished is not done again, so that an experiment
/// that was ended goes on.
package struct Ablation {
    /// What an ablation tells while it runs.
    package enum Event: Sendable {
        case notice(String)
        /// How many trainings, or measurements, are done, and the seconds until the last one is.
        case progress(AblationRequest.Question, done: Int, of: Int, secondsLeft: Double)
    }

    private var request: AblationRequest
    private let data: AblationData
    private let store: RunStore
    private let experiment: Experiment
    private let plan: AblationPlan?
    private let workers: Workers
    private let report: @Sendable (Event) -> Void
    private let isInterrupted: @Sendable () -> Bool
    private let start = ContinuousClock.now

    /// Reads the data, and records the beginning of an experiment, or goes on with one.
    ///
    /// - Parameters:
    ///   - resume: whether the experiment of this name, or the latest, goes on
    ///   - store: opens the database, once the request has been found good
    ///   - version: of this program
    ///   - report: is told what happens, on any thread
    ///   - isInterrupted: asked after every step, on any thread
    /// - Throws: an error with a message for a person if nothing can be trained, or there is no such experiment.
    package init(
        _ request: AblationRequest, resume: Bool, store: () throws -> RunStore, version: String,
        report: @escaping @Sendable (Event) -> Void, isInterrupted: @escaping @Sendable () -> Bool
    ) throws {
        (self.request, self.report, self.isInterrupted) = (request, report, isInterrupted)
        workers = request.training.hyperparameters.workers
        let settings = request.settings
        data = try AblationData(of: &self.request.training, on: workers) { report(.notice($0)) }
        if let notice = data.notice { report(.notice(notice)) }
        self.request.training.makePathsAbsolute()
        self.store = try store()
        let text = settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        experiment =
            try resume
            ? Self.found(self.request.training, settings: text, data: data, in: self.store)
            : Self.begun(
                self.request, settings: text, data: data, on: workers, version: version, in: self.store,
                isInterrupted: isInterrupted)
        plan = AblationPlan(text: experiment.plan)
        if let plan { report(.notice(plan.sentence(request))) }
    }

    /// Answers the questions in turn, the cheap one first.
    ///
    /// - Throws: an error with a message for a person; the experiment is then recorded as failed.
    package mutating func run() throws -> AblationResults {
        var results = AblationResults(
            request, experiment: experiment.name, majority: data.majority, entropy: data.entropy,
            devTexts: data.development.count)
        do {
            if request.questions.contains(.signals) { results.signals = try measureSignals() }
            if let plan, !isInterrupted() {
                results.range = try train(plan.rangeCells(request), .range)
                if request.questions.contains(.results), !isInterrupted() {
                    results.results = try train(plan.resultCells(request, after: results.range), .results)
                }
            }
        } catch {
            try? store.finish(experiment: experiment.id, .failed)
            throw error
        }
        results.wasInterrupted = isInterrupted()
        results.seconds = (ContinuousClock.now - start) / .seconds(1)
        try store.finish(experiment: experiment.id, results.wasInterrupted ? .interrupted : .finished)
        return results
    }

    // MARK: The record

    /// Plans an experiment, and records its beginning.
    private static func begun(
        _ request: AblationRequest, settings: String, data: AblationData, on workers: Workers, version: String,
        in store: RunStore, isInterrupted: @Sendable () -> Bool
    ) throws -> Experiment {
        let training = request.training
        let plan = try data.plan(request, on: workers, isInterrupted: isInterrupted)
        var experiment = Experiment(
            name: training.name, kind: .ablate, command: training.command,
            trainData: training.train.joined(separator: "\n"), trainSha256: data.trainSha256,
            plan: [settings, plan.text].filter { !$0.isEmpty }.joined(separator: " "), version: version)
        (experiment.devData, experiment.devSha256) = (training.dev, training.dev == nil ? nil : data.devSha256)
        return try store.begin(experiment)
    }

    /// Finds an experiment to go on with.
    private static func found(
        _ training: TrainingRequest, settings: String, data: AblationData, in store: RunStore
    ) throws -> Experiment {
        let found = try store.experiment(training.name ?? store.latestExperiment())
        guard found.plan.hasPrefix(settings), found.trainSha256 == data.trainSha256,
            found.devSha256 == (training.dev == nil ? nil : data.devSha256)
        else {
            throw TrainingError(
                "the experiment '\(found.name)' has other data or options (\(found.plan)); give the same, or leave --resume out"
            )
        }
        try store.reopen(experiment: found.id)
        return found
    }

    // MARK: Signals

    private func measureSignals() throws -> [Signals] {
        let seeds = (0..<UInt64(request.seeds)).map { request.training.hyperparameters.seed &+ $0 }
        // The longest first, so that no core is left with it.
        let cells = request.signalDepths.reversed().flatMap { depth in request.variants.map { ($0, depth) } }
        let measured = try workers.sideBySide(
            cells.count, progress: progress(.signals), cost: { Double(cells[$0].1) }, isInterrupted: isInterrupted
        ) { index in
            try data.signals(cells[index].0, depth: cells[index].1, seeds: seeds)
        }
        return measured.compactMap { $0 }.sorted {
            ($0.depth, request.variants.firstIndex(of: $0.variant) ?? 0) < (
                $1.depth, request.variants.firstIndex(of: $1.variant) ?? 0
            )
        }
    }

    // MARK: Trainings

    /// Trains what has not been trained yet, the costliest first.
    private func train(_ cells: [AblationCell], _ question: AblationRequest.Question) throws -> [AblationOutcome] {
        let known = Dictionary(try store.runs(ofExperiment: experiment.id).map { ($0.name, $0) }) { $1 }
        let order = cells.indices.sorted { (cells[$1].depth, $0) < (cells[$0].depth, $1) }
        let outcomes = try workers.sideBySide(
            cells.count, progress: progress(question), cost: { Double(cells[order[$0]].depth) },
            isInterrupted: isInterrupted
        ) { place in
            try outcome(of: cells[order[place]], known)
        }
        return zip(order, outcomes).sorted { $0.0 < $1.0 }.compactMap(\.1)
    }

    /// - Parameter known: the runs of the experiment so far, by name
    /// - Returns: nil if it was interrupted
    private func outcome(of cell: AblationCell, _ known: [String: Run]) throws -> AblationOutcome? {
        let name = "\(experiment.name)-\(cell.name)"
        if let run = known[name] {
            if run.status == .finished, let outcome = run.outcome {
                let metrics = try store.metrics(of: run.id)
                return AblationOutcome(
                    cell: cell, outcome: outcome,
                    losses: metrics.filter { $0.name == "batch_loss" }.map { $0.value ?? .nan },
                    accuracy: metrics.last { $0.name == "accuracy" }?.value, run: name)
            }
            // Begun and not ended.
            try store.delete([run.id], force: true)
        }
        let training = request.training
        let hyperparameters = cell.hyperparameters(training.hyperparameters)
        var run = Run(
            name: name, command: training.command, output: Run.noOutput,
            trainData: training.train.joined(separator: "\n"), trainSha256: data.trainSha256,
            version: experiment.version)
        (run.devData, run.project) = (training.dev, training.project)
        run.devSha256 = training.dev == nil ? nil : data.devSha256
        (run.seed, run.threads, run.experimentId) = (Int64(clamping: cell.seed), 1, experiment.id)
        run.parameters = try SequenceClassifier.layout(
            of: data.configuration(of: cell.variant, layers: cell.depth)
        ).count
        run = try store.begin(
            run,
            params: hyperparameters.texts + training.layout.settings + [
                ("variant", "\(cell.variant)"), ("question", cell.question.rawValue), ("steps", "\(cell.steps)"),
            ])
        guard let (losses, result) = try data.train(cell, training.hyperparameters, isInterrupted: isInterrupted)
        else {
            try store.finish(run.id, .interrupted, hasWrittenOutput: false)
            return nil
        }
        let epochs = Double(hyperparameters.stepSize) / Double(data.training.sequences.count)
        var metrics = losses.enumerated().map { step, loss in
            Metric(run: run.id, .train, "batch_loss", step: step + 1, epoch: Double(step + 1) * epochs, value: loss)
        }
        for (metric, value) in result?.figures(judgedBy: .accuracy) ?? [] {
            metrics.append(
                Metric(
                    run: run.id, .dev, metric.name, step: losses.count, epoch: Double(losses.count) * epochs,
                    value: value))
        }
        try store.record(metrics)
        let (accuracy, texts) = (result?.report.accuracy, data.development.count)
        let outcome = AblationOutcome.judge(
            finalLoss: result == nil ? nil : losses.meanOfLast,
            right: Int(((accuracy ?? 0) * Double(texts)).rounded()), of: texts, majority: data.majority,
            entropy: data.entropy)
        try store.finish(run.id, .finished, hasWrittenOutput: false, outcome: outcome)
        return AblationOutcome(cell: cell, outcome: outcome, losses: losses, accuracy: accuracy, run: name)
    }

    private func progress(_ question: AblationRequest.Question) -> (Int, Int, Double) -> Void {
        { [report] done, count, seconds in
            report(.progress(question, done: done, of: count, secondsLeft: seconds))
        }
    }
}

/// What an ablation has found.
package struct AblationResults: Sendable {
    package let request: AblationRequest
    /// The experiment's name.
    package let experiment: String
    /// The share of the commonest label in the dev data.
    package let majority: Double
    /// The loss of a model that does not read, in nats.
    package let entropy: Double
    package let devTexts: Int
    package var signals: [Signals] = []
    package var range: [AblationOutcome] = []
    package var results: [AblationOutcome] = []
    package var wasInterrupted = false
    package var seconds = 0.0

    package init(_ request: AblationRequest, experiment: String, majority: Double, entropy: Double, devTexts: Int) {
        (self.request, self.experiment, self.majority) = (request, experiment, majority)
        (self.entropy, self.devTexts) = (entropy, devTexts)
    }
}
