import Foundation
import Kernels
import Reports
import RunStore
import Statistics
import TestSupport
import Testing

/// A store in which runs are made in one line.
private struct Runs {
    let store: RunStore

    /// Calls `body` with an empty store.
    static func use(_ body: (Runs) throws -> Void) throws {
        try withFolder { folder in
            try body(Runs(store: RunStore(path: folder.appending(path: "runs.sqlite").path, for: .write)))
        }
    }

    func add(
        _ name: String, seed: UInt64 = 1, rate: String = "0.1", dev: Double = 0.5, model: String? = nil,
        group: String? = nil, devSha256: String? = "dd", status: Run.Status = .finished
    ) throws -> ComparedRun {
        var run = Run(
            name: name, command: "addnorm train", output: "/models/\(name)", trainData: "/train.tsv", trainSha256: "ab",
            version: "test")
        (run.model, run.devData, run.devSha256) = (model, devSha256.map { _ in "/dev.tsv" }, devSha256)
        (run.seed, run.parameters, run.seedGroup) = (Int64(seed), 10, group)
        run = try store.begin(run, params: [("learning_rate", rate), ("seed", "\(seed)")])
        let id = run.id
        try store.record(
            ["accuracy", "macro_f1"].map { Metric(run: id, .dev, $0, step: 10, epoch: 1, value: dev) })
        try store.finish(id, status, hasWrittenOutput: true)
        return try ComparedRun(store.run(name), in: store)
    }

    /// Records what the run's model answered, and reads the run again.
    func evaluate(
        _ run: ComparedRun, _ actual: [String], _ predicted: [String], labels: [String] = ["a", "b"],
        data: String = "/test.tsv", sha256: String = "cd"
    ) throws -> ComparedRun {
        let right = zip(actual, predicted).count { $0 == $1 }
        var evaluation = Evaluation(model: run.run.output, data: data, dataSha256: sha256)
        (evaluation.examples, evaluation.loss, evaluation.macroF1) = (actual.count, 0.7, 0.5)
        evaluation.accuracy = Double(right) / Double(actual.count)
        _ = try store.record(
            evaluation,
            classes: labels.map { ClassMetric(label: $0, precision: 0.5, recall: 0.5, f1: 0.5, support: 1) },
            confusions: [],
            predictions: zip(actual, predicted).enumerated().map { place, pair in
                PredictionRecord(
                    row: place + 1, actual: pair.0, predicted: pair.1, confidence: 0.9, text: "text \(place + 1)")
            })
        return try ComparedRun(try store.run(run.name), in: store)
    }

    func compare(
        _ runs: ComparedRun..., within margin: Double? = nil, flips: Int = 0
    ) throws -> Comparison {
        try Comparison(runs, equivalentWithin: margin, flips: flips, in: store, on: Workers(count: 2))
    }
}

/// 100 texts, half of label `a`.
private let actual = (0..<100).map { $0 % 2 == 0 ? "a" : "b" }

/// Answers of which those in `wrong` are wrong.
private func answers(wrong: Range<Int>...) -> [String] {
    actual.enumerated().map { place, label in
        wrong.contains { $0.contains(place) } ? (label == "a" ? "b" : "a") : label
    }
}

