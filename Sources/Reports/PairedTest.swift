import Kernels
import Statistics

/// What two runs, A and B, make of the same texts. Differences are B minus A, as fractions.
package struct PairedTest: Sendable {
    /// A text that only one of the two got right.
    package struct Flip: Sendable {
        /// The text's place in the file, from 1.
        package let row: Int
        package let actual, predictedA, predictedB: String
        /// Nil where the evaluations did not keep it.
        package let text: String?
    }

    /// Whether the difference of the accuracies lies within a margin.
    package struct Equivalence: Sendable {
        package let margin: Double
        /// Tango's 90 % interval of the difference.
        package let interval: Interval
        /// Two one-sided tests at 5 % (Schuirmann 1987).
        package let isShown: Bool
        /// About how many texts would show it; nil if it is shown, or the difference is not within the margin.
        package let needed: Int?
    }

    /// The runs' names.
    package let a, b: String
    package let data, dataSha256: String
    /// The number of texts, and of those that only A and only B got right.
    package let texts, onlyA, onlyB: Int
    /// McNemar's exact test, two-sided.
    package let p: Double
    /// The same with Holm's correction; nil if this is the only test on the file.
    package let adjustedP: Double?
    package let difference: PairedDifference
    /// About how many texts would show such a difference at 5 % with a power of 80 %; nil if it is shown, or there is none.
    package let needed: Int?
    package let equivalence: Equivalence?
    /// The first texts that only A, and that only B got right.
    package let onlyAFlips, onlyBFlips: [Flip]
    /// Whether one is better than the other at 5 %: by McNemar's test, corrected for the number of tests, and by the interval.
    private let isDecided: Bool
    private let areAlike: Bool
    /// The number of tests on the file.
    private let tests: Int

    /// - Parameters:
    ///   - tests: the *p* values of all tests on the file, of which `p` is that at `place`
    ///   - margin: for equivalence, as a fraction
    init(_ pair: AnswerPair, tests: [Double], place: Int, margin: Double?, on workers: Workers) {
        (a, b) = (pair.a.name, pair.b.name)
        (data, dataSha256) = (pair.evaluationA.data, pair.evaluationA.dataSha256)
        (texts, onlyA, onlyB) = (pair.texts, pair.onlyA, pair.onlyB)
        (onlyAFlips, onlyBFlips) = (pair.onlyAFlips, pair.onlyBFlips)
        areAlike = pair.areAlike
        (p, self.tests) = (tests[place], tests.count)
        adjustedP = tests.count > 1 ? holm(tests)[place] : nil
        let difference = pairedBootstrap(
            pair.outcomes, oneLabelEach: pair.oneLabelEach, labels: pair.labels, on: workers)
        self.difference = difference
        let (texts, discordant) = (Double(pair.texts), Double(pair.onlyA + pair.onlyB) / Double(pair.texts))
        // A number of texts that is there already, or that nobody will ever have, is no advice.
        func advice(_ n: Double?) -> Int? { n.flatMap { $0 > texts && $0 < 1e12 ? Int($0) : nil } }
        isDecided = (adjustedP ?? p) < 0.05 && !difference.accuracyInterval.contains(0)
        needed =
            isDecided
            ? nil
            : advice(
                SampleSize.difference(
                    difference.accuracy, discordant: discordant, level: 0.05 / Double(tests.count)))
        equivalence = margin.map { margin in
            let interval = tangoInterval(onlyA: pair.onlyA, onlyB: pair.onlyB, of: pair.texts)
            let isShown = interval.isWithin(margin)
            return Equivalence(
                margin: margin, interval: interval, isShown: isShown,
                needed: isShown
                    ? nil
                    : advice(
                        SampleSize.equivalence(
                            within: margin, difference: difference.accuracy, discordant: discordant)))
        }
    }

    /// The outcome in plain words.
    package var sentence: String {
        if areAlike { return "the same answers to all \(texts.formatted()) texts" }
        if onlyA + onlyB == 0 { return "right on the same texts, of \(texts.formatted())" }
        let (points, interval) = (difference.accuracy, difference.accuracyInterval)
        if isDecided {
            return points > 0
                ? "\(b) is better by \(points.points) points, 95 % interval \(interval.points)"
                : "\(a) is better by \((-points).points) points, 95 % interval \(interval.negated.points)"
        }
        return "not distinguishable on \(texts.formatted()) texts (difference \(points.points) points, 95 % interval "
            + "\(interval.points)\(interval.contains(0) ? "" : (adjustedP ?? p).reason(tests: tests)))"
            + (needed.map { "; about \($0.rough) would be needed" } ?? "")
    }

    /// The same on equivalence.
    package var equivalenceSentence: String? {
        equivalence.map {
            ($0.isShown ? "equivalent" : "not shown to be equivalent")
                + " within \($0.margin.pointsAsGiven) (90 % interval \($0.interval.points))"
                + ($0.needed.map { "; about \($0.rough) would be needed" } ?? "")
        }
    }
}
