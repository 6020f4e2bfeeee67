/// The second step of a ``Tokenizer``: splits normalised text into words, of which the ``SubwordModel`` takes one at a time.
///
/// Each case is a pre-tokenizer of Hugging Face's, or several of them.
package enum Splitter: Sendable, Equatable {
    /// At white space, which is dropped, and at punctuation, of which each character is a word.
    case bert
    /// At white space, which is dropped.
    case whiteSpace
    /// At Unicode's punctuation.
    case punctuation(Behavior)
    /// At numbers, of which each digit is a match.
    case digits(Behavior)
    /// Where a pattern matches, or where it does not.
    case pattern(Pattern, Behavior, isInverted: Bool)
    /// After so many characters.
    case length(Int)
    /// Spaces become a visible character, with which words begin.
    case metaspace(Metaspace)
    /// Bytes become characters, with which a space is visible, after a split by GPT-2's pattern.
    case byteLevel(ByteLevel)
    /// One after the other.
    case sequence([Splitter])

    /// What becomes of the matches at which a text is split.
    package enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// SentencePiece's way with spaces.
    package struct Metaspace: Sendable, Equatable {
        enum Prefix: String { case always, first, never }

        /// What stands for a space: ▁.
        let replacement: Unicode.Scalar
        /// Where it is put before a text that does not begin with it: before every text between added tokens, or the first only.
        let prefix: Prefix
        /// Whether words begin with it; else a text is one word.
        let splits: Bool
    }

    /// GPT-2's way with bytes.
    package struct ByteLevel: Sendable, Equatable {
        /// Whether a space is put before a text that does not begin with one.
        let addsPrefix: Bool
        /// Whether it splits at all.
        let splits: Bool
        /// Whether bytes become characters; a ``BPE`` whose tokens are bytes needs no such detour.
        let maps: Bool
    }

    /// Whether it makes a difference whether a word is where a text begins.
    var asksForBeginning: Bool {
        switch self {
        case .metaspace(let metaspace): metaspace.prefix == .first
        case .sequence(let splitters): splitters.contains(where: \.asksForBeginning)
        default: false
        }
    }

    /// Whether its last step makes characters of bytes, or leaves that to the model.
    var endsWithBytes: Bool {
        switch self {
        case .byteLevel: true
        case .sequence(let splitters): splitters.last?.endsWithBytes ?? false
        default: false
        }
    }

    /// The words of a range of a text.
    ///
    /// - Parameter beginsText: whether the range is where a text begins, before it was normalised
    func words(of text: [UInt8], in range: Range<Int>, beginsText: Bool) -> Words {
        var words = Words(text: text, ranges: range.isEmpty ? [] : [range], beginsText: beginsText)
        split(&words)
        return words
    }

    /// Words, as ranges of a text that can have been changed while it was split.
    struct Words {
        var text: [UInt8]
        var ranges: [Range<Int>]
        let beginsText: Bool
    }

    /// The words of a whole text, each as UTF-8.
    package func words(of text: String, normalizedBy normalizer: Normalizer) -> [[UInt8]] {
        let text = Array(text.utf8)
        let normalized = normalizer.normalize(text, in: text.indices)
        let words = words(of: normalized, in: normalized.indices, beginsText: true)
        return words.ranges.map { Array(words.text[$0]) }
    }

    /// Splits each word further.
    private func split(_ words: inout Words) {
        switch self {
        case .bert:
            let text = words.text
            words.ranges = words.ranges.flatMap { BERTWords(text: text, rest: $0) }
        case .whiteSpace: words.split(.removed) { $0.isSpace }
        case .punctuation(let behavior): words.split(behavior) { $0.kind == .punctuation }
        case .digits(let behavior): words.split(behavior) { $0.isNumber }
        case .pattern(let pattern, let behavior, let isInverted):
            words.ranges = words.ranges.flatMap { range in
                var parts: [(range: Range<Int>, isMatch: Bool)] = []
                var done = range.lowerBound
                pattern.forEachMatch(in: words.text, range) { match in
                    if done < match.lowerBound { parts.append((done..<match.lowerBound, isInverted)) }
                    parts.append((match, !isInverted))
                    done = match.upperBound
                }
                if done < range.upperBound { parts.append((done..<range.upperBound, isInverted)) }
                return behavior.words(of: parts)
            }
        case .length(let length):
            words.ranges = words.ranges.flatMap { range -> [Range<Int>] in
                var starts = range.filter { words.text[$0] & 0xC0 != 0x80 }
                starts.append(range.upperBound)
                return stride(from: 0, to: starts.count - 1, by: length).map {
                    starts[$0]..<starts[min($0 + length, starts.count - 1)]
                }
            }
        case .metaspace(let metaspace): metaspace.split(&words)
        case .byteLevel(let byteLevel): byteLevel.split(&words)
        case .sequence(let splitters): for splitter in splitters { splitter.split(&words) }
        }
    }
}

