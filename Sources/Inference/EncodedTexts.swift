import Kernels
import Tokenization
import Transformer

/// Sequences of token ids, in one array: a million short texts would otherwise need a million.
package struct TokenSequences: RandomAccessCollection, Sendable {
    private var ids: [Int32] = []
    /// The segments of tokens, up to the last one that is in another than the first.
    private var segments: [UInt8] = []
    /// Where each sequence ends.
    private var ends: [Int] = []

    init(_ sequences: [TokenSequence] = []) { for sequence in sequences { append(sequence) } }

    package var startIndex: Int { 0 }
    package var endIndex: Int { ends.count }

    /// One sequence.
    ///
    /// - Complexity: O(*n*) in its length
    package subscript(index: Int) -> TokenSequence {
        let range = range(index)
        return TokenSequence(
            ids[range].map(Int.init),
            segments: segments.isEmpty ? [] : range.map { $0 < segments.count ? Int(segments[$0]) : 0 })
    }

    /// The number of tokens of one sequence.
    package func length(_ index: Int) -> Int { range(index).count }

    /// The number of tokens of all sequences.
    package var tokens: Int { ids.count }

    /// The ids of each.
    package var idsOfEach: some RandomAccessCollection<[Int]> & Sendable { self.lazy.map(\.ids) }

    mutating func append(_ sequence: TokenSequence) {
        if sequence.segments.contains(where: { $0 > 0 }) {
            segments += repeatElement(0, count: ids.count - segments.count)
            segments += sequence.segments.lazy.map { UInt8($0) }
        }
        ids.append(contentsOf: sequence.ids.lazy.map(Int32.init))
        ends.append(ids.count)
    }

    private func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }
}

/// Texts as a model reads them.
package struct EncodedTexts: Sendable {
    /// What is done with texts that are longer than what is read at a time.
    package let longTexts: LongTexts
    /// What is read of the texts: a sequence for each text, or several windows one after the other. Special tokens included.
    package private(set) var sequences = TokenSequences()
    /// The text of each sequence, by its index.
    package private(set) var owners: [Int] = []
    /// The tokens of each whole text.
    package private(set) var lengths: [Int] = []
    /// What the model's n-grams say of each sequence, `[sequences, labels]`; nil if it has none.
    package var ngramLogits: [[Float]]?

    /// Reads texts for a model, with what its n-grams say of them.
    ///
    /// - Throws: ``ModelError`` if the windows of a text, or all together, would need too much memory.
    package init(_ texts: [Text], for model: ModelFolder, _ longTexts: LongTexts, on workers: Workers) throws {
        try self.init(texts, model.tokenizer, longTexts, on: workers)
        ngramLogits = model.ngrams?.logits(of: sequences.idsOfEach, on: workers)
    }

    /// - Parameter workers: share the texts
    /// - Throws: ``ModelError`` if the windows of a text, or all together, would need too much memory, or if pairs of texts are to be read in parts.
    package init(_ texts: [Text], _ tokenizer: Tokenizer, _ longTexts: LongTexts, on workers: Workers) throws {
        self.longTexts = longTexts
        // Some at a time: the arrays of each text's ids would need more memory than the texts.
        var rest = texts.indices
        while !rest.isEmpty {
            var size = 0
            let part = rest.prefix(Self.textsAtATime).prefix { index in
                defer { size += longTexts.mostIds(ofBytes: texts[index].size) }
                return size < Self.idsAtATime
            }
            if part.count == 1 { try requireRoom(for: texts[part.lowerBound], part.lowerBound) }
            if texts[part].contains(where: { $0.second != nil }) { try tokenizer.requirePairs(longTexts) }
            let encodings = workers.map(part.count) { tokenizer.encode(texts[part.lowerBound + $0], longTexts) }
            for encoding in encodings {
                for sequence in encoding.sequences { append(sequence, of: count) }
                lengths.append(encoding.length)
            }
            rest = part.upperBound..<rest.upperBound
        }
    }

    private static let textsAtATime = 4096
    private static let idsAtATime = 1 << 26
    private static let mostIdsOfText = 1 << 28

    private func requireRoom(for text: Text, _ index: Int) throws {
        let ids = longTexts.mostIds(ofBytes: text.size)
        guard ids > Self.mostIdsOfText else { return }
        throw ModelError(
            "text \(index + 1) has \(text.size) bytes, and its windows would have up to \(ids) tokens together; raise --stride, lower"
                + " --max-length, or divide the text")
    }

    private mutating func append(_ sequence: TokenSequence, of text: Int) {
        sequences.append(sequence)
        owners.append(text)
    }

    /// Adds other texts, which are read in the same way.
    package mutating func append(_ others: EncodedTexts) {
        let first = count
        for (sequence, owner) in zip(others.sequences, others.owners) { append(sequence, of: first + owner) }
        lengths += others.lengths
        precondition((ngramLogits == nil) == (others.ngramLogits == nil), "texts that were read for another model")
        ngramLogits? += others.ngramLogits ?? []
    }

    /// Some of the texts.
    ///
    /// - Parameter indices: of the texts, ascending
    package func part(_ indices: [Int]) -> EncodedTexts {
        var part = self
        (part.sequences, part.owners, part.lengths) = (TokenSequences(), [], indices.map { lengths[$0] })
        part.ngramLogits = ngramLogits.map { _ in [] }
        let places = Dictionary(uniqueKeysWithValues: zip(indices, 0...))
        for (sequence, owner) in owners.enumerated() {
            guard let place = places[owner] else { continue }
            part.append(sequences[sequence], of: place)
            if let logits = ngramLogits?[sequence] { part.ngramLogits?.append(logits) }
        }
        return part
    }

    /// The number of texts.
    package var count: Int { lengths.count }

    /// What the model's n-grams say of some sequences, `[sequences, labels]`.
    package func ngramLogits(ofSequences indices: some Sequence<Int>) -> Matrix? {
        ngramLogits.map { logits in Matrix(rows: indices.map { logits[$0] }) }
    }

    /// The logits of texts by the encoder's of their sequences: with what n-grams say of these, the mean over them.
    ///
    /// - Parameter logits: `[sequences, labels]`
    /// - Returns: `[texts, labels]`
    func logits(ofSequences logits: Matrix) -> Matrix {
        means(ofSequences: logits.adding(ngramLogits(ofSequences: sequences.indices)))
    }

    /// The mean over the sequences of each text.
    ///
    /// - Parameter values: `[sequences, columns]`
    /// - Returns: `[texts, columns]`
    func means(ofSequences values: Matrix) -> Matrix {
        if sequences.count == count { return values }
        let columns = values.columns
        var sums = [Float](repeating: 0, count: count * columns)
        var parts = [Float](repeating: 0, count: count)
        for (sequence, text) in owners.enumerated() {
            for (column, value) in values.row(sequence).enumerated() { sums[text * columns + column] += value }
            parts[text] += 1
        }
        for index in sums.indices { sums[index] /= parts[index / columns] }
        return Matrix(sums, columns: columns)
    }

    /// The number of texts that have more tokens than are read at a time.
    package var countOfLonger: Int { lengths.count { $0 > longTexts.maximumLength } }

    /// A sentence about the texts that are not read as a whole, or not at once; nil if there are none.
    package var notice: String? {
        let longer = countOfLonger
        if longer == 0 { return nil }
        let treatment =
            switch longTexts.method {
            case .truncate: "are cut off (--max-length, --long-texts)"
            case .headTail: "are read at their beginning and end only"
            case .windows: "are read in windows, \(sequences.count - count + longer) together"
            }
        return "\(longer) of \(count) texts have more than \(longTexts.maximumLength) tokens and \(treatment)"
    }
}

