import RunStore
import Statistics

/// What two runs, A and B, answered to the same texts.
package struct AnswerPair: Sendable {
    /// A text that only one of the two got right.
    package struct Flip: Sendable, Encodable {
        /// The text's place in the file, from 1.
        package let row: Int
        package let actual, predictedA, predictedB: String
        /// Nil where the evaluations did not keep it.
        package let text: String?

        package func encode(to encoder: any Encoder) throws {
            try JSONObject(["row": row, "actual": actual, "a": predictedA, "b": predictedB, "text": text])
                .encode(to: encoder)
        }
    }

    /// Why there can be no test, and what to do.
    struct Unpaired: Error { let notice: String }

    /// The runs' names.
    package let a, b: String
    /// The path of the file, and the SHA-256 of its contents.
    package let data, dataSha256: String
    /// The number of texts, and of those that only A and only B got right.
    package let texts, onlyA, onlyB: Int
    /// The first texts that only A, and that only B got right.
    package private(set) var onlyAFlips: [Flip] = []
    package private(set) var onlyBFlips: [Flip] = []
    let outcomes: [(Outcome, count: Int)]
    /// Whether each text has one label.
    let oneLabelEach: Bool
    /// The number of labels.
    let labels: Int
    /// What the runs are judged by, and what of it follows from the answers; nil where it needs more, as probabilities.
    let metric: EvaluationMetric
    let counted: CountedFigure?
    /// What log loss or ROC AUC need, if one of them is asked for and the database has it: strata, and the difference, B minus A, of texts of which each counts so many times.
    let scored: (strata: [Int], difference: @Sendable (_ counts: [Int]) -> Double)?

    /// Whether the metric can be tested.
    var canBeJudged: Bool { counted != nil || scored != nil }

    /// Whether all answers are the same.
    var areAlike: Bool { outcomes.allSatisfy { $0.0.predicted[0] == $0.0.predicted[1] } }

    /// Reads the latest evaluations of two runs on a file.
    ///
    /// - Parameters:
    ///   - sha256: of the file's contents
    ///   - flips: how many texts that only one got right are read, of each kind
    /// - Returns: nil if one of the runs has not been evaluated on the file
    /// - Throws: ``Unpaired`` if the evaluations are not of the same texts and labels; ``RunStoreError``
    init?(of a: ComparedRun, and b: ComparedRun, on sha256: String, flips: Int, in store: RunStore) throws {
        guard let evaluationA = a.evaluation(on: sha256), let evaluationB = b.evaluation(on: sha256) else { return nil }
        (self.a, self.b, data, dataSha256) = (a.name, b.name, evaluationA.data, sha256)
        let (idA, idB) = (evaluationA.id, evaluationB.id)
        let pairs = try store.pairedAnswers(idA, idB)
        texts = pairs.reduce(0) { $0 + $1.count }
        let (rowsA, rowsB) = (try store.predictionCount(of: idA), try store.predictionCount(of: idB))
        let again =
            ": no test; evaluate both again, with the same options: \(a.evaluateCommand(data)) && "
            + b.evaluateCommand(data)
        guard texts > 0 && rowsA == texts && rowsB == texts else {
            throw Unpaired(
                notice: "\(data): \(a.name) has answers to \(rowsA.grouped) texts, \(b.name) to \(rowsB.grouped)"
                    + (rowsA == rowsB && rowsA > 0 ? ", in other rows" : "") + again)
        }
        let ids = LabelIds(
            names: Set(try store.labels(of: idA) + store.labels(of: idB)),
            answers: Set(
                pairs.flatMap { [$0.answer.actualA, $0.answer.actualB, $0.answer.predictedA, $0.answer.predictedB] }))
        let relabelled = pairs.reduce(0) { ids[$1.answer.actualA] == ids[$1.answer.actualB] ? $0 : $0 + $1.count }
        guard relabelled == 0 else {
            throw Unpaired(
                notice: "\(data): \(relabelled.grouped) of \(texts.grouped) texts have other labels in the evaluation "
                    + "of \(a.name) than in that of \(b.name)" + again)
        }
        func outcome(_ answer: PairedAnswer) -> Outcome {
            Outcome(actual: ids[answer.actualA], predicted: [ids[answer.predictedA], ids[answer.predictedB]])
        }
        let outcomes = pairs.map { (outcome($0.answer), count: $0.count) }
        func count(_ isRight: [Bool]) -> Int { outcomes.reduce(0) { $1.0.isRight == isRight ? $0 + $1.count : $0 } }
        (self.outcomes, oneLabelEach, labels) = (outcomes, ids.oneLabelEach, ids.count)
        metric = a.metric
        counted =
            switch a.metric {
            case .accuracy: .accuracy
            case .macroF1: .macroF1
            case .weightedF1: .weightedF1
            case .mcc: ids.oneLabelEach ? .mcc : nil
            case .f1(let label): ids.id(of: label).map { .f1($0) }
            case .rocAuc, .logLoss, .mse, .mae, .pearson, .spearman: nil
            }
        scored = try Self.scores(for: a.metric, of: (idA, idB), ids, in: store)
        (onlyA, onlyB) = (count([true, false]), count([false, true]))

        let (wantedA, wantedB) = (min(flips, onlyA), min(flips, onlyB))
        if wantedA + wantedB == 0 { return }
        try store.forEachDifferingAnswer(idA, idB) { row, answer, text in
            let flip = Flip(
                row: row, actual: answer.actualA, predictedA: answer.predictedA, predictedB: answer.predictedB,
                text: text)
            let isRight = outcome(answer).isRight
            if isRight == [true, false] && onlyAFlips.count < wantedA { onlyAFlips.append(flip) }
            if isRight == [false, true] && onlyBFlips.count < wantedB { onlyBFlips.append(flip) }
            return onlyAFlips.count < wantedA || onlyBFlips.count < wantedB
        }
    }
}

