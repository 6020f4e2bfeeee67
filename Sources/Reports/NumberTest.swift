import Kernels
import RunStore
import Statistics

/// Whether two regressions, A and B, differ by more than chance on the same texts.
package struct NumberTest: Sendable {
    /// The runs' names.
    let a, b: String
    /// The path of the file, and the SHA-256 of its contents.
    package let data, dataSha256: String
    package let texts: Int
    /// What the runs are judged by.
    package let metric: EvaluationMetric
    /// B minus A in each of ``EvaluationMetric/ofNumbers``; nil where it is not defined. Each *p* is corrected by Holm for the tests on the file.
    package private(set) var differences: [FigureDifference?]
    /// The number of tests on the file.
    private var tests = 1

    /// Tests the first run against others, by their latest evaluations on a file.
    ///
    /// - Parameters:
    ///   - sha256: of the file's contents
    ///   - notice: is told why a test is missing
    /// - Throws: ``RunStoreError``
    static func tests(
        of first: ComparedRun, and others: [ComparedRun], on sha256: String, in store: RunStore, on workers: Workers,
        notice: (String) -> Void
    ) throws -> [NumberTest] {
        var tests: [NumberTest] = []
        for other in others {
            guard let a = first.evaluation(on: sha256), let b = other.evaluation(on: sha256) else { continue }
            let numbers = try [a, b].map { try store.predictedNumbers(of: $0.id, atMost: .max) }
            guard !numbers[0].isEmpty, numbers[0].map(\.row) == numbers[1].map(\.row),
                numbers[0].map(\.actual) == numbers[1].map(\.actual)
            else {
                notice(
                    "\(a.data): the evaluations of \(first.name) and \(other.name) are not of the same texts and numbers: no test;"
                        + " evaluate both again, with the same options: \(first.evaluateCommand(a.data)) && "
                        + other.evaluateCommand(a.data))
                continue
            }
            let pairs = numbers.map { NumberPairs(actual: $0.map(\.actual), predicted: $0.map(\.predicted)) }
            tests.append(
                NumberTest(
                    a: first.name, b: other.name, data: a.data, dataSha256: sha256, texts: numbers[0].count,
                    metric: EvaluationMetric.ofNumbers.contains(first.metric) ? first.metric : .usualOfNumbers,
                    differences: pairedBootstrap(pairs[0], pairs[1], on: workers)))
        }
        for place in EvaluationMetric.ofNumbers.indices {
            let defined = tests.indices.filter { tests[$0].differences[place] != nil }
            for (test, p) in zip(defined, holm(defined.compactMap { tests[$0].differences[place]?.p })) {
                tests[test].differences[place]?.p = p
                tests[test].tests = defined.count
            }
        }
        return tests
    }

    /// The difference in a metric.
    func difference(in metric: EvaluationMetric) -> FigureDifference? {
        EvaluationMetric.ofNumbers.firstIndex(of: metric).flatMap { differences[$0] }
    }

    /// The outcome in plain words, by the metric that the runs are judged by.
    package var verdict: String {
        guard let found = difference(in: metric) else { return "not defined for all draws of texts: no test" }
        if found.p < 0.05 && !found.interval.contains(0) {
            return found.interval.verdict(found.difference, by: metric, between: (a, b))
        }
        return "not distinguishable on \(texts.grouped) texts (difference \(found.difference.figure), 95 % interval"
            + " \(found.interval.figures)" + (found.interval.contains(0) ? "" : found.p.reason(tests: tests)) + ")"
    }
}

extension NumberTest: Encodable {
    package func encode(to encoder: any Encoder) throws {
        let differences = zip(EvaluationMetric.ofNumbers, differences).map { metric, found in
            JSONObject([
                "metric": metric, "difference": found?.difference, "ci": found?.interval, "p": found?.p,
            ])
        }
        try JSONObject([
            "a": a, "b": b, "data": data, "data_sha256": dataSha256, "examples": texts, "metric": metric,
            "differences": differences, "verdict": verdict,
        ]).encode(to: encoder)
    }
}

extension ReportTable {
    /// Tests on one file.
    init(_ tests: [NumberTest]) {
        self.init(
            tests,
            [.text("A", \.a), .text("B", \.b)]
                + EvaluationMetric.ofNumbers.flatMap { metric -> [Fact<NumberTest>] in
                    [
                        .figure(metric.words) { $0.difference(in: metric)?.difference },
                        .number("95 % interval") { $0.difference(in: metric)?.interval.figures },
                    ]
                })
    }
}
