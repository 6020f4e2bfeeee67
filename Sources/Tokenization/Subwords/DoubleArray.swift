/// A trie of byte strings with numbers (Aoe, *An Efficient Digital Search Algorithm by Using a Double-Array Structure*, 1989): from node to node with one look
/// into the memory.
struct DoubleArray: Sendable {
    private struct Node {
        /// Where the children are: the child by a byte is at `base` + byte.
        var base: Int32 = 0
        /// Whose child it is; -1 if the place is free.
        var parent: Int32 = -1
        /// The number of the string that ends here; -1 if there is none.
        var value: Int32 = -1
    }

    private var nodes = [Node(base: 0, parent: 0, value: -1)]

    /// Creates a trie of strings; of equal ones, the last counts, and the empty one is left out.
    ///
    /// - Complexity: about O(*n* log *n*) in the number of strings
    init(_ strings: [([UInt8], Int)]) {
        let order = strings.indices.filter { !strings[$0].0.isEmpty }.sorted {
            strings[$0].0 == strings[$1].0 ? $0 < $1 : strings[$0].0.lexicographicallyPrecedes(strings[$1].0)
        }
        /// Nodes whose children are still to be made: the node, its depth, and the strings that begin like it.
        var open: [(node: Int, depth: Int, strings: Range<Int>)] = [(0, 0, order.indices)]
        var free = FreePlaces()
        while let (node, depth, range) = open.popLast() {
            var children: [(byte: UInt8, strings: Range<Int>)] = []
            var position = range.lowerBound
            while position < range.upperBound {
                let (string, value) = strings[order[position]]
                if string.count == depth {
                    nodes[node].value = Int32(value)
                    position += 1
                    continue
                }
                let byte = string[depth]
                var end = position + 1
                while end < range.upperBound, case let string = strings[order[end]].0, string.count > depth,
                    string[depth] == byte
                { end += 1 }
                children.append((byte, position..<end))
                position = end
            }
            guard let first = children.first else { continue }
            let offset = Int(first.byte)
            var place = free.next[0]
            var tries = 0
            while true {
                if place == 0 || tries > Self.mostTries {
                    // Nothing is beyond.
                    place = max(nodes.count, offset + 1)
                }
                grow(to: place - offset + 256, &free)
                if place > offset && children.allSatisfy({ nodes[place - offset + Int($0.byte)].parent < 0 }) { break }
                place = free.next[place]
                tries += 1
            }
            let base = place - offset
            nodes[node].base = Int32(base)
            for (byte, range) in children {
                let child = base + Int(byte)
                nodes[child].parent = Int32(node)
                free.remove(child)
                open.append((child, depth + 1, range))
            }
        }
    }

    /// Where to look for a place; what is left free is for nodes with one child, which fit in anywhere.
    private static let mostTries = 64

    /// The places that are free, in a ring that begins and ends at the root.
    private struct FreePlaces {
        var next = [0]
        var previous = [0]

        mutating func append() {
            let place = next.count
            let last = previous[0]
            next.append(0)
            previous.append(last)
            next[last] = place
            previous[0] = place
        }

        mutating func remove(_ place: Int) {
            next[previous[place]] = next[place]
            previous[next[place]] = previous[place]
        }
    }

    private mutating func grow(to count: Int, _ free: inout FreePlaces) {
        while nodes.count <= count {
            nodes.append(Node())
            free.append()
        }
    }

    @inline(__always)
    private func child(of node: Int, _ byte: UInt8) -> Int? {
        let child = Int(nodes[node].base) + Int(byte)
        return child < nodes.count && child > 0 && nodes[child].parent == Int32(node) ? child : nil
    }

    /// Calls `body` with the number and the end of each string that a range of `text` begins with, the shortest first.
    @inline(__always)
    func forEachPrefix(of text: [UInt8], _ range: Range<Int>, _ body: (Int, Int) -> Void) {
        var node = 0
        for index in range {
            guard let next = child(of: node, text[index]) else { return }
            node = next
            if nodes[node].value >= 0 { body(Int(nodes[node].value), index + 1) }
        }
    }

    /// The number of a string; nil if it is not there.
    func value(of string: [UInt8]) -> Int? {
        var node = 0
        for byte in string {
            guard let next = child(of: node, byte) else { return nil }
            node = next
        }
        return nodes[node].value >= 0 ? Int(nodes[node].value) : nil
    }
}
