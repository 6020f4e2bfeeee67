import ArgumentParser
import Kernels
import Reports
import RunStore
import Statistics

/// `addnorm runs compare`
struct RunsCompare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Tell which of some runs is better, and whether that is more than chance.",
        discussion: """
              addnorm runs compare small large --equivalent-within 0.5
              addnorm runs compare a-1 a-2 a-3 b-1 b-2 b-3 --group-by learning_rate

            The first run is tested against each other one, on every file that both were evaluated on: McNemar's exact test, \
            and a paired bootstrap of the differences of accuracy and macro F1.
            """)

    @Argument(help: ArgumentHelp("The ids or names of two runs or more.", valueName: "run"), completion: .runs)
    var runs: [String]

    @Option(
        help: ArgumentHelp(
            "Also test whether the accuracies differ by less than so many percentage points.", valueName: "points"))
    var equivalentWithin: Double?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            """
            Also compare the means of groups of runs that have the same values of these parameters. (default: seed_group, if \
            runs of one 'train --seeds' are among them)
            """, valueName: "parameter"), completion: .parameters)
    var groupBy: [String] = []

    @Option(help: ArgumentHelp("Show so many texts that only the one and only the other got right.", valueName: "n"))
    var flips = 0

    @Flag(help: "Print a JSON object.")
    var json = false

    @OptionGroup
    var database: DatabaseOptions

    func validate() throws {
        if runs.count < 2 { throw ValidationError("Name two runs or more to be compared.") }
        if let equivalentWithin, !(equivalentWithin > 0 && equivalentWithin <= 100) {
            throw ValidationError("--equivalent-within must be more than 0 and at most 100 points.")
        }
        if !(0...1_000_000).contains(flips) { throw ValidationError("--flips must lie between 0 and 1,000,000.") }
    }

    func run() throws {
        let store = try database.open(for: .read)
        let found = try runs.map { (named: $0, run: try store.run($0)) }
        for (place, one) in found.enumerated() where found[..<place].contains(where: { $0.run.id == one.run.id }) {
            throw ValidationError("The run '\(one.named)' is named twice.")
        }
        let compared = try found.map { try ComparedRun($0.run, in: store) }
        let groups = try SeedGroup.groups(of: compared, by: groupBy).filter { !groupBy.isEmpty || $0.runs.count > 1 }
        let comparison = try Comparison(
            compared, .init(equivalenceMargin: equivalentWithin.map { $0 / 100 }, flips: flips), in: store,
            on: Workers())
        let notices = comparison.notices + groups.notices
        for notice in notices { Output.warn(notice.printable) }
        if json { return try Output.write(json: ComparisonDocument(comparison, groups, notices: notices)) }
        try Output.write(comparison.text(groups))
    }
}

// MARK: As text

extension Comparison {
    /// Tables for a person.
    fileprivate func text(_ groups: [SeedGroup]) -> String {
        var parts = [metrics.text]
        if !runs.differingParameters.isEmpty { parts.append(parameters.text) }
        var shown: Set<String> = []
        for test in tests where shown.insert(test.dataSha256).inserted {
            parts.append(text(of: tests.filter { $0.dataSha256 == test.dataSha256 }))
        }
        if !groups.isEmpty { parts.append(groups.text) }
        return parts.joined(separator: "\n")
    }

    /// A column for each run.
    private var metrics: TextTable {
        var table = TextTable(header: [""] + runs.map(\.name.printable), numeric: Set(1...runs.count))
        func add(_ name: String, _ value: (ComparedRun) -> String?) {
            let values = runs.map(value)
            if values.contains(where: { $0 != nil }) {
                table.rows.append([name.printable] + values.map { $0 ?? "" })
            }
        }
        add("status") { $0.run.status.rawValue }
        add("dev accuracy") { $0.summary?.bestDevAccuracy?.figure }
        add("dev macro F1") { $0.summary?.devMacroF1?.figure }
        add("dev loss") { $0.summary?.devLoss?.figure }
        add("best epoch") { $0.summary?.bestEpoch.map(String.init) }
        add("seconds") { $0.summary?.seconds.map { "\($0)" } }
        for (sha256, path) in runs.files {
            add("accuracy on \(path)") { $0.evaluation(on: sha256)?.accuracy.figure }
            add("  macro F1") { $0.evaluation(on: sha256)?.macroF1.figure }
            add("  loss") { $0.evaluation(on: sha256)?.loss?.figure }
        }
        return table
    }

