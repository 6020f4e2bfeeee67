import Foundation
import Statistics

/// Runs with the same values of some parameters, which differ by chance: by their seeds, if by nothing else.
package struct SeedGroup: Sendable {
    /// A figure of each run, and what it is over the group.
    package struct Figure: Sendable {
        /// `dev_accuracy`, `dev_macro_f1`, or `accuracy` on a file.
        package let metric: String
        /// The file; nil for figures on the dev data.
        package let data, dataSha256: String?
        package let mean: MeanInterval

        /// For a person.
        package var name: String {
            switch metric {
            case "dev_accuracy": "dev accuracy"
            case "dev_macro_f1": "dev macro F1"
            default: "accuracy on \(data ?? "")"
            }
        }
    }

    /// What the runs have in common: the parameters' values, nil where they have none.
    package let parameters: [(name: String, value: String?)]
    package let runs: [ComparedRun]
    /// Of the best epochs on the dev data, over the runs that have one, if it is the same for all; and on each file that all were
    /// evaluated on.
    package let figures: [Figure]
    /// The other parameters, besides seed and threads, in which the runs are not alike nevertheless.
    package let differing: [String]

    /// The parameters with their values (`learning_rate 0.0001, batch_size 32`), the name of a training with several seeds, or that
    /// of a run that is alone.
    package let name: String

    /// That of all its runs; nil if they have not the same.
    fileprivate let devData: String?

    /// Whether no two have the same seed, without which they are not independent.
    var haveOwnSeeds: Bool { Set(runs.map(\.run.seed)).count == runs.count }

    /// Why its figures may be more or less than chance.
    package var notices: [String] {
        var notices: [String] = []
        if !differing.isEmpty {
            notices.append("\(name): its runs differ also in \(differing.joined(separator: ", "))")
        }
        if !haveOwnSeeds && !parameters.contains(where: { $0.name == "seed" }) {
            notices.append("\(name): some of its runs have the same seed, so that they are not independent")
        }
        if devData == nil {
            notices.append("\(name): its runs have different dev data, whose figures are not comparable")
        }
        let unfinished = runs.filter {
            $0.run.status != .finished && ($0.summary?.bestDevAccuracy != nil || !$0.evaluations.isEmpty)
        }
        if runs.count > 1 && !unfinished.isEmpty && !figures.isEmpty {
            let names = unfinished.map { "\($0.name) (\($0.run.status.rawValue))" }.joined(separator: ", ")
            notices.append("\(name): its means count runs that are not finished: \(names)")
        }
        return notices
    }

    init(_ runs: [ComparedRun], by names: [String], name: String? = nil) {
        self.runs = runs
        let parameters = names.map { ($0, runs[0].parameters[$0]) }
        self.parameters = parameters
        self.name = name ?? parameters.map { "\($0) \($1 ?? "none")" }.joined(separator: ", ")
        var figures: [Figure] = []
        func add(_ metric: String, _ file: (sha256: String, path: String)?, _ values: [Double]) {
            if values.isEmpty { return }
            figures.append(
                Figure(
                    metric: metric, data: file?.path, dataSha256: file?.sha256,
                    mean: MeanInterval(values, limits: 0...1)))
        }
        devData = Set(runs.map(\.devData)).count == 1 ? runs[0].devData : nil
        if devData != nil {
            add("dev_accuracy", nil, runs.compactMap(\.summary?.bestDevAccuracy))
            add("dev_macro_f1", nil, runs.compactMap(\.summary?.devMacroF1))
        }
        for file in runs.files {
            let values = runs.compactMap { $0.evaluation(on: file.sha256)?.accuracy }
            if values.count == runs.count { add("accuracy", file, values) }
        }
        self.figures = figures
        // A vocabulary that was learned depends on what is held out, which depends on the seed.
        let chance = ["seed", "threads", "seed_group"] + (runs.contains { $0.run.model == nil } ? ["vocab_size"] : [])
        differing = runs.differingParameters.filter { !chance.contains($0) }
    }

    /// The groups of runs that were trained with several seeds at a time, in the order of their first runs; a run that was trained
    /// alone is a group of its own.
    package static func seeds(of runs: [ComparedRun]) -> [SeedGroup] {
        Dictionary(grouping: runs.indices) {
            [runs[$0].run.seedGroup, runs[$0].run.seedGroup == nil ? runs[$0].name : nil]
        }
        .values.sorted { $0[0] < $1[0] }
        .map { places in
            let first = runs[places[0]]
            let name = places.count == 1 ? first.name : "\(first.run.seedGroup ?? "") (\(places.count) seeds)"
            return SeedGroup(places.map { runs[$0] }, by: ["seed_group"], name: name)
        }
    }

    /// The groups of runs that have the same values of the parameters, in the order of their first runs; without parameters, those
    /// of ``seeds(of:)``. Runs without a seed group are left out where they are grouped by it.
    ///
    /// - Throws: ``UnknownParameter`` if no run has one of them.
    package static func groups(of runs: [ComparedRun], by names: [String]) throws -> [SeedGroup] {
        if names.isEmpty { return seeds(of: runs) }
        if runs.isEmpty { return [] }
        let known = Set(runs.flatMap(\.parameters.keys)).union(["model", "dev_data", "dev_sha256", "seed_group"])
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw UnknownParameter(
                description:
                    "no run has the parameter '\(unknown)'; there are \(known.sorted().joined(separator: ", "))")
        }
        let places = runs.indices.filter { !names.contains("seed_group") || runs[$0].run.seedGroup != nil }
        return Dictionary(grouping: places) { index in names.map { runs[index].parameters[$0] } }
            .values.sorted { $0[0] < $1[0] }
            .map { SeedGroup($0.map { runs[$0] }, by: names) }
    }
}

