extension Pattern {
    /// Reads a regular expression.
    ///
    /// - Throws: ``TokenizationError`` that names it, if it asks for what is not there.
    init(parsing source: String) throws {
        self.init(source: source)
        var parser = PatternParser(source)
        let node = try parser.parse()
        sets = parser.sets
        leastLength = node.leastLength
        let nodes = if case .alternatives(let nodes) = node { nodes } else { [node] }
        guard nodes.count <= 64 else { throw parser.error("has more than 64 alternatives") }
        for (index, node) in nodes.enumerated() {
            alternatives.append(instructions.count)
            try compile(node, parser)
            instructions.append(.match)
            let first = node.first(sets)
            for byte in 0..<UInt8(128) where first.isOptional || first.set.containsASCII(byte) {
                candidates[Int(byte)] |= 1 << index
            }
            if first.isOptional || first.hasOthers { candidates[128] |= 1 << index }
            if first.isOptional { candidates[129] |= 1 << index }
        }
    }

    /// The pattern that a text matches, and no other.
    init(literal text: String) {
        self.init(source: text)
        leastLength = text.unicodeScalars.count
        alternatives = [0]
        instructions = text.unicodeScalars.map { .scalar($0.value) } + [.match]
        if let byte = text.utf8.first { candidates[min(128, Int(byte))] = 1 }
    }

