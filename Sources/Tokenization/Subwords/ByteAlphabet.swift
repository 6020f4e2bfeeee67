/// The characters that stand for bytes in byte-level tokens: of each byte one that is visible (Radford et al., *Language Models are Unsupervised
/// Multitask Learners*, 2019, and its `bytes_to_unicode`).
enum ByteAlphabet {
    /// By the byte.
    static let scalars: [Unicode.Scalar] = {
        let visible = [0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF]
        var next: UInt32 = 256
        return (0..<UInt32(256)).map { byte in
            if visible.contains(where: { $0.contains(Int(byte)) }) { return Unicode.Scalar(byte)! }
            defer { next += 1 }
            return Unicode.Scalar(next)!
        }
    }()

    /// The byte of each character.
    private static let bytes = Dictionary(uniqueKeysWithValues: zip(scalars, UInt8.min...UInt8.max))

    /// The bytes that a token stands for; nil if one of its characters is none of these.
    static func bytes(of token: String) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in token.unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            result.append(byte)
        }
        return result
    }
}
