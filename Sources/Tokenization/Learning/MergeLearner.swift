import HeapModule

/// Learns tokens by merging, as Hugging Face's `WordPieceTrainer` and `BpeTrainer` do: again and again, the pair of adjacent pieces that occurs most often
/// becomes a piece (Sennrich et al., *Neural Machine Translation of Rare Words with Subword Units*, 2016, algorithm 1).
///
/// The tokens depend on how often each word occurs, and not on the order of the words: equal counts are decided by the ids of the
/// pieces, the smallest first, never by the order of a hash table.
package struct MergeLearner {
    /// Characters and pairs that occur less often do not become tokens.
    static let minimumFrequency = 2

    /// What each token spells, in UTF-8 or, of a ``BPE`` of bytes, in any bytes: what words are divided into first, and then what was merged, in its order.
    private(set) var pieces: [[UInt8]]
    /// The places of the pieces that are merged. There can be more of them than of new pieces: two pairs can spell the same one.
    private(set) var merges: [(left: Int, right: Int)] = []
    /// How many places of pairs were looked at: what learning takes.
    package private(set) var placesRead = 0

    /// How many bytes at the beginning of a piece are lost when it is merged into the one before it.
    private let prefix: Int
    /// The words of the text, one after the other, each as places that are linked: a merge changes nothing but the neighbours of a pair.
    private var places: [Place] = []
    private var pairCounts: [Pair: Int] = [:]
    /// The places where a pair begins, or did begin before a merge.
    private var occurrences: [Pair: [Int]] = [:]

    /// A piece in a word.
    private struct Place {
        /// -1: it has been merged into the one before it.
        var piece: Int
        /// The places of the neighbours; -1 at the ends of the word.
        var previous, next: Int
        /// How often the word occurs.
        let count: Int
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

    /// Learns the tokens of a ``WordPiece`` model, at most `size`: single characters in the order of their code points, then the same as continuations, then what was merged.
    ///
    /// - Parameter counts: how often each word occurs; words are UTF-8
    /// - Complexity: O(*m* log *m*) for *m* adjacent pairs in the distinct words: each merge looks at the places of its pair only.
    package init(wordPiecesOf counts: [[UInt8]: Int], size: Int) {
        let texts = Self.characters(of: counts)
        var inside: [Unicode.Scalar: Int] = [:]
        for (word, count) in texts {
            for scalar in word.dropFirst() { inside[scalar, default: 0] += count }
        }
        let alphabet = Self.alphabet(of: texts, size: size).map(\.scalar)
        let continued = alphabet.filter { inside[$0, default: 0] >= Self.minimumFrequency }.prefix(
            size - alphabet.count)
        let prefix = WordPiece.continuationPrefix.utf8
        pieces = alphabet.map { Array(UTF8.encode($0)!) } + continued.map { Array(prefix) + Array(UTF8.encode($0)!) }
        self.prefix = prefix.count
        let startIDs = Dictionary(uniqueKeysWithValues: zip(alphabet, 0...))
        let insideIDs = Dictionary(uniqueKeysWithValues: zip(continued, alphabet.count...))
        for (word, count) in texts {
            // A character that is too rare to be a token divides its word: what is left and right of it never meets.
            let ids = word.enumerated().map { $0 == 0 ? startIDs[$1] : insideIDs[$1] }
            for part in ids.split(separator: nil) { append(part.compactMap { $0 }, count: count) }
        }
        merge(upTo: size)
    }

    /// Learns the tokens of a ``BPE`` of bytes, at most `size`: every byte, in the order of ``ByteAlphabet``, then what was merged.
    ///
    /// - Parameter counts: how often each word occurs
    /// - Complexity: O(*m* log *m*) for *m* adjacent pairs in the distinct words
    init(bytesOf counts: [[UInt8]: Int], size: Int) {
        let bytes = (UInt8.min...UInt8.max).sorted { ByteAlphabet.scalars[Int($0)] < ByteAlphabet.scalars[Int($1)] }
        pieces = bytes.map { [$0] }
        prefix = 0
        var ids = [Int](repeating: 0, count: bytes.count)
        for (id, byte) in bytes.enumerated() { ids[Int(byte)] = id }
        for (word, count) in Self.sorted(counts) {
            append(word.map { ids[Int($0)] }, count: count)
        }
        merge(upTo: size)
    }

    /// The words in the order of their bytes, so that nothing depends on that of the dictionary.
    private static func sorted(_ counts: [[UInt8]: Int]) -> [(key: [UInt8], value: Int)] {
        counts.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// The characters of each word, and how often it occurs; in the order of their bytes.
    static func characters(of counts: [[UInt8]: Int]) -> [([Unicode.Scalar], Int)] {
        sorted(counts).map { (Array(String(decoding: $0.key, as: UTF8.self).unicodeScalars), $0.value) }
    }

    /// The characters that are frequent enough to be tokens, in the order of their code points, with how often they occur; if even these are more than `size`, the most frequent of them.
    static func alphabet(of words: [([Unicode.Scalar], Int)], size: Int) -> [(scalar: Unicode.Scalar, count: Int)] {
        var frequencies: [Unicode.Scalar: Int] = [:]
        for (word, count) in words {
            for scalar in word { frequencies[scalar, default: 0] += count }
        }
        return frequencies.filter { $0.value >= minimumFrequency }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(size).map { ($0.key, $0.value) }.sorted {
                $0.scalar < $1.scalar
            }
    }

    private mutating func append(_ word: [Int], count: Int) {
        let first = places.count
        for (index, piece) in word.enumerated() {
            let isLast = index == word.count - 1
            places.append(
                Place(
                    piece: piece, previous: index == 0 ? -1 : first + index - 1, next: isLast ? -1 : first + index + 1,
                    count: count))
        }
    }

    /// The pair that begins at a place; nil at the end of a word, and for the place -1.
    private func pair(at place: Int) -> Pair? {
        guard place >= 0, places[place].next >= 0 else { return nil }
        return Pair(left: places[place].piece, right: places[places[place].next].piece)
    }

    /// Counts the pair that begins at a place.
    ///
    /// - Returns: the pair, if there is one
    @discardableResult
    private mutating func countPair(at place: Int) -> Pair? {
        guard let pair = pair(at: place) else { return nil }
        pairCounts[pair, default: 0] += places[place].count
        occurrences[pair, default: []].append(place)
        return pair
    }

    /// Takes back what ``countPair(at:)`` has counted, before a merge.
    private mutating func uncountPair(at place: Int) {
        if let pair = pair(at: place) { pairCounts[pair, default: 0] -= places[place].count }
    }

    /// Merges pairs until there are `size` pieces, or no pair is frequent enough.
    private mutating func merge(upTo size: Int) {
        for place in places.indices { countPair(at: place) }
        var ids = Dictionary(uniqueKeysWithValues: zip(pieces, 0...))
        var heap = Heap(pairCounts.map { Candidate(count: $0.value, pair: $0.key) })
        while pieces.count < size, let best = heap.popMax() {
            let count = pairCounts[best.pair, default: 0]
            if count != best.count {
                if count >= Self.minimumFrequency { heap.insert(Candidate(count: count, pair: best.pair)) }
                continue
            }
            if count < Self.minimumFrequency { break }
            merges.append((best.pair.left, best.pair.right))
            let merged = pieces[best.pair.left] + pieces[best.pair.right].dropFirst(prefix)
            let id = ids[merged] ?? pieces.count
            if id == pieces.count {
                ids[merged] = id
                pieces.append(merged)
            }
            for pair in replace(best.pair, by: id) {
                heap.insert(Candidate(count: pairCounts[pair, default: 0], pair: pair))
            }
        }
    }

    /// Replaces a pair by a piece in every word, from the left, and returns the pairs that now occur more often.
    ///
    /// - Complexity: O(*k* log *k*) for *k* occurrences of the pair, now or before
    private mutating func replace(_ pair: Pair, by piece: Int) -> Set<Pair> {
        var changed: Set<Pair> = []
        let found = (occurrences.removeValue(forKey: pair) ?? []).sorted()
        placesRead += found.count
        for place in found where self.pair(at: place) == pair {
            let (previous, right) = (places[place].previous, places[place].next)
            for neighbour in [previous, place, right] { uncountPair(at: neighbour) }
            let next = places[right].next
            places[right] = Place(piece: -1, previous: -1, next: -1, count: 0)
            (places[place].piece, places[place].next) = (piece, next)
            if next >= 0 { places[next].previous = place }
            for neighbour in [previous, place] {
                if let pair = countPair(at: neighbour) { changed.insert(pair) }
            }
        }
        return changed
    }
}
