/// A set of byte strings, each with a number, that finds the longest one at the start of a text.
///
/// It is a hash table with linear probing. Most words are tokens as a whole: they are found at once, where a trie would go
/// from node to node all over the memory.
struct ByteStrings: Sendable {
    private struct Entry {
        var hash: UInt32 = 0
        /// The place of the string, ``free`` if there is none.
        var string = Self.free

        static let free = UInt32.max
    }

    /// Their number is a power of two, and at least half of them are free.
    private var entries: [Entry]
    /// All strings, one after the other.
    private var bytes: [UInt8] = []
    /// Where each string begins, and where the last one ends.
    private var starts: [UInt32] = [0]
    private var values: [Int32] = []
    private var longest = 0

    /// Creates a set of strings with their numbers; of equal strings, the last counts.
    init(_ strings: [(some Collection<UInt8>, Int)]) {
        var capacity = 16
        while capacity < 2 * strings.count { capacity *= 2 }
        entries = [Entry](repeating: Entry(), count: capacity)
        for (string, value) in strings {
            let start = bytes.count
            bytes.append(contentsOf: string)
            let range = start..<bytes.count
            let hash = Self.hash(bytes, range)
            let slot = slot(of: bytes, range, hash)
            if entries[slot].string != Entry.free {
                values[Int(entries[slot].string)] = Int32(value)
                bytes.removeLast(range.count)
                continue
            }
            entries[slot] = Entry(hash: hash.tag, string: UInt32(values.count))
            values.append(Int32(value))
            starts.append(UInt32(bytes.count))
            longest = max(longest, range.count)
        }
    }

    /// The number of `string`; nil if it is not in the set.
    subscript(string: some Sequence<UInt8>) -> Int? {
        let string = Array(string)
        return value(of: string, string.indices, Self.hash(string, string.indices))
    }

    /// The number of a range of `text`; nil if it is not in the set.
    func value(of text: [UInt8], _ range: Range<Int>) -> Int? {
        range.count > longest ? nil : value(of: text, range, Self.hash(text, range))
    }

    /// The longest string of the set, but the empty one, that a range of `text` begins with, and where it ends; nil if there is
    /// none.
    ///
    /// - Complexity: O(*n*) on average, in the length of the range, or of the longest string if that is less.
    func longestMatch(in text: [UInt8], _ range: Range<Int>) -> (value: Int, end: Int)? {
        var range = range.prefix(longest)
        var hash = Self.hash(text, range)
        while !range.isEmpty {
            // A string ends where a character does.
            let isWhole = range.upperBound == text.count || text[range.upperBound] & 0xC0 != 0x80
            if isWhole, let value = value(of: text, range, hash) { return (value, range.upperBound) }
            range.removeLast()
            hash.remove(text[range.upperBound])
        }
        return nil
    }

    private func value(of text: [UInt8], _ range: Range<Int>, _ hash: Hash) -> Int? {
        let string = entries[slot(of: text, range, hash)].string
        return string == Entry.free ? nil : Int(values[Int(string)])
    }

    private static func hash(_ text: [UInt8], _ range: Range<Int>) -> Hash {
        var hash = Hash()
        for index in range { hash.append(text[index]) }
        return hash
    }

    /// The entry of a range of `text` that has this hash, or the free one where it would be.
    private func slot(of text: [UInt8], _ range: Range<Int>, _ hash: Hash) -> Int {
        let mask = entries.count - 1
        var slot = Int(hash.tag) & mask
        while entries[slot].string != Entry.free {
            let string = Int(entries[slot].string)
            if entries[slot].hash == hash.tag,
                bytes[Int(starts[string])..<Int(starts[string + 1])].elementsEqual(text[range])
            {
                break
            }
            slot = (slot + 1) & mask
        }
        return slot
    }
}

/// A hash of bytes from which the last one can be taken away again.
private struct Hash {
    private var state: UInt64 = 0
    /// Odd, so that multiplication by it has an inverse modulo 2⁶⁴.
    private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let inverse: UInt64 = 0xF1DE_83E1_9937_733D

    /// The upper half: the lower bits depend on few bits of each byte.
    var tag: UInt32 { UInt32(truncatingIfNeeded: state >> 32) }

    mutating func append(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* Self.factor }

    /// Takes `byte` away, the last one that was appended.
    mutating func remove(_ byte: UInt8) { state = state &* Self.inverse ^ UInt64(byte) }
}
