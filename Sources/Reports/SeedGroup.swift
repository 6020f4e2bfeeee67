import Foundation
import RunStore
import Statistics

/// Runs with the same values of some parameters, which differ by chance: by their seeds, if by nothing else.
package struct SeedGroup: Sendable {
    /// A figure of each run, and what it is over the group.
    package struct Figure: Sendable {
        /// `accuracy`, `macro_f1` or another metric on a file, or `dev_accuracy` and so on.
        package let metric: String
        /// The file; nil for figures on the dev data.
        package let data, dataSha256: String?
        package let mean: MeanInterval

        private var isDev: Bool { metric.hasPrefix("dev_") }

        /// What it is a value of; nil of none that is known.
        fileprivate var kind: EvaluationMetric? {
            EvaluationMetric(text: isDev ? String(metric.dropFirst(4)) : metric)
        }

        /// For a person.
        package var name: String {
            let words = kind?.words ?? metric
            return isDev ? "dev \(words)" : "\(words) on \(data ?? "")"
        }
    }

    /// The parameters with their values (`learning_rate 0.0001, batch_size 32`), the name of a training with several seeds, or that
    /// of a run that is alone.
    package let name: String
    /// What the runs have in common: the parameters' values, nil where they have none.
    package let parameters: [(name: String, value: String?)]
    package let runs: [ComparedRun]
    /// The figures of the best epochs on the dev data, over the runs that have one, unless runs differ in these data; and those on
    /// each file that all were evaluated on.
    package let figures: [Figure]
    /// The other parameters, besides seed and threads, in which the runs are not alike nevertheless.
    package let differing: [String]
    /// What the dev figures were measured on; nil if runs differ.
    fileprivate let devData: String?

    /// Whether no two have the same seed, without which they are not independent.
    fileprivate var haveOwnSeeds: Bool { Set(runs.map(\.run.seed)).count == runs.count }

    fileprivate init(_ runs: [ComparedRun], by names: [String], name: String? = nil) {
        self.runs = runs
        let parameters = names.map { ($0, runs[0].parameters[$0]) }
        self.parameters = parameters
        self.name = name ?? parameters.map { "\($0) \($1 ?? "none")" }.joined(separator: ", ")
        devData = Set(runs.map(\.devData)).count == 1 ? runs[0].devData : nil
        func figure(
            _ metric: EvaluationMetric, on file: (sha256: String, path: String)? = nil, _ values: [Double]
        ) -> Figure? {
            if values.isEmpty { return nil }
            let limits: ClosedRange<Double> =
                switch metric {
                case .logLoss, .mse, .mae: 0...Double.infinity
                case .mcc, .pearson, .spearman: -1...1
                default: 0...1
                }
            let mean = MeanInterval(values, limits: limits)
            let name = (file == nil ? "dev_" : "") + metric.text
            return Figure(metric: name, data: file?.path, dataSha256: file?.sha256, mean: mean)
        }
        // What chose nothing comes first.
        let metric = runs[0].metric
        var figures: [Figure?] = []
        for file in runs.files {
            let judged = runs.compactMap { $0.value(on: file.sha256) }
            if judged.count == runs.count { figures.append(figure(metric, on: file, judged)) }
            let values = runs.compactMap { $0.evaluation(on: file.sha256)?.accuracy }
            if values.count == runs.count && metric != .accuracy {
                figures.append(figure(.accuracy, on: file, values))
            }
        }
        if devData != nil {
            figures.append(figure(metric, runs.compactMap(\.devValue)))
            if metric != .accuracy {
                figures.append(figure(.accuracy, runs.compactMap(\.summary?.bestDevAccuracy)))
            }
        }
        self.figures = figures.compactMap { $0 }
        // A vocabulary that was learned depends on what is held out, which depends on the seed.
        let chance =
            ["seed", "threads", "seed_group", "project"] + (runs.contains { $0.run.model == nil } ? ["vocab_size"] : [])
        differing = runs.differingParameters.filter { !chance.contains($0) }
    }

    /// The groups of runs that have the same values of the parameters, in the order of their first runs. Without parameters, the
    /// runs that were trained with several seeds at a time are a group, and a run that was trained alone is one of its own. Runs
    /// without a seed group are left out where they are grouped by it.
    ///
    /// - Throws: ``UnknownParameter`` if no run has one of them.
    package static func groups(of runs: [ComparedRun], by names: [String] = []) throws -> [SeedGroup] {
        if runs.isEmpty { return [] }
        let known = Set(runs.flatMap(\.parameters.keys)).union(["model", "dev_data", "dev_sha256", "seed_group"])
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw UnknownParameter(
                description:
                    "no run has the parameter '\(unknown)'; there are \(known.sorted().joined(separator: ", "))")
        }
        let grouped = runs.filter { !names.contains("seed_group") || $0.run.seedGroup != nil }
        return Dictionary(grouping: grouped.indices) { place in
            let run = grouped[place]
            return names.isEmpty
                ? [run.run.seedGroup, run.run.seedGroup == nil ? run.name : nil] : names.map { run.parameters[$0] }
        }
        .values.sorted { $0[0] < $1[0] }
        .map { places in
            let runs = places.map { grouped[$0] }
            if !names.isEmpty { return SeedGroup(runs, by: names) }
            let name = runs.count == 1 ? runs[0].name : "\(runs[0].run.seedGroup ?? "") (\(runs.count) seeds)"
            return SeedGroup(runs, by: ["seed_group"], name: name)
        }
    }

    /// Why its figures may be more or less than chance.
    package var notices: [String] {
        var notices: [String] = []
        if !differing.isEmpty {
            notices.append("its runs differ also in \(differing.joined(separator: ", "))")
        }
        if !haveOwnSeeds && !parameters.contains(where: { $0.name == "seed" }) {
            notices.append("some of its runs have the same seed, so that they are not independent")
        }
        if devData == nil {
            notices.append("its runs have different dev data, whose figures are not comparable")
        }
        let unfinished = runs.filter {
            $0.run.status != .finished && ($0.summary?.bestEpoch != nil || !$0.evaluations.isEmpty)
        }
        if runs.count > 1 && !unfinished.isEmpty && !figures.isEmpty {
            let names = unfinished.map { "\($0.name) (\($0.run.status.rawValue))" }.joined(separator: ", ")
            notices.append("its means count runs that are not finished: \(names)")
        }
        return notices.map { "\(name): \($0)" }
    }
}

