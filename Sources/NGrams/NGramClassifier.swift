import Kernels

/// The linear part of a classifier, which stands beside its encoder: of the tokens of a text and the pairs of them, and of the one to five characters that follow each
/// other in it. Its logits and those of the encoder are added ("wide and deep").
///
/// With x the weighted counts of a text (``TermWeights``), a label has the logit Σ w[g] √|r[g]| x[g] + b. r[g] is the logarithm of how much more often the n-gram g stands in
/// texts with the label than in others, (1 + n₊[g]) / Σ (1 + n₊) over (1 + n₋[g]) / Σ (1 + n₋): what says little of the label is held down. w and b
/// are those of a ``LogisticRegression``.
///
/// ### References
/// Cheng et al., *Wide & Deep Learning for Recommender Systems*, 2016; Wang & Manning, *Baselines and Bigrams*, 2012, section 2.1 (r; theirs is the factor itself, not
/// its root).
package struct NGramClassifier: Sendable {
    /// The n-grams of tokens, by their ids, and those of characters, by their code points.
    package let tables: [NGramTable]
    /// The inverse document frequency of each n-gram, one table's after the other's.
    package let frequencies: [Float]
    /// w √|r| of each n-gram, and then b: `[n-grams + 1, logits]`. Of two labels of which a text has one, only the second has a logit; that of the first is 0.
    package let weights: [Float]
    /// The number of labels.
    package let labels: Int
    /// The characters of each token, by its id, with a space before those that begin a word; special ones have none.
    package let characters: [[Int32]]

    /// How many tokens, and how many characters, an n-gram has at most.
    package static let widths = [2, 5]
    /// How little weights are held down: with 1, 10 and 16, fewer texts were right in cross-validation on thousands of texts, in English and in Chinese.
    private static let c = 4.0
    private static let folds = 5
    /// How many classifiers are fitted, of which each thread has one at a time.
    package static let fits = folds + 1

    /// Puts a classifier together.
    ///
    /// - Parameters:
    ///   - tables: of the two ``widths``
    ///   - frequencies: one for each n-gram
    ///   - weights: `[n-grams + 1, logits]`
    package init(
        tables: [NGramTable], frequencies: [Float], weights: [Float], labels: Int, characters: [[Int32]]
    ) {
        precondition(tables.map(\.width) == Self.widths, "n-grams of tokens and of characters")
        precondition(frequencies.count == tables.reduce(0) { $0 + $1.count }, "a frequency for each n-gram")
        precondition(
            Self.logits(of: labels).contains { weights.count == $0 * (frequencies.count + 1) },
            "a weight for each n-gram and logit")
        (self.tables, self.frequencies, self.weights) = (tables, frequencies, weights)
        (self.labels, self.characters) = (labels, characters)
    }

    /// How many logits there can be for so many labels.
    package static func logits(of labels: Int) -> ClosedRange<Int> { (labels == 2 ? 1 : labels)...labels }

    /// How many logits are computed.
    package var logits: Int { weights.count / (frequencies.count + 1) }

    // MARK: Learning

    /// What is learned of labelled texts: the classifier, and what is said of each sequence by one that has not seen its text.
    ///
    /// An encoder that is trained beside the classifier learns from the latter what is left to learn: of texts that it has seen, the classifier
    /// knows nearly all labels. Texts that are the same are left out together.
    ///
    /// - Parameters:
    ///   - sequences: the token ids of each text, or of several windows of it, and which text that is, ascending
    ///   - targets: what is right for each sequence
    ///   - classWeights: how much a text of each label counts; nil: all the same
    ///   - characters: of each token, by its id
    ///   - seed: decides about the order of texts in the solver
    /// - Returns: the classifier, and logits, `[sequences, labels]`
    /// - Complexity: six times that of ``LogisticRegression``; 16 bytes for each different n-gram of each sequence, at most seven for each character, or twelve where each is a token
    package static func learn(
        _ sequences: [(ids: [Int], text: Int)], _ targets: Targets, labels: Int, classWeights: [Double]? = nil,
        characters: [[Int32]], seed: UInt64, on workers: Workers
    ) -> (classifier: NGramClassifier, crossFitted: [[Float]]) {
        let documents = workers.map(sequences.count) { Document(sequences[$0].ids, characters) }
        let corpus = Corpus(documents)
        // The same for texts that are the same.
        let hashes = Dictionary(
            sequences.lazy.map { ($0.text, $0.ids.reduce(0) { mix($0, UInt64($1)) }) },
            uniquingKeysWith: { first, _ in first })
        let foldOf = sequences.map { Int(hashes[$0.text]! % UInt64(folds)) }
        // In the last turn, nothing is left out.
        let turns = workers.map(fits, chunk: 1) { turn in
            let known = foldOf.indices.filter { foldOf[$0] != turn }
            let others = foldOf.indices.filter { foldOf[$0] == turn }
            let terms = TermWeights(corpus, texts: known)
            let classifier = LogisticRegression(
                terms.rows(ofTexts: known), targets.at(known), labels: labels,
                cs: known.map { c * (classWeights?[targets[$0][0]] ?? 1) }, scaledByRatio: true, seed: seed)
            return (
                others: others, logits: classifier.logits(of: terms.rows(ofTexts: others)),
                whole: turn == folds
                    ? NGramClassifier(terms, classifier, sequences.map(\.ids), labels: labels, characters: characters)
                    : nil
            )
        }
        var crossFitted = [[Float]](repeating: [], count: sequences.count)
        for turn in turns {
            for (row, sequence) in turn.others.enumerated() { crossFitted[sequence] = turn.logits.row(row) }
        }
        return (turns[folds].whole!, crossFitted)
    }

    private init(
        _ terms: TermWeights, _ classifier: LogisticRegression, _ sequences: [[Int]], labels: Int, characters: [[Int32]]
    ) {
        // Columns have the hashes of n-grams; what these are is to be found in the texts again.
        var found = Self.widths.map { _ in [UInt64: (items: ArraySlice<Int32>, column: Int)]() }
        for sequence in sequences {
            for (kind, items) in Document.items(of: sequence, characters).enumerated() {
                NGramTable.forEach(of: items, upTo: Self.widths[kind]) { hash, gram in
                    guard found[kind][hash] == nil, let column = terms.column(of: hash, kind: kind) else { return }
                    found[kind][hash] = (gram, column)
                }
            }
        }
        let sorted = found.map { $0.sorted { $0.key < $1.key }.map(\.value) }
        let columns = sorted.joined().map(\.column)
        let bias = terms.weights.count
        self.init(
            tables: zip(sorted, Self.widths).map { grams, width in
                NGramTable(
                    items: grams.flatMap {
                        $0.items + [Int32](repeating: NGramTable.none, count: width - $0.items.count)
                    },
                    width: width)
            },
            frequencies: columns.map { terms.weights[$0] },
            weights: (columns + [bias]).flatMap { column in classifier.weights.map { Float($0[column]) } },
            labels: labels, characters: characters)
    }

    // MARK: Answers

    /// The logits of sequences of token ids, `[sequences, labels]`.
    package func logits(of sequences: some RandomAccessCollection<[Int]> & Sendable, on workers: Workers) -> [[Float]] {
        workers.map(sequences.count) { logits(of: sequences[sequences.index(sequences.startIndex, offsetBy: $0)]) }
    }

    /// The logits of a sequence of token ids, `[labels]`.
    ///
    /// - Complexity: O(*c* log *g*) for a text of *c* characters, with *g* n-grams
    package func logits(of sequence: [Int]) -> [Float] {
        let logits = logits
        var sums = weights.suffix(logits).map(Double.init)
        var first = 0
        for (table, counts) in zip(tables, Document(sequence, characters).counts) {
            let row = counts.compactMap { gram, count in
                table.place(of: gram).map { place in
                    (place: first + place, value: TermWeights.weight(of: count) * frequencies[first + place])
                }
            }
            let length = row.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
            for (place, value) in row {
                for logit in 0..<logits {
                    sums[logit] += Double(value / length) * Double(weights[place * logits + logit])
                }
            }
            first += table.count
        }
        return [Float](repeating: 0, count: labels - logits) + sums.map(Float.init)
    }
}

