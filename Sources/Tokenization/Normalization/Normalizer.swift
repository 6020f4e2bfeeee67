/// The first step of a ``Tokenizer``: changes the characters of a text before it is split into words.
///
/// Each case is a normaliser of Hugging Face's, or several of them.
package enum Normalizer: Sendable, Equatable {
    case bert(BERTNormalizer)
    /// A normal form of Unicode: NFC, NFD, NFKC or NFKD.
    case unicode(UnicodeForm)
    case lowercase
    /// Drops marks.
    case stripAccents
    /// Drops control characters, and makes spaces of others, as SentencePiece's rules for translation do.
    case nmt
    /// Drops white space at the beginning, at the end, or both.
    case strip(left: Bool, right: Bool)
    /// Puts a text before one that is not empty.
    case prepend(String)
    /// Puts a text where a pattern matches.
    case replace(Pattern, by: String)
    /// SentencePiece's own rules.
    case characterMap(CharacterMap)
    /// Makes a character of every byte.
    case byteLevel
    /// One after the other; none leaves a text as it is.
    case sequence([Normalizer])

    /// Whether texts are made lower case.
    package var lowercases: Bool {
        switch self {
        case .bert(let normalizer): normalizer.lowercases
        case .lowercase: true
        case .sequence(let normalizers): normalizers.contains(where: \.lowercases)
        default: false
        }
    }

    /// The normalised text of a range of UTF-8, as UTF-8.
    ///
    /// - Complexity: O(*n*) in the length of the range.
    func normalize(_ text: [UInt8], in range: Range<Int>) -> [UInt8] {
        switch self {
        case .bert(let normalizer): return normalizer.normalize(text, in: range)
        case .unicode(let form): return form.normalize(text, in: range)
        case .lowercase:
            return map(text, range) { scalar, result in
                let value = scalar.value
                if value < 128 {
                    result.append(65...90 ~= value ? UInt8(value) | 0x20 : UInt8(value))
                } else if scalar.isPlain {
                    result.append(contentsOf: UTF8.encode(scalar)!)
                } else {
                    result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
                }
            }
        case .stripAccents:
            return map(text, range) { scalar, result in
                if scalar.value < 0x300 || !scalar.isMark { result.append(contentsOf: UTF8.encode(scalar)!) }
            }
        case .nmt:
            return map(text, range) { scalar, result in
                switch scalar.value {
                case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
                case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
                    result.append(0x20)
                default: result.append(contentsOf: UTF8.encode(scalar)!)
                }
            }
        case .strip(let left, let right):
            var (start, end) = (range.lowerBound, range.upperBound)
            while left, start < end, case let scalar = text.scalar(at: start), scalar.isSpace {
                start += UTF8.width(scalar)
            }
            while right, start < end, case let scalar = text.scalar(before: end), scalar.isSpace {
                end -= UTF8.width(scalar)
            }
            return Array(text[start..<end])
        case .prepend(let prefix): return range.isEmpty ? [] : Array(prefix.utf8) + text[range]
        case .replace(let pattern, let replacement):
            var result: [UInt8] = []
            result.reserveCapacity(range.count)
            var done = range.lowerBound
            pattern.forEachMatch(in: text, range) { match in
                result += text[done..<match.lowerBound]
                result.append(contentsOf: replacement.utf8)
                done = match.upperBound
            }
            return result + text[done..<range.upperBound]
        case .characterMap(let map): return map.normalize(text, in: range)
        case .byteLevel:
            return text[range].flatMap { UTF8.encode(ByteAlphabet.scalars[Int($0)])! }
        case .sequence(let normalizers):
            guard let first = normalizers.first else { return range == text.indices ? text : Array(text[range]) }
            return normalizers.dropFirst().reduce(first.normalize(text, in: range)) { $1.normalize($0, in: $0.indices) }
        }
    }

    /// Puts together what `append` makes of each character.
    private func map(
        _ text: [UInt8], _ range: Range<Int>, _ append: (Unicode.Scalar, inout [UInt8]) -> Void
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let scalar = text.scalar(at: position)
            append(scalar, &result)
            position += UTF8.width(scalar)
        }
        return result
    }

    /// How many bytes of the normalised text are what became of its first bytes.
    ///
    /// - Parameter length: how many bytes these are, whole characters
    func lengthOfBeginning(_ text: [UInt8], _ length: Int) -> Int {
        func normalized() -> Int { normalize(text, in: 0..<length).count }
        switch self {
        case .strip(let left, _):
            return left
                ? max(
                    0,
                    length - (text.count - Self.strip(left: true, right: false).normalize(text, in: text.indices).count)
                ) : length
        case .stripAccents, .nmt, .bert: return normalized()
        case .sequence(let normalizers):
            var (text, length) = (text, length)
            for normalizer in normalizers where length > 0 {
                length = normalizer.lengthOfBeginning(text, length)
                text = normalizer.normalize(text, in: text.indices)
                // What follows can have melted into the last character.
                length = min(length, text.count)
                while length < text.count, text[length] & 0xC0 == 0x80 { length += 1 }
            }
            return length
        // What replaces something stands where that stood.
        case .unicode, .lowercase, .prepend, .replace, .characterMap, .byteLevel: return max(1, normalized())
        }
    }

    /// Whether a character of a text, before it is normalised, separates words.
    func isBoundary(_ scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .bert(let normalizer): normalizer.isBoundary(scalar)
        default: scalar.isSpace
        }
    }

    /// How many bytes a byte can become at most, as far as a tokenizer's description says so.
    var growth: Int {
        switch self {
        case .prepend(let prefix): 1 + prefix.utf8.count
        case .replace(let pattern, let replacement): max(1, replacement.utf8.count / max(1, pattern.leastLength) + 1)
        case .characterMap(let map): max(1, map.longest)
        case .byteLevel: 2
        case .sequence(let normalizers):
            normalizers.reduce(1) { min($0 &* $1.growth, Self.mostGrowth + 1) }
        case .bert, .unicode, .lowercase, .stripAccents, .nmt, .strip: 1
        }
    }

    /// What is needed is 33, for the longest of SentencePiece's characters.
    static let mostGrowth = 10_000
}
