import CZlib
import Foundation

/// The bytes of a file, a pipe or standard input as they come, piece by piece. Input that begins with the two bytes of gzip is
/// inflated.
struct ByteStream {
    private let path: String
    private var source: Source
    private let hash = SHA256()
    /// Bytes that have been read, and not yet handed over or inflated.
    private var input: ArraySlice<UInt8> = []
    /// How many bytes may still be read of the source.
    private var left: Int
    private var hasBegun = false
    private var atEnd = false
    private var inflater: Inflater?

    private enum Source {
        case file(FileHandle)
        /// What has not been read yet.
        case memory(ArraySlice<UInt8>)
    }

    /// How much is asked for at a time, in bytes.
    static let pieceSize = 1 << 16

    /// Opens a file; `-` is standard input.
    ///
    /// - Parameter range: the bytes that are read; from the middle on, the file is not taken for a compressed one; nil: all
    /// - Throws: ``DatasetError`` if it cannot be opened.
    init(path: String, range: Range<Int>? = nil) throws {
        self.path = path
        left = range?.count ?? .max
        do {
            let file = path == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(filePath: path))
            if let start = range?.lowerBound, start > 0 {
                try file.seek(toOffset: UInt64(start))
                hasBegun = true
            }
            source = .file(file)
        } catch {
            throw DatasetError(path, "cannot be read: \(error.localizedDescription)")
        }
    }

    /// Whether a file is compressed.
    ///
    /// - Throws: ``DatasetError`` if it cannot be read.
    static func isCompressed(_ path: String) throws -> Bool {
        var stream = try ByteStream(path: path, range: 0..<2)
        while try stream.fill() {}
        return stream.input.elementsEqual(magic)
    }

    /// What compressed data begins with.
    private static let magic: [UInt8] = [0x1F, 0x8B]

    /// Reads what is in memory.
    ///
    /// - Parameter path: what errors name as the file
    init(_ content: [UInt8], path: String) { (self.path, source, left) = (path, .memory(content[...]), .max) }

    /// The SHA-256, in hexadecimal, of the bytes that have been read so far, before they are inflated.
    var sha256: String { hash.hexadecimal }

    /// The next piece, not empty; nil at the end. Waits only if nothing is there.
    ///
    /// - Throws: ``DatasetError`` if the input cannot be read, or if compressed data is damaged or incomplete.
    mutating func next() throws -> ArraySlice<UInt8>? {
        if !hasBegun {
            hasBegun = true
            while try fill(), input.elementsEqual([0x1F]) {}
            if input.starts(with: Self.magic) { inflater = try Inflater(path: path) }
        }
        guard let inflater else {
            if input.isEmpty, try !fill() { return nil }
            defer { input = [] }
            return input
        }
        while true {
            if input.isEmpty, !inflater.hasMore, try !fill() {
                if inflater.isBetweenMembers { return nil }
                throw DatasetError(path, "the gzip data ends too early; the file is incomplete: fetch or copy it again")
            }
            let output = try inflater.inflate(&input)
            if !output.isEmpty { return output[...] }
        }
    }

    /// Reads one more piece of the input; false at the end.
    private mutating func fill() throws -> Bool {
        if atEnd { return false }
        let piece = try read()
        left -= piece.count
        hash.update(piece)
        input += piece
        atEnd = piece.isEmpty
        return !atEnd
    }

    /// The next piece of the source; empty at its end.
    private mutating func read() throws -> [UInt8] {
        switch source {
        case .memory(let rest):
            source = .memory(rest.dropFirst(Self.pieceSize))
            return Array(rest.prefix(Self.pieceSize))
        case .file(let handle):
            while true {
                var failure: Int32 = 0
                let piece = [UInt8](unsafeUninitializedCapacity: min(left, Self.pieceSize)) { buffer, count in
                    let result = Foundation.read(handle.fileDescriptor, buffer.baseAddress, min(left, Self.pieceSize))
                    (count, failure) = (max(0, result), result < 0 ? errno : 0)
                }
                if failure == 0 { return piece }
                guard failure == EINTR else {
                    throw DatasetError(path, "cannot be read: \(String(cString: strerror(failure)))")
                }
            }
        }
    }
}

/// Inflates gzip data: one member after another, as `gzip` writes and joins them.
private final class Inflater {
    private let path: String
    /// In memory of its own, because zlib keeps its address.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    /// Whether there may be output without more input.
    private(set) var hasMore = false
    /// Whether the data can end here.
    private(set) var isBetweenMembers = false

    init(path: String) throws {
        self.path = path
        stream.initialize(to: z_stream())
        // The largest window, and 16 more for the format of gzip.
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw DatasetError(path, "cannot be inflated: zlib has no memory") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Inflates as much of `input` as makes one piece, and removes it from there.
    func inflate(_ input: inout ArraySlice<UInt8>) throws -> [UInt8] {
        if isBetweenMembers {
            // Tapes and block devices fill up their last block with zeros.
            input = input.drop { $0 == 0 }
            if input.isEmpty { return [] }
            inflateReset(stream)
        }
        var status = Z_OK
        let output = input.withUnsafeBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: 4 * ByteStream.pieceSize) { target, count in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                stream.pointee.avail_in = UInt32(source.count)
                stream.pointee.next_out = target.baseAddress
                stream.pointee.avail_out = UInt32(target.count)
                status = CZlib.inflate(stream, Z_NO_FLUSH)
                count = target.count - Int(stream.pointee.avail_out)
            }
        }
        input = input.suffix(Int(stream.pointee.avail_in))
        isBetweenMembers = status == Z_STREAM_END
        hasMore = status == Z_OK && stream.pointee.avail_out == 0
        // Z_BUF_ERROR: more input is needed.
        guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(status) else {
            let cause = stream.pointee.msg.map { " (\(String(cString: $0)))" } ?? ""
            throw DatasetError(path, "the gzip data is damaged\(cause): fetch or copy the file again")
        }
        return output
    }
}