extension ModelFolder {
    /// - Throws: ``ModelError`` if the model reads pairs of texts, and one of these has no second.
    func requirePairs(in texts: [Text]) throws {
        guard settings.readsPairs == true, let single = texts.firstIndex(where: { $0.second == nil }) else { return }
        throw ModelError("the model was trained with pairs of texts, and text \(single + 1) has no second one")
    }
}

extension Tokenizer {
    /// What is read of a text or of two, and how many tokens there are of all.
    fileprivate func encode(_ text: Text, _ longTexts: LongTexts) -> (length: Int, sequences: [TokenSequence]) {
        if let second = text.second {
            let pair = encode(
                text.first, second, maximumLength: longTexts.maximumLength, keepsSecond: text.keepsSecond)
            return (pair.length, [TokenSequence(pair.ids, segments: pair.segments)])
        }
        let encoding = encode(text.first, maximumLength: .max)
        let sequences = longTexts.sequences(
            of: encoding.ids, tokens: encoding.tokens, truncatesBeginning: truncatesBeginning)
        return (encoding.ids.count, sequences.map { TokenSequence($0) })
    }

    /// - Throws: ``ModelError`` if two texts cannot be read together in this way.
    func requirePairs(_ longTexts: LongTexts) throws {
        guard longTexts.method == .truncate else {
            throw ModelError(
                "--long-texts \(longTexts.method.rawValue) is for single texts; of two that are read together, the longer one is cut off: leave it out"
            )
        }
        guard longTexts.maximumLength >= leastLengthOfPair else {
            throw ModelError(
                "two texts need \(leastLengthOfPair) tokens for the special ones alone, and \(longTexts.maximumLength) are read; raise --max-length"
            )
        }
    }
}
