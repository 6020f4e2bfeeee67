import Foundation
import Kernels
import Transformer

/// Which trainings an ablation makes: as many as its time allows, and the same for every form.
///
/// Where the time is too short, the steps of all trainings are halved, then the deepest models are left out, then every second learning rate; what
/// one form loses, all lose.
package struct AblationPlan: Sendable, Equatable {
    /// What a question is answered by.
    package struct Part: Sendable, Equatable {
        package fileprivate(set) var steps: Int
        package fileprivate(set) var depths: [Int]
        package fileprivate(set) var learningRates: [Double]
        var seeds: Int

        /// Asks for less.
        ///
        /// - Returns: false if that would be too little
        mutating func shrink() -> Bool {
            if steps / 2 >= AblationPlan.fewestSteps {
                steps /= 2
            } else if depths.count > 2 {
                depths.removeLast()
            } else if learningRates.count > 3 {
                learningRates = learningRates.everySecond
            } else if depths.count > 1 {
                depths.removeLast()
            } else {
                return false
            }
            return true
        }
    }

    package private(set) var range: Part?
    package private(set) var results: Part?

    /// Fewer steps would tell nothing.
    private static let fewestSteps = 100
    /// The steps of the second question, and of the third.
    private static let mostSteps = (range: 400, results: 1600)
    /// Of the time, for the second question.
    private static let shareOfRange = 0.6

    /// - Parameters:
    ///   - seconds: of all cores together
    ///   - cost: the seconds of a step, and of classifying the dev data, of a model with so many layers
    package init(
        _ request: AblationRequest, seconds: Double, cost: (_ depth: Int) -> (step: Double, evaluation: Double)
    ) {
        let asksForResults = request.questions.contains(.results)
        if request.questions == [.signals] { return }
        var range = Part(
            steps: Self.mostSteps.range, depths: request.depths, learningRates: request.learningRates, seeds: 1)
        func time(_ part: Part, _ trainings: Int) -> Double {
            Double(trainings * request.variants.count)
                * part.depths.reduce(0) { $0 + cost($1).step * Double(part.steps) + cost($1).evaluation }
        }
        func timeOfRange() -> Double { time(range, range.learningRates.count * request.warmupRatios.count) }
        let limit = asksForResults ? Self.shareOfRange * seconds : seconds
        while timeOfRange() > limit, range.shrink() {}
        self.range = range
        if asksForResults {
            var results = Part(
                steps: Self.mostSteps.results, depths: range.depths, learningRates: [], seeds: request.seeds)
            while time(results, results.seeds) > seconds - timeOfRange(), results.shrink() {}
            self.results = results
        }
    }

    /// The trainings of the second question.
    func rangeCells(_ request: AblationRequest) -> [AblationCell] {
        guard let range else { return [] }
        return range.depths.flatMap { depth in
            request.variants.flatMap { variant in
                request.warmupRatios.flatMap { warmup in
                    range.learningRates.map { rate in
                        AblationCell(
                            question: .range, variant: variant, depth: depth, learningRate: rate, warmupRatio: warmup,
                            seed: request.training.hyperparameters.seed, steps: range.steps)
                    }
                }
            }
        }
    }

    /// The trainings of the third question: each form at the learning rate and warm-up with which the loss of the second question has become least,
    /// with seeds that have chosen nothing.
    func resultCells(_ request: AblationRequest, after range: [AblationOutcome]) -> [AblationCell] {
        guard let results else { return [] }
        return results.depths.flatMap { depth in
            request.variants.flatMap { variant -> [AblationCell] in
                let tried = range.filter { $0.cell.variant == variant && $0.cell.depth == depth }
                guard let best = tried.min(by: { $0.isBetter(than: $1) })?.cell else { return [] }
                return (1...results.seeds).map { seed in
                    AblationCell(
                        question: .results, variant: variant, depth: depth, learningRate: best.learningRate,
                        warmupRatio: best.warmupRatio, seed: best.seed &+ UInt64(seed), steps: results.steps)
                }
            }
        }
    }
}

extension AblationOutcome {
    /// Trained before stuck before diverged, then the lower loss.
    fileprivate func isBetter(than other: AblationOutcome) -> Bool {
        func rank(_ outcome: AblationOutcome) -> (Int, Double) {
            (
                outcome.outcome == .trained ? 0 : outcome.outcome == .stuck ? 1 : 2,
                outcome.finalLoss.flatMap { $0.isFinite ? $0 : nil } ?? .infinity
            )
        }
        return rank(self) < rank(other)
    }
}

extension [Double] {
    /// The last one, and every second before it.
    fileprivate var everySecond: [Double] {
        indices.filter { ($0 - (count - 1)) % 2 == 0 }.map { self[$0] }
    }
}

