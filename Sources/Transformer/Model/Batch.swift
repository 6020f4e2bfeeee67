/// What is read at a time: token ids, and where two texts are read together, to which of them each token belongs.
package struct TokenSequence: Sendable, Equatable {
    /// The token ids, `[tokens]`.
    package let ids: [Int]
    /// The segment of each token; empty where all are of the first one, 0.
    package let segments: [Int]

    package init(_ ids: [Int], segments: [Int] = []) { (self.ids, self.segments) = (ids, segments) }
}

/// The texts of one step, packed: the ids of all sequences one after another, without padding.
package struct Batch: Sendable {
    /// The token ids, `[tokens]`.
    package let ids: [Int]
    /// The segment of each token, `[tokens]`; empty where all are of the first one, 0.
    package let segments: [Int]
    /// The first row of each sequence, then the number of rows: `[sequences + 1]`.
    package let offsets: [Int]

    /// Packs sequences, none of them empty.
    package init(_ sequences: some Collection<TokenSequence>) {
        precondition(sequences.allSatisfy { !$0.ids.isEmpty }, "an empty sequence")
        ids = sequences.flatMap(\.ids)
        segments =
            sequences.allSatisfy(\.segments.isEmpty)
            ? [] : sequences.flatMap { $0.segments.isEmpty ? $0.ids.map { _ in 0 } : $0.segments }
        precondition(segments.isEmpty || segments.count == ids.count, "a segment for each token")
        offsets = sequences.reduce(into: [0]) { $0.append($0.last! + $1.ids.count) }
    }

    /// Packs sequences of ids, none of them empty.
    package init(_ sequences: some Collection<[Int]>) { self.init(sequences.map { TokenSequence($0) }) }
}
