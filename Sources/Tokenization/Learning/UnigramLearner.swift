import Foundation

/// Learns the tokens of a ``Unigram`` model as SentencePiece does (Kudo, *Subword Regularization*, 2018, section 3.2; Kudo & Richardson, *SentencePiece*, 2018):
/// frequent substrings of the words are fitted by expectation-maximisation, those that the likelihood of the text needs least are dropped, and so on until few enough are left.
///
/// The tokens depend on how often each word occurs, and not on the order of the words: what is equally good is decided by the bytes of the tokens, the smallest first.
struct UnigramLearner {
    /// What the tokens spell, with their scores, log-probabilities: the best first.
    private(set) var pieces: [(text: [UInt8], score: Double)] = []

    /// Characters that occur less often do not become tokens.
    private static let minimumFrequency = MergeLearner.minimumFrequency
    /// Characters of the longest token.
    private static let longestPiece = 16
    /// The most substrings to begin with.
    private static let mostSeeds = 1_000_000
    /// How often tokens are fitted before some are dropped.
    private static let fitsPerRound = 2
    /// The share of tokens that stays in a round.
    private static let shrinkingFactor = 0.75
    /// Rounds end with somewhat more tokens than are wanted; of these the best are taken.
    private static let surplus = 1.1
    /// Tokens that are expected less often than this are dropped.
    private static let leastExpected = 0.5
    /// Words are divided after so many characters, so that the sums of products over them stay within the range of numbers.
    private static let longestPart = 64

    /// The words in parts, one after the other.
    private var text: [UInt8] = []
    private var parts: [Part] = []
    /// The tokens so far, in the order of their bytes.
    private var candidates: [Candidate] = []

    /// A part of a word, and how often the word occurs.
    private struct Part {
        let range: Range<Int>
        let count: Int
    }

    private struct Candidate {
        /// One of its places in the text.
        let range: Range<Int>
        /// Whether it is a character: these stay, so that every word can be divided.
        let isCharacter: Bool
        /// What its score is raised by before it is exponentiated: half of what its characters would cost if tokens were characters. All ways to divide a part are raised
        /// alike, and their products stay between what is too small for a number and what is too large.
        let lift: Double
        var score: Double
    }

    /// Learns at most `size` tokens.
    ///
    /// - Parameter counts: how often each word occurs; words are UTF-8
    /// - Complexity: O(*n* log *n*) in the length of the distinct words, which are read some forty times
    init(_ counts: [[UInt8]: Int], size: Int) {
        findSeeds(append(counts, size: size))
        let enough = Int(Self.surplus * Double(size))
        while true {
            var lattice = Lattice(text, candidates.map(\.range))
            for _ in 0..<Self.fitsPerRound { fit(&lattice) }
            let left = candidates.count { $0.score > -.infinity }
            if left <= enough { break }
            prune(&lattice, to: max(enough, Int(Self.shrinkingFactor * Double(left))))
        }
        // Characters have their places; of the others, the best have what is left.
        var left = size - candidates.count(where: \.isCharacter)
        let order = candidates.indices.sorted { (candidates[$1].score, $0) < (candidates[$0].score, $1) }
        for id in order where candidates[id].score > -.infinity {
            let candidate = candidates[id]
            if !candidate.isCharacter { left -= 1 }
            if candidate.isCharacter || left >= 0 { pieces.append((Array(text[candidate.range]), candidate.score)) }
        }
        (text, parts, candidates) = ([], [], [])
    }

    /// Divides the words into parts in which every character is frequent enough for a token.
    ///
    /// - Returns: what each of these characters would cost if tokens were characters: the negative logarithm of its share
    private mutating func append(_ counts: [[UInt8]: Int], size: Int) -> [Unicode.Scalar: Double] {
        let words = MergeLearner.characters(of: counts)
        let alphabet = MergeLearner.alphabet(of: words, size: size)
        let total = Double(alphabet.reduce(0) { $0 + $1.count })
        let costs = Dictionary(uniqueKeysWithValues: alphabet.map { ($0.scalar, -log(Double($0.count) / total)) })
        for (word, count) in words {
            for run in word.split(whereSeparator: { costs[$0] == nil }) {
                for start in stride(from: run.startIndex, to: run.endIndex, by: Self.longestPart) {
                    let first = text.count
                    for scalar in run[start...].prefix(Self.longestPart) {
                        text.append(contentsOf: UTF8.encode(scalar)!)
                    }
                    parts.append(Part(range: first..<text.count, count: count))
                }
            }
        }
        return costs
    }

