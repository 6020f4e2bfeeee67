import Kernels
import Tokenization
import Transformer

/// Sequences of token ids, in one array: a million short texts would otherwise need a million.
package struct TokenSequences: RandomAccessCollection, Sendable {
    private var ids: [Int32] = []
    /// Where each sequence ends.
    private var ends: [Int] = []

    /// Puts sequences together.
    init(_ sequences: some Sequence<[Int]> = []) { for sequence in sequences { append(sequence) } }

    package var startIndex: Int { 0 }
    package var endIndex: Int { ends.count }

    /// The ids of one sequence.
    ///
    /// - Complexity: O(*n*) in its length
    package subscript(index: Int) -> [Int] { ids[range(index)].map(Int.init) }

    /// The number of tokens of one sequence.
    package func length(_ index: Int) -> Int { range(index).count }

    /// The number of tokens of all sequences.
    package var tokens: Int { ids.count }

    mutating func append(_ sequence: [Int]) {
        ids.append(contentsOf: sequence.lazy.map(Int32.init))
        ends.append(ids.count)
    }

    private func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }
}

/// Texts as a model reads them.
package struct EncodedTexts: Sendable {
    /// The number of texts.
    package private(set) var count = 0
    /// What is read of them: a sequence for each text, or several windows one after the other. Special tokens included.
    package private(set) var sequences = TokenSequences()
    /// The text of each sequence.
    package private(set) var owners: [Int] = []
    /// The tokens of each whole text.
    package private(set) var lengths: [Int] = []

    /// Encodes texts.
    ///
    /// - Parameter workers: share the texts
    package init(
        _ texts: [String], _ tokenizer: Tokenizer, _ longTexts: LongTexts, on workers: Workers
    ) {
        // Some at a time: the arrays of each text's ids would need more memory than the texts.
        for start in stride(from: 0, to: texts.count, by: Self.textsAtATime) {
            let encodings = workers.map(min(Self.textsAtATime, texts.count - start)) { index in
                let ids = tokenizer.encode(texts[start + index], maximumLength: .max).ids
                return (length: ids.count, sequences: longTexts.sequences(of: ids))
            }
            for encoding in encodings {
                lengths.append(encoding.length)
                for sequence in encoding.sequences {
                    sequences.append(sequence)
                    owners.append(count)
                }
                count += 1
            }
        }
    }

    /// Some of the texts; `indices` ascend.
    package func part(_ indices: [Int]) -> EncodedTexts { EncodedTexts(self, indices) }

    private init(_ whole: EncodedTexts, _ indices: [Int]) {
        let places = Dictionary(uniqueKeysWithValues: zip(indices, 0...))
        for (sequence, owner) in whole.owners.enumerated() {
            guard let place = places[owner] else { continue }
            sequences.append(whole.sequences[sequence])
            owners.append(place)
        }
        lengths = indices.map { whole.lengths[$0] }
        count = indices.count
    }

    private static let textsAtATime = 4096

    /// The mean over the sequences of each text.
    ///
    /// - Parameter values: `[sequences, columns]`
    /// - Returns: `[texts, columns]`
    func means(ofSequences values: Matrix) -> Matrix {
        if sequences.count == count { return values }
        let columns = values.columns
        var sums = [Float](repeating: 0, count: count * columns)
        var parts = [Float](repeating: 0, count: count)
        for (sequence, text) in owners.enumerated() {
            for (column, value) in values.row(sequence).enumerated() { sums[text * columns + column] += value }
            parts[text] += 1
        }
        for index in sums.indices { sums[index] /= parts[index / columns] }
        return Matrix(sums, columns: columns)
    }

    /// How many texts have more tokens than are read at a time.
    package func countOfLonger(than longTexts: LongTexts) -> Int {
        lengths.count { $0 > longTexts.maximumLength }
    }

    /// A sentence about the texts of which not all is read at once; nil if there are none.
    package func notice(_ longTexts: LongTexts) -> String? {
        let longer = countOfLonger(than: longTexts)
        if longer == 0 { return nil }
        let treatment =
            switch longTexts.method {
            case .truncate: "are cut off (--max-length, --long-texts)"
            case .headTail: "are read at their beginning and end only"
            case .windows: "are read in windows, \(sequences.count - count + longer) together"
            }
        return "\(longer) of \(count) texts have more than \(longTexts.maximumLength) tokens and \(treatment)"
    }
}