extension AnswerPair {
    /// What log loss or ROC AUC need; nil if there is none of it, or another metric is asked for.
    private static func scores(
        for metric: EvaluationMetric, of evaluations: (Int64, Int64), _ ids: LabelIds, in store: RunStore
    ) throws -> (strata: [Int], difference: @Sendable ([Int]) -> Double)? {
        guard metric == .logLoss || metric == .rocAuc else { return nil }
        let scores = try store.pairedScores(evaluations.0, evaluations.1)
        let strata = scores.map { ids.oneLabelEach ? ids[$0.actual].first ?? 0 : 0 }
        if metric == .logLoss {
            let losses = scores.compactMap { score in score.loss[0].flatMap { a in score.loss[1].map { $0 - a } } }
            guard losses.count == scores.count else { return nil }
            return (
                strata, { counts in zip(counts, losses).reduce(0) { $0 + Double($1.0) * $1.1 } / Double(losses.count) }
            )
        }
        // Of more labels, the probabilities of the others are not kept.
        guard ids.oneLabelEach, ids.count == 2 else { return nil }
        let areas = (0..<2).map { model in
            CountedArea(
                scores: scores.map {
                    ids[$0.predicted[model]] == [1] ? $0.confidence[model] : 1 - $0.confidence[model]
                },
                isPositive: strata.map { $0 == 1 })
        }
        return (strata, { areas[1].area($0) - areas[0].area($0) })
    }
}

extension Outcome {
    /// Whether the answer of each model is right.
    fileprivate var isRight: [Bool] { predicted.map { $0 == actual } }
}

/// The labels that recorded answers consist of, as numbers in ascending order.
private struct LabelIds {
    /// Whether each answer is one label.
    let oneLabelEach: Bool
    /// The number of labels.
    let count: Int
    private let ids: [String: [Int]]
    private let places: [String: Int]

    init(names: Set<String>, answers: Set<String>) {
        // Several labels stand between bars, and none is empty.
        oneLabelEach = names.isEmpty || answers.isSubset(of: names)
        var places = Dictionary(uniqueKeysWithValues: zip(names.sorted(), 0...))
        var ids: [String: [Int]] = [:]
        for answer in answers.sorted() {
            if !oneLabelEach, let parts = Self.parts(of: answer, names: places) {
                ids[answer] = Set(parts).sorted()
            } else {
                // An answer that is made of no names is a name itself.
                let place = places[answer] ?? places.count
                places[answer] = place
                ids[answer] = [place]
            }
        }
        (self.ids, self.places, count) = (ids, places, places.count)
    }

    /// The id of one label.
    func id(of name: String) -> Int? { places[name] }

    subscript(answer: String) -> [Int] { ids[answer] ?? [] }

    /// The labels between the bars of an answer, where a label can have bars too; nil if they are not all known.
    private static func parts(of answer: String, names: [String: Int]) -> [Int]? {
        if answer.isEmpty { return [] }
        let pieces = answer.split(separator: "|", omittingEmptySubsequences: false)
        // The labels that the pieces from each place on consist of.
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