extension Splitter.Words {
    /// Splits at each character of which `isSeparator` says so.
    fileprivate mutating func split(_ behavior: Splitter.Behavior, _ isSeparator: (Unicode.Scalar) -> Bool) {
        ranges = ranges.flatMap { range in
            var parts: [(range: Range<Int>, isMatch: Bool)] = []
            var (done, position) = (range.lowerBound, range.lowerBound)
            while position < range.upperBound {
                let scalar = text.scalar(at: position)
                let next = position + UTF8.width(scalar)
                if isSeparator(scalar) {
                    if done < position { parts.append((done..<position, false)) }
                    parts.append((position..<next, true))
                    done = next
                }
                position = next
            }
            if done < range.upperBound { parts.append((done..<range.upperBound, false)) }
            return behavior.words(of: parts)
        }
    }
}

extension Splitter.Behavior {
    /// The words that the matches and what is between them make; none is empty.
    fileprivate func words(of parts: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var wasMatch = false
        switch self {
        case .removed: words = parts.filter { !$0.isMatch }.map(\.range)
        case .isolated: words = parts.map(\.range)
        case .contiguous:
            for part in parts {
                if part.isMatch == wasMatch, let last = words.last {
                    words[words.count - 1] = last.lowerBound..<part.range.upperBound
                } else {
                    words.append(part.range)
                }
                wasMatch = part.isMatch
            }
        case .mergedWithPrevious:
            for part in parts {
                if part.isMatch && !wasMatch, let last = words.last {
                    words[words.count - 1] = last.lowerBound..<part.range.upperBound
                } else {
                    words.append(part.range)
                }
                wasMatch = part.isMatch
            }
        case .mergedWithNext:
            for part in parts.reversed() {
                if part.isMatch && !wasMatch, let last = words.last {
                    words[words.count - 1] = part.range.lowerBound..<last.upperBound
                } else {
                    words.append(part.range)
                }
                wasMatch = part.isMatch
            }
            words.reverse()
        }
        return words.filter { !$0.isEmpty }
    }
}

/// The words of a text as BERT splits it, found one after the other.
struct BERTWords: Sequence, IteratorProtocol {
    let text: [UInt8]
    /// What has not been split yet.
    var rest: Range<Int>

    mutating func next() -> Range<Int>? {
        var start = rest.lowerBound
        var end = start
        while end < rest.upperBound {
            // Nearly all characters of many texts: they need no closer look.
            if 0x61...0x7A ~= text[end] {
                end += 1
                continue
            }
            let scalar = text.scalar(at: end)
            let kind = scalar.kind
            if kind != .letter && start < end { break }
            end += UTF8.width(scalar)
            if kind == .punctuation { break }
            if kind == .space { start = end }
        }
        rest = end..<rest.upperBound
        return start < end ? start..<end : nil
    }
}

extension Splitter.Metaspace {
    fileprivate func split(_ words: inout Splitter.Words) {
        let mark = Array(UTF8.encode(replacement)!)
        var text: [UInt8] = []
        text.reserveCapacity(words.text.count + words.text.count / 2 + mark.count)
        var ranges: [Range<Int>] = []
        for range in words.ranges {
            var start = text.count
            let source = words.text
            let first = source[range.lowerBound]
            let isMarked =
                first == 0x20
                || first == mark[0] && source[range].starts(with: mark)
            let isWanted =
                switch prefix {
                case .always: true
                case .first: words.beginsText && range.lowerBound == 0
                case .never: false
                }
            if isWanted && !isMarked { text += mark }
            for index in range {
                let byte = source[index]
                let isMark = byte == 0x20 || byte == mark[0] && source[index..<range.upperBound].starts(with: mark)
                if isMark && splits && text.count > start {
                    ranges.append(start..<text.count)
                    start = text.count
                }
                if byte == 0x20 { text += mark } else { text.append(byte) }
            }
            ranges.append(start..<text.count)
        }
        (words.text, words.ranges) = (text, ranges)
    }
}

extension Splitter.ByteLevel {
    /// That of GPT-2 (Radford et al., *Language Models are Unsupervised Multitask Learners*, 2019): contractions, and words, numbers and other
    /// characters with the space before them.
    static let expression = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    private static let pattern = try? Pattern(parsing: expression)

    fileprivate func split(_ words: inout Splitter.Words) {
        if addsPrefix { addPrefix(&words) }
        if splits, let pattern = Self.pattern {
            let text = words.text
            var ranges: [Range<Int>] = []
            ranges.reserveCapacity(text.count / 4)
            // Every character is in one of the matches.
            for range in words.ranges { pattern.forEachMatch(in: text, range) { ranges.append($0) } }
            words.ranges = ranges
        }
        if maps {
            var text: [UInt8] = []
            words.ranges = words.ranges.map { range in
                let start = text.count
                for byte in words.text[range] { text.append(contentsOf: UTF8.encode(ByteAlphabet.scalars[Int(byte)])!) }
                return start..<text.count
            }
            words.text = text
        }
    }

    private func addPrefix(_ words: inout Splitter.Words) {
        if words.ranges.allSatisfy({ words.text[$0.lowerBound] == 0x20 }) { return }
        var text: [UInt8] = []
        text.reserveCapacity(words.text.count + words.ranges.count)
        words.ranges = words.ranges.map { range in
            let start = text.count
            if words.text[range.lowerBound] != 0x20 { text.append(0x20) }
            text += words.text[range]
            return start..<text.count
        }
        words.text = text
    }
}