/// A parameter that runs were to be grouped by, and that none has.
package struct UnknownParameter: LocalizedError, CustomStringConvertible {
    /// A sentence with the parameters that there are.
    package let description: String
    package var errorDescription: String? { description }
}

/// Welch's test of one figure of two groups.
package struct GroupTest: Sendable {
    package let a, b: SeedGroup
    /// The figure of the first group.
    package let figure: SeedGroup.Figure
    /// The mean of the other group.
    let meanB: MeanInterval
    package let test: WelchTest
    /// *p* with Holm's correction; nil if it is the only test of the figure.
    package private(set) var adjustedP: Double?
    /// The number of tests of the figure.
    private var tests = 1

    /// - Returns: nil if the other group has no such figure on the same data.
    private init?(_ figure: SeedGroup.Figure, of a: SeedGroup, and b: SeedGroup) {
        let other = b.figures.first { $0.metric == figure.metric && $0.dataSha256 == figure.dataSha256 }
        guard let other, figure.data != nil || a.devData == b.devData else { return nil }
        (self.a, self.b, self.figure, meanB) = (a, b, figure, other.mean)
        test = WelchTest(figure.mean, other.mean)
    }

    /// Tests the first group against each other one, in each figure that both have on the same data.
    package static func tests(of groups: [SeedGroup]) -> [GroupTest] {
        guard let first = groups.first else { return [] }
        return first.figures.flatMap { figure in
            var tests = groups.dropFirst().compactMap { GroupTest(figure, of: first, and: $0) }
            let defined = tests.indices.filter { tests[$0].test.p != nil }
            if defined.count > 1 {
                for (place, p) in zip(defined, holm(defined.compactMap { tests[$0].test.p })) {
                    tests[place].adjustedP = p
                    tests[place].tests = defined.count
                }
            }
            return tests
        }
    }

    /// Whether the groups differ by more than chance.
    package var isDecided: Bool {
        guard let interval = test.interval, let p = adjustedP ?? test.p else { return false }
        return p < 0.05 && !interval.contains(0)
    }

    /// Whether the second group has the better mean.
    package var isInFavorOfB: Bool { metric.lowerIsBetter ? test.difference < 0 : test.difference > 0 }

    private var metric: EvaluationMetric { figure.kind ?? .usual }

    /// The outcome in plain words.
    package var sentence: String {
        let areSeeds = [a, b].allSatisfy { $0.haveOwnSeeds && $0.differing.isEmpty }
        let (countA, countB) = (figure.mean.count, meanB.count)
        let unit = areSeeds ? "seed" : "run"
        let over = "mean over " + (countA == countB ? countA.of(unit) : "\(countA) and \(countB) \(unit)s") + ": "
        let difference = "difference " + metric.text(ofDifference: test.difference)
        guard let interval = test.interval, let p = adjustedP ?? test.p else {
            return over + difference
                + (min(countA, countB) < 2
                    ? "; an interval needs two runs or more in each group" : "; no interval, because no run differs")
        }
        if isDecided {
            return over + interval.verdict(test.difference, by: metric, between: (a.name, b.name))
        }
        return over + "not distinguishable (\(difference), 95 % interval \(metric.text(of: interval))"
            + (interval.contains(0) ? "" : p.reason(tests: tests)) + ")"
    }
}

