import Datasets
import Foundation
import Kernels
import RunStore
import Training

/// One training, once with each of several seeds: how far do the results lie apart? The runs are a group, with a model of each in
/// the folder of its seed. What was trained before, by the same command, is not trained again.
package struct SeedStudy {
    /// What is to be done for a seed.
    package enum Training {
        case begin(TrainingRequest)
        /// A run that was ended has a checkpoint.
        case resume(run: String)
    }

    private let request: TrainingRequest
    /// The seeds of the trainings that have not ended yet. One that was interrupted has: it can be resumed.
    package private(set) var left: [UInt64]
    /// The runs that were finished before.
    package private(set) var finished: [String] = []
    /// The runs of seeds that have begun and not ended, and whether they have a checkpoint.
    private var begun: [UInt64: (run: Run, canResume: Bool)] = [:]
    /// The name of the group; nil before the first run has one.
    package private(set) var group: String?

    /// Checks, before the first training, what would stop a later one.
    ///
    /// - Parameters:
    ///   - request: its output is the folder of all models; its name, if it has one, that of the group
    ///   - store: the database, if it is there already
    /// - Throws: an error with a message for a person if an output or a name is taken.
    package init(_ request: TrainingRequest, seeds: [UInt64], store: RunStore?) throws {
        (self.request, left, group) = (request, seeds, request.name)
        let known = try request.name.flatMap { try store?.runs(ofSeedGroup: $0) } ?? []
        let trainSha256 = known.isEmpty ? nil : request.trainSha256
        for seed in seeds {
            let training = self.request(for: seed)
            let run = try Self.earlierRun(of: training, among: known, trainSha256: trainSha256)
            if let run, run.status == .finished {
                finished.append(run.name)
                left.removeAll { $0 == seed }
                continue
            }
            begun[seed] = run.map { ($0, Trainer.canResume($0)) }
            if begun[seed]?.canResume == true { continue }
            try Trainer.checkOutput(training.output, overwrite: training.overwrite)
            if run == nil, let store { try training.name.map(store.requireFree) }
        }
    }

    /// The run of an earlier call of the same command.
    ///
    /// - Parameter trainSha256: of the training file; nil: it is known by its path alone
    /// - Throws: an error with a message for a person if it is being trained.
    private static func earlierRun(
        of request: TrainingRequest, among known: [Run], trainSha256: String?
    ) throws -> Run? {
        let threads = request.hyperparameters.threads ?? AvailableProcessors.here.count
        let run = known.first {
            $0.name == request.name && $0.output == absolutePath(request.output)
                && work($0.command) == work(request.command) && $0.threads == threads
        }
        guard let run else { return nil }
        if run.status == .finished {
            // Another file under the same name, or a model that is gone, is no training that is done.
            let isSame = trainSha256 == nil || trainSha256 == run.trainSha256
            return isSame && FileManager.default.fileExists(atPath: run.output) ? run : nil
        }
        guard run.status == .running else { return run }
        throw TrainingError(
            "the run '\(run.name)' is being trained by another process"
                + (run.isAlive
                    ? ""
                    : " on \(run.host), as far as one can tell from here; if it has ended there, 'runs delete --force' forgets it")
        )
    }

    /// What of a command decides what is trained: not where the program lies, nor which seeds are trained at a time. (The threads are recorded by themselves.)
    private static func work(_ command: String) -> String {
        command.replacing(#/^('[^']*'|[^ ]+)| --(seeds|jobs|threads|db)[ =]('[^']*'|[^ ]+)/#, with: "")
    }

    /// Trains with the next seed.
    ///
    /// - Parameters:
    ///   - store: opens the database, to forget a run that has begun and left nothing
    ///   - train: does what a training is asked for
    /// - Returns: nil if all are done
    package mutating func next(
        store: () throws -> RunStore, _ train: (Training) throws -> TrainingResult
    ) throws -> TrainingResult? {
        guard let seed = left.first else { return nil }
        var training = Training.begin(request(for: seed))
        if let (run, canResume) = begun[seed] {
            if canResume {
                training = .resume(run: run.name)
            } else {
                try store().delete([run.id], force: false)
            }
        }
        let result = try train(training)
        left.removeFirst()
        group = group ?? result.run
        return result
    }

    private func request(for seed: UInt64) -> TrainingRequest {
        var training = request
        training.seedGroup = group.map { .of($0) } ?? .first
        training.output = "\(request.output)/seed-\(seed)"
        training.name = request.name.map { "\($0)-seed-\(seed)" }
        training.hyperparameters.seed = seed
        return training
    }
}