    private var parameters: TextTable {
        var table = TextTable(header: ["differs"] + runs.map(\.name.printable))
        for name in runs.differingParameters {
            table.rows.append(
                [name.printable]
                    + runs.map { run in
                        let value = run.parameters[name]?.printable ?? "none"
                        return name.hasSuffix("sha256") ? value.shortened(to: 13) : value
                    })
        }
        return table
    }

    /// The tests on one file.
    private func text(of tests: [PairedTest]) -> String {
        let isAdjusted = tests.contains { $0.adjustedP != nil }
        var table = TextTable(
            header: ["A", "B", "only A right", "only B right", "McNemar p"]
                + (isAdjusted ? ["Holm p"] : []) + ["accuracy", "95 % interval", "macro F1", "95 % interval"])
        table.numeric = Set(table.header.indices.dropFirst(2))
        for test in tests {
            table.rows.append(
                [test.a.printable, test.b.printable, "\(test.onlyA)", "\(test.onlyB)", test.p.pValue]
                    + (isAdjusted ? [test.adjustedP?.pValue ?? ""] : [])
                    + [test.difference.accuracy.signedPoints, test.difference.accuracyInterval.points]
                    + [test.difference.macroF1.signedPoints, test.difference.macroF1Interval.points])
        }
        var text = "\(tests[0].data), \(tests[0].texts.formatted()) texts; differences B − A in points".printable + "\n"
        text += table.text
        for test in tests {
            for sentence in [test.sentence, test.equivalenceSentence].compactMap({ $0 }) {
                text += "\(test.a) and \(test.b): \(sentence)".printable + "\n"
            }
        }
        for test in tests {
            for (name, count, flips) in [(test.a, test.onlyA, test.onlyAFlips), (test.b, test.onlyB, test.onlyBFlips)]
            where !flips.isEmpty {
                var table = TextTable(
                    header: ["row", "actual", test.a.printable, test.b.printable, "text"], numeric: [0])
                for flip in flips {
                    let answers = [flip.actual, flip.predictedA, flip.predictedB, flip.text ?? "(not kept)"]
                    table.rows.append(["\(flip.row)"] + answers.map(\.printable))
                }
                text += "\nonly \(name.printable) right: \(flips.count) of \(count) texts\n" + table.text
            }
        }
        return text
    }
}

extension Double {
    /// With a plus sign where it is one.
    fileprivate var signedPoints: String { self > 0 ? "+" + points : points }
}

// MARK: As JSON

/// A comparison by the names of its keys; differences are B minus A, as fractions.
private struct ComparisonDocument: Encodable {
    struct OneRun: Encodable {
        struct Metrics: Encodable {
            let devAccuracy, devMacroF1, devLoss: Nullable<Double>
            let bestEpoch: Nullable<Int>
            let seconds: Nullable<Double>
            let evaluations: [Held]
        }
        struct Held: Encodable {
            let data, dataSha256: String
            let examples: Int
            let accuracy, macroF1: Double
            let loss: Nullable<Double>
        }

        let id: Int64
        let name, status: String
        let seed: Int64
        let output: String
        let metrics: Metrics

