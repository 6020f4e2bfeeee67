import Kernels
import RunStore
import Statistics

/// Whether two runs, A and B, differ by more than chance on the same texts. Differences are B minus A, as fractions.
package struct PairedTest: Sendable {
    /// Whether the difference of the accuracies lies within a margin.
    package struct Equivalence: Sendable {
        package let margin: Double
        /// Tango's 90 % interval of the difference.
        package let interval: Interval
        /// Whether two one-sided tests at 5 % show it (Schuirmann 1987).
        package let isShown: Bool
        /// About how many texts would show it; nil if it is shown, or the difference is not within the margin.
        package let needed: Int?

        /// Tests the answers of two models to the same texts.
        ///
        /// - Parameters:
        ///   - margin: a fraction
        ///   - onlyA: how many texts only the first got right
        ///   - onlyB: how many only the second
        ///   - texts: the number of all
        package init(within margin: Double, onlyA: Int, onlyB: Int, of texts: Int) {
            self.margin = margin
            interval = tangoInterval(onlyA: onlyA, onlyB: onlyB, of: texts)
            isShown = interval.isWithin(margin)
            let n = Double(texts)
            let size = SampleSize.equivalence(
                within: margin, difference: Double(onlyB - onlyA) / n, discordant: Double(onlyA + onlyB) / n)
            needed = isShown ? nil : size.flatMap { $0.texts(beyond: texts) }
        }

        /// The outcome in plain words.
        package var sentence: String {
            (isShown ? "equivalent" : "not shown to be equivalent")
                + " within \(margin.pointsAsGiven) (90 % interval \(interval.points))" + advice(needed)
        }
    }

    package let answers: AnswerPair
    /// McNemar's exact test, two-sided.
    package let p: Double
    /// *p* with Holm's correction; nil if this is the only test on the file.
    package let adjustedP: Double?
    package let difference: PairedDifference
    /// About how many texts would show such a difference at 5 % with a power of 80 %; nil if it is shown, or there is none.
    package let needed: Int?
    package let equivalence: Equivalence?
    /// The outcome in plain words, by accuracy.
    package let sentence: String
    /// What the runs are judged by, where answers decide about it, and how probable such a difference is by chance, with Holm's correction.
    package let metric: EvaluationMetric
    package let metricDifference: Double
    package let metricInterval: Interval
    package let metricP: Double
    /// The outcome in plain words, by that metric.
    package let verdict: String
    /// That accuracy says something else; nil if it does not.
    package let disagreement: String?

    /// Tests each pair; all are of the same file.
    ///
    /// - Parameter margin: for equivalence, as a fraction; nil if that is not asked
    static func tests(of pairs: [AnswerPair], margin: Double?, on workers: Workers) -> [PairedTest] {
        let p = pairs.map { mcNemarTest(onlyA: $0.onlyA, onlyB: $0.onlyB) }
        let differences = pairs.map {
            pairedBootstrap(
                $0.outcomes, oneLabelEach: $0.oneLabelEach, labels: $0.labels, $0.counted ?? .macroF1, on: workers)
        }
        let judged = zip(pairs, differences).map { pair, difference in
            pair.scored.map { pairedBootstrap(strata: $0.strata, on: workers, $0.difference) }
                ?? (difference.figure, difference.figureInterval, difference.figureP)
        }
        let (adjustedP, metricP) = (holm(p), holm(judged.map(\.2)))
        return pairs.indices.map {
            PairedTest(
                pairs[$0], differences[$0], p: p[$0], adjustedP: adjustedP[$0],
                metric: (judged[$0].0, judged[$0].1, metricP[$0]), tests: pairs.count, margin: margin)
        }
    }

    private init(
        _ answers: AnswerPair, _ difference: PairedDifference, p: Double, adjustedP: Double,
        metric judged: (difference: Double, interval: Interval, p: Double), tests: Int, margin: Double?
    ) {
        (self.answers, self.p, self.adjustedP) = (answers, p, tests > 1 ? adjustedP : nil)
        self.difference = difference
        let texts = Double(answers.texts)
        let discordant = Double(answers.onlyA + answers.onlyB) / texts
        let isDecided = adjustedP < 0.05 && !difference.accuracyInterval.contains(0)
        let needed =
            isDecided
            ? nil
            : SampleSize.difference(difference.accuracy, discordant: discordant, level: 0.05 / Double(tests))?
                .texts(beyond: answers.texts)
        self.needed = needed
        equivalence = margin.map {
            Equivalence(within: $0, onlyA: answers.onlyA, onlyB: answers.onlyB, of: answers.texts)
        }
        let interval = difference.accuracyInterval
        sentence =
            if answers.areAlike {
                "the same answers to all \(answers.texts.grouped) texts"
            } else if discordant == 0 {
                "right on the same texts, of \(answers.texts.grouped)"
            } else if isDecided {
                interval.verdict(difference.accuracy, between: (answers.a, answers.b))
            } else {
                "not distinguishable on \(answers.texts.grouped) texts (difference \(difference.accuracy.points) points, "
                    + "95 % interval \(interval.points)"
                    + (interval.contains(0) ? ")" : adjustedP.reason(tests: tests) + ")") + advice(needed)
            }
        metric = answers.canBeJudged ? answers.metric : .usual
        let metricP = judged.p
        (metricDifference, metricInterval, self.metricP) = (judged.difference, judged.interval, metricP)
        guard metric != .accuracy && discordant > 0 else {
            (verdict, disagreement) = (sentence, nil)
            return
        }
        let isDifferent = metricP < 0.05 && !metricInterval.contains(0)
        verdict =
            isDifferent
            ? metricInterval.verdict(metricDifference, by: metric, between: (answers.a, answers.b))
            : "not distinguishable on \(answers.texts.grouped) texts (difference "
                + metric.text(ofDifference: metricDifference)
                + ", 95 % interval \(metric.text(of: metricInterval))"
                + (metricInterval.contains(0) ? ")" : metricP.reason(tests: tests) + ")")
        let isOpposed = metricDifference * difference.accuracy * (metric.lowerIsBetter ? -1 : 1) < 0
        disagreement =
            isDifferent != isDecided || isOpposed && (isDifferent || isDecided)
            ? "\(metric.words) and accuracy disagree" : nil
    }
}