// MARK: Groups beside each other

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

    /// Each group's figures, and tests of the first one against each other.
    package var part: Report.Part {
        let rows = flatMap { group -> [(name: String, runs: Int, figure: SeedGroup.Figure?)] in
            if group.figures.isEmpty { return [(group.name, group.runs.count, nil)] }
            return group.figures.enumerated().map { place, figure in
                (place == 0 ? group.name : "", figure.mean.count, figure)
            }
        }
        let table = ReportTable(
            rows,
            [
                .text("group") { $0.name }, .text("figure") { $0.figure?.name }, .count("runs") { $0.runs },
                .figure("mean") { $0.figure?.mean.mean }, .figure("sd") { $0.figure?.mean.standardDeviation },
                .text("95 % interval") { $0.figure?.mean.interval?.figures },
            ])
        let sentences = GroupTest.tests(of: self).map { test in
            let subject = count > 2 ? "\(test.a.name) and \(test.b.name), " : ""
            return Report.Block.sentence("\(subject)\(test.figure.name): \(test.sentence)")
        }
        return Report.Part([.table(table)] + sentences)
    }
}

// MARK: As JSON

extension SeedGroup: Encodable {
    package func encode(to encoder: any Encoder) throws {
        try JSONObject([
            "parameters": Dictionary(parameters.map { ($0.name, $0.value) }) { $1 }, "name": name,
            "n": runs.count, "runs": runs.map(\.name), "figures": figures, "differing": differing,
        ]).encode(to: encoder)
    }
}

extension SeedGroup.Figure: Encodable {
    package func encode(to encoder: any Encoder) throws {
        try JSONObject([
            "metric": metric, "data": data, "data_sha256": dataSha256, "n": mean.count, "mean": mean.mean,
            "sd": mean.standardDeviation, "ci": mean.interval,
        ]).encode(to: encoder)
    }
}

extension GroupTest: Encodable {
    package func encode(to encoder: any Encoder) throws {
        try JSONObject(
            [
                "metric": figure.metric, "data": figure.data, "data_sha256": figure.dataSha256, "a": a.name,
                "b": b.name, "difference": test.difference, "ci": test.interval, "p": test.p, "sentence": sentence,
            ], optional: ["p_holm": adjustedP]
        ).encode(to: encoder)
    }
}
