/// The lines of a file, a pipe or standard input as they come: lines that are there already are returned at once, and no more is
/// held in memory than one piece of the input and one unfinished line. A line ends at LF; other Unicode line separators are text.
struct LineStream {
    private var bytes: ByteStream
    /// What has come since the last line feed.
    private var rest: [UInt8] = []
    private var atEnd = false

    /// Opens a file; `-` is standard input.
    ///
    /// - Throws: ``DatasetError`` if it cannot be opened.
    init(path: String) throws { bytes = try ByteStream(path: path) }

    /// The SHA-256, in hexadecimal, of the bytes that have been read so far, before they are inflated.
    var sha256: String { bytes.sha256 }

    /// The next complete lines, at least one, without their line feeds; nil at the end. Waits only if there is no complete
    /// line yet.
    ///
    /// - Throws: ``DatasetError`` if the input cannot be read, or if compressed data is damaged or incomplete.
    mutating func next() throws -> [ArraySlice<UInt8>]? {
        while !atEnd {
            guard let piece = try bytes.next() else {
                atEnd = true
                break
            }
            rest += piece
            if piece.contains(UInt8(ascii: "\n")) { break }
        }
        var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last line feed is a line only if the input ends there.
        let unfinished = lines.removeLast()
        if atEnd && !unfinished.isEmpty { lines.append(unfinished) }
        rest = atEnd ? [] : Array(unfinished)
        return lines.isEmpty ? nil : lines
    }
}
