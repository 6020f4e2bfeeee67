import RunStore
import Statistics

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
        let (idA, idB) = (evaluationA.id, evaluationB.id)
        let pairs = try store.pairedAnswers(idA, idB)
        let texts = pairs.reduce(0) { $0 + $1.count }
        let (rowsA, rowsB) = (try store.predictionCount(of: idA), try store.predictionCount(of: idB))
        let again =
            ": no test; evaluate both again, with the same options: \(a.evaluateCommand(evaluationA.data)) && "
            + b.evaluateCommand(evaluationA.data)
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
