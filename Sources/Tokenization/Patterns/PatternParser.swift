/// Reads regular expressions: the part of Oniguruma's Ruby syntax that tokenizers use.
struct PatternParser {
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
