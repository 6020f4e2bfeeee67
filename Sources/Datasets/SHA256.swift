#if canImport(CryptoKit)
    import CryptoKit
#else
    import CCrypto
#endif
import Foundation

/// The SHA-256 of bytes that come piece by piece, by the system's own library: CryptoKit, or OpenSSL's libcrypto.
///
/// ### References
/// NIST, *Secure Hash Standard*, FIPS 180-4, 2015, section 6.2.
final class SHA256 {
    #if canImport(CryptoKit)
        private var hash = CryptoKit.SHA256()

        /// Adds bytes to what is hashed.
        func update(_ bytes: [UInt8]) { hash.update(data: bytes) }

        private var digest: [UInt8] { Array(hash.finalize()) }
    #else
        private let context = EVP_MD_CTX_new()

        init() {
            let hasBegun = EVP_DigestInit_ex(context, EVP_sha256(), nil)
            precondition(hasBegun == 1, "libcrypto has no SHA-256")
        }

        deinit { EVP_MD_CTX_free(context) }

        /// Adds bytes to what is hashed.
        func update(_ bytes: [UInt8]) { EVP_DigestUpdate(context, bytes, bytes.count) }

        private var digest: [UInt8] {
            // Of a copy, because more bytes may follow.
            let copy = EVP_MD_CTX_new()
            defer { EVP_MD_CTX_free(copy) }
            EVP_MD_CTX_copy_ex(copy, context)
            return [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { bytes, count in
                var length: UInt32 = 0
                EVP_DigestFinal_ex(copy, bytes.baseAddress, &length)
                count = Int(length)
            }
        }
    #endif

    /// The hash of all bytes so far, in hexadecimal.
    var hexadecimal: String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}

/// The SHA-256 of bytes, in hexadecimal.
package func sha256(of bytes: [UInt8]) -> String {
    let hash = SHA256()
    hash.update(bytes)
    return hash.hexadecimal
}

/// The SHA-256 of lines, each with its line feed, in hexadecimal.
package func sha256(ofLines lines: some Sequence<String>) -> String {
    sha256(of: lines.lazy.map { Array("\($0)\n".utf8) })
}

/// The SHA-256 of pieces of bytes, one after another, in hexadecimal.
package func sha256(of pieces: some Sequence<[UInt8]>) -> String {
    let hash = SHA256()
    for piece in pieces { hash.update(piece) }
    return hash.hexadecimal
}

/// The SHA-256 of a file's bytes, in hexadecimal, and their number.
///
/// - Throws: what the file system says.
package func sha256(ofFile file: URL) throws -> (hash: String, bytes: Int) {
    let handle = try FileHandle(forReadingFrom: file)
    let hash = SHA256()
    var count = 0
    while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
        hash.update([UInt8](piece))
        count += piece.count
    }
    return (hash.hexadecimal, count)
}
