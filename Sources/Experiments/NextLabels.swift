import Datasets
import Evaluation
import Inference
import Kernels
import NGrams
import Training
import Transformer

/// What to label next: of as many texts as are looked at, those whose labels a classifier is most in doubt about, and which differ from each other.
///
/// A logistic regression is fitted to the labelled texts: to vectors that a model makes of them, or to a bag of words. The uncertainty of a text is
/// u = 1 − (p₁ − p₂), with the probabilities of its two most probable answers (Scheffer, Decomain & Wrobel, *Active Hidden Markov Models for Information
/// Extraction*, 2001). Of *n* texts that are wanted, the 10 *n* most uncertain ones are divided into *n* groups by k-means, weighted by u, and the text that is
/// nearest to the middle of each is taken (Zhdanov, *Diverse mini-batch Active Learning*, 2019).
///
/// Memory is bounded: of all texts, twice the 10 *n* most uncertain so far are kept.
package struct NextLabels {
    /// A text, where it stands, and how uncertain its label is.
    package struct Text: Encodable, Sendable {
        package let file: String
        package let line: Int
        package let text: String
        /// 1 where two answers are equally probable, 0 where one is certain.
        package let uncertainty: Float
    }

    private static let candidatesPerText = 10
    /// How little the weights of the classifier of vectors are held down.
    private static let c = 2.0

    private let count: Int
    private let seed: UInt64
    private let workers: Workers
    private let areSeveral: Bool
    /// What the classifier reads of texts.
    private let rows: ([String]) throws -> SparseMatrix
    private let classifier: LogisticRegression
    /// Says what a user should know of the texts so far.
    private let read: () -> String?
    /// The texts that have labels, without what does not count when texts are compared.
    private let labelled: Set<String>
    /// The same of the candidates, and of some that were candidates.
    private var seen: Set<String> = []
    private var candidates: [(text: Text, row: SparseMatrix.Row)] = []

    /// Fits a classifier.
    ///
    /// - Parameters:
    ///   - data: the labelled texts
    ///   - count: how many texts are wanted
    ///   - embedder: makes the vectors; nil: the texts are bags of words
    ///   - seed: decides about the order of texts in fitting, and the folds by which a bag of words is chosen, and where groups begin
    /// - Throws: an error with a message for a person if nothing can be learned from the data.
    package init(_ data: Dataset, count: Int, by embedder: TextEmbedder?, seed: UInt64, on workers: Workers) throws {
        (self.count, self.seed, self.workers, areSeveral) = (count, seed, workers, data.hasSeveralLabels)
        if data.hasNumbers { throw TrainingError("\(data.path): texts have numbers; --next is for labels") }
        let names = data.labelNames.sorted()
        guard names.count > (areSeveral ? 0 : 1) else {
            throw TrainingError(
                "\(data.path): every text has the label '\(names.first ?? "")', and a classifier needs two to be in doubt about;"
                    + " label texts chosen by chance until there is another")
        }
        labelled = Set(data.examples.map { comparable($0.input.joined) })
        if var embedder {
            rows = { SparseMatrix(try embedder.embeddings(of: $0, normalized: true), rows: $0.indices) }
            read = { embedder.notice }
            classifier = LogisticRegression(
                try rows(data.examples.map(\.input.joined)), Baseline.targets(data, names), labels: names.count,
                c: Self.c,
                seed: seed)
        } else {
            let baseline = try Baseline(data, metric: .usual, seed: seed, on: workers)
            rows = { baseline.rows(of: $0, on: workers) }
            read = { nil }
            classifier = baseline.classifier
        }
    }

    /// What a user should know of the texts so far; nil if there is nothing.
    package var notice: String? { read() }

    /// Looks at further texts. Those that have labels, or were seen before, but for case and white space, are passed over, and those without a visible
    /// character.
    ///
    /// - Parameters:
    ///   - path: of the file or folder that they are from
    ///   - embeddings: their vectors, `[texts, hidden]`, if those are known
    /// - Throws: what making vectors throws
    package mutating func look(at examples: [Example], of path: String, _ embeddings: Matrix? = nil) throws {
        let places = examples.indices.filter { place in
            let text = comparable(examples[place].input.joined)
            return !text.isEmpty && !labelled.contains(text) && seen.insert(text).inserted
        }
        if places.isEmpty { return }
        let new = places.map { examples[$0] }
        let rows =
            try embeddings.map { SparseMatrix($0.withRowsOfLengthOne, rows: places) } ?? rows(new.map(\.input.joined))
        let logits = classifier.logits(of: rows)
        let predictions = try Predictions(
            logits: logits, problemType: areSeveral ? .multiLabel : .singleLabel, InferenceSettings())
        for (row, (example, prediction)) in zip(new, predictions).enumerated() {
            let text = Text(
                file: example.file ?? path, line: example.line, text: example.input.joined,
                uncertainty: 1 - prediction.margin(areSeveral: areSeveral))
            candidates.append((text, rows.row(row)))
        }
        if candidates.count > 2 * Self.candidatesPerText * count {
            candidates = mostUncertain
            seen = Set(candidates.map { comparable($0.text.text) })
        }
    }

    /// The candidates, the most uncertain first; of equally uncertain ones, the first.
    private var mostUncertain: [(text: Text, row: SparseMatrix.Row)] {
        let order = candidates.indices.sorted {
            (candidates[$1].text.uncertainty, $0) < (candidates[$0].text.uncertainty, $1)
        }
        return order.prefix(Self.candidatesPerText * count).map { candidates[$0] }
    }

    /// The texts to label next, as many as are wanted or as there are, the most uncertain first.
    ///
    /// - Complexity: O(*n*² *f*), with *n* texts that are wanted, and *f* elements in a row
    package var texts: [Text] {
        let candidates = mostUncertain
        let groups = Groups(
            candidates.map(\.row), weights: candidates.map { max($0.text.uncertainty, 1e-6) }, count: count,
            seed: seed, on: workers)
        // Where candidates are the same, or a group has lost all of them, the most uncertain others are taken.
        let others = Set(candidates.indices).subtracting(groups.middles).sorted()
        return (groups.middles + others).prefix(count).sorted().map { candidates[$0].text }
    }
}

extension Prediction {
    /// The difference between the probabilities of the two most probable answers. Where a text can have several labels, the second one differs from the first in
    /// the label that is the least certain.
    fileprivate func margin(areSeveral: Bool) -> Float {
        if areSeveral {
            let least = probabilities.map { max($0, 1 - $0) }.min() ?? 1
            return confidence * (1 - (1 - least) / least)
        }
        let sorted = probabilities.sorted(by: >)
        return sorted[0] - sorted[1]
    }
}
