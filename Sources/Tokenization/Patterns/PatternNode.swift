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
