/// A regular expression of those that tokenizers are described with, as a program for a machine that backtracks.
///
/// It means what Oniguruma takes it for, whose alternatives are tried in their order. A text is UTF-8, and places are those of its bytes.
package struct Pattern: Sendable, Equatable {
    /// A step of the program. Those that are not followed by another one by their nature go on with the next.
    enum Instruction: Sendable, Equatable {
        case scalar(UInt32)
        /// A character of one of ``sets``.
        case set(Int)
        /// As many characters of a set as there are, but no more than `most`; fewer, down to `least`, if what follows needs them.
        case run(set: Int, least: Int, most: Int, givesBack: Bool)
        /// What comes next, or else what is at `other`.
        case fork(other: Int)
        case jump(Int)
        /// Whether what is up to `next` matches here, or so many characters before; without going on in the text.
        case look(back: Int, expected: Bool, next: Int)
        /// What is up to `next`, as it matches first.
        case atomic(next: Int)
        case anchor(Anchor)
        case match
    }

    enum Anchor: Sendable { case start, end, lineStart, lineEnd, lastLineEnd, wordBoundary, noWordBoundary }

    /// As it was written.
    let source: String
    var instructions: [Instruction] = []
    var sets: [ScalarSet] = []
    /// How many characters a match has at least.
    var leastLength = 0
    /// Where the program of each alternative begins.
    var alternatives: [Int] = []
    /// The alternatives, a bit for each, that can match where this byte comes next: all bytes that are not ASCII are the 129th, the end of the text the last.
    var candidates = [UInt64](repeating: 0, count: 130)

    /// Calls `body` with the range of each match in a range of a text, from the left.
    func forEachMatch(in text: [UInt8], _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var matcher = Matcher(pattern: self, text: text, range: range)
        var start = range.lowerBound
        var last: Int?
        while start <= range.upperBound {
            guard let end = matcher.match(at: start) else {
                start = matcher.next(start)
                continue
            }
            // An empty match beside another one is none.
            if end == start && last == start {
                start = matcher.next(start)
                continue
            }
            body(start..<end)
            (start, last) = (end, end)
        }
    }
}

/// Where in a text a ``Pattern`` matches.
private struct Matcher {
    let pattern: Pattern
    let text: [UInt8]
    let range: Range<Int>
    /// Where to go on if what is tried does not match.
    private var stack: [Choice] = []
    /// Of a run's instruction, a long run from whose places on nothing matched: nothing does where it begins later in there, and else the time for a text of spaces would
    /// grow with the square of its length.
    private var hopeless: [Int: Range<Int>] = [:]

    private static let longRun = 100

    private struct Choice: Hashable {
        let instruction: Int
        var position: Int
        /// Every place of a character down to this one is to be tried.
        var lowest: Int
    }

    /// What was tried in vain in a run of the program; noted when it has been often, or a pattern could take years.
    private struct Failures {
        private var tries = 0
        private var choices: Set<Choice> = []

        private static let many = 1000

        /// Notes what is tried now, and says whether it was not before. There are no other circumstances: what has failed fails again.
        mutating func isNew(_ choice: Choice) -> Bool {
            tries += 1
            return tries <= Self.many
                || choices.insert(Choice(instruction: choice.instruction, position: choice.position, lowest: -1))
                    .inserted
        }
    }

    init(pattern: Pattern, text: [UInt8], range: Range<Int>) {
        (self.pattern, self.text, self.range) = (pattern, text, range)
    }

    /// The place after the character at `position`.
    func next(_ position: Int) -> Int {
        var next = position + 1
        while next < range.upperBound, text[next] & 0xC0 == 0x80 { next += 1 }
        return next
    }

    private func previous(_ position: Int) -> Int {
        var previous = position - 1
        while text[previous] & 0xC0 == 0x80 { previous -= 1 }
        return previous
    }

    /// The end of the match that begins at a place; nil if there is none.
    mutating func match(at start: Int) -> Int? {
        let first = start == range.upperBound ? 129 : min(Int(text[start]), 128)
        var candidates = pattern.candidates[first]
        while candidates != 0 {
            let alternative = candidates.trailingZeroBitCount
            candidates &= candidates - 1
            if let end = run(pattern.alternatives[alternative], at: start) { return end }
        }
        return nil
    }

