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
                let merged = try id(left + right[prefix...])
                return (try id(left), try id(right), Merge(rank: UInt32(rank), id: UInt32(merged)))
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
        var whole = [Bool](repeating: false, count: (vocabulary.map(\.id).max() ?? -1) + 1)
        var scratch = SubwordScratch()
        var parts: [Int] = []
        for (token, id) in vocabulary {
            guard let text = settings.isByteLevel ? ByteAlphabet.bytes(of: token) : Array(token.utf8), !text.isEmpty
            else { continue }
            parts.removeAll(keepingCapacity: true)
            merge(text.indices, of: text, to: &parts, &scratch)
            whole[id] = settings.ignoresMerges || parts == [id]
        }
        isWhole = whole
    }

    /// Appends the ids of the tokens of a word, which is a range of `text`.
    ///
    /// - Complexity: O(*n* log *n*) in the length of the word
    func append(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int], _ scratch: inout SubwordScratch) {
        if let id = tokens.value(of: text, word), isWhole[id] { return ids.append(id) }
        merge(word, of: text, to: &ids, &scratch)
    }

    /// The longest words of which all pairs are looked at for each merge.
    private static let fewSymbols = 48

    private func merge(_ word: Range<Int>, of text: [UInt8], to ids: inout [Int], _ scratch: inout SubwordScratch) {
        let first = ids.count
        if settings.isByteLevel {
            for index in word where byteIDs[Int(text[index])] >= 0 { ids.append(Int(byteIDs[Int(text[index])])) }
        } else {
            appendCharacters(word, of: text, to: &ids)
        }
        if ids.count - first > Self.fewSymbols { return mergeMany(from: first, &ids) }
        scratch.merges.removeAll(keepingCapacity: true)
        for index in first..<max(first, ids.count - 1) { scratch.merges.append(merges[ids[index], ids[index + 1]]) }
        while true {
            var best = Merge.none
            var place = 0
            for (index, merge) in scratch.merges.enumerated() where merge.rank < best.rank {
                (best, place) = (merge, index)
            }
            if best.rank == Merge.none.rank { return }
            ids[first + place] = Int(best.id)
            ids.remove(at: first + place + 1)
            scratch.merges.remove(at: place)
            if place > 0 { scratch.merges[place - 1] = merges[ids[first + place - 1], ids[first + place]] }
            if place < scratch.merges.count {
                scratch.merges[place] = merges[ids[first + place], ids[first + place + 1]]
            }
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
    private func mergeMany(from first: Int, _ ids: inout [Int]) {
        let count = ids.count - first
        var previous = Array(-1..<count - 1)
        var next = Array(1...count)
        func candidate(_ place: Int) -> Candidate? {
            guard place >= 0, next[place] < count else { return nil }
            let merge = merges[ids[first + place], ids[first + next[place]]]
            return merge.rank == Merge.none.rank ? nil : Candidate(merge: merge, place: place)
        }
        var heap = Heap((0..<count).compactMap(candidate))
        while let best = heap.popMin() {
            let place = best.place
            // A symbol that was merged into the one before it is -1; a pair can have become another one.
            guard ids[first + place] >= 0, let current = candidate(place), current.merge.id == best.merge.id else {
                continue
            }
            let right = next[place]
            ids[first + place] = Int(best.merge.id)
            ids[first + right] = -1
            next[place] = next[right]
            if next[place] < count { previous[next[place]] = place }
            for place in [previous[place], place] {
                if let candidate = candidate(place) { heap.insert(candidate) }
            }
        }
        var end = first
        for index in first..<ids.count where ids[index] >= 0 {
            ids[end] = ids[index]
            end += 1
        }
        ids.removeSubrange(end...)
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

    subscript(left: Int, right: Int) -> BPE.Merge { entries[slot(left << 32 | right)].merge }
}
