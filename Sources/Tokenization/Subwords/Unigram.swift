/// The unigram language model (Kudo, *Subword Regularization*, 2018): of all ways to divide a text into tokens, the one whose tokens have the largest sum of scores, log-probabilities.
package struct Unigram: Sendable {
    /// The best way to a place.
    struct Path {
        /// The sum of the scores.
        var score: Double
        /// Where its last token begins; -1 if there is none.
        var start: Int
        /// The id of that.
        var id: Int
    }

    private let tokens: DoubleArray
    /// By id.
    private let scores: [Double]
    private let unknown: Int
    /// Of each byte, the token of what is unknown falls back to; none if it does not.
    private let byteIDs: [Int]?
    /// The score of a character that no token has.
    private let unknownScore: Double

    /// How much lower that is than the lowest of a token.
    private static let unknownPenalty = 10.0

    /// - Parameters:
    ///   - pieces: the tokens with their scores, by id
    ///   - unknown: the id of what stands for anything that has no token
    ///   - fallsBackToBytes: whether that becomes tokens of its bytes, `<0x0A>` for example, where there are such
    init(_ pieces: [(token: String, score: Double)], unknown: Int, fallsBackToBytes: Bool) {
        // Of two tokens of the same text, the later counts.
        tokens = DoubleArray(zip(pieces, pieces.indices).map { (Array($0.token.utf8), $1) })
        scores = pieces.map(\.score)
        unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
        self.unknown = unknown
        byteIDs = fallsBackToBytes ? Self.byteIDs(tokens) : nil
    }

    /// The tokens of all bytes; -1 where there is none.
    private static func byteIDs(_ tokens: DoubleArray) -> [Int] {
        (0..<256).map { byte in
            let text = "<0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>"
            return tokens.value(of: Array(text.utf8)) ?? -1
        }
    }

    /// Appends the ids of the tokens of a word, which is a range of `text`.
    ///
    /// - Parameter paths: memory that means nothing between two calls
    /// - Complexity: O(*n*) in its length, for a given vocabulary
    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int], _ paths: inout [Path]) {
        let start = word.lowerBound
        paths.removeAll(keepingCapacity: true)
        for _ in start...word.upperBound { paths.append(Path(score: 0, start: -1, id: 0)) }
        var position = start
        while position < word.upperBound {
            let width = text.decode(at: position).width
            let score = paths[position - start].score
            var isKnown = false
            /// Takes the way to `end` by a token if it is better.
            func offer(_ id: Int, _ end: Int, _ tokenScore: Double) {
                let sum = tokenScore + score
                if paths[end - start].start < 0 || sum > paths[end - start].score {
                    paths[end - start] = Path(score: sum, start: position, id: id)
                }
            }
            tokens.forEachPrefix(of: text, position..<word.upperBound) { id, end in
                offer(id, end, scores[id])
                isKnown = isKnown || end == position + width
            }
            if !isKnown { offer(unknown, position + width, unknownScore) }
            position += width
        }
        let first = ids.count
        var end = word.upperBound
        while end > start {
            let path = paths[end - start]
            var begin = path.start
            if path.id == unknown {
                // Neighbours that are unknown are one.
                while begin > start, case let path = paths[begin - start], path.id == unknown {
                    begin = path.start
                }
                appendUnknown(begin..<end, of: text, to: &ids)
            } else {
                ids.append(path.id)
            }
            end = begin
        }
        ids[first...].reverse()
    }

    /// Appends the ids of what is unknown, from the right.
    private func appendUnknown(_ range: Range<Int>, of text: [UInt8], to ids: inout [Int]) {
        if let id = tokens.value(of: Array(text[range])) {
            ids.append(id)
        } else if let byteIDs, text[range].allSatisfy({ byteIDs[Int($0)] >= 0 }) {
            for byte in text[range].reversed() { ids.append(byteIDs[Int(byte)]) }
        } else {
            ids.append(unknown)
        }
    }
}