    /// What follows a place of the text, as far as it has been read.
    private struct Suffix {
        let start: Int
        var end: Int
        /// The part that it is in.
        let part: Int
        /// The character that comes next; 0 at the end of the part.
        var next: UInt32 = 0
    }

    /// Finds the characters, and the substrings that occur more than once and are not always followed by the same character; if these are too many, those that cover most
    /// of the text.
    ///
    /// - Parameter costs: of the characters
    private mutating func findSeeds(_ costs: [Unicode.Scalar: Double]) {
        var suffixes: [Suffix] = []
        for (index, part) in parts.enumerated() {
            for start in part.range where text[start] & 0xC0 != 0x80 {
                suffixes.append(Suffix(start: start, end: start, part: index))
            }
        }
        var covers: [Int] = []
        /// Suffixes that have been read alike. What comes next is at the end, so that seeds are found in the order of their bytes.
        var open = [(range: suffixes.indices, length: 0, lift: 0.0)]
        while let (range, length, lift) = open.popLast() {
            var count = 0
            for index in range {
                let (end, part) = (suffixes[index].end, parts[suffixes[index].part])
                suffixes[index].next = end < part.range.upperBound ? text.scalar(at: end).value : 0
                count += part.count
            }
            if count < MergeLearner.minimumFrequency { continue }
            suffixes[range].sort { $0.next < $1.next }
            var runs: [Range<Int>] = []
            for index in range {
                if let run = runs.last, suffixes[run.lowerBound].next == suffixes[index].next {
                    runs[runs.count - 1] = run.lowerBound..<index + 1
                } else {
                    runs.append(index..<index + 1)
                }
            }
            let isAlwaysFollowed = runs.count == 1 && suffixes[range.lowerBound].next != 0
            if length == 1 || length > 1 && (!isAlwaysFollowed || length == Self.longestPiece) {
                let place = suffixes[range.lowerBound]
                candidates.append(
                    Candidate(
                        range: place.start..<place.end, isCharacter: length == 1, lift: lift,
                        score: log(Double(count * length))))
                covers.append(length == 1 ? .max : count * length)
            }
            if length == Self.longestPiece { continue }
            for run in runs.reversed() {
                guard let next = Unicode.Scalar(suffixes[run.lowerBound].next), next.value != 0 else { continue }
                for index in run { suffixes[index].end += UTF8.width(next) }
                open.append((run, length + 1, lift + (costs[next] ?? 0) / 2))
            }
        }
        if candidates.count > Self.mostSeeds {
            let best = candidates.indices.sorted { (covers[$1], $0) < (covers[$0], $1) }.prefix(Self.mostSeeds)
            candidates = best.sorted().map { candidates[$0] }
        }
        let total = log(candidates.reduce(0) { $0 + exp($1.score) })
        for index in candidates.indices { candidates[index].score -= total }
    }

    /// A step of expectation-maximisation: how often each token is expected over all ways to divide the parts, each as probable as its tokens together, gives its new score. The
    /// digamma function in place of the logarithm holds down what is rare (Liang et al., *The Infinite PCFG Using Hierarchical Dirichlet Processes*, 2007).
    private mutating func fit(_ lattice: inout Lattice) {
        let weights = candidates.map { exp($0.score + $0.lift) }
        var expected = [Double](repeating: 0, count: candidates.count)
        for part in parts {
            lattice.read(part.range, of: text)
            lattice.addExpected(Double(part.count), weights, to: &expected)
        }
        var sum = 0.0
        for (index, candidate) in candidates.enumerated() {
            if candidate.isCharacter { expected[index] = max(expected[index], Self.leastExpected) }
            if expected[index] >= Self.leastExpected { sum += expected[index] }
        }
        let total = digamma(sum)
        for index in candidates.indices {
            candidates[index].score =
                expected[index] < Self.leastExpected ? -.infinity : digamma(expected[index]) - total
        }
    }

