/// The texts of one step, packed: the ids of all sequences one after another, without padding.
package struct Batch: Sendable {
    /// The token ids, `[tokens]`.
    package let ids: [Int]
    /// The first row of each sequence, then the number of rows: `[sequences + 1]`.
    package let offsets: [Int]

    /// Packs sequences, none of them empty.
    package init(_ sequences: some Collection<[Int]>) {
        precondition(sequences.allSatisfy { !$0.isEmpty }, "an empty sequence")
        ids = sequences.flatMap { $0 }
        offsets = sequences.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    }
}
