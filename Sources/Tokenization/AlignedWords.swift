/// A word as a reader sees it, and the tokens that the model reads of it.
package struct AlignedWord: Sendable, Equatable {
    /// As it stands in the text.
    package let text: String
    /// Its place in the text, in Unicode code points.
    package let place: Range<Int>
    /// The places of its tokens among the ids of the text, empty if it has none; nil if the text is cut off before it.
    package let tokens: Range<Int>?
}

extension Tokenizer {
    /// Encodes a text and says which of the ids belong to which word.
    ///
    /// Words are what stands between white space, but for ideographs, which are words one by one, and for punctuation at the
    /// beginning or the end of such a piece, which is a word of its own. Where the tokens of words, encoded alone, are not those of
    /// the text, neighbours are one word: where added tokens span them, for example. In the worst case the whole text is a word.
    ///
    /// - Parameter maximumLength: as for ``encode(_:maximumLength:)``
    package func align(_ text: String, maximumLength: Int) -> (encoding: Encoding, words: [AlignedWord]) {
        let encoding = encode(text, maximumLength: maximumLength)
        let scalars = Array(text.unicodeScalars)
        var words: [AlignedWord] = []
        var rest = wordPlaces(in: scalars, maximumLength)[...]
        var start = 1
        while let first = rest.first {
            let end = encoding.ids.count - 1
            if start == end && encoding.isTruncated {
                words += rest.map { AlignedWord(text: Self.string(scalars[$0]), place: $0, tokens: nil) }
                break
            }
            // The fewest words from here on whose tokens come next.
            let match =
                rest.prefix(Self.longestMerge).lazy.map { last -> (Range<Int>, Int)? in
                    let place = first.lowerBound..<last.upperBound
                    let next = encode(Self.string(scalars[place]), maximumLength: maximumLength)
                    let ids = next.ids.dropFirst().dropLast()
                    let read = ids.prefix(end - start)
                    let isWhole = read.count == ids.count && !next.isTruncated
                    guard isWhole || encoding.isTruncated, read == encoding.ids[start..<start + read.count] else {
                        return nil
                    }
                    return (place, start + read.count)
                }.first { $0 != nil } ?? nil
            guard let (place, next) = match else { return (encoding, [wholeText(scalars, encoding)]) }
            words.append(AlignedWord(text: Self.string(scalars[place]), place: place, tokens: start..<next))
            start = next
            rest = rest.drop { $0.lowerBound < place.upperBound }
        }
        // What is left over belongs to no word: no such case is known.
        if start < encoding.ids.count - 1 { words = [wholeText(scalars, encoding)] }
        return (encoding, words)
    }

    /// Tokens are not known to span more words than this.
    private static let longestMerge = 16

    private func wholeText(_ scalars: [Unicode.Scalar], _ encoding: Encoding) -> AlignedWord {
        AlignedWord(
            text: Self.string(scalars[...]), place: scalars.indices, tokens: 1..<encoding.ids.count - 1)
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }

    /// The places of the words. A piece between white space stays whole if its words, encoded one by one, give other tokens than
    /// the piece.
    private func wordPlaces(in scalars: [Unicode.Scalar], _ maximumLength: Int) -> [Range<Int>] {
        func ids(_ place: Range<Int>) -> ArraySlice<Int> {
            encode(Self.string(scalars[place]), maximumLength: maximumLength).ids.dropFirst().dropLast()
        }
        return scalars.indices.split { normalizer.isBoundary(scalars[$0]) }.flatMap { piece -> [Range<Int>] in
            let piece = piece.startIndex..<piece.endIndex
            let words = Self.words(of: Self.string(scalars[piece]), from: piece.lowerBound)
            let isExact = words.count == 1 || words.flatMap(ids).prefix(maximumLength - 2) == ids(piece)
            return isExact ? words : [piece]
        }
    }

    /// Splits what stands between white space.
    ///
    /// - Parameter start: its place in the text
    private static func words(of piece: String, from start: Int) -> [Range<Int>] {
        // Of each visible character, its place and what its first code point is.
        var (places, ideographs, punctuation): ([Range<Int>], [Bool], [Bool]) = ([], [], [])
        var end = start
        for character in piece {
            let first = character.unicodeScalars.first!
            places.append(end..<end + character.unicodeScalars.count)
            end = places.last!.upperBound
            ideographs.append(first.isIdeograph)
            punctuation.append(first.kind == .punctuation)
        }
        var words: [Range<Int>] = []
        func append(_ characters: Range<Int>) {
            if characters.isEmpty { return }
            words.append(places[characters.lowerBound].lowerBound..<places[characters.upperBound - 1].upperBound)
        }
        for run in places.indices.split(omittingEmptySubsequences: false, whereSeparator: { ideographs[$0] }) {
            let run = run.startIndex..<run.endIndex
            let first = run.first { !punctuation[$0] } ?? run.upperBound
            let last = run.last { !punctuation[$0] }.map { $0 + 1 } ?? first
            append(run.lowerBound..<first)
            append(first..<last)
            append(last..<run.upperBound)
            // The ideograph that ends the run.
            if run.upperBound < places.count { append(run.upperBound..<run.upperBound + 1) }
        }
        return words
    }
}