    /// Words as Hugging Face's `Whitespace` finds them: `\w+|[^\w\s]+`, of a Unicode that has joiners in words.
    static let words: Pattern = {
        var pattern = Pattern(source: #"\w+|[^\w\s]+"#)
        let others = ScalarSet.wordWithJoiners.union(.whiteSpace) ?? .wordWithJoiners
        pattern.sets = [.wordWithJoiners, others.inverted]
        for set in pattern.sets.indices {
            pattern.alternatives.append(pattern.instructions.count)
            pattern.instructions += [.run(set: set, least: 1, most: .max, givesBack: false), .match]
        }
        pattern.candidates = (0..<130).map { _ in 3 }
        return pattern
    }()

    /// The largest programs are of patterns whose groups are repeated.
    private static let mostInstructions = 10_000

    private mutating func compile(_ node: PatternNode, _ parser: PatternParser) throws {
        guard instructions.count < Self.mostInstructions else { throw parser.error("is too long") }
        switch node {
        case .scalar(let scalar): instructions.append(.scalar(scalar.value))
        case .set(let set): instructions.append(.set(set))
        case .anchor(let anchor): instructions.append(.anchor(anchor))
        case .sequence(let nodes): for node in nodes { try compile(node, parser) }
        case .alternatives(let nodes):
            var ends: [Int] = []
            for (index, node) in nodes.enumerated() {
                let fork = instructions.count
                let isLast = index == nodes.count - 1
                if !isLast { instructions.append(.fork(other: 0)) }
                try compile(node, parser)
                if isLast { break }
                ends.append(instructions.count)
                instructions.append(.jump(0))
                instructions[fork] = .fork(other: instructions.count)
            }
            for end in ends { instructions[end] = .jump(instructions.count) }
        case .atomic(let node):
            let start = instructions.count
            instructions.append(.atomic(next: 0))
            try compile(node, parser)
            instructions.append(.match)
            instructions[start] = .atomic(next: instructions.count)
        case .look(let node, let isBehind, let expected):
            guard let back = isBehind ? node.length : 0 else {
                throw parser.error("looks back at what has no fixed length")
            }
            let start = instructions.count
            instructions.append(.look(back: back, expected: expected, next: 0))
            try compile(node, parser)
            instructions.append(.match)
            instructions[start] = .look(back: back, expected: expected, next: instructions.count)
        case .repeated(.set(let set), let least, let most, let mode) where mode != .lazy:
            instructions.append(.run(set: set, least: least, most: most ?? .max, givesBack: mode == .greedy))
        case .repeated(let node, let least, let most, .possessive):
            try compile(.atomic(.repeated(node, least: least, most: most, .greedy)), parser)
        case .repeated(let node, let least, let most, let mode):
            guard most == 1 || node.leastLength > 0 else {
                throw parser.error("repeats a group that can be empty")
            }
            for _ in 0..<least { try compile(node, parser) }
            /// Goes on with what is compiled next, or else with what `skip` will be, or the other way round if few are wanted.
            func compileChoice(_ skip: inout [Int]) {
                if mode == .lazy {
                    instructions.append(.fork(other: instructions.count + 2))
                    skip.append(instructions.count)
                    instructions.append(.jump(0))
                } else {
                    skip.append(instructions.count)
                    instructions.append(.fork(other: 0))
                }
            }
            var skips: [Int] = []
            let start = instructions.count
            for _ in least..<(most ?? least + 1) {
                compileChoice(&skips)
                try compile(node, parser)
            }
            if most == nil { instructions.append(.jump(start)) }
            for skip in skips {
                instructions[skip] = mode == .lazy ? .jump(instructions.count) : .fork(other: instructions.count)
            }
        }
    }
}

/// A regular expression, or a part of one, as it is read.
indirect enum PatternNode {
    case scalar(Unicode.Scalar)
    /// A character of a set, by its place among those of the parser.
    case set(Int)
    case anchor(Pattern.Anchor)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// - Parameter most: nil: as many as there are
    case repeated(PatternNode, least: Int, most: Int?, Mode)
    case look(PatternNode, isBehind: Bool, expected: Bool)
    case atomic(PatternNode)

    enum Mode { case greedy, lazy, possessive }

    /// What can come first: the ASCII characters, whether there are others, and whether nothing is needed at all.
    func first(_ sets: [ScalarSet]) -> (set: ScalarSet, hasOthers: Bool, isOptional: Bool) {
        switch self {
        case .scalar(let scalar): return (ScalarSet(scalar.value...scalar.value), !scalar.isASCII, false)
        case .set(let set): return (sets[set], sets[set].hasOthers, false)
        case .anchor, .look: return (ScalarSet(), false, true)
        case .atomic(let node): return node.first(sets)
        case .repeated(let node, let least, let most, _):
            if most == 0 { return (ScalarSet(), false, true) }
            let first = node.first(sets)
            return (first.set, first.hasOthers, first.isOptional || least == 0)
        case .sequence(let nodes):
            var all = (set: ScalarSet(), hasOthers: false, isOptional: true)
            for node in nodes where all.isOptional {
                let first = node.first(sets)
                all = (all.set.asciiUnion(first.set), all.hasOthers || first.hasOthers, first.isOptional)
            }
            return all
        case .alternatives(let nodes):
            return nodes.reduce((ScalarSet(), false, false)) { all, node in
                let first = node.first(sets)
                return (all.0.asciiUnion(first.set), all.1 || first.hasOthers, all.2 || first.isOptional)
            }
        }
    }

    /// How many characters it matches at least.
    var leastLength: Int {
        switch self {
        case .scalar, .set: 1
        case .anchor, .look: 0
        case .atomic(let node): node.leastLength
        case .repeated(let node, let least, _, _): min(least * node.leastLength, 1 << 20)
        case .sequence(let nodes): min(nodes.reduce(0) { $0 + $1.leastLength }, 1 << 20)
        case .alternatives(let nodes): nodes.map(\.leastLength).min() ?? 0
        }
    }

    /// How many characters it matches; nil if not always as many.
    var length: Int? {
        switch self {
        case .scalar, .set: return 1
        case .anchor, .look: return 0
        case .atomic(let node): return node.length
        case .repeated(let node, let least, let most, _): return least == most ? node.length.map { $0 * least } : nil
        case .sequence(let nodes):
            return nodes.reduce(0) { sum, node in sum.flatMap { sum in node.length.map { sum + $0 } } }
        case .alternatives(let nodes):
            let lengths = Set(nodes.map(\.length))
            return lengths.count == 1 ? lengths.first! : nil
        }
    }
}

/// Reads regular expressions: the part of Oniguruma's Ruby syntax that tokenizers use.
private struct PatternParser {
    private let source: String
    private var rest: Substring.UnicodeScalarView
    private(set) var sets: [ScalarSet] = []
    private var ignoresCase = false
    private var depth = 0

    private static let deepest = 100
    private static let mostRepetitions = 1000

    init(_ source: String) {
        self.source = source
        rest = source.unicodeScalars[...]
    }

