import HeapModule

/// Learns a WordPiece vocabulary from text by the merge rule of Hugging Face's `WordPieceTrainer`: again and again, the pair
/// of adjacent pieces that occurs most often becomes a piece (Sennrich et al., *Neural Machine Translation of Rare Words with
/// Subword Units*, 2016, algorithm 1).
///
/// The tokens depend on how often each word occurs, and not on the order of the words: equal counts are decided by the ids of the
/// pieces, never by the order of a hash table.
struct WordPieceLearner {
    /// Characters and pairs that occur less often do not become tokens.
    private static let minimumFrequency = 2

    /// Single characters in the order of their code points, then the same as continuations, then merged pieces in the order of
    /// merging.
    var tokens: [String] { pieces.map(\.token) }

    private var pieces: [Piece]
    /// The words of the text as sequences of pieces, and how often each occurs.
    private var words: [(pieces: [Int], count: Int)] = []
    private var pairCounts: [Pair: Int] = [:]
    /// The words in which a pair occurs, or did occur before a merge.
    private var occurrences: [Pair: Set<Int>] = [:]

    /// What a token spells, and whether it goes on within a word. Its prefix stays apart: Swift would join the last character of
    /// that with a combining mark after it.
    private struct Piece {
        let text: String
        let continues: Bool

        var token: String { (continues ? WordPiece.continuationPrefix : "") + text }
    }

    private struct Pair: Hashable {
        let left: Int
        let right: Int
    }

    /// A pair with the count that it had when it was put on the heap; stale if the count has changed since.
    private struct Candidate: Comparable {
        let count: Int
        let pair: Pair

        /// The heap's largest is the most frequent pair; of equally frequent ones, that with the smallest ids.
        static func < (a: Candidate, b: Candidate) -> Bool {
            (a.count, b.pair.left, b.pair.right) < (b.count, a.pair.left, a.pair.right)
        }
    }

    /// Learns at most `size` tokens.
    ///
    /// - Parameter counts: how often each word occurs; words are UTF-8
    /// - Complexity: O(*m* log *m*) for *m* adjacent pairs in the distinct words.
    init(_ counts: [[UInt8]: Int], size: Int) {
        let minimum = Self.minimumFrequency
        // Sorted, so that nothing below depends on the order of the dictionary.
        let texts = counts.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { (Array(String(decoding: $0.key, as: UTF8.self).unicodeScalars), $0.value) }
        var (frequencies, inside): ([Unicode.Scalar: Int], [Unicode.Scalar: Int]) = ([:], [:])
        for (word, count) in texts {
            for scalar in word { frequencies[scalar, default: 0] += count }
            for scalar in word.dropFirst() { inside[scalar, default: 0] += count }
        }
        // If even the characters do not fit, the frequent ones come first.
        let alphabet = frequencies.filter { $0.value >= minimum }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(size).map(\.key).sorted()
        let continued = alphabet.filter { inside[$0, default: 0] >= minimum }.prefix(size - alphabet.count)
        pieces =
            alphabet.map { Piece(text: String($0), continues: false) }
            + continued.map { Piece(text: String($0), continues: true) }
        let startIDs = Dictionary(uniqueKeysWithValues: zip(alphabet, 0...))
        let insideIDs = Dictionary(uniqueKeysWithValues: zip(continued, alphabet.count...))
        for (word, count) in texts {
            // A character that is too rare to be a token divides its word: what is left and right of it never meets.
            let ids = word.enumerated().map { $0 == 0 ? startIDs[$1] : insideIDs[$1] }
            for part in ids.split(separator: nil) { words.append((part.compactMap { $0 }, count)) }
        }
        for (index, word) in words.enumerated() {
            for pair in zip(word.pieces, word.pieces.dropFirst()).map(Pair.init) {
                pairCounts[pair, default: 0] += word.count
                occurrences[pair, default: []].insert(index)
            }
        }
        merge(upTo: size)
    }

    /// Merges pairs until there are `size` pieces, or no pair is frequent enough.
    private mutating func merge(upTo size: Int) {
        // By their bytes: Swift takes strings for equal that differ in how their accents are composed.
        var ids = Dictionary(uniqueKeysWithValues: zip(tokens.map { Array($0.utf8) }, 0...))
        var heap = Heap(pairCounts.map { Candidate(count: $0.value, pair: $0.key) })
        while pieces.count < size, let best = heap.popMax() {
            let count = pairCounts[best.pair]!
            if count != best.count {
                if count >= Self.minimumFrequency { heap.insert(Candidate(count: count, pair: best.pair)) }
                continue
            }
            if count < Self.minimumFrequency { break }
            let (left, right) = (pieces[best.pair.left], pieces[best.pair.right])
            let merged = Piece(text: left.text + right.text, continues: left.continues)
            // Two pairs can spell the same piece, which then is one token.
            let key = Array(merged.token.utf8)
            let id = ids[key] ?? pieces.count
            if id == pieces.count {
                ids[key] = id
                pieces.append(merged)
            }
            let changed = replace(best.pair, by: id)
            for pair in changed { heap.insert(Candidate(count: pairCounts[pair]!, pair: pair)) }
        }
    }

    /// Replaces a pair by a piece in every word, and returns the pairs that now occur more often.
    private mutating func replace(_ pair: Pair, by piece: Int) -> Set<Pair> {
        var changed: Set<Pair> = []
        for index in occurrences.removeValue(forKey: pair) ?? [] {
            let (old, count) = words[index]
            var new: [Int] = []
            var position = 0
            while position < old.count {
                if position + 1 < old.count && old[position] == pair.left && old[position + 1] == pair.right {
                    new.append(piece)
                    position += 2
                } else {
                    new.append(old[position])
                    position += 1
                }
            }
            if new.count == old.count { continue }
            for pair in zip(old, old.dropFirst()).map(Pair.init) { pairCounts[pair]! -= count }
            for pair in zip(new, new.dropFirst()).map(Pair.init) {
                pairCounts[pair, default: 0] += count
                occurrences[pair, default: []].insert(index)
                if pair.left == piece || pair.right == piece { changed.insert(pair) }
            }
            words[index].pieces = new
        }
        return changed
    }
}