extension Double {
    /// A number of texts that a test would need; nil if so many are there already, or if nobody will ever have them: that is no advice.
    fileprivate func texts(beyond known: Int) -> Int? { self > Double(known) && self < 1e12 ? Int(self) : nil }
}

/// How many texts a test would need.
private func advice(_ needed: Int?) -> String { needed.map { "; about \($0.rough) would be needed" } ?? "" }

extension PairedTest: Encodable {
    package func encode(to encoder: any Encoder) throws {
        let hasFlips = !(answers.onlyAFlips.isEmpty && answers.onlyBFlips.isEmpty)
        try JSONObject(
            [
                "a": answers.a, "b": answers.b, "data": answers.data, "data_sha256": answers.dataSha256,
                "examples": answers.texts, "only_a_right": answers.onlyA, "only_b_right": answers.onlyB,
                "mcnemar_p": p,
                "accuracy_difference": difference.accuracy, "accuracy_ci": difference.accuracyInterval,
                "macro_f1_difference": difference.macroF1, "macro_f1_ci": difference.macroF1Interval,
                "needed": needed, "sentence": sentence,
                "metric": metric, "metric_difference": metricDifference, "metric_ci": metricInterval,
                "metric_p": metricP, "verdict": verdict, "disagreement": disagreement,
            ],
            optional: [
                "mcnemar_p_holm": adjustedP, "equivalence": equivalence,
                "only_a_flips": hasFlips ? answers.onlyAFlips : nil,
                "only_b_flips": hasFlips ? answers.onlyBFlips : nil,
            ]
        ).encode(to: encoder)
    }
}

extension PairedTest.Equivalence: Encodable {
    package func encode(to encoder: any Encoder) throws {
        try JSONObject([
            "within": margin, "ci": interval, "equivalent": isShown, "needed": needed, "sentence": sentence,
        ]).encode(to: encoder)
    }
}
