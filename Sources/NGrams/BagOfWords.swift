import Foundation
import Kernels

/// What a bag of words counts in a text.
package enum BagOfWords: String, CaseIterable, Sendable {
    /// Words of two characters or more, and pairs of them.
    case words
    /// One to three characters that follow each other, white space included: where words have no borders, as in Chinese.
    case characters
    /// Two to five characters that follow each other in a word with a space at either end.
    case partsOfWords = "parts of words"
    case wordsAndParts = "words and parts of words"

    /// The kinds of counts, each of which is scaled for itself.
    fileprivate var kinds: [BagOfWords] { self == .wordsAndParts ? [.words, .partsOfWords] : [self] }
}

/// How often a text has each of what is counted, by kind. What is counted is known by a hash of 64 bits: that two of some millions share one is one
/// chance in a million.
package struct Document: Sendable {
    /// By kind, each in the order of hashes.
    let counts: [[(gram: UInt64, count: Int32)]]

    package init(_ text: String, _ bag: BagOfWords) {
        let scalars = Array(text.lowercased().unicodeScalars)
        self.init(
            grams: bag.kinds.map { kind in
                var grams: [UInt64] = []
                switch kind {
                case .words, .wordsAndParts:
                    let words = scalars.split { !$0.isOfWord }.filter { $0.count > 1 }.map { Self.hash($0, seed: 1) }
                    grams = words + zip(words, words.dropFirst()).map { mix($0 &* 31, $1) }
                case .characters:
                    let text = Array(scalars.split(whereSeparator: \.properties.isWhitespace).joined(separator: [" "]))
                    Self.append(1...3, of: text[...], to: &grams)
                case .partsOfWords:
                    for word in scalars.split(whereSeparator: \.properties.isWhitespace) {
                        Self.append(2...5, of: ([" "] + word + [" "])[...], to: &grams)
                    }
                }
                return grams
            })
    }

    /// Counts what there is of each kind.
    init(grams: [[UInt64]]) {
        counts = grams.map { grams in
            var counts: [(gram: UInt64, count: Int32)] = []
            for gram in grams.sorted() {
                if counts.last?.gram == gram { counts[counts.count - 1].count += 1 } else { counts.append((gram, 1)) }
            }
            return counts
        }
    }

    private static func append(
        _ lengths: ClosedRange<Int>, of text: ArraySlice<Unicode.Scalar>, to grams: inout [UInt64]
    ) {
        for start in text.indices {
            var hash: UInt64 = 2
            for (length, scalar) in text[start...].prefix(lengths.upperBound).enumerated() {
                hash = mix(hash, UInt64(scalar.value))
                if length + 1 >= lengths.lowerBound { grams.append(hash) }
            }
        }
    }

    private static func hash(_ scalars: some Sequence<Unicode.Scalar>, seed: UInt64) -> UInt64 {
        scalars.reduce(seed) { mix($0, UInt64($1.value)) }
    }
}

/// The step of MurmurHash3's finaliser (Appleby 2011) over both.
func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var hash = (a ^ (b &+ 0x9E37_79B9_7F4A_7C15)) &* 0xFF51_AFD7_ED55_8CCD
    hash ^= hash >> 33
    hash = hash &* 0xC4CE_B9FE_1A85_EC53
    return hash ^ hash >> 29
}

extension Unicode.Scalar {
    /// Whether it is a letter, a digit, a mark on one of them, or `_`.
    fileprivate var isOfWord: Bool {
        self == "_" || properties.isAlphabetic || properties.numericType != nil
    }
}

/// Rows of which few elements are not 0, `[rows, columns]`.
package struct SparseMatrix: Sendable {
    /// The elements of a row that are not 0.
    package typealias Row = [(column: Int32, value: Float)]

    /// Where each row begins among the elements, and where the last one ends.
    private(set) var starts = [0]
    private(set) var columns: [Int32] = []
    private(set) var values: [Float] = []
    let columnCount: Int

    init(columnCount: Int) { self.columnCount = columnCount }

    /// Some rows of a matrix, of which no element need be 0.
    package init(_ matrix: Matrix, rows: some Sequence<Int>) {
        self.init(columnCount: matrix.columns)
        for row in rows { appendRow(zip(0..., matrix.row(row)).map { ($0, $1) }) }
    }

    package var rowCount: Int { starts.count - 1 }

    /// The same with each column multiplied.
    func scaled(by factors: [Float]) -> SparseMatrix {
        var scaled = self
        for element in values.indices { scaled.values[element] *= factors[Int(columns[element])] }
        return scaled
    }

    /// The elements of one row.
    package func row(_ row: Int) -> Row {
        (starts[row]..<starts[row + 1]).map { (columns[$0], values[$0]) }
    }

    mutating func appendRow(_ elements: Row) {
        columns += elements.map(\.column)
        values += elements.map(\.value)
        starts.append(columns.count)
    }
}