@Suite struct ComparisonTests {
    @Test func theBetterRunIsNamedWithAnInterval() throws {
        try Runs.use { runs in
            let bad = try runs.evaluate(runs.add("bad"), actual, answers(wrong: 0..<40))
            // The latest evaluation counts.
            var good = try runs.evaluate(runs.add("good", rate: "0.2"), actual, answers(wrong: 0..<100))
            good = try runs.evaluate(good, actual, answers(wrong: 0..<10, 90..<92))
            let test = try #require(try runs.compare(bad, good, flips: 2).tests.first)
            let pair = test.answers
            #expect((pair.onlyA, pair.onlyB, pair.texts) == (2, 30, 100) && test.adjustedP == nil)
            #expect(abs(test.p - 2.463e-7) < 1e-9 && abs(test.difference.accuracy - 0.28) < 1e-12)
            #expect(test.sentence.hasPrefix("good is better by 28.0 points, 95 % interval 1"))
            #expect(test.needed == nil && test.equivalence == nil)
            #expect(pair.onlyAFlips.map(\.row) == [91, 92] && pair.onlyBFlips.map(\.row) == [11, 12])
            let flip = try #require(pair.onlyBFlips.first)
            #expect([flip.actual, flip.predictedA, flip.predictedB, flip.text] == ["a", "b", "a", "text 11"])
            #expect(
                try runs.compare(good, bad).tests[0].sentence.hasPrefix("good is better by 28.0 points, 95 % interval"))
        }
    }

    /// The small p counts twice, and the order of the runs is of no consequence to the figures.
    @Test func twoTestsAreCorrectedAndEquivalenceIsTold() throws {
        try Runs.use { runs in
            let bad = try runs.evaluate(runs.add("bad"), actual, answers(wrong: 0..<40))
            let good = try runs.evaluate(runs.add("good"), actual, answers(wrong: 0..<10, 90..<92))
            let other = try runs.evaluate(runs.add("other"), actual, answers(wrong: 0..<9, 80..<84))
            let tests = try runs.compare(good, other, bad, within: 0.08).tests
            let reverse = try runs.compare(bad, good).tests[0]
            #expect(tests.map(\.answers.b) == ["other", "bad"] && tests[1].adjustedP == 2 * tests[1].p)
            #expect(
                tests[1].answers.onlyA == 30 && tests[1].difference.accuracy == -reverse.difference.accuracy)
            let close = tests[0]
            #expect(
                close.sentence.hasPrefix(
                    "not distinguishable on 100 texts (difference −1.0 points, 95 % interval −6.0 to "))
            #expect(close.sentence.hasSuffix(" would be needed") && close.needed ?? 0 > 100)
            let equivalence = try #require(close.equivalence)
            #expect(equivalence.isShown)
            #expect(equivalence.sentence.hasPrefix("equivalent within 8 points (90 % interval −6.1 to 3.9"))
            let distant = try #require(tests[1].equivalence)
            #expect(!distant.isShown && distant.needed == nil)
            #expect(distant.sentence.hasPrefix("not shown to be equivalent within 8 points (90 %"))
            let narrow = try #require(try runs.compare(good, other, within: 0.015).tests[0].equivalence)
            #expect(!narrow.isShown && narrow.needed ?? 0 > 1000)
        }
    }

    @Test func aDifferenceThatOnlyTheIntervalShowsIsNotCalledOne() throws {
        try Runs.use { runs in
            let good = try runs.evaluate(runs.add("good"), actual, answers(wrong: 0..<10, 90..<92))
            let other = try runs.evaluate(runs.add("other"), actual, answers(wrong: 0..<9, 80..<84))
            let worse = try runs.evaluate(runs.add("worse"), actual, answers(wrong: 0..<10, 90..<92, 50..<55))
            let worst = try runs.evaluate(runs.add("worst"), actual, answers(wrong: 0..<10, 90..<92, 50..<56))
            #expect(try runs.compare(good, worse).tests[0].sentence.contains(" to −1.0; p 0.0625)"))
            #expect(try runs.compare(good, worst).tests[0].sentence.hasPrefix("good is better by 6.0 points"))
            let corrected = try runs.compare(good, worst, other).tests[0].sentence
            #expect(corrected.contains("; p 0.0625 after correction for 2 tests)"), "\(corrected)")
        }
    }

    @Test func equalAnswersAreToldFromEqualAccuracy() throws {
        try Runs.use { runs in
            let good = try runs.evaluate(runs.add("good"), actual, answers(wrong: 0..<10, 90..<92))
            let twin = try runs.evaluate(runs.add("twin"), actual, answers(wrong: 0..<10, 90..<92))
            #expect(try runs.compare(good, twin).tests[0].sentence == "the same answers to all 100 texts")
            // Too few texts, though none is answered otherwise.
            let alike = try #require(try runs.compare(good, twin, within: 0.02).tests[0].equivalence)
            #expect(!alike.isShown && alike.needed == 133)
            let even = try runs.evaluate(runs.add("even"), actual, answers(wrong: 2..<12, 90..<92))
            let test = try runs.compare(good, even).tests[0]
            #expect(
                test.needed == nil
                    && test.sentence.hasPrefix("not distinguishable on 100 texts (difference 0.0 points"))
            #expect(test.sentence.hasSuffix(")") && test.p == 1)
        }
    }

    @Test func whatCannotBePairedIsSaidWithARemedy() throws {
        try Runs.use { runs in
            let a = try runs.evaluate(runs.add("A"), actual, answers(wrong: 0..<4))
            let short = try runs.evaluate(
                runs.add("short"), Array(actual.prefix(90)), Array(answers(wrong: 0..<4).prefix(90)))
            let renamed = try runs.evaluate(
                runs.add("renamed"), ["b"] + actual.dropFirst(), answers(wrong: 0..<4))
            let changed = try runs.evaluate(runs.add("changed"), actual, actual, sha256: "ef")
            let none = try runs.add("none of it")
            let comparison = try runs.compare(a, short, renamed, changed, none)
            #expect(comparison.tests.isEmpty && comparison.notices.count == 4, "\(comparison.notices)")
            for (notice, part) in zip(
                comparison.notices,
                [
                    "/test.tsv: A has answers to 100 texts, short to 90: no test; evaluate both again, with the same options",
                    "/test.tsv: 1 of 100 texts have other labels in the evaluation of A than in that of renamed",
                    "/test.tsv: its contents were others when A was evaluated: no test; evaluate it again: addnorm evaluate "
                        + "--model /models/A /test.tsv",
                    "no file was evaluated by both A and none of it: no test; addnorm evaluate --model '/models/none of it' "
                        + "/test.tsv",
                ])
            {
                #expect(notice.contains(part))
            }
            #expect(
                try runs.compare(none, a, changed, short).notices == [
                    "none of it has not been evaluated: no test; addnorm evaluate --model '/models/none of it' /test.tsv"
                ])
            let flattered = try runs.evaluate(a, actual, actual, data: "/dev.tsv", sha256: "dd")
            #expect(try runs.compare(flattered, none).notices[0].contains("/dev.tsv: the dev data of A, which chose"))
        }
    }

    /// Labels with bars in them, in another order, and none at all.
    @Test func severalLabelsAreComparedAsSets() throws {
        try Runs.use { runs in
            let labels = ["a", "b", "c|d"]
            let a = try runs.evaluate(
                runs.add("A"), ["a|b", "", "c|d|a", "b"], ["b", "", "a|c|d", "b|c|d"], labels: labels)
            let b = try runs.evaluate(
                runs.add("B"), ["b|a", "", "a|c|d", "b"], ["a|b", "a", "c|d|a", "c|d|b"], labels: labels)
            let comparison = try runs.compare(a, b, flips: 5)
            let test = try #require(comparison.tests.first, "\(comparison.notices)")
            #expect((test.answers.onlyA, test.answers.onlyB, test.p, test.difference.accuracy) == (1, 1, 1, 0))
            #expect(test.answers.onlyAFlips.map(\.row) == [2] && test.answers.onlyBFlips.map(\.row) == [1])
            // F1 of a, b and c|d: A 2/3, 4/5... B 4/5, 1 and both 2/3.
            #expect(abs(test.difference.macroF1 - ((0.8 - 2.0 / 3) + (1 - 1) + 0) / 3) < 1e-12)

            // Bars alone do not make several labels.
            let one = try runs.evaluate(
                runs.add("C"), ["a|b", "c"], ["a|b", "a|b"], labels: ["a|b", "c"], sha256: "x")
            let two = try runs.evaluate(runs.add("D"), ["a|b", "c"], ["c", "c"], labels: ["a|b", "c"], sha256: "x")
            #expect(try runs.compare(one, two).tests[0].difference.macroF1 == 0)
        }
    }

    /// Two groups of three runs.
    private static func twoRates(_ runs: Runs) throws -> [ComparedRun] {
        try [("0.1", [0.80, 0.82, 0.81]), ("0.2", [0.90, 0.92, 0.91])].flatMap { rate, values in
            try values.enumerated().map { place, value in
                try runs.add("\(rate)-\(place)", seed: UInt64(place), rate: rate, dev: value)
            }
        }
    }

    @Test func meansOfGroupsAreTested() throws {
        try Runs.use { runs in
            let groups = try SeedGroup.groups(of: Self.twoRates(runs), by: ["learning_rate"])
            #expect(groups.map(\.name) == ["learning_rate 0.1", "learning_rate 0.2"])
            #expect(
                groups.allSatisfy {
                    $0.differing.isEmpty && $0.figures.map(\.name) == ["dev macro F1", "dev accuracy"]
                })
            let mean = groups[0].figures[0].mean
            #expect(abs(mean.mean - 0.81) < 1e-12 && abs((mean.standardDeviation ?? 0) - 0.01) < 1e-12)
            let tests = GroupTest.tests(of: groups)
            #expect(tests.map(\.figure.name) == ["dev macro F1", "dev accuracy"])
            #expect(
                tests[0].sentence
                    == "mean over 3 seeds: learning_rate 0.2 is better by 10.0 points, 95 % interval 7.7 to 12.3")
        }
    }

    @Test func runsAreGroupedByAnyParameterOrTheirSeeds() throws {
        try Runs.use { runs in
            var all = try Self.twoRates(runs)
            all.append(try runs.add("odd", rate: "0.3", model: "/m"))
            all[0] = try runs.evaluate(all[0], actual, actual)
            #expect(try SeedGroup.groups(of: all, by: ["seed"]).map(\.runs.count) == [2, 3, 2])
            #expect(try SeedGroup.groups(of: all).map(\.name) == all.map(\.name))
            let seeded = try (1...2).map { try runs.add("s-\($0)", seed: UInt64($0), group: "s-1") }
            #expect(try SeedGroup.groups(of: all + seeded).map(\.runs.count) == all.map { _ in 1 } + [2])
            let mixed = try SeedGroup.groups(of: all, by: ["model"])
            #expect(
                mixed.map(\.notices.count) == [2, 0] && mixed[0].notices[0].hasSuffix("differ also in learning_rate"))
            let alone = try SeedGroup.groups(of: [all[6], all[0], all[1]], by: ["learning_rate"])
            #expect(
                GroupTest.tests(of: alone)[0].sentence
                    == "mean over 1 and 2 seeds: difference 31.0 points; an interval needs two runs or more in each group"
            )
            #expect(try SeedGroup.groups(of: all, by: ["train_data"])[0].differing == ["learning_rate", "model"])
            #expect {
                try SeedGroup.groups(of: all, by: ["lr"])
            } throws: { error in
                "\(error)".hasPrefix(
                    "no run has the parameter 'lr'; there are dev_data, dev_sha256, learning_rate, model,")
            }
        }
    }

    @Test func whatFiguresOfGroupsRestOnIsSaid() throws {
        try Runs.use { runs in
            func add(_ name: String, _ rate: String, _ dev: [Double], _ sha256: String?...) throws -> [ComparedRun] {
                try dev.enumerated().map { place, value in
                    try runs.add(
                        "\(name)-\(place)", seed: UInt64(place), rate: rate, dev: value,
                        devSha256: sha256[place % sha256.count])
                }
            }
            let first = try add("a", "0.1", [0.9, 0.8], "dd")
            let other = try add("b", "0.2", [0.5, 0.6], "ee")
            let held = try add("c", "0.3", [0.5, 0.6], nil)
            let mixed = try add("d", "0.4", [0.5, 0.6], "dd", nil)
            let groups = try SeedGroup.groups(of: first + other + held + mixed, by: ["learning_rate"])
            #expect(groups.map(\.figures.count) == [2, 2, 2, 0] && GroupTest.tests(of: groups).isEmpty)
            #expect(
                groups.notices == [
                    "learning_rate 0.4: its runs differ also in dev_data, dev_sha256",
                    "learning_rate 0.4: its runs have different dev data, whose figures are not comparable",
                    "the dev data of learning_rate 0.2; learning_rate 0.3 are others than those of learning_rate 0.1: "
                        + "figures on them are not comparable",
                ])
            #expect(groups[0].figures[0].mean.interval?.high == 1)

            let failed = try runs.add("f", seed: 7, status: .failed)
            let unfinished = try SeedGroup.groups(of: first + [failed], by: ["learning_rate"])
            #expect(
                unfinished.notices == ["learning_rate 0.1: its means count runs that are not finished: f (failed)"])
            #expect(try SeedGroup.groups(of: [], by: ["seed_group"]).isEmpty)

            // Without Holm's correction one would be better.
            let good = try add("g", "0.5", [0.84, 0.86, 0.85], "dd")
            let better = try add("h", "0.6", [0.87, 0.89, 0.873], "dd")
            let same = try add("i", "0.7", [0.83, 0.87, 0.84], "dd")
            let tests = GroupTest.tests(
                of: try SeedGroup.groups(of: good + better + same, by: ["learning_rate"]))
            #expect(tests[0].sentence.contains(" after correction for 2 tests)"), "\(tests[0])")
        }
    }

    @Test func pointsHaveOneDigitOrTheFirstThatCounts() {
        #expect(
            [0.012, -0.0004, 0, -0.008, 0.00099999, -1e-9].map(\.points) == [
                "1.2", "−0.04", "0.0", "−0.8", "0.10", "0.00",
            ])
        #expect([0.00001, 0.04321].map(\.pValue) == ["< 0.0001", "0.0432"])
    }
}