extension [SeedGroup] {
    /// Why figures of theirs may be more or less than chance, or cannot be compared.
    package var notices: [String] {
        let other = dropFirst().filter { $0.devData != nil && $0.devData != first?.devData }
        let notices = flatMap(\.notices)
        guard let first, first.devData != nil, !other.isEmpty else { return notices }
        return notices + [
            "the dev data of \(other.map(\.name).joined(separator: "; ")) are others than those of \(first.name): figures on them "
                + "are not comparable"
        ]
    }
}

/// A parameter that runs were to be grouped by, and that none has.
package struct UnknownParameter: LocalizedError, CustomStringConvertible {
    /// With those that there are.
    package let description: String
    package var errorDescription: String? { description }
}

/// Welch's test of one figure of two groups.
package struct GroupTest: Sendable {
    /// As the first group has it.
    package let figure: SeedGroup.Figure
    /// The groups' names.
    package let a, b: String
    package let test: WelchTest
    /// *p* with Holm's correction; nil if it is the only test of the figure.
    package let adjustedP: Double?
    /// The outcome in plain words.
    package let sentence: String

    /// Tests the first group against each other one, in each figure that both have on the same data.
    package static func tests(of groups: [SeedGroup]) -> [GroupTest] {
        guard let first = groups.first else { return [] }
        return first.figures.flatMap { figure in
            let pairs = groups.dropFirst().compactMap { group in
                group.figures.first {
                    $0.metric == figure.metric && $0.dataSha256 == figure.dataSha256
                        && (figure.data != nil || group.devData == first.devData)
                }.map { (group: group, mean: $0.mean, test: WelchTest(figure.mean, $0.mean)) }
            }
            let defined = pairs.indices.filter { pairs[$0].test.p != nil }
            let adjusted = Dictionary(
                uniqueKeysWithValues: zip(defined, holm(defined.compactMap { pairs[$0].test.p })))
            return pairs.enumerated().map { place, pair in
                let adjustedP = defined.count > 1 ? adjusted[place] : nil
                return GroupTest(
                    figure: figure, a: first.name, b: pair.group.name, test: pair.test, adjustedP: adjustedP,
                    sentence: sentence(
                        first, figure.mean, pair.group, pair.mean, pair.test, adjustedP, tests: defined.count))
            }
        }
    }

    private static func sentence(
        _ a: SeedGroup, _ meanA: MeanInterval, _ b: SeedGroup, _ meanB: MeanInterval, _ test: WelchTest,
        _ adjustedP: Double?, tests: Int
    ) -> String {
        let areSeeds = [a, b].allSatisfy { $0.haveOwnSeeds && $0.differing.isEmpty }
        let unit = areSeeds ? "seed" : "run"
        let counts = meanA.count == meanB.count ? "\(meanA.count)" : "\(meanA.count) and \(meanB.count)"
        let over = "mean over \(counts) \(unit)\(counts == "1" ? "" : "s"): "
        guard let interval = test.interval, let p = adjustedP ?? test.p else {
            return over + "difference \(test.difference.points) points; "
                + (min(meanA.count, meanB.count) < 2
                    ? "an interval needs two runs or more in each group" : "no interval, because no run differs")
        }
        if p < 0.05 && !interval.contains(0) {
            return over
                + (test.difference > 0
                    ? "\(b.name) is better by \(test.difference.points) points, 95 % interval \(interval.points)"
                    : "\(a.name) is better by \((-test.difference).points) points, 95 % interval \(interval.negated.points)")
        }
        return over
            + "not distinguishable (difference \(test.difference.points) points, 95 % interval \(interval.points)"
            + (interval.contains(0) ? "" : p.reason(tests: tests)) + ")"
    }
}
