import Foundation

/// The parts of a SentencePiece model that a tokenizer is made of: `ModelProto` of its `sentencepiece_model.proto`, in the wire format of Protocol Buffers.
struct SentencePieceFile {
    /// A token.
    struct Piece {
        var text = ""
        var score: Float = 0
        var kind = Kind.normal

        enum Kind: UInt64 { case normal = 1, unknown, control, userDefined, unused, byte }
    }

    /// By id.
    private(set) var pieces: [Piece] = []
    /// The rules of the normaliser (``CharacterMap``); empty if there are none.
    private(set) var characterMap: [UInt8] = []

    /// Reads a model.
    ///
    /// - Throws: ``TokenizationError`` if it is damaged.
    init(_ data: Data) throws {
        try Self.forEachField(Array(data)[...]) { field, value in
            switch (field, value) {
            case (1, .bytes(let bytes)):
                var piece = Piece()
                try Self.forEachField(bytes) { field, value in
                    switch (field, value) {
                    case (1, .bytes(let text)):
                        guard let text = String(validating: text, as: UTF8.self) else { throw Self.damaged }
                        piece.text = text
                    case (2, .fixed(let bits)): piece.score = Float(bitPattern: bits)
                    case (3, .number(let kind)):
                        guard let kind = Piece.Kind(rawValue: kind) else { throw Self.damaged }
                        piece.kind = kind
                    default: break
                    }
                }
                guard piece.score.isFinite else {
                    throw TokenizationError("the piece '\(piece.text)' has a score that is no number")
                }
                pieces.append(piece)
            case (3, .bytes(let bytes)):
                try Self.forEachField(bytes) { field, value in
                    if field == 2, case .bytes(let map) = value { characterMap = Array(map) }
                }
            default: break
            }
        }
        guard !pieces.isEmpty else { throw TokenizationError("has no pieces; it is not a model of SentencePiece") }
    }

    private enum Value {
        case number(UInt64)
        /// Four bytes.
        case fixed(UInt32)
        case bytes(ArraySlice<UInt8>)
        /// Eight bytes, which nothing here has.
        case other
    }

    private static let damaged = TokenizationError("is damaged, or not a model of SentencePiece")

    /// Calls `body` with the number and the value of each field of a message.
    private static func forEachField(_ message: ArraySlice<UInt8>, _ body: (UInt64, Value) throws -> Void) throws {
        var rest = message
        /// A number of seven bits a byte, the lowest first.
        func number() throws -> UInt64 {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = rest.popFirst() else { throw damaged }
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
            }
            throw damaged
        }
        func bytes(_ count: UInt64) throws -> ArraySlice<UInt8> {
            guard count <= UInt64(rest.count) else { throw damaged }
            defer { rest = rest.dropFirst(Int(count)) }
            return rest.prefix(Int(count))
        }
        while !rest.isEmpty {
            let key = try number()
            switch key & 7 {
            case 0: try body(key >> 3, .number(number()))
            case 1:
                _ = try bytes(8)
                try body(key >> 3, .other)
            case 2: try body(key >> 3, .bytes(bytes(number())))
            case 5: try body(key >> 3, .fixed(bytes(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }))
            default: throw damaged
            }
        }
    }
}
