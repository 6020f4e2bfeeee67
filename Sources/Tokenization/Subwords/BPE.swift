import HeapModule

/// Byte pair encoding (Sennrich et al., *Neural Machine Translation of Rare Words with Subword Units*, 2016, algorithm 1): a word begins as its
/// characters, or its bytes, and of the pairs of neighbours that have a merge, the one that was learned first is merged, again and again.
package struct BPE: Sendable {
    /// What becomes of a pair, and how early.
    struct Merge: Sendable {
        /// The place in the list of merges; ``none`` if the pair has no merge.
        var rank: UInt32
        var id: UInt32

        static let none = Merge(rank: .max, id: 0)
    }

    /// What it works with.
    struct Scratch {
        /// Of each symbol of a word, the places of its neighbours: -1 before the first, and their number behind the last.
        fileprivate var next: [Int32] = []
        fileprivate var previous: [Int32] = []
        /// Of each symbol but the last, the rank of the merge with the next one.
        fileprivate var ranks: [UInt32] = []

        fileprivate mutating func link(_ count: Int) {
            next.removeAll(keepingCapacity: true)
            previous.removeAll(keepingCapacity: true)
            for place in 0..<Int32(count) {
                next.append(place + 1)
                previous.append(place - 1)
            }
        }

        /// Takes a symbol out, and returns its neighbours.
        fileprivate mutating func unlink(_ place: Int) -> (previous: Int, next: Int) {
            let (before, after) = (Int(previous[place]), Int(next[place]))
            next[before] = Int32(after)
            if after < next.count { previous[after] = Int32(before) }
            return (before, after)
        }
    }

    /// What a description of the model says beside the vocabulary and the merges.
    struct Settings {
        var unknown: Int?
        /// Whether neighbours that are unknown are one token.
        var fusesUnknown = false
        /// Whether what is unknown becomes tokens of its bytes, `<0x0A>` for example.
        var fallsBackToBytes = false
        /// Whether a word that is a token is not divided, whatever the merges say.
        var ignoresMerges = false
        /// What the vocabulary has before characters that do not begin a word, and after those that end one.
        var prefix = ""
        var suffix = ""
        /// Whether tokens are bytes, each written as one of ``ByteAlphabet``.
        var isByteLevel = false
    }

    private let tokens: ByteStrings
    private let merges: PairTable
    private let settings: Settings
    /// Of each byte, the token that it is alone, or falls back to; -1 if there is none.
    private var byteIDs = [Int32](repeating: -1, count: 256)
    /// Of each token, whether its own text becomes it again: then a word that is equal to it need not be put together.
    private var isWhole: [Bool] = []
    /// Of each token, whether it is a character of several bytes that are merged before anything beside it can be merged with one of them.
    private var isUnit: [Bool] = []

    /// - Parameters:
    ///   - vocabulary: tokens with their ids
    ///   - merges: pairs of tokens, in the order in which they are merged
    /// - Throws: ``TokenizationError`` if a part of a merge, or what it gives, is no token.
    init(_ vocabulary: [(token: String, id: Int)], merges pairs: [(String, String)], _ settings: Settings) throws {
        let ids = ByteStrings(vocabulary.map { ($0.token.utf8, $0.id) })
        func id(_ token: [UInt8]) throws -> Int {
            guard let id = ids[token] else {
                throw TokenizationError(
                    "a merge needs the token '\(String(decoding: token, as: UTF8.self))', which is not in the vocabulary"
                )
            }
            return id
        }
        let prefix = settings.prefix.utf8.count
        merges = PairTable(
            try pairs.enumerated().map { rank, pair in
                let (left, right) = (Array(pair.0.utf8), Array(pair.1.utf8))
                guard right.count >= prefix else {
                    throw TokenizationError("the merge of '\(pair.0)' and '\(pair.1)' lacks the prefix of subwords")
                }
                let (leftID, rightID) = (try id(left), try id(right))
                let merged = try id(left + right[prefix...])
                return (leftID, rightID, Merge(rank: UInt32(rank), id: UInt32(merged)))
            })
        self.settings = settings
        tokens =
            settings.isByteLevel
            ? ByteStrings(vocabulary.compactMap { token, id in ByteAlphabet.bytes(of: token).map { ($0, id) } }) : ids
        for byte in 0..<256 {
            let text =
                settings.isByteLevel
                ? String(ByteAlphabet.scalars[byte])
                : "<0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>"
            byteIDs[byte] = Int32(ids[text.utf8] ?? -1)
        }
        findShortcuts(vocabulary, ranks: Self.firstRanks(merges))
    }

    /// The earliest merges in which each token is the left part, and the right one.
    private static func firstRanks(_ merges: PairTable) -> (left: [Int: UInt32], right: [Int: UInt32]) {
        var ranks: (left: [Int: UInt32], right: [Int: UInt32]) = ([:], [:])
        merges.forEach { left, right, merge in
            ranks.left[left] = min(ranks.left[left] ?? .max, merge.rank)
            ranks.right[right] = min(ranks.right[right] ?? .max, merge.rank)
        }
        return ranks
    }

    /// Finds out which tokens need not be put together.
    private mutating func findShortcuts(
        _ vocabulary: [(token: String, id: Int)], ranks: (left: [Int: UInt32], right: [Int: UInt32])
    ) {
        let count = (vocabulary.map(\.id).max() ?? -1) + 1
        var (whole, units) = ([Bool](repeating: false, count: count), [Bool](repeating: false, count: count))
        var scratch = Scratch()
        var parts: [Int] = []
        for (token, id) in vocabulary {
            guard let text = settings.isByteLevel ? ByteAlphabet.bytes(of: token) : Array(token.utf8), !text.isEmpty
            else { continue }
            parts.removeAll(keepingCapacity: true)
            merge(text.indices, of: text, to: &parts, &scratch)
            whole[id] = settings.ignoresMerges || parts == [id]
            let isCharacter = text.count > 1 && text.count == text.first.map { (~$0).leadingZeroBitCount }
            units[id] = settings.isByteLevel && isCharacter && parts == [id] && isUnit(text, ranks)
        }
        (isWhole, isUnit) = (whole, units)
    }

    /// Whether the bytes of a character are merged with each other before one of them can be with what is beside it: merges are done in their order.
    private func isUnit(_ character: [UInt8], _ ranks: (left: [Int: UInt32], right: [Int: UInt32])) -> Bool {
        var symbols = character.map { Int(byteIDs[Int($0)]) }
        /// The ends that others could be merged with before the character is whole.
        var ends: (first: Set<Int>, last: Set<Int>) = ([], [])
        var latest: UInt32 = 0
        while symbols.count > 1 {
            ends.first.insert(symbols[0])
            ends.last.insert(symbols[symbols.count - 1])
            let found = zip(symbols, symbols.dropFirst()).map { merges[$0, $1] }
            guard let place = found.indices.min(by: { found[$0].rank < found[$1].rank }),
                found[place].rank != Merge.none.rank
            else { return false }
            latest = max(latest, found[place].rank)
            symbols.replaceSubrange(place...place + 1, with: [Int(found[place].id)])
        }
        // As long as there is something to merge in it, that comes first; and what is merged with the whole of it comes after.
        return ends.first.union(symbols).allSatisfy { ranks.right[$0] ?? .max > latest }
            && ends.last.union(symbols).allSatisfy { ranks.left[$0] ?? .max > latest }
    }

    /// Appends the ids of the tokens of a word, which is a range of `text`.
    ///
    /// - Parameter scratch: memory that means nothing between two calls
    /// - Complexity: O(*n* log *n*) in the length of the word
    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int], _ scratch: inout Scratch) {
        if let id = tokens.value(of: text, word), isWhole[id] { return ids.append(id) }
        merge(word, of: text, to: &ids, &scratch)
    }

    /// The longest words of which all pairs are looked at for each merge.
    private static let fewSymbols = 128

    private func merge(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int], _ scratch: inout Scratch) {
        let first = ids.count
        if settings.isByteLevel {
            var position = word.lowerBound
            while position < word.upperBound {
                let byte = text[position]
                if byte >= 0xC0, !isUnit.isEmpty {
                    let end = position + (~byte).leadingZeroBitCount
                    if end <= word.upperBound, let id = tokens.value(of: text, position..<end), isUnit[id] {
                        ids.append(id)
                        position = end
                        continue
                    }
                }
                if byteIDs[Int(byte)] >= 0 { ids.append(Int(byteIDs[Int(byte)])) }
                position += 1
            }
        } else {
            appendCharacters(word, of: text, to: &ids)
        }
        let count = ids.count - first
        if count < 2 { return }
        scratch.link(count)
        if count > Self.fewSymbols {
            mergeMany(from: first, &ids, &scratch)
        } else {
            mergeFew(from: first, &ids, &scratch)
        }
        // A symbol that was merged into the one before it is -1.
        var end = first
        for index in first..<ids.count where ids[index] >= 0 {
            ids[end] = ids[index]
            end += 1
        }
        ids.removeLast(ids.count - end)
    }

    /// Merges the symbols from a place on: every time, all pairs are looked at, which a processor does many at a time.
    private func mergeFew(from first: Int, _ ids: inout [Int], _ scratch: inout Scratch) {
        let count = ids.count - first
        scratch.ranks.removeAll(keepingCapacity: true)
        for index in first..<ids.count - 1 { scratch.ranks.append(merges[ids[index], ids[index + 1]].rank) }
        while true {
            var best = Merge.none.rank
            for rank in scratch.ranks { best = min(best, rank) }
            guard best != Merge.none.rank, let place = scratch.ranks.firstIndex(of: best) else { return }
            let right = Int(scratch.next[place])
            ids[first + place] = Int(merges[ids[first + place], ids[first + right]].id)
            ids[first + right] = -1
            let (previous, next) = scratch.unlink(right)
            if right < count - 1 { scratch.ranks[right] = Merge.none.rank }
            scratch.ranks[place] = next < count ? merges[ids[first + place], ids[first + next]].rank : Merge.none.rank
            let before = scratch.previous[previous]
            if before >= 0 { scratch.ranks[Int(before)] = merges[ids[first + Int(before)], ids[first + place]].rank }
        }
    }

    /// Appends the tokens of single characters.
    private func appendCharacters(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int]) {
        var position = word.lowerBound
        /// Whether an unknown token is still to be appended: bytes of a character after it come first.
        var isPending = false
        while position < word.upperBound {
            let end = position + text.decode(at: position).width
            let id: Int?
            let isInner = position > word.lowerBound && !settings.prefix.isEmpty
            let isEnd = end == word.upperBound && !settings.suffix.isEmpty
            if isInner || isEnd {
                id =
                    tokens[
                        (isInner ? Array(settings.prefix.utf8) : []) + text[position..<end]
                            + (isEnd ? Array(settings.suffix.utf8) : [])]
            } else {
                id = tokens.value(of: text, position..<end)
            }
            if let id {
                if isPending, let unknown = settings.unknown { ids.append(unknown) }
                ids.append(id)
                isPending = false
            } else if !appendBytes(position..<end, isInner, isEnd, of: text, to: &ids), let unknown = settings.unknown {
                if isPending && !settings.fusesUnknown { ids.append(unknown) }
                isPending = true
            }
            position = end
        }
        if isPending, let unknown = settings.unknown { ids.append(unknown) }
    }

    /// Appends the tokens of the bytes of a character, if every byte has one.
    private func appendBytes(
        _ character: Range<Int>, _ isInner: Bool, _ isEnd: Bool, of text: [UInt8], to ids: inout [Int]
    ) -> Bool {
        guard settings.fallsBackToBytes else { return false }
        let bytes =
            (isInner ? Array(settings.prefix.utf8) : []) + text[character] + (isEnd ? Array(settings.suffix.utf8) : [])
        guard bytes.allSatisfy({ byteIDs[Int($0)] >= 0 }) else { return false }
        for byte in bytes { ids.append(Int(byteIDs[Int(byte)])) }
        return true
    }

    /// A pair that can be merged, when it was found.
    private struct Candidate: Comparable {
        let merge: Merge
        let place: Int

        static func == (a: Candidate, b: Candidate) -> Bool { (a.merge.rank, a.place) == (b.merge.rank, b.place) }
        static func < (a: Candidate, b: Candidate) -> Bool { (a.merge.rank, a.place) < (b.merge.rank, b.place) }
    }

    /// Merges the symbols from a place on, of which there are many.
    private func mergeMany(from first: Int, _ ids: inout [Int], _ scratch: inout Scratch) {
        let count = ids.count - first
        func candidate(_ place: Int, _ scratch: Scratch) -> Candidate? {
            guard place >= 0, case let next = Int(scratch.next[place]), next < count else { return nil }
            let merge = merges[ids[first + place], ids[first + next]]
            return merge.rank == Merge.none.rank ? nil : Candidate(merge: merge, place: place)
        }
        var heap = Heap((0..<count).compactMap { candidate($0, scratch) })
        while let best = heap.popMin() {
            let place = best.place
            // A pair can have become another one since, or none.
            guard ids[first + place] >= 0, let current = candidate(place, scratch), current.merge.id == best.merge.id
            else { continue }
            let right = Int(scratch.next[place])
            ids[first + place] = Int(best.merge.id)
            ids[first + right] = -1
            _ = scratch.unlink(right)
            for place in [Int(scratch.previous[place]), place] {
                if let candidate = candidate(place, scratch) { heap.insert(candidate) }
            }
        }
    }
}

