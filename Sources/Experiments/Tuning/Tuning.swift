import Datasets
import Foundation
import Kernels
import Reports
import RunStore
import Training

/// A search for better hyper-parameters than the defaults, within a time: many random choices are trained with few texts, the better third of them with
/// three times as many, and so on (successive halving: Jamieson & Talwalkar, *Non-Stochastic Best Arm Identification and Hyperparameter Optimization*, 2016).
/// The best one is then trained with seeds that have chosen nothing, as are the defaults, and a test tells whether they differ.
///
/// Every training is a run, known by its name: one that is finished is not done again, so that a search that was ended goes on when it is asked for again.
package struct Tuning {
    /// A choice of hyper-parameters.
    package struct Choice: Sendable {
        /// 0 are the defaults.
        package let number: Int
        /// What is not as by default, as text.
        package let values: [(name: String, value: String)]
    }

    /// What one training of a choice came to.
    package struct Trial: Sendable {
        package let choice: Choice
        package let run: String
        /// The share of the training texts.
        package let share: Double
        package let value: Double
    }

    /// What the search is about to do.
    package enum Event {
        case plan(choices: Int, secondsOfTraining: Double)
        case trial(Trial)
    }

    /// Of the texts, in each round.
    private static let shares = [1.0 / 9, 1.0 / 3, 1]
    /// More would be tried by chance alone.
    private static let mostChoices = 81

    private let request: TrainingRequest
    private let dimensions: [SearchDimension]
    private let seconds: Double
    private let seeds: Int
    private let name: String
    private let store: RunStore
    private let start = ContinuousClock.now
    /// The time of trainings that were done before.
    private var secondsBefore = 0.0
    /// All trainings of the search.
    package private(set) var trials: [Trial] = []

    /// - Parameters:
    ///   - request: how models are trained but for what is varied; its output is the folder of all models, and its name that of the search
    ///   - seconds: the time for all
    ///   - seeds: with how many the best choice and the defaults are trained in the end
    /// - Throws: ``TrainingError`` if a hyper-parameter is unknown, or cannot have such a value.
    package init(
        _ request: TrainingRequest, varying dimensions: [SearchDimension], seconds: Double, seeds: Int,
        in store: RunStore
    ) throws {
        (self.request, self.seconds, self.seeds, self.store) = (request, seconds, seeds, store)
        self.dimensions = dimensions
        name = request.name ?? "tune"
        var random = RandomNumbers(seed: request.hyperparameters.seed, stream: .shuffling, step: 1)
        // A slip of the pen is found before the first training.
        for dimension in dimensions {
            var hyperparameters = request.hyperparameters
            try hyperparameters.set(dimension.name, dimension.value(using: &random))
        }
    }

    /// Searches.
    ///
    /// - Parameters:
    ///   - train: trains a model; nil if it was interrupted
    ///   - report: is told what happens
    /// - Returns: the best choice, and the group of its seeds and that of the defaults'; nil if it was interrupted
    package mutating func run(
        train: (TrainingRequest) throws -> TrainingResult?, report: (Event) -> Void
    ) throws -> (best: Choice, groups: [SeedGroup])? {
        let defaults = Choice(number: 0, values: [])
        guard let first = try trial(defaults, share: 1, train) else { return nil }
        report(.trial(first))
        // As the database has it: the same when the search goes on.
        let secondsOfTraining = max(0.1, try store.summary(of: store.run(first.run).id)?.seconds ?? 1)
        let forSearch = seconds - secondsOfTraining * Double(2 * seeds + 1)
        // Each round takes as long.
        let count = min(Self.mostChoices, Int(forSearch / secondsOfTraining * Double(Self.shares.count)))
        let rounds = count >= 9 ? Self.shares : count >= 3 ? Array(Self.shares.dropFirst()) : [1]
        report(.plan(choices: max(count, 0), secondsOfTraining: secondsOfTraining))
        var choices = [defaults] + (1..<max(1, count)).map(choice)
        for (round, share) in rounds.enumerated() {
            var results: [Trial] = []
            let end = forSearch * Double(round + 1) / Double(rounds.count) + secondsOfTraining
            for choice in choices {
                // What is measured counts, whatever time is left: but nothing new is begun.
                if elapsed > end, !results.isEmpty, !isDone(choice, share) { break }
                guard let trial = try trial(choice, share: share, train) else { return nil }
                if choice.number > 0 || share < 1 { report(.trial(trial)) }
                results.append(trial)
            }
            let metric = request.hyperparameters.metric
            results.sort { (metric.merit($1.value), $0.choice.number) < (metric.merit($0.value), $1.choice.number) }
            choices = results.prefix(max(1, (results.count + 2) / 3)).map(\.choice)
        }
        let best = choices[0]
        var runs: [ComparedRun] = []
        // Named by the number: with more time, another choice may be the best.
        let finalists = best.number == 0 ? [] : [("choice-\(best.number)", best)]
        for (group, choice) in [("defaults", defaults)] + finalists {
            for seed in 1...seeds {
                var request = try request(for: choice)
                request.hyperparameters.seed = request.hyperparameters.seed &+ UInt64(seed)
                request.name = "\(name)-\(group)-\(seed)"
                request.output += "/\(group)-\(seed)"
                request.seedGroup = .of("\(name)-\(group)")
                guard let run = try run(request, train) else { return nil }
                runs.append(run)
            }
        }
        return (best, try SeedGroup.groups(of: runs))
    }

    private var elapsed: Double { secondsBefore + (ContinuousClock.now - start) / .seconds(1) }

    // MARK: Trainings

    /// Random values, which depend on the number of the choice alone.
    private func choice(_ number: Int) -> Choice {
        var random = RandomNumbers(
            seed: request.hyperparameters.seed, stream: .shuffling, step: 1000 + UInt64(number))
        return Choice(number: number, values: dimensions.map { ($0.name, $0.value(using: &random)) })
    }

    private func request(for choice: Choice) throws -> TrainingRequest {
        var request = request
        for (name, value) in choice.values { try request.hyperparameters.set(name, value) }
        try request.hyperparameters.prepare(startingFrom: request.model)
        return request
    }

    private func trialName(_ choice: Choice, _ share: Double) -> String {
        "\(name)-trial-\(choice.number)" + (share < 1 ? "-of-\(Int((1 / share).rounded()))" : "")
    }

    private func isDone(_ choice: Choice, _ share: Double) -> Bool {
        (try? store.run(trialName(choice, share)).status) == .finished
    }

    private mutating func trial(
        _ choice: Choice, share: Double, _ train: (TrainingRequest) throws -> TrainingResult?
    ) throws -> Trial? {
        var request = try request(for: choice)
        request.trainShare = share
        request.name = trialName(choice, share)
        request.output += "/trial"
        guard let run = try run(request, train) else { return nil }
        let trial = Trial(choice: choice, run: run.name, share: share, value: run.devValue ?? .nan)
        trials.append(trial)
        return trial
    }

    /// What a model decides, or the machine.
    private static let undecided: Set = [
        "dropout", "problem_type", "layers", "hidden_size", "heads", "intermediate_size", "tokenizer", "vocab_size",
        "pooling",
        "initializer_range", "norm", "norm_placement", "residual", "train_embeddings", "max_length", "threads",
        "ngrams", "lora_alpha",
    ]

    /// Whether a run is what a request would make.
    private func isOf(_ request: TrainingRequest, _ run: Run) throws -> Bool {
        var request = request
        request.makePathsAbsolute()
        let known = Dictionary(try store.params(of: run.id).map { ($0.name, $0.value) }) { $1 }
        if request.model == nil, known["ngrams"] == Switch.off.text { request.hyperparameters.leaveNGrams() }
        // SQLite keeps 15 digits of a number as text.
        func isSame(_ a: String, _ b: String) -> Bool {
            guard let x = Double(a), let y = Double(b) else { return a == b }
            return abs(x - y) <= 1e-9 * abs(y)
        }
        let hasSameOptions = request.hyperparameters.texts.allSatisfy { name, value in
            Self.undecided.contains(name) || known[name].map { isSame($0, value) } == true
        }
        let sha256 = request.trainSha256
        return hasSameOptions && run.trainFiles == request.train && run.devData == request.dev
            && run.model == request.model && (sha256 == nil || sha256 == run.trainSha256)
            && isSame(known["train_share"] ?? "1", "\(request.trainShare)")
    }

    /// Trains, unless that has been done.
    private mutating func run(
        _ request: TrainingRequest, _ train: (TrainingRequest) throws -> TrainingResult?
    ) throws -> ComparedRun? {
        let name = request.name ?? ""
        if let known = try? store.run(name) {
            guard try isOf(request, known) else {
                throw TrainingError(
                    "the run '\(name)' in the database is of another search, with other data or options; give this one another --name"
                )
            }
            if known.status == .finished {
                secondsBefore += try store.summary(of: known.id)?.seconds ?? 0
                return try ComparedRun(known, in: store)
            }
            // Begun and not ended.
            try store.delete([known.id], force: false)
        }
        var request = request
        request.overwrite = true
        guard try train(request) != nil else { return nil }
        return try ComparedRun(store.run(name), in: store)
    }
}
