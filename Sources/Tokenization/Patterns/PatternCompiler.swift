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