/// The merges by their pairs: a hash table with linear probing.
private struct PairTable: Sendable {
    private struct Entry {
        /// Both ids; -1 if the entry is free.
        var pair: Int = -1
        var merge = BPE.Merge.none
    }

    /// Their number is a power of two, and at least half of them are free.
    private var entries: [Entry]

    /// Of equal pairs, the last counts.
    init(_ merges: [(left: Int, right: Int, merge: BPE.Merge)]) {
        var capacity = 16
        while capacity < 2 * merges.count { capacity *= 2 }
        entries = [Entry](repeating: Entry(), count: capacity)
        for (left, right, merge) in merges {
            let pair = left << 32 | right
            entries[slot(pair)] = Entry(pair: pair, merge: merge)
        }
    }

    @inline(__always)
    private func slot(_ pair: Int) -> Int {
        let mask = entries.count - 1
        var slot = Int(truncatingIfNeeded: UInt64(bitPattern: Int64(pair)) &* 0x9E37_79B9_7F4A_7C15 >> 32) & mask
        while entries[slot].pair != pair && entries[slot].pair >= 0 { slot = (slot + 1) & mask }
        return slot
    }

    /// Calls `body` with each pair and its merge.
    func forEach(_ body: (Int, Int, BPE.Merge) -> Void) {
        for entry in entries where entry.pair >= 0 { body(entry.pair >> 32, entry.pair & 0xFFFF_FFFF, entry.merge) }
    }

    subscript(left: Int, right: Int) -> BPE.Merge { entries[slot(left << 32 | right)].merge }
}