    /// Drops the tokens without which the text loses least of its likelihood, where each part is divided in the best way: in place of a token come those that it would be divided
    /// into itself.
    ///
    /// - Parameter limit: how many tokens stay, if there are no more characters
    private mutating func prune(_ lattice: inout Lattice, to limit: Int) {
        let scores = candidates.map(\.score)
        var counts = [Double](repeating: 0, count: candidates.count)
        for part in parts {
            lattice.read(part.range, of: text)
            for id in lattice.bestTokens(scores) { counts[id] += Double(part.count) }
        }
        let total = counts.reduce(0, +)
        var losses: [(id: Int, loss: Double)] = []
        for (id, candidate) in candidates.enumerated() where !candidate.isCharacter && counts[id] > 0 {
            lattice.read(candidate.range, of: text)
            let others = lattice.bestTokens(scores, without: id)
            let totalOfOthers = log(total + counts[id] * Double(others.count - 1))
            let likelihoodOfOthers = others.reduce(0) { $0 + log(counts[$1] + counts[id]) - totalOfOthers }
            losses.append((id, counts[id] * (log(counts[id]) - log(total) - likelihoodOfOthers)))
        }
        losses.sort { ($1.loss, $0.id) < ($0.loss, $1.id) }
        var stays = candidates.map(\.isCharacter)
        for (id, _) in losses.prefix(max(0, limit - stays.count { $0 })) { stays[id] = true }
        candidates = zip(candidates, stays).filter(\.1).map(\.0)
    }
}

/// All tokens in a part of a text, and the ways through it that they make.
private struct Lattice {
    private let tokens: DoubleArray
    /// The tokens, by where they begin; places are counted from the beginning of the part.
    private var edges: [(start: Int, end: Int, id: Int)] = []
    private var length = 0
    /// For each place, what comes of all ways, or of the best, from the beginning to there, or from there to the end.
    private var forward: [Double] = []
    private var backward: [Double] = []
    /// For each place, the edge with which the best way ends there.
    private var last: [Int] = []

    /// - Parameter ranges: the tokens, by their ids, as places of a text
    init(_ text: [UInt8], _ ranges: [Range<Int>]) {
        tokens = DoubleArray(ranges.enumerated().map { (Array(text[$1]), $0) })
    }

    mutating func read(_ range: Range<Int>, of text: [UInt8]) {
        edges.removeAll(keepingCapacity: true)
        length = range.count
        for start in range where text[start] & 0xC0 != 0x80 {
            tokens.forEachPrefix(of: text, start..<range.upperBound) { id, end in
                edges.append((start - range.lowerBound, end - range.lowerBound, id))
            }
        }
    }

    /// Adds how often each token is expected in the part: by the sum of the products of weights over the ways that have it, of the sum over all ways.
    ///
    /// - Parameter count: how often the part occurs
    mutating func addExpected(_ count: Double, _ weights: [Double], to expected: inout [Double]) {
        forward.removeAll(keepingCapacity: true)
        backward.removeAll(keepingCapacity: true)
        for place in 0...length {
            forward.append(place == 0 ? 1 : 0)
            backward.append(place == length ? 1 : 0)
        }
        for edge in edges { forward[edge.end] += forward[edge.start] * weights[edge.id] }
        // Where the numbers do not suffice, which no text is known to reach, the part tells nothing.
        guard forward[length].isNormal else { return }
        let share = count / forward[length]
        for edge in edges.reversed() {
            let rest = weights[edge.id] * backward[edge.end]
            backward[edge.start] += rest
            expected[edge.id] += forward[edge.start] * rest * share
        }
    }

    /// The tokens of the way with the largest sum of scores, from the last to the first.
    ///
    /// - Parameter excluded: a token that it must not have
    mutating func bestTokens(_ scores: [Double], without excluded: Int = -1) -> [Int] {
        forward.removeAll(keepingCapacity: true)
        last.removeAll(keepingCapacity: true)
        for place in 0...length {
            forward.append(place == 0 ? 0 : -.infinity)
            last.append(-1)
        }
        for (index, edge) in edges.enumerated() where edge.id != excluded {
            let sum = forward[edge.start] + scores[edge.id]
            if sum > forward[edge.end] { (forward[edge.end], last[edge.end]) = (sum, index) }
        }
        var result: [Int] = []
        var place = length
        while place > 0, last[place] >= 0 {
            result.append(edges[last[place]].id)
            place = edges[last[place]].start
        }
        return result
    }
}

/// The derivative of the logarithm of the gamma function, for numbers above 0 (Abramowitz & Stegun, *Handbook of Mathematical Functions*, 6.3.5 and 6.3.18).
private func digamma(_ x: Double) -> Double {
    var (x, sum) = (x, 0.0)
    while x < 7 {
        sum -= 1 / x
        x += 1
    }
    let square = 1 / (x * x)
    return sum + log(x) - 0.5 / x - square * (1.0 / 12 - square * (1.0 / 120 - square / 252))
}
