import Kernels
import RunStore
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
        /// The 90 % interval of the difference.
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
    package let isDecided: Bool
    private let areAlike: Bool

    /// - Parameters:
    ///   - tests: the *p* values of all tests on the file, of which `p` is that at `place`
    ///   - margin: for equivalence, as a fraction
    init(_ pair: AnswerPair, tests: [Double], place: Int, margin: Double?, workers: Workers) {
        (a, b) = (pair.a.name, pair.b.name)
        (data, dataSha256) = (pair.evaluationA.data, pair.evaluationA.dataSha256)
        (texts, onlyA, onlyB) = (pair.texts, pair.onlyA, pair.onlyB)
        (onlyAFlips, onlyBFlips) = (pair.onlyAFlips, pair.onlyBFlips)
        areAlike = pair.areAlike
        p = tests[place]
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
            let isShown = difference.accuracyInterval90.isWithin(margin)
            return Equivalence(
                margin: margin, interval: difference.accuracyInterval90, isShown: isShown,
                needed: isShown
                    ? nil
                    : advice(
                        SampleSize.equivalence(
                            within: margin, difference: difference.accuracy, discordant: discordant)))
        }
    }

    /// The outcome in plain words.
    package var sentence: String {
        if areAlike { return "\(a) and \(b) gave the same answers to all \(texts.formatted()) texts" }
        if onlyA + onlyB == 0 { return "\(a) and \(b) are right on the same texts, of \(texts.formatted())" }
        let (points, interval) = (difference.accuracy, difference.accuracyInterval)
        if isDecided {
            return points > 0
                ? "\(b) is better by \(points.points) points, 95 % interval \(interval.points)"
                : "\(a) is better by \((-points).points) points, 95 % interval \(interval.negated.points)"
        }
        return "not distinguishable on \(texts.formatted()) texts (difference \(points.points) points, 95 % interval "
            + "\(interval.points))" + (needed.map { "; about \($0.rough) would be needed" } ?? "")
    }

    /// The same on equivalence.
    package var equivalenceSentence: String? {
        equivalence.map {
            ($0.isShown ? "equivalent" : "not shown to be equivalent")
                + " within \($0.margin.pointsAsGiven) points (90 % interval \($0.interval.points))"
                + ($0.needed.map { "; about \($0.rough) would be needed" } ?? "")
        }
    }
}

/// What two runs answered to the same texts, before it is tested.
struct AnswerPair {
    let a, b: ComparedRun
    let evaluationA, evaluationB: Evaluation
    let outcomes: [(Outcome, count: Int)]
    /// Whether each text has one label.
    let oneLabelEach: Bool
    /// The number of labels.
    let labels: Int
    let texts, onlyA, onlyB: Int
    /// Whether all answers are the same.
    let areAlike: Bool
    let onlyAFlips, onlyBFlips: [PairedTest.Flip]

    /// Why there can be no test, and what to do.
    struct Unpaired: Error { let notice: String }

