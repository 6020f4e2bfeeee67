/// The lines of a file, a pipe or standard input as they come: lines that are there already are returned at once, and no more is
/// held in memory than one piece of the input and one unfinished line. A line ends at LF; other Unicode line separators are text.
struct LineStream {
    private var bytes: ByteStream
    /// What has come since the last line feed.
    private var rest: [UInt8] = []
    private var atEnd = false
    private let path: String
    /// The number of complete lines before ``rest``.
    private var count = 0

    /// The longest line that is read, in bytes: a file that never ends, or inflates without end, must not take all memory.
    static let longestLine = 1 << 26

    /// - Parameter path: what errors name as the file
    init(_ bytes: ByteStream, path: String) { (self.bytes, self.path) = (bytes, path) }

    /// The SHA-256, in hexadecimal, of the bytes that have been read so far, before they are inflated.
    var sha256: String { bytes.sha256 }

    /// The next complete lines, at least one, without their line feeds; nil at the end. Waits only if there is no complete
    /// line yet.
    ///
    /// - Throws: ``DatasetError`` if the input cannot be read, if compressed data is damaged or incomplete, or if a line is too long.
    mutating func next() throws -> [ArraySlice<UInt8>]? {
        while !atEnd {
            guard let piece = try bytes.next() else {
                atEnd = true
                break
            }
            rest += piece
            if rest.count > Self.longestLine {
                throw DatasetError(
                    path, line: count + 1,
                    "the line has more than \(Self.longestLine >> 20) MB; divide the text, or say with --format what the file is"
                )
            }
            if piece.contains(UInt8(ascii: "\n")) { break }
        }
        var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last line feed is a line only if the input ends there.
        let unfinished = lines.removeLast()
        if atEnd && !unfinished.isEmpty { lines.append(unfinished) }
        rest = atEnd ? [] : Array(unfinished)
        count += lines.count
        return lines.isEmpty ? nil : lines
    }
}
