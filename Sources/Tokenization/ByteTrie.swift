/// A set of byte strings, each with a number, that finds the longest one at the start of a text.
///
/// Every edge, (node, byte) → node, is an entry of one hash table with linear probing.
struct ByteTrie: Sendable {
    private var keys: [UInt32]
    private var children: [Int32]
    private var values: [Int32] = [-1]
    private var edges = 0

    /// Creates an empty trie with room for about `bytes` bytes of strings.
    init(bytes: Int) {
        var capacity = 1024
        while capacity < 2 * bytes { capacity *= 2 }
        keys = [UInt32](repeating: .max, count: capacity)
        children = [Int32](repeating: -1, count: capacity)
    }

    /// Adds `string`; if it is there already, its number changes.
    mutating func insert(_ string: some Sequence<UInt8>, value: Int) {
        var node = 0
        for byte in string {
            let key = UInt32(node) << 8 | UInt32(byte)
            let slot = slot(of: key)
            if keys[slot] == key {
                node = Int(children[slot])
            } else {
                node = values.count
                values.append(-1)
                keys[slot] = key
                children[slot] = Int32(node)
                edges += 1
                if 2 * edges > keys.count { grow() }
            }
        }
        values[node] = Int32(value)
    }

    /// The longest string of the trie that `bytes` has at `start`, and where it ends; nil if there is none.
    func longestMatch(in bytes: [UInt8], from start: Int) -> (value: Int, end: Int)? {
        var match: (value: Int, end: Int)?
        var node = 0
        for index in start..<bytes.count {
            let key = UInt32(node) << 8 | UInt32(bytes[index])
            let slot = slot(of: key)
            guard keys[slot] == key else { break }
            node = Int(children[slot])
            if values[node] >= 0 { match = (Int(values[node]), index + 1) }
        }
        return match
    }

    /// Where `key` is, or would be put.
    private func slot(of key: UInt32) -> Int {
        let mask = keys.count - 1
        var slot = Int((UInt64(key) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
        while keys[slot] != key && keys[slot] != .max { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        let old = zip(keys, children)
        keys = [UInt32](repeating: .max, count: 2 * keys.count)
        children = [Int32](repeating: -1, count: keys.count)
        for (key, child) in old where key != .max {
            let slot = slot(of: key)
            keys[slot] = key
            children[slot] = child
        }
    }
}
