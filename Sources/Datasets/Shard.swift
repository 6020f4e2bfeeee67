import Foundation

/// A part of the work that several processes share: one of ``count`` equal parts.
package struct Shard: Sendable, Equatable, CustomStringConvertible {
    /// Which one, from 0.
    package let index: Int
    package let count: Int

    /// - Returns: nil unless `0 <= index < count`
    package init?(_ index: Int, of count: Int) {
        guard index >= 0, index < count, count <= Self.most else { return nil }
        (self.index, self.count) = (index, count)
    }

    private init(_ index: Int, count: Int) { (self.index, self.count) = (index, count) }

    /// All of the work.
    package static let whole = Shard(0, count: 1)

    /// The most parts that there can be.
    package static let most = 1_000_000

    /// As a user writes it: `I/N`.
    package var description: String { "\(index)/\(count)" }

    /// What it has of so many bytes. All shards together have each of them once.
    func range(of bytes: Int) -> Range<Int> {
        func start(_ index: Int) -> Int {
            let (high, low) = bytes.multipliedFullWidth(by: index)
            return count.dividingFullWidth((high, low)).quotient
        }
        return start(index)..<start(index + 1)
    }
}

/// What a shard has of one file or folder: the records that begin in a range of it.
package struct Piece: Sendable, Equatable {
    /// The file or folder, as the user named it.
    package let path: String
    /// The bytes of a file, from the beginning of a record to that of another, or the files of a folder, by their number; nil: all that there is.
    package let range: Range<Int>?
    /// Which of the files and folders it is of, from 0.
    package let source: Int

    /// - Parameter range: nil: all
    package init(path: String, range: Range<Int>? = nil, source: Int = 0) {
        (self.path, self.range, self.source) = (path, range, source)
    }

    /// Whether the file begins before it.
    var isLater: Bool { (range?.lowerBound ?? 0) > 0 }

    /// What errors and the database name as the file: lines are counted from where the piece begins.
    package var name: String { range.map { "\(path) from \($0.lowerBound) to \($0.upperBound)" } ?? path }

    /// The SHA-256, in hexadecimal, of the bytes that it has.
    ///
    /// - Throws: ``DatasetError`` if they cannot be read.
    package func sha256(_ layout: Layout) throws -> String {
        if try layout.format(of: path) == .folder {
            var folder = try LabeledFolder(path: path, files: range)
            while try folder.next() != nil {}
            return folder.sha256
        }
        var bytes = try ByteStream(path: path, range: range)
        while try bytes.next() != nil {}
        return bytes.sha256
    }
}

/// What a shard has of files and folders.
package struct ShardInput: Sendable {
    /// What it reads, one after the other.
    package let pieces: [Piece]
    /// The bytes of each file, whether the shard has some of it or not; of a folder, the number of its files.
    package let sizes: [Int]
}

extension Layout {
    /// What a shard has of files and folders, as if they were one after the other. A record belongs to the shard in whose bytes it begins; files that are
    /// compressed, and those of a folder, are not divided.
    ///
    /// - Throws: ``DatasetError`` if one is missing, or is not a file or a folder, and so cannot be divided.
    package func input(of shard: Shard, in paths: [String]) throws -> ShardInput {
        let inputs = try paths.map { try DividedInput($0, layout: self) }
        let wanted = shard.range(of: inputs.reduce(0) { $0 + $1.size })
        var start = 0
        var pieces: [Piece] = []
        for (source, input) in inputs.enumerated() {
            let range = wanted.clamped(to: start..<start + input.size)
            if !range.isEmpty {
                let records = try input.records(in: range.lowerBound - start..<range.upperBound - start)
                let isAll = records == 0..<input.count
                if !records.isEmpty {
                    pieces.append(Piece(path: input.path, range: isAll ? nil : records, source: source))
                }
            }
            start += input.size
        }
        return ShardInput(pieces: pieces, sizes: inputs.map(\.count))
    }
}

/// A file or folder that can be read from the beginning of a record on.
private struct DividedInput {
    let path: String
    /// In bytes; of a folder, of all its files.
    let size: Int
    private let format: Layout.Format
    /// Where each file of a folder begins; a compressed file is like a folder with one.
    private let starts: [Int]?
    /// Whether rows that are wrong are no error, and so must be the same wherever the file is divided.
    private let hasBadRows: Bool

