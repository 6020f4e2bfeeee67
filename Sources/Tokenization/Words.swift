/// The words of a normalised text, as ranges of its UTF-8.
struct Words: Sequence, IteratorProtocol {
    private let text: [UInt8]
    private var rest: Range<Int>

    /// Splits a range of a text at spaces and punctuation.
    init(of text: [UInt8], _ range: Range<Int>) { (self.text, rest) = (text, range) }

    mutating func next() -> Range<Int>? {
        var start = rest.lowerBound
        var end = start
        while end < rest.upperBound {
            let scalar = text.scalar(at: end)
            let kind = Normalizer.kind(of: scalar)
            if kind != .letter && start < end { break }
            end += UTF8.width(scalar)
            if kind == .punctuation { break }
            if kind == .space { start = end }
        }
        rest = end..<rest.upperBound
        return start < end ? start..<end : nil
    }
}

extension [UInt8] {
    /// The character that begins at `index` of valid UTF-8.
    func scalar(at index: Int) -> Unicode.Scalar {
        let first = self[index]
        if first < 0x80 { return Unicode.Scalar(first) }
        let width = (~first).leadingZeroBitCount
        var value = UInt32(first & 0x7F >> UInt8(width))
        for next in index + 1..<index + width { value = value << 6 | UInt32(self[next] & 0x3F) }
        return Unicode.Scalar(value)!
    }

    /// The character that ends before `index` of valid UTF-8.
    func scalar(before index: Int) -> Unicode.Scalar {
        var start = index - 1
        while self[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(at: start)
    }
}