    /// - Parameter flips: how many texts that only one got right are read, of each kind
    /// - Throws: ``Unpaired`` if the evaluations are not of the same texts and labels; ``RunStoreError``
    init(
        _ a: ComparedRun, _ evaluationA: Evaluation, _ b: ComparedRun, _ evaluationB: Evaluation, flips: Int,
        in store: RunStore
    ) throws {
        (self.a, self.b, self.evaluationA, self.evaluationB) = (a, b, evaluationA, evaluationB)
        let (idA, idB) = (evaluationA.id ?? 0, evaluationB.id ?? 0)
        let pairs = try store.pairedAnswers(idA, idB)
        let texts = pairs.reduce(0) { $0 + $1.count }
        let (rowsA, rowsB) = (try store.predictionCount(of: idA), try store.predictionCount(of: idB))
        let again =
            ": no test; evaluate both again, with the same options ('addnorm evaluate --model \(a.run.output) \(evaluationA.data)', "
            + "'addnorm evaluate --model \(b.run.output) \(evaluationA.data)')"
        guard texts > 0 && rowsA == texts && rowsB == texts else {
            throw Unpaired(
                notice:
                    "\(evaluationA.data): \(a.name) has answers to \(rowsA.formatted()) texts, \(b.name) to \(rowsB.formatted())"
                    + (rowsA == rowsB && rowsA > 0 ? ", in other rows" : "") + again)
        }
        let names = Set(try store.labels(of: idA) + store.labels(of: idB))
        let answers = Set(
            pairs.flatMap { [$0.answer.actualA, $0.answer.actualB, $0.answer.predictedA, $0.answer.predictedB] })
        // Several labels stand between bars, and none is empty.
        let oneLabelEach = names.isEmpty || answers.isSubset(of: names)
        let parsed = LabelIds(names, answers: answers, oneLabelEach: oneLabelEach)
        func labels(_ answer: String) -> [Int] { parsed.ids[answer] ?? [] }
        let relabelled = pairs.lazy.filter { labels($0.answer.actualA) != labels($0.answer.actualB) }
            .reduce(0) { $0 + $1.count }
        guard relabelled == 0 else {
            throw Unpaired(
                notice:
                    "\(evaluationA.data): \(relabelled.formatted()) of \(texts.formatted()) texts have other labels in the evaluation "
                    + "of \(a.name) than in that of \(b.name)" + again)
        }
        let outcomes: [(Outcome, count: Int)] = pairs.map { pair, count in
            (
                Outcome(
                    actual: labels(pair.actualA), predicted: [labels(pair.predictedA), labels(pair.predictedB)]), count
            )
        }
        func count(_ isCounted: (Outcome) -> Bool) -> Int {
            outcomes.reduce(0) { isCounted($1.0) ? $0 + $1.count : $0 }
        }
        let onlyA = count { $0.actual == $0.predicted[0] && $0.actual != $0.predicted[1] }
        let onlyB = count { $0.actual != $0.predicted[0] && $0.actual == $0.predicted[1] }
        self.outcomes = outcomes
        self.oneLabelEach = oneLabelEach
        self.labels = parsed.count
        (self.texts, self.onlyA, self.onlyB) = (texts, onlyA, onlyB)
        areAlike = count { $0.predicted[0] != $0.predicted[1] } == 0

        var (onlyAFlips, onlyBFlips): ([PairedTest.Flip], [PairedTest.Flip]) = ([], [])
        let (wantedA, wantedB) = (min(flips, onlyA), min(flips, onlyB))
        if wantedA + wantedB > 0 {
            try store.forEachDifferingAnswer(idA, idB) { row, answer, text in
                let actual = labels(answer.actualA)
                let flip = PairedTest.Flip(
                    row: row, actual: answer.actualA, predictedA: answer.predictedA, predictedB: answer.predictedB,
                    text: text)
                let (isRightA, isRightB) = (labels(answer.predictedA) == actual, labels(answer.predictedB) == actual)
                if isRightA && !isRightB && onlyAFlips.count < wantedA { onlyAFlips.append(flip) }
                if isRightB && !isRightA && onlyBFlips.count < wantedB { onlyBFlips.append(flip) }
                return onlyAFlips.count < wantedA || onlyBFlips.count < wantedB
            }
        }
        (self.onlyAFlips, self.onlyBFlips) = (onlyAFlips, onlyBFlips)
    }
}

/// The labels that recorded answers consist of, as numbers in ascending order.
private struct LabelIds {
    /// By answer.
    let ids: [String: [Int]]
    /// The number of labels.
    let count: Int

    init(_ names: Set<String>, answers: Set<String>, oneLabelEach: Bool) {
        // An answer that is made of no names is a name itself.
        var places = Dictionary(uniqueKeysWithValues: zip(names.sorted(), 0...))
        var ids: [String: [Int]] = [:]
        for answer in answers.sorted() {
            let parts = oneLabelEach ? nil : Self.parts(of: answer, names: places)
            if let parts {
                ids[answer] = Set(parts).sorted()
            } else {
                let place = places[answer] ?? places.count
                places[answer] = place
                ids[answer] = [place]
            }
        }
        (self.ids, count) = (ids, places.count)
    }

    /// The labels between the bars of an answer, where a label can have bars too; nil if they are not all known.
    private static func parts(of answer: String, names: [String: Int]) -> [Int]? {
        if answer.isEmpty { return [] }
        let pieces = answer.split(separator: "|", omittingEmptySubsequences: false)
        // From each piece on.
        var found = [[Int]?](repeating: nil, count: pieces.count) + [[]]
        for first in pieces.indices.reversed() {
            for end in first + 1...pieces.count {
                if let rest = found[end], let id = names[pieces[first..<end].joined(separator: "|")] {
                    found[first] = [id] + rest
                    break
                }
            }
        }
        return found[0]
    }
}
