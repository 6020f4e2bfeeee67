import Kernels
import RunStore
import Statistics

/// Runs beside each other: in what they differ, what they reached, and whether the first and each other one, or groups of them,
/// differ by more than chance.
package struct Comparison: Sendable {
    package let runs: [ComparedRun]
    /// Of the first run and each other one, on the texts that both were evaluated on: by file, then by run.
    package let tests: [PairedTest]
    /// The same of regressions.
    package let numberTests: [NumberTest]
    package let groups: [SeedGroup]
    /// Why a test is missing and what to do, and which figures flatter or cannot be compared.
    package let notices: [String]

    /// Compares the first run with each other one, on the latest evaluation of each file.
    ///
    /// - Parameters:
    ///   - runs: at least one
    ///   - names: the parameters by which runs are grouped; none: the runs of one training with several seeds are a group
    ///   - margin: differences of accuracy up to this fraction are to count as none; nil if there is no such question
    ///   - flips: how many texts that only one run got right are read, of each kind
    /// - Throws: ``UnknownParameter``, ``RunStoreError``
    package init(
        _ runs: [ComparedRun], groupedBy names: [String] = [], equivalentWithin margin: Double? = nil, flips: Int = 0,
        in store: RunStore, on workers: Workers
    ) throws {
        self.runs = runs
        groups = try SeedGroup.groups(of: runs, by: names).filter { !names.isEmpty || $0.runs.count > 1 }
        var (tests, numberTests, notices): ([PairedTest], [NumberTest], [String]) = ([], [], [])
        // A group stands for its runs: tests of single ones would ask another question, and correct for it.
        let others = groups.count > 1 ? [] : runs.dropFirst()
        for (sha256, path) in runs.files where runs[0].evaluation(on: sha256) != nil {
            var pairs: [AnswerPair] = []
            let isOfNumbers = runs[0].evaluation(on: sha256)?.mse != nil
            if isOfNumbers {
                numberTests += try NumberTest.tests(
                    of: runs[0], and: Array(others), on: sha256, in: store, on: workers,
                    notice: { notices.append($0) })
            }
            for other in others where !isOfNumbers {
                do {
                    pairs += try [
                        AnswerPair(of: runs[0], and: other, on: sha256, flips: flips, in: store)
                    ].compactMap { $0 }
                } catch let error as AnswerPair.Unpaired {
                    notices.append(error.notice)
                }
            }
            tests += PairedTest.tests(of: pairs, margin: margin, on: workers)
            let evaluated = runs.filter { $0.evaluation(on: sha256) != nil }
            // Nothing of a baseline is chosen by its dev data.
            let chosen = evaluated.filter {
                $0.run.devSha256 == sha256 && $0.hyperparameters[Run.baselineParameter] == nil
            }
            if !chosen.isEmpty {
                notices.append(
                    "\(path): the dev data of \(chosen.names), which chose the best epoch: figures on it flatter")
            }
            let trained = evaluated.filter { $0.run.trainSha256 == sha256 }
            if !trained.isEmpty {
                notices.append("\(path): \(trained.names) was trained with it: figures on it flatter")
            }
        }
        if let test = tests.first(where: { !$0.answers.canBeJudged }) {
            notices.append(
                "the database does not have what an interval of \(test.answers.metric.words) needs: runs are tested by"
                    + " \(EvaluationMetric.usual.words)")
        }
        let projects = Set(runs.compactMap(\.run.project)).sorted()
        if projects.count > 1 {
            notices.append("the runs belong to several projects: \(projects.joined(separator: ", "))")
        }
        notices += try Self.baselines(beside: runs, in: store)
        for notice in Self.missing(runs[0], Array(others)) where !notices.contains(notice) {
            notices.append(notice)
        }
        (self.tests, self.numberTests, self.notices) = (tests, numberTests, notices + groups.notices)
    }

    /// What the latest baseline of the same training data has reached on the files, unless it is among the runs.
    private static func baselines(beside runs: [ComparedRun], in store: RunStore) throws -> [String] {
        guard !runs.contains(where: { $0.hyperparameters[Run.baselineParameter] != nil }),
            let run = try store.baselines(trainSha256: runs[0].run.trainSha256).first
        else { return [] }
        let metric = runs[0].metric
        let baseline = try ComparedRun(run, judgedBy: metric, in: store)
        return runs.files.compactMap { sha256, path in
            baseline.value(on: sha256).map {
                "\(path): the baseline '\(run.name)' (\(run.model ?? "")) has \(metric.words) \($0.figure)"
            }
        }
    }

    /// Which evaluations are missing where the first run has no file in common with another one.
    private static func missing(_ first: ComparedRun, _ others: [ComparedRun]) -> [String] {
        guard let file = first.evaluations.first?.data else {
            let file = others.files.first?.path ?? "FILE"
            return ([first] + others.filter(\.evaluations.isEmpty)).map {
                "\($0.name) has not been evaluated: no test; \($0.toEvaluate(on: file))"
            }
        }
        return others.filter { other in !other.evaluations.contains { first.evaluation(on: $0.dataSha256) != nil } }
            .map { other in
                for mine in first.evaluations {
                    guard let theirs = other.evaluations.first(where: { $0.data == mine.data }) else { continue }
                    let old = mine.id < theirs.id ? first : other
                    return
                        "\(mine.data): its contents were others when \(old.name) was evaluated: no test; evaluate it "
                        + "again: \(old.evaluateCommand(mine.data))"
                }
                return "no file was evaluated by both \(first.name) and \(other.name): no test; "
                    + other.toEvaluate(on: file)
            }
    }
}

