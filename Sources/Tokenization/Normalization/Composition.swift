import Foundation

/// Unicode's canonical composition (Unicode Standard, section 3.11): the second half of NFC and NFKC. Foundation's does not put all of Hangul together.
enum Composition {
    /// The characters that are made of a first and a second one, but for Hangul.
    private static let composites: [UInt64: Unicode.Scalar] = {
        // All composites that Hugging Face's tables have.
        let scalars = (UInt32(0xC0)..<0x3100).map { $0 } + (UInt32(0x11080)..<0x11A00)
        var text = String.UnicodeScalarView()
        var sources: [Unicode.Scalar] = []
        for scalar in scalars.compactMap(Unicode.Scalar.init)
        where !scalar.properties.isFullCompositionExclusion
            && scalar.properties.canonicalCombiningClass == .notReordered
        {
            guard scalar.hasKnownDecomposition else { continue }
            sources.append(scalar)
            text.append(scalar)
            text.append("\n")
        }
        let parts = String(text).decomposedStringWithCanonicalMapping.unicodeScalars.split(separator: "\n")
        var composites: [UInt64: Unicode.Scalar] = [:]
        for (scalar, part) in zip(sources, parts).sorted(by: { $0.1.count < $1.1.count }) where part.count > 1 {
            // What is before the last one is a character too, with fewer parts.
            let first = part.dropFirst().dropLast().reduce(part.first) { first, next in
                first.flatMap { composites[key($0, next)] }
            }
            if let first, let last = part.last { composites[key(first, last)] = scalar }
        }
        return composites
    }()

    private static func key(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> UInt64 {
        UInt64(first.value) << 32 | UInt64(second.value)
    }

    private static func composite(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        let (a, b) = (first.value, second.value)
        if 0x1100..<0x1113 ~= a, 0x1161..<0x1176 ~= b {
            return Unicode.Scalar(0xAC00 + ((a - 0x1100) * 21 + b - 0x1161) * 28)
        }
        if 0xAC00..<0xD7A4 ~= a, (a - 0xAC00) % 28 == 0, 0x11A8..<0x11C3 ~= b { return Unicode.Scalar(a + b - 0x11A7) }
        return composites[key(first, second)]
    }

    /// Composes decomposed text.
    static func compose(_ text: String.UnicodeScalarView) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        /// The last character that others can melt into.
        var starter: Int?
        var lastClass: UInt8 = 0
        for scalar in text {
            let own = scalar.properties.canonicalCombiningClass.rawValue
            if let place = starter, place == result.count - 1 || lastClass < own,
                let composite = composite(result[place], scalar)
            {
                result[place] = composite
                continue
            }
            if own == 0 { starter = result.count }
            lastClass = own
            result.append(scalar)
        }
        return result
    }
}
