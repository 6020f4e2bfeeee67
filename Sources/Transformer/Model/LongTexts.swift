/// What is done with texts that have more tokens than are read at a time.
package struct LongTexts: Sendable, Codable, Equatable {
    /// The ways.
    package enum Method: String, Sendable, Codable, CaseIterable {
        /// The beginning is read.
        case truncate
        /// The beginning and the end are read: a quarter of the tokens and three quarters. Sun et al., *How to Fine-Tune BERT for
        /// Text Classification?*, 2019, section 5.3.1.
        case headTail = "head-tail"
        /// All is read, in windows that overlap; the logits of a text are the mean of its windows'.
        case windows
    }

    package var method = Method.truncate
    /// The most tokens that are read at a time, `[CLS]` and `[SEP]` included; at least 2.
    package var maximumLength: Int
    /// Tokens from the beginning of one window to that of the next. Nil: half of what a window holds.
    package var stride: Int?

    /// Creates a treatment of long texts.
    package init(_ method: Method = .truncate, maximumLength: Int, stride: Int? = nil) {
        (self.method, self.maximumLength, self.stride) = (method, maximumLength, stride)
    }

    /// The most ids that a text of so many bytes can have, in all of its windows.
    package func mostIds(ofBytes bytes: Int) -> Int {
        let tokens = bytes + 2
        guard method == .windows, tokens > maximumLength, maximumLength > 2 else { return tokens }
        let room = maximumLength - 2
        return tokens + (tokens / min(stride ?? max(1, room / 2), room) + 1) * maximumLength
    }

    /// What is read of a text: one sequence, or several windows. The last window ends where the text ends, and is as full as
    /// the others.
    ///
    /// - Parameters:
    ///   - ids: of the whole text, `[CLS]` and `[SEP]` included
    ///   - tokens: where the text's own are among them
    ///   - truncatesBeginning: whether the end is kept of what is truncated
    package func sequences(of ids: [Int], tokens: Range<Int>, truncatesBeginning: Bool = false) -> [[Int]] {
        if ids.count <= maximumLength { return [ids] }
        let (before, after) = (ids[..<tokens.lowerBound], ids[tokens.upperBound...])
        let tokens = ids[tokens]
        let room = maximumLength - before.count - after.count
        func sequence(_ parts: ArraySlice<Int>...) -> [Int] { Array(before) + parts.joined() + after }
        switch method {
        case .truncate: return [sequence(truncatesBeginning ? tokens.suffix(room) : tokens.prefix(room))]
        case .headTail: return [sequence(tokens.prefix(room / 4), tokens.suffix(room - room / 4))]
        case .windows:
            // With room for nothing, all windows are the same.
            if room == 0 { return [sequence()] }
            let step = min(stride ?? max(1, room / 2), room)
            let last = tokens.endIndex - room
            let starts = Array(Swift.stride(from: tokens.startIndex, to: last, by: step)) + [last]
            return starts.map { sequence(tokens[$0..<$0 + room]) }
        }
    }
}