extension [ComparedRun] {
    /// The names, between commas.
    fileprivate var names: String { map(\.name).joined(separator: ", ") }
}

extension Comparison: Encodable {
    package func encode(to encoder: any Encoder) throws {
        let parameters = runs.differences.map { ($0.name, $0.values) }
        try JSONObject(
            [
                "runs": runs, "tests": tests, "parameters": Dictionary(parameters) { first, _ in first },
                "groups": groups, "group_tests": GroupTest.tests(of: groups), "notices": notices,
            ], optional: ["number_tests": numberTests.isEmpty ? nil : numberTests]
        ).encode(to: encoder)
    }
}

// MARK: As parts of a report

extension Comparison {
    /// All but the notices.
    package var parts: [Report.Part] {
        let places = Dictionary(uniqueKeysWithValues: zip(runs.map(\.id), runs.indices))
        let differing = runs.differences.map { name, values in
            Fact<ComparedRun>.text(name) { run in
                let value = places[run.id].flatMap { values[$0] } ?? "none"
                return name.hasSuffix("sha256") ? value.shortened(to: 13) : value
            }
        }
        let names = runs.map(\.name)
        let tables = [
            ReportTable(.results(of: runs), of: runs, named: names, .number),
            ReportTable(differing, of: runs, named: names, title: "differs"),
        ]
        return answer + tables.filter { !$0.rows.isEmpty }.map { Report.Part([.table($0)]) } + testParts + groupParts
    }

    /// The answer in short, first of all: of groups, or of runs.
    private var answer: [Report.Part] {
        let ofGroups = GroupTest.tests(of: groups)
        let main = ofGroups.first.map { first in ofGroups.filter { $0.figure.name == first.figure.name } } ?? []
        let sentences =
            main.isEmpty
            ? tests.map {
                "\($0.metric.words) on \($0.answers.data): \($0.verdict)" + ($0.disagreement.map { "; \($0)" } ?? "")
            } + numberTests.map { "\($0.metric.words) on \($0.data): \($0.verdict)" }
            : main.map { "\($0.figure.name): \($0.sentence)" }
        return sentences.isEmpty ? [] : [Report.Part(sentences.map(Report.Block.sentence))]
    }

    /// The tests of runs.
    var testParts: [Report.Part] {
        runs.files.flatMap { sha256, path -> [Report.Part] in
            let ofNumbers = numberTests.filter { $0.dataSha256 == sha256 }
            if let test = ofNumbers.first {
                let sentences = ofNumbers.map {
                    Report.Block.sentence("\($0.a) and \($0.b): \($0.metric.words): \($0.verdict)")
                }
                let heading = "\(path), \(test.texts.grouped) texts; differences B − A"
                return [Report.Part(heading: heading, [.table(ReportTable(ofNumbers))] + sentences)]
            }
            let tests = tests.filter { $0.answers.dataSha256 == sha256 }
            guard let answers = tests.first?.answers else { return [] }
            let sentences = tests.flatMap { test in
                let metric = test.metric == .accuracy ? nil : "\(test.metric.words): \(test.verdict)"
                let accuracy = test.metric == .accuracy ? test.sentence : "accuracy: \(test.sentence)"
                return [metric, accuracy, test.disagreement, test.equivalence?.sentence].compactMap { $0 }
                    .map { Report.Block.sentence("\(test.answers.a) and \(test.answers.b): \($0)") }
            }
            return [
                Report.Part(
                    heading: "\(answers.data), \(answers.texts.grouped) texts; differences B − A in points",
                    [.table(ReportTable(tests))] + sentences)
            ] + tests.flatMap(\.answers.flipParts)
        }
    }

    /// The means of groups, and their tests.
    var groupParts: [Report.Part] { groups.isEmpty ? [] : [groups.part] }
}

extension ReportTable {
    /// Tests on one file.
    fileprivate init(_ tests: [PairedTest]) {
        self.init(
            tests,
            [
                .text("A", \.answers.a), .text("B", \.answers.b), .count("only A right", \.answers.onlyA),
                .count("only B right", \.answers.onlyB), .number("McNemar p", \.p.pValue),
                .number("Holm p", \.adjustedP?.pValue).ifAny,
                .number("accuracy", \.difference.accuracy.signedPoints),
                .number("95 % interval", \.difference.accuracyInterval.points),
                .number("macro F1", \.difference.macroF1.signedPoints),
                .number("95 % interval", \.difference.macroF1Interval.points),
            ]
                + (tests.contains { [.accuracy, .macroF1].contains($0.metric) }
                    ? []
                    : [
                        .number(tests[0].metric.words) {
                            $0.metric == .logLoss ? $0.metricDifference.figure : $0.metricDifference.signedPoints
                        },
                        .number("95 % interval") { $0.metric.text(of: $0.metricInterval) },
                    ]))
    }
}

extension AnswerPair {
    /// The texts that only the one and only the other got right.
    fileprivate var flipParts: [Report.Part] {
        [(a, onlyA, onlyAFlips), (b, onlyB, onlyBFlips)].filter { !$0.2.isEmpty }.map { name, count, flips in
            Report.Part(
                heading: "only \(name) right: \(flips.count) of \(count) texts",
                [
                    .table(
                        ReportTable(
                            flips,
                            [
                                .number("row") { "\($0.row)" }, .text("actual", \.actual),
                                .text(a, \.predictedA), .text(b, \.predictedB),
                                .prose("text") { $0.text ?? "(not kept)" },
                            ]))
                ])
        }
    }
}