    func error(_ cause: String) -> TokenizationError {
        TokenizationError("the pattern '\(source.prefix(200))' \(cause), which is not computed here")
    }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.unicodeScalars) else { return false }
        rest.removeFirst(text.unicodeScalars.count)
        return true
    }

    mutating func parse() throws -> PatternNode {
        let node = try alternatives()
        if !rest.isEmpty { throw error("has a parenthesis too many") }
        return node
    }

    private mutating func alternatives() throws -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.deepest else { throw error("has too many groups in groups") }
        let ignoredCase = ignoresCase
        defer { ignoresCase = ignoredCase }
        var nodes = [try sequence()]
        while take("|") { nodes.append(try sequence()) }
        return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
    }

    private mutating func sequence() throws -> PatternNode {
        var nodes: [PatternNode] = []
        while let next = rest.first, next != "|", next != ")" {
            guard let node = try atom() else { continue }
            nodes.append(try repeated(node))
        }
        if ignoresCase { try checkFolding(nodes) }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    /// Some pairs of letters are one letter to those who ignore case.
    private func checkFolding(_ nodes: [PatternNode]) throws {
        let pairs = ["ss", "st", "ff", "fi", "fl"]
        for (a, b) in zip(nodes, nodes.dropFirst()) {
            if case .set(let a) = a, case .set(let b) = b,
                pairs.contains(where: { pair in
                    zip([a, b], pair.utf8).allSatisfy { sets[$0].containsASCII($1) }
                })
            {
                throw error("ignores the case of letters that together can be one")
            }
        }
    }

    private mutating func repeated(_ node: PatternNode) throws -> PatternNode {
        var node = node
        while true {
            var range: (least: Int, most: Int?)
            var isInterval = false
            if take("*") {
                range = (0, nil)
            } else if take("+") {
                range = (1, nil)
            } else if take("?") {
                range = (0, 1)
            } else if let interval = try interval() {
                (range, isInterval) = (interval, true)
            } else {
                return node
            }
            var mode = PatternNode.Mode.greedy
            if rest.first == "?" || rest.first == "+" {
                if isInterval { throw error("has an interval that is lazy or possessive") }
                mode = rest.removeFirst() == "?" ? .lazy : .possessive
            }
            if case .scalar(let scalar) = node { node = add(ScalarSet(scalar.value...scalar.value)) }
            node = .repeated(node, least: range.least, most: range.most, mode)
        }
    }

    /// `{2}`, `{2,}`, `{2,3}` or `{,3}`; anything else in braces is text.
    private mutating func interval() throws -> (least: Int, most: Int?)? {
        guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return nil }
        let numbers = String(rest[..<end].dropFirst()).split(separator: ",", omittingEmptySubsequences: false)
        let digits = numbers.allSatisfy { $0.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) }
        guard (1...2).contains(numbers.count), digits, numbers.contains(where: { !$0.isEmpty }) else { return nil }
        rest = rest[end...].dropFirst()
        let values = numbers.map { $0.isEmpty ? nil : Int($0) ?? .max }
        let (least, most) = (values[0] ?? 0, values.count == 1 ? values[0] : values[1])
        guard least <= Self.mostRepetitions, least <= most ?? .max, most ?? 0 <= Self.mostRepetitions else {
            throw error("has an interval that is too long or none")
        }
        return (least, most)
    }

    private mutating func add(_ set: ScalarSet) -> PatternNode {
        let index = sets.firstIndex(of: set) ?? sets.count
        if index == sets.count { sets.append(set) }
        return .set(index)
    }

    /// The next character, set, group or anchor; nil for what matches nothing by itself.
    private mutating func atom() throws -> PatternNode? {
        let scalar = rest.removeFirst()
        switch scalar {
        case "(": return try group()
        case "[": return add(try bracket())
        case ".": return add(ScalarSet(0x0A...0x0A).inverted)
        case "^": return .anchor(.lineStart)
        case "$": return .anchor(.lineEnd)
        case "*", "+", "?": throw error("repeats nothing")
        case "\\":
            guard let next = rest.first else { throw error("ends with a backslash") }
            let anchors: [Unicode.Scalar: Pattern.Anchor] = [
                "A": .start, "z": .end, "Z": .lastLineEnd, "b": .wordBoundary, "B": .noWordBoundary,
            ]
            if let anchor = anchors[next] {
                rest.removeFirst()
                return .anchor(anchor)
            }
            switch try escape() {
            case .set(let set):
                if ignoresCase { throw error("ignores the case of a class") }
                return add(set)
            case .scalar(let scalar): return try literal(scalar)
            }
        default: return try literal(scalar)
        }
    }

    private mutating func literal(_ scalar: Unicode.Scalar) throws -> PatternNode {
        guard ignoresCase else { return .scalar(scalar) }
        var set = ScalarSet(scalar.value...scalar.value)
        try addOtherCases(of: scalar.value...scalar.value, to: &set)
        return add(set)
    }

    /// The characters that are the same but for their case.
    private func addOtherCases(of range: ClosedRange<UInt32>, to set: inout ScalarSet) throws {
        guard range.upperBound < 128 else { throw error("ignores the case of letters that are not ASCII") }
        for value in range {
            let scalar = Unicode.Scalar(UInt8(value))
            guard scalar.properties.isAlphabetic else { continue }
            set.insert(value ^ 0x20...value ^ 0x20)
            if value | 0x20 == 0x73 { set.insert(0x17F...0x17F) }
            if value | 0x20 == 0x6B { set.insert(0x212A...0x212A) }
        }
    }

    private mutating func group() throws -> PatternNode? {
        var wrap: (PatternNode) -> PatternNode = { $0 }
        let ignoredCase = ignoresCase
        defer { ignoresCase = ignoredCase }
        if take("?") {
            if take("=") {
                wrap = { .look($0, isBehind: false, expected: true) }
            } else if take("!") {
                wrap = { .look($0, isBehind: false, expected: false) }
            } else if take("<=") {
                wrap = { .look($0, isBehind: true, expected: true) }
            } else if take("<!") {
                wrap = { .look($0, isBehind: true, expected: false) }
            } else if take(">") {
                wrap = { .atomic($0) }
            } else if take("i:") {
                ignoresCase = true
            } else if take("-i:") {
                ignoresCase = false
            } else if take("i)") {
                // Up to the end of the group around it, alternatives included.
                ignoresCase = true
                let node = try alternatives()
                return node
            } else if !take(":") {
                throw error("has a group (?\(rest.first.map(String.init) ?? "")")
            }
        }
        let node = try alternatives()
        guard take(")") else { throw error("has a parenthesis that is not closed") }
        return wrap(node)
    }

    private enum Escape {
        case scalar(Unicode.Scalar)
        case set(ScalarSet)
    }

    /// What follows a backslash.
    private mutating func escape() throws -> Escape {
        guard let scalar = rest.popFirst() else { throw error("ends with a backslash") }
        switch scalar {
        case "s": return .set(.whiteSpace)
        case "S": return .set(ScalarSet.whiteSpace.inverted)
        case "d": return .set(.digits)
        case "D": return .set(ScalarSet.digits.inverted)
        case "w": return .set(.word)
        case "W": return .set(ScalarSet.word.inverted)
        case "p", "P":
            guard take("{"), let end = rest.firstIndex(of: "}") else { throw error("has a property without a name") }
            var name = String(rest[..<end])
            rest = rest[end...].dropFirst()
            let isInverted = (name.first == "^") != (scalar == "P")
            if name.first == "^" { name.removeFirst() }
            guard name.count <= 2, let set = ScalarSet(category: name) else {
                throw error("asks for the property '\(name)'")
            }
            return .set(isInverted ? set.inverted : set)
        case "t": return .scalar("\t")
        case "n": return .scalar("\n")
        case "r": return .scalar("\r")
        case "f": return .scalar("\u{C}")
        case "v": return .scalar("\u{B}")
        case "a": return .scalar("\u{7}")
        case "e": return .scalar("\u{1B}")
        case "x":
            if take("{") {
                guard let end = rest.firstIndex(of: "}") else { throw error("has a number that does not end") }
                let digits = String(rest[..<end])
                rest = rest[end...].dropFirst()
                return .scalar(try hexadecimal(digits))
            }
            return .scalar(try hexadecimal(digits(2)))
        case "u": return .scalar(try hexadecimal(digits(4)))
        case _ where scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil):
            throw error("asks for \\\(scalar)")
        default: return .scalar(scalar)
        }
    }

    private mutating func digits(_ count: Int) -> String {
        let digits = String(rest.prefix(count))
        rest.removeFirst(min(count, rest.count))
        return digits
    }

    private func hexadecimal(_ digits: String) throws -> Unicode.Scalar {
        guard digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
        else { throw error("has '\(digits)' for a character") }
        return scalar
    }

    /// The rest of a set in brackets.
    private mutating func bracket() throws -> ScalarSet {
        depth += 1
        defer { depth -= 1 }
        guard depth < Self.deepest else { throw error("has too many sets in sets") }
        let isInverted = take("^")
        var set = ScalarSet()
        func union(_ other: ScalarSet) throws {
            guard let union = set.union(other) else { throw error("has an inverted set within a set") }
            set = union
        }
        var isEmpty = true
        while let scalar = rest.popFirst() {
            if scalar == "]" && !isEmpty { return isInverted ? set.inverted : set }
            if scalar == "]" || scalar == "&" && rest.first == "&" || scalar == "[" && rest.first == ":" {
                throw error("has an empty set, an intersection or a class of POSIX")
            }
            isEmpty = false
            var first = scalar
            switch scalar {
            case "[":
                try union(try bracket())
                continue
            case "\\":
                switch try escape() {
                case .set(let set):
                    if ignoresCase { throw error("ignores the case of a class") }
                    try union(set)
                    continue
                case .scalar(let scalar): first = scalar
                }
            default: break
            }
            var last = first
            if rest.first == "-", let next = rest.dropFirst().first, next != "]" {
                rest.removeFirst()
                let scalar = rest.removeFirst()
                switch (scalar, scalar == "\\" ? try escape() : .scalar(scalar)) {
                case (let scalar, .scalar(let end)) where scalar != "[" && first <= end: last = end
                default: throw error("has a range that is none")
                }
            }
            set.insert(first.value...last.value)
            if ignoresCase { try addOtherCases(of: first.value...last.value, to: &set) }
        }
        throw error("has a bracket that is not closed")
    }
}