        init(_ run: ComparedRun) {
            id = run.id
            (name, status, seed, output) = (run.name, run.run.status.rawValue, run.run.seed, run.run.output)
            metrics = Metrics(
                devAccuracy: Nullable(run.summary?.bestDevAccuracy), devMacroF1: Nullable(run.summary?.devMacroF1),
                devLoss: Nullable(run.summary?.devLoss), bestEpoch: Nullable(run.summary?.bestEpoch),
                seconds: Nullable(run.summary?.seconds),
                evaluations: run.evaluations.map {
                    Held(
                        data: $0.data, dataSha256: $0.dataSha256, examples: $0.examples, accuracy: $0.accuracy,
                        macroF1: $0.macroF1, loss: Nullable($0.loss))
                })
        }
    }

    struct Test: Encodable {
        struct Equivalence: Encodable {
            let within: Double
            let ci: Interval
            let equivalent: Bool
            let needed: Nullable<Int>
            let sentence: String?
        }
        struct Flip: Encodable {
            let row: Int
            let actual, a, b: String
            let text: Nullable<String>

            init(_ flip: PairedTest.Flip) {
                (row, actual, a, b) = (flip.row, flip.actual, flip.predictedA, flip.predictedB)
                text = Nullable(flip.text)
            }
        }

        let a, b, data, dataSha256: String
        let examples, onlyARight, onlyBRight: Int
        let mcnemarP: Double
        let mcnemarPHolm: Double?
        let accuracyDifference: Double
        let accuracyCi: Interval
        let macroF1Difference: Double
        let macroF1Ci: Interval
        let needed: Nullable<Int>
        let sentence: String
        let equivalence: Equivalence?
        let onlyAFlips, onlyBFlips: [Flip]?

        init(_ test: PairedTest) {
            (a, b, data, dataSha256) = (test.a, test.b, test.data, test.dataSha256)
            (examples, onlyARight, onlyBRight) = (test.texts, test.onlyA, test.onlyB)
            (mcnemarP, mcnemarPHolm) = (test.p, test.adjustedP)
            (accuracyDifference, accuracyCi) = (test.difference.accuracy, test.difference.accuracyInterval)
            (macroF1Difference, macroF1Ci) = (test.difference.macroF1, test.difference.macroF1Interval)
            (needed, sentence) = (Nullable(test.needed), test.sentence)
            equivalence = test.equivalence.map {
                Equivalence(
                    within: $0.margin, ci: $0.interval, equivalent: $0.isShown, needed: Nullable($0.needed),
                    sentence: test.equivalenceSentence)
            }
            let hasFlips = !(test.onlyAFlips.isEmpty && test.onlyBFlips.isEmpty)
            onlyAFlips = hasFlips ? test.onlyAFlips.map(Flip.init) : nil
            onlyBFlips = hasFlips ? test.onlyBFlips.map(Flip.init) : nil
        }
    }

    struct TestOfGroups: Encodable {
        let metric: String
        let data, dataSha256: Nullable<String>
        let a, b: String
        let difference: Double
        let ci: Nullable<Interval>
        let p: Nullable<Double>
        let pHolm: Double?
        let sentence: String

        init(_ test: GroupTest) {
            metric = test.figure.metric
            (data, dataSha256) = (Nullable(test.figure.data), Nullable(test.figure.dataSha256))
            (a, b, difference) = (test.a, test.b, test.test.difference)
            (ci, p, pHolm, sentence) = (
                Nullable(test.test.interval), Nullable(test.test.p), test.adjustedP, test.sentence
            )
        }
    }

    let runs: [OneRun]
    let tests: [Test]
    /// Those that differ, with the value of each run.
    let parameters: [String: [String?]]
    let groups: [GroupDocument]
    let groupTests: [TestOfGroups]
    let notices: [String]

    init(_ comparison: Comparison, _ groups: [SeedGroup], notices: [String]) {
        self.notices = notices
        runs = comparison.runs.map(OneRun.init)
        tests = comparison.tests.map(Test.init)
        parameters = Dictionary(
            comparison.runs.differingParameters.map { name in (name, comparison.runs.map { $0.parameters[name] }) }
        ) { $1 }
        self.groups = groups.map(GroupDocument.init)
        groupTests = GroupTest.tests(of: groups).map(TestOfGroups.init)
    }
}