    /// The place after a character of a set; nil if there is none.
    @inline(__always)
    private func end(of set: Int, at position: Int) -> Int? {
        guard position < range.upperBound else { return nil }
        let byte = text[position]
        if byte < 0x80 { return pattern.sets[set].containsASCII(byte) ? position + 1 : nil }
        let (value, width) = text.decode(at: position)
        return pattern.sets[set].containsOther(value) ? position + width : nil
    }

    /// Runs the program from an instruction on.
    ///
    /// - Returns: where the match ends; nil if there is none
    private mutating func run(_ start: Int, at place: Int) -> Int? {
        let bottom = stack.count
        var failures = Failures()
        var (instruction, position) = (start, place)
        var longRuns: [(instruction: Int, range: Range<Int>)] = []
        while true {
            var matches = true
            switch pattern.instructions[instruction] {
            case .scalar(let scalar):
                if position < range.upperBound, case let (value, width) = text.decode(at: position), value == scalar {
                    position += width
                    instruction += 1
                } else {
                    matches = false
                }
            case .set(let set):
                if let end = end(of: set, at: position) {
                    position = end
                    instruction += 1
                } else {
                    matches = false
                }
            case .run(_, _, .max, _) where !hopeless.isEmpty && hopeless[instruction]?.contains(position) == true:
                matches = false
            case .run(let set, let least, let most, let givesBack):
                var count = 0
                var lowest = position
                let first = position
                while count < most, let end = end(of: set, at: position) {
                    position = end
                    count += 1
                    if count == least { lowest = end }
                }
                matches = count >= least
                if count > Self.longRun { longRuns.append((instruction, first..<position)) }
                instruction += 1
                if matches, givesBack, position > lowest {
                    stack.append(Choice(instruction: instruction, position: position, lowest: lowest))
                }
            case .fork(let other):
                // Nothing is between: it is tried at this place only.
                stack.append(Choice(instruction: other, position: position, lowest: -1))
                instruction += 1
            case .jump(let other): instruction = other
            case .look(let back, let expected, let next):
                var from: Int? = position
                for _ in 0..<back { from = from.flatMap { $0 > range.lowerBound ? previous($0) : nil } }
                let isThere = from.flatMap { run(instruction + 1, at: $0) } != nil
                matches = isThere == expected
                instruction = next
            case .atomic(let next):
                if let end = run(instruction + 1, at: position) {
                    (instruction, position) = (next, end)
                } else {
                    matches = false
                }
            case .anchor(let anchor):
                matches = isAt(anchor, position)
                instruction += 1
            case .match:
                stack.removeLast(stack.count - bottom)
                return position
            }
            if matches { continue }
            guard let choice = nextChoice(above: bottom, &failures) else {
                for run in longRuns { hopeless[run.instruction] = run.range }
                return nil
            }
            (instruction, position) = (choice.instruction, choice.position)
        }
    }

    /// What to try next.
    private mutating func nextChoice(above bottom: Int, _ failures: inout Failures) -> Choice? {
        while stack.count > bottom {
            var choice = stack.removeLast()
            if choice.lowest >= 0 {
                choice.position = previous(choice.position)
                if choice.position > choice.lowest { stack.append(choice) }
            }
            if failures.isNew(choice) { return choice }
        }
        return nil
    }

    private func isAt(_ anchor: Pattern.Anchor, _ position: Int) -> Bool {
        let (isFirst, isLast) = (position == range.lowerBound, position == range.upperBound)
        let newline = UInt8(ascii: "\n")
        switch anchor {
        case .start: return isFirst
        case .end: return isLast
        case .lineStart: return isFirst || text[position - 1] == newline && !isLast
        case .lineEnd: return isLast || text[position] == newline
        case .lastLineEnd: return isLast || text[position] == newline && position + 1 == range.upperBound
        case .wordBoundary, .noWordBoundary:
            func isWord(at place: Int) -> Bool {
                let (value, _) = text.decode(at: place)
                return value < 128
                    ? ScalarSet.word.containsASCII(UInt8(value)) : ScalarSet.word.containsOther(value)
            }
            let differ = (!isFirst && isWord(at: previous(position))) != (!isLast && isWord(at: position))
            return differ == (anchor == .wordBoundary)
        }
    }
}
