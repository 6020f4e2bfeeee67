/// A word as a reader sees it, and the tokens that the model reads of it.
package struct AlignedWord: Sendable, Equatable {
    /// As it stands in the text.
    package let text: String
    /// Its place in the text, in Unicode code points.
    package let place: Range<Int>
    /// The places of its tokens among the ids of the text, empty if it has none; nil if the text is cut off before it.
    package let tokens: Range<Int>?

    fileprivate init(_ place: Range<Int>, of scalars: [Unicode.Scalar], tokens: Range<Int>?) {
        (text, self.place, self.tokens) = (String(scalars[place]), place, tokens)
    }

    /// The same word in a longer text.
    ///
    /// - Parameter start: where its own text begins there
    fileprivate func moved(by start: Int, tokens: Range<Int>?) -> AlignedWord {
        AlignedWord(text: text, place: start + place.lowerBound..<start + place.upperBound, tokens: tokens)
    }

    private init(text: String, place: Range<Int>, tokens: Range<Int>?) {
        (self.text, self.place, self.tokens) = (text, place, tokens)
    }
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
        guard case .bert = splitter, !truncatesBeginning else { return (encoding, align(scalars, with: encoding)) }
        let end = encoding.tokens.upperBound
        let wholeText = AlignedWord(scalars.indices, of: scalars, tokens: encoding.tokens)
        var words: [AlignedWord] = []
        var rest = wordPlaces(in: scalars, maximumLength)[...]
        var start = encoding.tokens.lowerBound
        while let first = rest.first {
            if start == end && encoding.isTruncated {
                words += rest.map { AlignedWord($0, of: scalars, tokens: nil) }
                break
            }
            // The fewest words from here on whose tokens come next.
            let match =
                rest.prefix(Self.longestMerge).lazy.map { last -> (Range<Int>, Int)? in
                    let place = first.lowerBound..<last.upperBound
                    let next = encode(String(scalars[place]), maximumLength: maximumLength)
                    let ids = next.ids[next.tokens]
                    let read = ids.prefix(end - start)
                    let isWhole = read.count == ids.count && !next.isTruncated
                    guard isWhole || encoding.isTruncated, read == encoding.ids[start..<start + read.count] else {
                        return nil
                    }
                    return (place, start + read.count)
                }.first { $0 != nil } ?? nil
            guard let (place, next) = match else { return (encoding, [wholeText]) }
            words.append(AlignedWord(place, of: scalars, tokens: start..<next))
            start = next
            rest = rest.drop { $0.lowerBound < place.upperBound }
        }
        // What is left over belongs to no word: no such case is known.
        return (encoding, start < end ? [wholeText] : words)
    }

    /// Encodes two texts that are read together and says which of the ids belong to which word of ``Text/joined``.
    ///
    /// - Parameter maximumLength: as for ``encode(_:_:maximumLength:)``
    package func align(
        _ first: String, _ second: String, maximumLength: Int
    ) -> (encoding: PairEncoding, words: [AlignedWord]) {
        let pair = encode(first, second, maximumLength: maximumLength)
        var (words, start): ([AlignedWord], Int) = ([], 0)
        for (text, places) in zip([first, second], pair.tokens) {
            let alone = align(text, maximumLength: places.count + template.count)
            let shift = places.lowerBound - alone.encoding.tokens.lowerBound
            words += alone.words.map { word in
                word.moved(by: start, tokens: word.tokens.map { $0.lowerBound + shift..<$0.upperBound + shift })
            }
            start += text.unicodeScalars.count + Text.separator.unicodeScalars.count
        }
        return (pair, words)
    }

    /// Aligns words whose tokens depend on what is before them, as a space is a part of a token: a word ends where the tokens of the text up to there are those that
    /// the whole text begins with.
    ///
    /// - Complexity: O(*n*²) in the length of what the encoding has of the text
    private func align(_ scalars: [Unicode.Scalar], with encoding: Encoding) -> [AlignedWord] {
        // What is cut off at the beginning was divided too.
        let isCutOff = encoding.isTruncated && truncatesBeginning
        let all = isCutOff ? encode(String(scalars[...]), maximumLength: .max) : encoding
        let ids = all.ids[all.tokens]
        let missing = ids.count - encoding.tokens.count
        /// The places that some of all tokens have in the encoding.
        func places(_ tokens: Range<Int>) -> Range<Int>? {
            if isCutOff && tokens.upperBound <= missing { return nil }
            let first = encoding.tokens.lowerBound - missing
            return first + max(tokens.lowerBound, missing)..<first + tokens.upperBound
        }
        let pieces = scalars.indices.split { normalizer.isBoundary(scalars[$0]) }
        let candidates = pieces.flatMap {
            Self.words(of: String(scalars[$0.startIndex..<$0.endIndex]), from: $0.startIndex)
        }
        var words: [AlignedWord] = []
        var done = 0
        // The words that have no end yet.
        var pending: Range<Int>?
        for candidate in candidates {
            let place = (pending?.lowerBound ?? candidate.lowerBound)..<candidate.upperBound
            if done == ids.count && encoding.isTruncated && !isCutOff {
                words.append(AlignedWord(place, of: scalars, tokens: nil))
                continue
            }
            let next = encode(String(scalars[..<place.upperBound]), maximumLength: .max)
            let read = next.ids[next.tokens].prefix(ids.count)
            let isWhole = read.count == next.tokens.count || encoding.isTruncated && !isCutOff
            guard isWhole, read.count >= done, ids.starts(with: read) else {
                pending = place
                continue
            }
            words.append(AlignedWord(place, of: scalars, tokens: places(done..<read.count)))
            (done, pending) = (read.count, nil)
        }
        // White space at the end can have tokens, and a word can melt into it.
        if done < ids.count {
            let place = pending ?? words.popLast()?.place ?? scalars.indices
            let first = words.last?.tokens?.upperBound ?? encoding.tokens.lowerBound
            words.append(AlignedWord(place, of: scalars, tokens: first..<encoding.tokens.upperBound))
        } else if let pending {
            words.append(
                AlignedWord(pending, of: scalars, tokens: encoding.tokens.upperBound..<encoding.tokens.upperBound))
        }
        return words
    }

    /// Tokens are not known to span more words than this.
    private static let longestMerge = 16

    /// The places of the words. A piece between white space stays whole if its words, encoded one by one, give other tokens than
    /// the piece.
    private func wordPlaces(in scalars: [Unicode.Scalar], _ maximumLength: Int) -> [Range<Int>] {
        func ids(_ place: Range<Int>) -> ArraySlice<Int> {
            let encoding = encode(String(scalars[place]), maximumLength: maximumLength)
            return encoding.ids[encoding.tokens]
        }
        return scalars.indices.split { normalizer.isBoundary(scalars[$0]) }.flatMap { piece -> [Range<Int>] in
            let piece = piece.startIndex..<piece.endIndex
            let words = Self.words(of: String(scalars[piece]), from: piece.lowerBound)
            let isExact =
                words.count == 1 || words.flatMap(ids).prefix(maximumLength - template.count) == ids(piece)
            return isExact ? words : [piece]
        }
    }

    /// Splits what stands between white space.
    ///
    /// - Parameter start: its place in the text
    private static func words(of piece: String, from start: Int) -> [Range<Int>] {
        // Of each visible character, its place and its first code point.
        var characters: [(place: Range<Int>, first: Unicode.Scalar)] = []
        for character in piece {
            let start = characters.last?.place.upperBound ?? start
            let scalars = character.unicodeScalars
            characters.append((start..<start + scalars.count, scalars.first!))
        }
        var words: [Range<Int>] = []
        func append(_ word: ArraySlice<(place: Range<Int>, first: Unicode.Scalar)>) {
            guard let first = word.first, let last = word.last else { return }
            words.append(first.place.lowerBound..<last.place.upperBound)
        }
        for run in characters.split(omittingEmptySubsequences: false, whereSeparator: { $0.first.isIdeograph }) {
            let first = run.firstIndex { $0.first.kind != .punctuation } ?? run.endIndex
            let last = run.lastIndex { $0.first.kind != .punctuation }.map { $0 + 1 } ?? first
            append(run[..<first])
            append(run[first..<last])
            append(run[last...])
            // The ideograph that ends the run.
            append(characters[run.endIndex...].prefix(1))
        }
        return words
    }
}

extension String {
    fileprivate init(_ scalars: ArraySlice<Unicode.Scalar>) { self.init(String.UnicodeScalarView(scalars)) }
}