/// The n-grams of a kind, found by their hashes.
package struct NGramTable: Sendable {
    /// The items of each, `[n-grams, width]`, with ``none`` behind shorter ones.
    package let items: [Int32]
    /// The most items that one has.
    package let width: Int
    /// Of each n-gram.
    private let hashes: [UInt64]

    /// What stands for no item.
    package static let none: Int32 = -1

    /// - Parameter items: n-grams in the order of their hashes, as a table has them that was made here; see ``isInOrder``
    package init(items: [Int32], width: Int) {
        precondition(items.count.isMultiple(of: width), "whole n-grams")
        (self.items, self.width) = (items, width)
        hashes = stride(from: 0, to: items.count, by: width).map { start in
            items[start..<start + width].prefix { $0 != Self.none }.reduce(UInt64(width)) {
                mix($0, UInt64(truncatingIfNeeded: $1))
            }
        }
    }

    /// How many there are.
    package var count: Int { hashes.count }

    /// Whether each can be found, and once.
    package var isInOrder: Bool { zip(hashes, hashes.dropFirst()).allSatisfy(<) }

    /// Where an n-gram is, by bisection.
    func place(of hash: UInt64) -> Int? {
        var (low, high) = (0, hashes.count)
        while low < high {
            let middle = (low + high) / 2
            if hashes[middle] < hash { low = middle + 1 } else { high = middle }
        }
        return low < hashes.count && hashes[low] == hash ? low : nil
    }

    /// Calls `body` with the hash of each n-gram of a sequence, and the n-gram.
    static func forEach(of items: [Int32], upTo width: Int, _ body: (UInt64, ArraySlice<Int32>) -> Void) {
        for start in items.indices {
            var hash = UInt64(width)
            for end in start..<min(start + width, items.count) {
                hash = mix(hash, UInt64(truncatingIfNeeded: items[end]))
                body(hash, items[start...end])
            }
        }
    }
}

extension Document {
    /// What is counted of a sequence of token ids: the ids, and the characters.
    fileprivate static func items(of sequence: [Int], _ characters: [[Int32]]) -> [[Int32]] {
        [sequence.map(Int32.init), sequence.flatMap { characters[$0] }]
    }

    /// Counts the n-grams of a sequence of token ids.
    fileprivate init(_ sequence: [Int], _ characters: [[Int32]]) {
        let items = Self.items(of: sequence, characters)
        self.init(
            grams: zip(items, NGramClassifier.widths).map { items, width in
                var grams: [UInt64] = []
                grams.reserveCapacity(items.count * width)
                NGramTable.forEach(of: items, upTo: width) { hash, _ in grams.append(hash) }
                return grams
            })
    }
}
