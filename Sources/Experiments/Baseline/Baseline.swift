import Datasets
import Evaluation
import Foundation
import Inference
import Kernels
import NGrams
import RunStore
import Training
import Transformer

/// What a simple classifier reaches on the same data: a bag of words, weighted by TF-IDF, and logistic regression. What is counted and how much weights are
/// held down is chosen by cross-validation on the training data alone.
package struct Baseline {
    /// A classifier that was tried.
    package struct Candidate: Sendable {
        package let bag: BagOfWords
        package let c: Double
        /// The value of the metric on the training texts, each classified without it.
        package let value: Double
    }

    /// What is tried; a higher C holds weights down less.
    private static let cs = [1.0, 4, 16]
    private static let folds = 5
    /// More texts would make the choice no better, only slower.
    private static let mostTextsToChooseBy = 20_000

    /// Each label has weights of its own.
    private static let mostLabels = 1000

    /// All that was tried, the best first.
    package let candidates: [Candidate]
    package var best: Candidate { candidates[0] }
    /// What the best one answers to the training texts, each without having seen it.
    package let crossValidated: EvaluationResult
    private let weights: TermWeights
    let classifier: LogisticRegression
    private let configuration: Configuration

    /// Chooses and trains a classifier.
    ///
    /// - Parameters:
    ///   - data: the training data
    ///   - metric: what candidates are judged by
    ///   - seed: decides about the folds
    /// - Throws: an error with a message for a person if nothing can be learned from the data, or they are too large.
    package init(
        _ data: Dataset, metric: EvaluationMetric, seed: UInt64, on workers: Workers
    ) throws {
        let names = data.labelNames.sorted()
        guard names.count > (data.hasSeveralLabels ? 0 : 1), data.examples.count >= Self.folds else {
            throw TrainingError(
                "\(data.path): a bag of words needs \(Self.folds) labelled texts and two labels at least")
        }
        guard names.count <= Self.mostLabels else {
            throw TrainingError(
                "\(data.path): a bag of words is for \(Self.mostLabels) labels at most; these are \(names.count)")
        }
        let bytes = data.examples.reduce(0) { $0 + $1.input.joined.utf8.count }
        // Up to nine grams of 16 bytes for each character.
        guard bytes < ProcessInfo.processInfo.physicalMemory / 300 else {
            throw TrainingError("\(data.path): too much text for this machine's memory; take a part of it")
        }
        configuration = Self.configuration(data, names)
        let targets = Self.targets(data, names)
        var random = RandomNumbers(seed: seed, stream: .folds, step: 1)
        let chosen = Array(data.examples.indices.shuffled(using: &random).prefix(Self.mostTextsToChooseBy))
        let foldOf = Self.folds(of: data.part(chosen), seed: seed, on: workers)
        let texts = data.examples.map(\.input.joined)

        var (candidates, outcomes): ([Candidate], [EvaluationResult]) = ([], [])
        for bag in BagOfWords.allCases {
            let corpus = Corpus(workers.map(chosen.count) { Document(texts[chosen[$0]], bag) })
            let results = workers.map(Self.folds, chunk: 1) { fold -> [[(text: Int, logits: [Float])]] in
                let training = chosen.indices.filter { foldOf[$0] != fold }
                let heldOut = chosen.indices.filter { foldOf[$0] == fold }
                let weights = TermWeights(corpus, texts: training)
                let (rows, others) = (weights.rows(ofTexts: training), weights.rows(ofTexts: heldOut))
                let right = targets.at(training.map { chosen[$0] })
                return Self.cs.map { c in
                    let logits = LogisticRegression(rows, right, labels: names.count, c: c, seed: seed).logits(
                        of: others)
                    return heldOut.enumerated().map { (text: $1, logits: logits.row($0)) }
                }
            }
            for (place, c) in Self.cs.enumerated() {
                var logits = [[Float]](repeating: [], count: chosen.count)
                for fold in results { for (text, row) in fold[place] { logits[text] = row } }
                let result = try EvaluationResult(
                    LabeledLogits(
                        logits: Matrix(logits.flatMap(\.self), columns: names.count), targets: targets.at(chosen),
                        tokens: 0, seconds: 0), configuration)
                outcomes.append(result)
                candidates.append(Candidate(bag: bag, c: c, value: result.value(of: metric) ?? .nan))
            }
        }
        // Of equal ones the first: the simpler one.
        let order = candidates.indices.sorted {
            (metric.merit(candidates[$1].value), $0) < (metric.merit(candidates[$0].value), $1)
        }
        self.candidates = order.map { candidates[$0] }
        crossValidated = outcomes[order[0]]
        let best = self.candidates[0]
        let all = Array(texts.indices)
        weights = TermWeights(Corpus(workers.map(texts.count) { Document(texts[$0], best.bag) }), texts: all)
        classifier = LogisticRegression(
            weights.rows(ofTexts: all), targets, labels: names.count, c: best.c, seed: seed)
    }

    /// Evaluates on other data, whose labels it must know.
    ///
    /// - Throws: `DatasetError` at the first example with another label.
    package func evaluate(_ data: inout Dataset, on workers: Workers) throws -> EvaluationResult {
        try data.requireLabels(among: configuration.labels)
        let start = ContinuousClock.now
        let logits = classifier.logits(of: rows(of: data.examples.map(\.input.joined), on: workers))
        return try EvaluationResult(
            LabeledLogits(
                logits: logits, targets: Self.targets(data, configuration.labels), tokens: 0,
                seconds: (ContinuousClock.now - start) / .seconds(1)), configuration)
    }

    /// What the classifier reads of texts, `[texts, features]`.
    func rows(of texts: [String], on workers: Workers) -> SparseMatrix {
        weights.rows(of: workers.map(texts.count) { Document(texts[$0], best.bag) })
    }

    /// The names of the labels, by id.
    package var labels: [String] { configuration.labels }

    // MARK: Data

    /// The folds of examples: of every label the same share in each, and the same texts in one.
    private static func folds(of data: Dataset, seed: UInt64, on workers: Workers) -> [Int] {
        let shares = [Double](repeating: 1 / Double(folds), count: folds)
        // Where that cannot be, one after the other.
        guard let split = try? Split(data, shares: shares, seed: seed, on: workers) else {
            return data.examples.indices.map { $0 % folds }
        }
        var foldOf = [Int](repeating: 0, count: data.examples.count)
        for (fold, places) in split.parts.enumerated() { for place in places { foldOf[place] = fold } }
        return foldOf
    }

    static func targets(_ data: Dataset, _ names: [String]) -> Targets {
        let ids = Dictionary(uniqueKeysWithValues: zip(names, 0...))
        let labels = data.examples.map { $0.labels(several: data.hasSeveralLabels).compactMap { ids[$0] }.sorted() }
        return data.hasSeveralLabels ? .several(labels) : .one(labels.map { $0[0] })
    }

    /// What tells an evaluation of labels and their kind.
    private static func configuration(_ data: Dataset, _ names: [String]) -> Configuration {
        var configuration = Configuration(
            vocabularySize: 1, hiddenSize: 1, layers: 1, heads: 1, intermediateSize: 1, labels: names)
        configuration.problemType = data.hasSeveralLabels ? .multiLabel : .singleLabel
        return configuration
    }
}
