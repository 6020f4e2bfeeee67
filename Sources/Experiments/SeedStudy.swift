import RunStore
import Training

/// One training, once with each of several seeds: how far do the results lie apart? The runs are a group, with a model of each in
/// the folder of its seed.
package struct SeedStudy {
    private let request: TrainingRequest
    /// The seeds of the trainings that have not ended yet. One that was interrupted has: it can be resumed.
    package private(set) var left: [UInt64]
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
        for training in seeds.map(request(for:)) {
            try Trainer.checkOutput(training.output, overwrite: training.overwrite)
            if let store { try training.name.map(store.requireFree) }
        }
    }

    /// Trains with the next seed.
    ///
    /// - Parameter train: does what a training is asked for
    /// - Returns: nil if all are done
    package mutating func next(_ train: (TrainingRequest) throws -> TrainingResult) throws -> TrainingResult? {
        guard let seed = left.first else { return nil }
        let result = try train(request(for: seed))
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