/// What some texts have counted of them, by numbers instead of hashes.
package struct Corpus: Sendable {
    /// The number of each gram, by kind.
    fileprivate private(set) var numbers: [[UInt64: Int32]] = []
    /// By kind: the counts of each text.
    fileprivate private(set) var counts: [[[(gram: Int32, count: Int32)]]] = []
    /// How many grams there are.
    fileprivate private(set) var gramCount = 0

    /// Numbers the grams of documents, all of the same bag.
    package init(_ documents: [Document]) {
        for kind in 0..<(documents.first?.counts.count ?? 0) {
            var numbers: [UInt64: Int32] = [:]
            counts.append(
                documents.map { document in
                    document.counts[kind].map { gram, count in
                        if let number = numbers[gram] { return (number, count) }
                        let number = Int32(gramCount)
                        numbers[gram] = number
                        gramCount += 1
                        return (number, count)
                    }
                })
            self.numbers.append(numbers)
        }
    }

    /// The counts of another text, of grams that are known, by kind.
    fileprivate func counts(of document: Document) -> [[(gram: Int32, count: Int32)]] {
        zip(document.counts, numbers).map { counts, numbers in
            counts.compactMap { gram, count in numbers[gram].map { ($0, count) } }
        }
    }
}

/// Weights for counts: (1 + ln count) · (ln ((1 + n) / (1 + df)) + 1), with *n* texts, df of which have it; the row of each kind is then scaled to length 1.
/// What only one text has is left out. scikit-learn's `TfidfVectorizer` with `sublinear_tf` and `min_df` 2 does the same.
///
/// Salton & Buckley, *Term-Weighting Approaches in Automatic Text Retrieval*, 1988.
package struct TermWeights: Sendable {
    private let corpus: Corpus
    /// The column of each gram, or -1, and the weight of each column.
    private var columns: [Int32]
    private(set) var weights: [Float] = []

    /// Learns the weights of some texts of a corpus.
    package init(_ corpus: Corpus, texts: [Int]) {
        self.corpus = corpus
        var frequencies = [Int32](repeating: 0, count: corpus.gramCount)
        for counts in corpus.counts {
            for text in texts { for (gram, _) in counts[text] { frequencies[Int(gram)] += 1 } }
        }
        columns = [Int32](repeating: -1, count: corpus.gramCount)
        for (gram, frequency) in frequencies.enumerated() where frequency > 1 {
            columns[gram] = Int32(weights.count)
            weights.append(Float(log(Double(1 + texts.count) / Double(1 + frequency)) + 1))
        }
    }

    /// 1 + ln count
    static func weight(of count: Int32) -> Float { count == 1 ? 1 : Float(1 + log(Double(count))) }

    /// The column of a gram; nil if it has none.
    func column(of gram: UInt64, kind: Int) -> Int? {
        corpus.numbers[kind][gram].flatMap { columns[Int($0)] < 0 ? nil : Int(columns[Int($0)]) }
    }

    /// The rows of texts of the corpus.
    package func rows(ofTexts texts: [Int]) -> SparseMatrix {
        rows(texts.lazy.map { text in corpus.counts.map { $0[text] } })
    }

    /// The rows of other texts.
    package func rows(of documents: [Document]) -> SparseMatrix { rows(documents.lazy.map(corpus.counts)) }

    private func rows(_ texts: some Sequence<[[(gram: Int32, count: Int32)]]>) -> SparseMatrix {
        var rows = SparseMatrix(columnCount: weights.count)
        for kinds in texts {
            rows.appendRow(
                kinds.flatMap { counts in
                    var row: [(column: Int32, value: Float)] = []
                    row.reserveCapacity(counts.count)
                    for (gram, count) in counts where columns[Int(gram)] >= 0 {
                        let column = columns[Int(gram)]
                        row.append((column, Self.weight(of: count) * weights[Int(column)]))
                    }
                    let length = row.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
                    for index in row.indices { row[index].value /= length }
                    return row
                })
        }
        return rows
    }
}