// MARK: As text

extension AblationPlan {
    /// As the database has it.
    package var text: String {
        func text(_ name: String, _ part: Part?) -> [String] {
            guard let part else { return [] }
            func list(_ values: [some CustomStringConvertible]) -> String {
                values.map(\.description).joined(separator: ",")
            }
            return [
                "\(name)_steps=\(part.steps)", "\(name)_depths=\(list(part.depths))",
                "\(name)_learning_rates=\(list(part.learningRates))", "\(name)_seeds=\(part.seeds)",
            ]
        }
        return (text("range", range) + text("results", results)).joined(separator: " ")
    }

    /// Reads what ``text`` has written, among other settings; nil if it is none.
    package init?(text: String) {
        let values = Dictionary(
            text.split(separator: " ").compactMap { word -> (String, String)? in
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }
        ) { $1 }
        func part(_ name: String) -> Part? {
            guard let steps = values["\(name)_steps"].flatMap({ Int($0) }),
                let seeds = values["\(name)_seeds"].flatMap({ Int($0) })
            else { return nil }
            func list(_ key: String) -> [Substring] { values["\(name)_\(key)"]?.split(separator: ",") ?? [] }
            return Part(
                steps: steps, depths: list("depths").compactMap { Int($0) },
                learningRates: list("learning_rates").compactMap { Double($0) }, seeds: seeds)
        }
        (range, results) = (part("range"), part("results"))
        if range == nil && results == nil { return nil }
    }
}

// MARK: Costs

extension AblationData {
    /// Plans the trainings that a request asks for, by the time that a few steps take.
    func plan(_ request: AblationRequest, on workers: Workers, isInterrupted: @Sendable () -> Bool) throws
        -> AblationPlan
    {
        guard request.questions != [.signals] else { return AblationPlan(request, seconds: 0) { _ in (0, 0) } }
        var costs: [Int: (step: Double, evaluation: Double)] = [:]
        for depth in request.depths { costs[depth] = try cost(ofDepth: depth, request, on: workers, isInterrupted) }
        // A model for each seed runs one batch forward and back.
        let stepOfLayer = request.depths.last.flatMap { depth in costs[depth].map { $0.step / Double(depth) } } ?? 0
        let ofSignals =
            request.questions.contains(.signals)
            ? stepOfLayer * Double(request.signalDepths.reduce(0, +) * request.variants.count * request.seeds) : 0
        return AblationPlan(request, seconds: 60 * request.minutes * Double(workers.count) - ofSignals) {
            costs[$0] ?? (0, 0)
        }
    }

    /// Times a few steps on each core at once, as they will run.
    private func cost(
        ofDepth depth: Int, _ request: AblationRequest, on workers: Workers, _ isInterrupted: @Sendable () -> Bool
    ) throws -> (step: Double, evaluation: Double) {
        func seconds(_ steps: Int) throws -> Double {
            let start = ContinuousClock.now
            let cell = AblationCell(
                question: .range, variant: request.variants[0], depth: depth, learningRate: 1e-6, warmupRatio: 0,
                seed: 0, steps: steps)
            _ = try train(cell, request.training.hyperparameters, isInterrupted: isInterrupted)
            return (ContinuousClock.now - start) / .seconds(1)
        }
        let times = try workers.sideBySide(
            workers.count, progress: { _, _, _ in }, cost: { _ in 1 }, isInterrupted: isInterrupted
        ) { _ in
            let (few, more) = (try seconds(3), try seconds(9))
            let step = max(1e-6, (more - few) / 6)
            return (step: step, evaluation: max(0, few - 3 * step))
        }.compactMap { $0 }
        let count = Double(max(times.count, 1))
        return (times.reduce(0) { $0 + $1.step } / count, times.reduce(0) { $0 + $1.evaluation } / count)
    }
}

extension AblationPlan {
    /// What is going to be done, for a person.
    func sentence(_ request: AblationRequest) -> String {
        func list(_ values: [some CustomStringConvertible]) -> String {
            values.map(\.description).joined(separator: ", ")
        }
        var parts: [String] = []
        if let range {
            parts.append(
                "\(rangeCells(request).count) trainings of \(range.steps) steps, with \(list(range.depths)) layers at learning rates of"
                    + " \(list(range.learningRates))")
        }
        if let results {
            parts.append(
                "\(results.depths.count * results.seeds * request.variants.count) of \(results.steps) steps, with \(list(results.depths))"
                    + " layers, each form at its best learning rate")
        }
        return "planned for \(String(format: "%.4g", request.minutes)) minutes: " + parts.joined(separator: "; then ")
    }
}
