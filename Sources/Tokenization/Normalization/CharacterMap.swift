import Foundation

/// The rules of a SentencePiece normaliser (`precompiled_charsmap`): a trie of characters and sequences of them, and what each becomes. Those of XLM-RoBERTa are NFKC
/// with some of their own (`nmt_nfkc`).
///
/// It does what Hugging Face's `Precompiled` does: what a reader sees as one character is looked up as a whole if it is short, else every code point of it.
package struct CharacterMap: Sendable, Equatable {
    /// A double array (Yata et al., *A compact static double-array keeping character codes*, 2007) as Darts-clone writes it.
    private let units: [UInt32]
    /// What characters become, each followed by a zero.
    private let texts: [UInt8]
    /// Of ASCII characters that change, where in `texts` stands what they become; else -1.
    private var asciiTexts = [Int](repeating: -1, count: 128)
    /// The longest of `texts`, in bytes.
    private(set) var longest = 0

    /// The largest visible characters that are looked up as a whole, in bytes.
    private static let longestWhole = 5

    /// Reads the rules: the size of the trie in bytes, the trie, the texts.
    ///
    /// - Returns: nil if the data is none
    init?(_ data: some Collection<UInt8>) {
        let bytes = Array(data)
        func unit(_ index: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[4 * index + $1]) << UInt32(8 * $1) }
        }
        guard bytes.count >= 4, case let size = Int(unit(0)), size % 4 == 0, size > 0, 4 + size <= bytes.count else {
            return nil
        }
        units = (1...size / 4).map(unit)
        texts = Array(bytes[(4 + size)...])
        guard String(validating: texts, as: UTF8.self) != nil else { return nil }
        longest = texts.split(separator: 0).map(\.count).max() ?? 0
        for byte in UInt8(1)..<128 {
            if let place = place(of: [byte][...]) { asciiTexts[Int(byte)] = place }
        }
    }

    /// Where in ``texts`` stands what the shortest key becomes that a text begins with; nil if there is none.
    private func place(of text: ArraySlice<UInt8>) -> Int? {
        func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
        var node = offset(units[0])
        for byte in text {
            node ^= Int(byte)
            guard byte != 0, node < units.count, case let unit = units[node], unit & (1 << 31 | 0xFF) == UInt32(byte)
            else { return nil }
            node ^= offset(unit)
            if unit >> 8 & 1 == 1 {
                guard node < units.count else { return nil }
                let place = Int(units[node] & 0x7FFF_FFFF)
                // Not within a character, whatever the file says.
                return place <= texts.count && (place == texts.count || texts[place] & 0xC0 != 0x80) ? place : nil
            }
        }
        return nil
    }

    private func append(_ place: Int, to result: inout [UInt8]) {
        result += texts[place...].prefix { $0 != 0 }
    }

    /// The normalised text of a range of UTF-8.
    func normalize(_ text: [UInt8], in range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count + 16)
        var position = range.lowerBound
        while position < range.upperBound {
            let start = position
            var isSimple = isSimple(text, position)
            position += text.decode(at: position).width
            // Up to where a simple character follows another: there, one surely ends.
            while position < range.upperBound {
                let nextIsSimple = self.isSimple(text, position)
                if isSimple && nextIsSimple { break }
                isSimple = nextIsSimple
                position += text.decode(at: position).width
            }
            if text[start] < 0x80, position == start + 1 {
                let place = asciiTexts[Int(text[start])]
                if place < 0 { result.append(text[start]) } else { append(place, to: &result) }
            } else {
                for character in String(decoding: text[start..<position], as: UTF8.self) {
                    append(character, to: &result)
                }
            }
        }
        return result
    }

    /// Whether a character is none that can stand for one together with others, but for marks and the like after it.
    private func isSimple(_ text: [UInt8], _ position: Int) -> Bool {
        let byte = text[position]
        return byte < 0x80 ? byte != 0x0D && byte != 0x0A : text.scalar(at: position).isPlain
    }

    private func append(_ character: Character, to result: inout [UInt8]) {
        let bytes = Array(character.utf8)
        if bytes.count <= Self.longestWhole, let place = place(of: bytes[...]) { return append(place, to: &result) }
        var position = 0
        while position < bytes.count {
            let part = bytes[position...].prefix(bytes.decode(at: position).width)
            if let place = place(of: part) { append(place, to: &result) } else { result += part }
            position = part.endIndex
        }
    }
}
