/// The last step of a ``Tokenizer``: which special tokens stand around the tokens of a text, or of two. BERT's is `[CLS] A [SEP]`, and `[CLS] A [SEP] B [SEP]`.
struct Template: Sendable, Equatable {
    /// A part of what is made of two texts.
    enum Piece: Sendable, Equatable {
        case token(Int, segment: Int)
        case first(segment: Int)
        case second(segment: Int)
    }

    /// The ids before a text.
    let before: [Int]
    /// The ids after it.
    let after: [Int]
    let pair: [Piece]

    /// That of BERT, whose second text is another segment.
    static func bert(classification: Int, separator: Int) -> Template {
        let (start, end) = (Piece.token(classification, segment: 0), Piece.token(separator, segment: 0))
        return Template(
            before: [classification], after: [separator],
            pair: [start, .first(segment: 0), end, .second(segment: 1), .token(separator, segment: 1)])
    }

    /// How many ids are put around a text.
    var count: Int { before.count + after.count }
    /// How many ids are put around two.
    var countOfPair: Int { pair.count { if case .token = $0 { true } else { false } } }
}
