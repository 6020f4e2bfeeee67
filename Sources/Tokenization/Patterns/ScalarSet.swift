/// A set of characters, as a class of a regular expression describes it.
struct ScalarSet: Sendable, Equatable {
    /// Of every ASCII character, whether it is in the set.
    private(set) var ascii: (low: UInt64, high: UInt64) = (0, 0)
    /// Of every ``Unicode/Scalar/kindIndex``, whether other characters of that kind are in the set.
    private(set) var kinds: UInt32 = 0
    /// Other characters, whatever their kind.
    private var ranges: [ClosedRange<UInt32>] = []
    /// Whether those are in the set, or all but them.
    private var hasRanges = true

    static func == (a: ScalarSet, b: ScalarSet) -> Bool {
        a.ascii == b.ascii && (a.kinds, a.hasRanges) == (b.kinds, b.hasRanges) && a.ranges == b.ranges
    }

    init() {}

    /// The characters of some kinds, a bit for each.
    init(kinds: UInt32) {
        self.kinds = kinds
        for value in 0..<UInt32(128) where kinds >> UInt32(Unicode.Scalar(value)!.kindIndex) & 1 == 1 {
            insertASCII(value)
        }
    }

    init(_ scalars: ClosedRange<UInt32>) { insert(scalars) }

    private mutating func insertASCII(_ value: UInt32) {
        if value < 64 { ascii.low |= 1 << UInt64(value) } else { ascii.high |= 1 << UInt64(value - 64) }
    }

    mutating func insert(_ scalars: ClosedRange<UInt32>) {
        for value in scalars.clamped(to: 0...127) where scalars.contains(value) { insertASCII(value) }
        if scalars.upperBound > 127 { ranges.append(max(128, scalars.lowerBound)...scalars.upperBound) }
    }

    /// The union with another set; nil if neither kinds nor ranges can say which characters that has.
    func union(_ other: ScalarSet) -> ScalarSet? {
        guard [self, other].allSatisfy({ $0.hasRanges || $0.ranges.isEmpty }) else { return nil }
        var union = self
        union.ascii = (ascii.low | other.ascii.low, ascii.high | other.ascii.high)
        union.kinds |= other.kinds
        union.ranges += other.ranges
        union.hasRanges = true
        return union
    }

    /// The union of the ASCII characters of both.
    func asciiUnion(_ other: ScalarSet) -> ScalarSet {
        var union = ScalarSet()
        union.ascii = (ascii.low | other.ascii.low, ascii.high | other.ascii.high)
        return union
    }

    /// All characters but those of the set.
    var inverted: ScalarSet {
        var inverted = self
        inverted.ascii = (~ascii.low, ~ascii.high)
        inverted.kinds = ~kinds
        inverted.hasRanges = !hasRanges
        return inverted
    }

    /// Whether it has characters that are not ASCII.
    var hasOthers: Bool { kinds != 0 || hasRanges && !ranges.isEmpty }

    @inline(__always)
    func containsASCII(_ byte: UInt8) -> Bool {
        (byte < 64 ? ascii.low >> UInt64(byte) : ascii.high >> UInt64(byte - 64)) & 1 == 1
    }

    /// Whether it has a character that is not ASCII.
    func containsOther(_ value: UInt32) -> Bool {
        if !ranges.isEmpty && ranges.contains(where: { $0.contains(value) }) { return hasRanges }
        return kinds >> UInt32(Unicode.Scalar.kindIndex(value)) & 1 == 1
    }
}

extension Unicode.Scalar {
    /// What regular expressions ask of a character: the place of its general category in ``categoryNames``; 30 for control characters that are white space, 31 for
    /// symbols that are letters to a reader, ⓐ for example. In Unicode 16, the version of Hugging Face's regular expressions.
    var kindIndex: UInt8 {
        if isYounger(than: 16) { return 29 }
        if value == 0x295 { return 1 }
        return switch properties.generalCategory {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: properties.isAlphabetic ? 31 : 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: properties.isWhitespace ? 30 : 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }

    /// The kinds of the first characters: to look into Unicode's tables takes many times as long.
    private static let firstKinds = (0..<UInt32(0x3100)).map { Unicode.Scalar($0)!.kindIndex }
    /// Those of the forms of other characters, with Chinese punctuation among them.
    private static let kindsOfForms = (UInt32(0xFE00)..<0x10000).map { Unicode.Scalar($0)!.kindIndex }

    /// The kind of the character with a code point.
    static func kindIndex(_ value: UInt32) -> UInt8 {
        switch value {
        case 0..<0x3100: firstKinds[Int(value)]
        case 0xFE00..<0x10000: kindsOfForms[Int(value - 0xFE00)]
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3: 4
        default: Unicode.Scalar(value)?.kindIndex ?? 27
        }
    }
}

extension ScalarSet {
    /// The names of the general categories, by their ``Unicode/Scalar/kindIndex``.
    private static let categoryNames = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm",
        "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    /// The characters of a general category, or of all whose names begin with that letter; nil if there is no such category.
    init?(category name: String) {
        var kinds: UInt32 = 0
        for (index, category) in Self.categoryNames.enumerated() where category.hasPrefix(name) { kinds |= 1 << index }
        if kinds == 0 || name.isEmpty { return nil }
        if kinds >> 25 & 1 == 1 { kinds |= 1 << 30 }
        if kinds >> 21 & 1 == 1 { kinds |= 1 << 31 }
        self.init(kinds: kinds)
    }

    /// `\s`: Unicode's white space.
    static let whiteSpace = ScalarSet(kinds: 1 << 22 | 1 << 23 | 1 << 24 | 1 << 30)
    /// Letters, marks, digits and what connects words.
    private static let unicodeWord = ScalarSet(kinds: 0xFF | 1 << 8 | 1 << 9 | 1 << 11 | 1 << 31)
    /// `\w` as Oniguruma has it, with ², ³, ¹ and the fractions of Latin-1.
    static let word = [0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE].reduce(into: unicodeWord) { $0.insert($1) }
    /// `\w` as Unicode has it (Unicode Technical Standard 18, annex C), with the joiners.
    static let wordWithJoiners = [0x200C...0x200D].reduce(into: unicodeWord) { $0.insert($1) }
    static let digits = ScalarSet(category: "Nd")!
    static let numbers = ScalarSet(category: "N")!
}
