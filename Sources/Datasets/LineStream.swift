import Foundation

/// The lines of a file or of standard input as they come: what is there already is returned at once, and no more is
/// held in memory than one piece of the input and one unfinished line.
package struct LineStream {
    private let path: String
    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private var atEnd = false

    /// How much is asked for at a time, in bytes.
    private static let pieceSize = 1 << 16

    /// Opens a file; `-` is standard input.
    ///
    /// - Throws: ``DatasetError`` if there is no such file.
    package init(path: String) throws {
        self.path = path
        if path == "-" {
            handle = .standardInput
            return
        }
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw DatasetError(path, "no such file")
        }
        if isDirectory { throw DatasetError(path, "is a folder; name a file with one text on each line") }
        do {
            handle = try FileHandle(forReadingFrom: URL(filePath: path))
        } catch {
            throw DatasetError(path, "cannot be read: \(error.localizedDescription)")
        }
    }

    /// The next complete lines, at least one, without their line feeds; nil at the end. Waits only if there is no complete
    /// line yet.
    package mutating func next() throws -> [ArraySlice<UInt8>]? {
        while !atEnd {
            var piece = [UInt8](repeating: 0, count: Self.pieceSize)
            let count = piece.withUnsafeMutableBytes { read(handle.fileDescriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw DatasetError(path, "cannot be read: \(String(cString: strerror(errno)))")
            }
            atEnd = count == 0
            buffer.append(contentsOf: piece.prefix(count))
            if piece.prefix(count).contains(UInt8(ascii: "\n")) { break }
        }
        var lines = buffer.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last line feed is a line only if the input ends there.
        let rest = lines.removeLast()
        if atEnd && !rest.isEmpty { lines.append(rest) }
        buffer = atEnd ? [] : Array(rest)
        return lines.isEmpty ? nil : lines
    }
}
