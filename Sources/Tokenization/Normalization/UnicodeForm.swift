import Foundation

/// The normal forms of Unicode (Unicode Standard Annex 15), with the tables of Hugging Face's tokenizers.
package enum UnicodeForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    /// The normal form of a range of UTF-8.
    func normalize(_ text: [UInt8], in range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var (done, previous, position) = (range.lowerBound, range.lowerBound, range.lowerBound)
        while position < range.upperBound {
            let scalar = text.scalar(at: position)
            if isInert(scalar) {
                previous = position
                position += UTF8.width(scalar)
                continue
            }
            // A mark can melt into the character before it.
            let start = max(done, previous)
            result += text[done..<start]
            while position < range.upperBound, case let next = text.scalar(at: position), !isInert(next) {
                position += UTF8.width(next)
            }
            append(text[start..<position], to: &result)
            done = position
            previous = position
        }
        return result + text[done..<range.upperBound]
    }

    /// Whether a character has this form by itself, and changes nothing of those before it.
    private func isInert(_ scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .nfc: scalar.value < 0x300 || scalar.isPlain
        case .nfd: scalar.value < 0xC0 || scalar.isPlain
        case .nfkc, .nfkd: scalar.value < 0xA0 || scalar.isPlain && scalar.isIdeograph
        }
    }

    /// Appends the normal form of a part of a text.
    private func append(_ part: ArraySlice<UInt8>, to result: inout [UInt8]) {
        var rest = String(decoding: part, as: UTF8.self).unicodeScalars[...]
        while !rest.isEmpty {
            // Characters that Hugging Face's tables do not have stay where they are, and keep others apart.
            let known = String(rest.prefix(while: \.hasKnownDecomposition))
            rest = rest.dropFirst(known.unicodeScalars.count)
            let isCompatible = self == .nfkc || self == .nfkd
            let decomposed =
                isCompatible
                ? known.decomposedStringWithCompatibilityMapping : known.decomposedStringWithCanonicalMapping
            if self == .nfc || self == .nfkc {
                for scalar in Composition.compose(decomposed.unicodeScalars) {
                    result.append(contentsOf: UTF8.encode(scalar)!)
                }
            } else {
                result.append(contentsOf: decomposed.utf8)
            }
            if let younger = rest.popFirst() { result.append(contentsOf: UTF8.encode(younger)!) }
        }
    }
}