    init(_ path: String, layout: Layout) throws {
        (self.path, format, hasBadRows) = (path, try layout.format(of: path), layout.onBadRow != .error)
        var sizes: [Int]?
        if format == .folder {
            sizes = try LabeledFolder(path: path).sizes()
        } else {
            var status = stat()
            guard path != "-", stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw DatasetError(path, "only files and folders can be divided into shards, and this is neither")
            }
            if try ByteStream.isCompressed(path) { sizes = [Int(status.st_size)] }
            size = Int(status.st_size)
            starts = sizes.map { _ in [0] }
            return
        }
        let ends = (sizes ?? []).reduce(into: [0]) { $0.append($0.last! + $1) }
        (size, starts) = (ends.last!, ends.dropLast())
    }

    /// How many bytes can be divided, or of a folder, files.
    var count: Int { format == .folder ? starts?.count ?? 0 : size }

    /// The bytes of the records that begin in a range of bytes; of a folder, the numbers of the files that do.
    func records(in range: Range<Int>) throws -> Range<Int> {
        guard let starts else {
            let (start, end) = (try record(from: range.lowerBound), try record(from: range.upperBound))
            return start..<max(start, end)
        }
        let files = starts.indices.filter { range.contains(starts[$0]) }
        let first = files.first ?? 0
        let numbers = first..<first + files.count
        return format == .folder || files.isEmpty ? numbers : 0..<size
    }

    /// Where the first record begins that begins at a place or behind it.
    private func record(from place: Int) throws -> Int {
        if place == 0 || place == size { return place }
        // The byte before may end a line.
        var lines = try Lines(path, from: place - 1)
        guard try lines.next() != nil else { return size }
        let start = min(lines.start, size)
        return format == .csv && start < size ? try row(from: start) : start
    }

    /// Where the first row of a CSV file begins that begins at the beginning of a line or behind it. A line break can be within quotes, and only the beginning
    /// of the file says for certain whether one is. What follows tells it, too: read as what it is not, it soon has text after a closing quote, or other numbers of
    /// fields than the first row (Ge et al., *Speculative Distributed CSV Data Parsing for Big Data Analytics*, 2019). Where it does not, all is read.
    private func row(from start: Int) throws -> Int {
        var (first, header, width) = (try Lines(path, from: 0), CSVReader(), Int?.none)
        while width == nil, let line = try first.next() { width = try? header.read(line)?.count }
        var (outside, inside) = (CSVGuess(CSVReader()), CSVGuess(.inQuotes))
        var lines = try Lines(path, from: start)
        while !(outside.isWrong && inside.isWrong), lines.start - start < Self.longestDoubt {
            guard let line = try lines.next() else {
                outside.finish()
                inside.finish()
                break
            }
            outside.read(line, width: width)
            inside.read(line, width: width)
            if inside.isWrong && outside.rows > 0 || outside.isWrong && inside.rows > 0 { break }
        }
        // A field that has no end for so long is none, unless rows can be wrong.
        let isOutside = !outside.isWrong && (inside.isWrong || inside.rows == 0 && !hasBadRows)
        if isOutside { return start }
        let isInside = outside.isWrong && !inside.isWrong && inside.rows > 0
        var (reader, rows) = (isInside ? .inQuotes : CSVReader(), try Lines(path, from: isInside ? start : 0))
        while let line = try rows.next() {
            _ = try? reader.read(line)
            if !reader.isOpen && rows.start >= start { return min(rows.start, size) }
        }
        return size
    }

    /// So many bytes are read to find out.
    private static let longestDoubt = 1 << 20
}

/// Reads a CSV file from the middle on, by a guess that may be wrong.
private struct CSVGuess {
    private var reader: CSVReader
    /// Whether the next row to end has begun before.
    private var isTail: Bool
    /// The rows that have ended.
    private(set) var rows = 0
    private(set) var isWrong = false

    init(_ reader: CSVReader) { (self.reader, isTail) = (reader, reader.isOpen) }

    mutating func read(_ line: ArraySlice<UInt8>, width: Int?) {
        do {
            guard let cells = try reader.read(line) else { return }
            if !isTail && cells.count != width { isWrong = true }
            (isTail, rows) = (false, rows + 1)
        } catch {
            isWrong = true
        }
    }

    /// Says that the file ends.
    mutating func finish() { if reader.isOpen { isWrong = true } }
}

/// The lines of a file from a place on, one at a time.
private struct Lines {
    private var stream: LineStream
    private var lines: ArraySlice<ArraySlice<UInt8>> = []
    /// Where the next line begins.
    private(set) var start: Int

    init(_ path: String, from start: Int) throws {
        stream = LineStream(try ByteStream(path: path, range: start..<Int.max), path: path)
        self.start = start
    }

    /// The next line, without its line feed; nil at the end.
    mutating func next() throws -> ArraySlice<UInt8>? {
        if lines.isEmpty { lines = try stream.next()?[...] ?? [] }
        guard let line = lines.popFirst() else { return nil }
        start += line.count + 1
        return line
    }
}
