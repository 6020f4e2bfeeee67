/// The examples of a file, a folder, a pipe or standard input, as they come.
package struct ExampleStream {
    private let path: String
    /// One of the two is nil: a folder has no lines.
    private var lines: LineStream?
    private var folder: LabeledFolder?
    private var reader: ExampleReader
    /// The rows that were left out.
    package private(set) var badRows: BadRows
    private let keepsBadRows: Bool
    private var failure: (any Error)?

    /// Opens texts that are to be classified.
    ///
    /// - Parameter path: `-` is standard input
    /// - Throws: ``DatasetError`` if it cannot be opened or has a format that cannot be read.
    package init(path: String, layout: Layout) throws { try self.init(Piece(path: path), layout: layout) }

    /// Opens a piece of a file or folder. Where it begins in the middle, the first row of the file tells how its rows are read.
    ///
    /// - Throws: ``DatasetError`` if it cannot be opened or has a format that cannot be read.
    package init(_ piece: Piece, layout: Layout) throws { try self.init(piece, layout: layout, labels: .none) }

    init(_ piece: Piece, layout: Layout, labels: LabelReading) throws {
        let (path, format) = (piece.path, try layout.format(of: piece.path))
        try self.init(path: piece.name, layout, format, labels)
        if format == .folder {
            folder = try LabeledFolder(path: path, files: piece.range)
        } else {
            lines = LineStream(try ByteStream(path: path, range: piece.range), path: piece.name)
            if piece.isLater {
                var first = LineStream(try ByteStream(path: path), path: path)
                try reader.continueAfterFirstRow { try first.next() }
            }
        }
    }

    /// Reads what is in memory.
    ///
    /// - Parameter path: what errors name as the file
    init(_ content: [UInt8], path: String, format: Layout.Format, layout: Layout, labels: LabelReading) throws {
        try self.init(path: path, layout, format, labels)
        lines = LineStream(ByteStream(content, path: path), path: path)
    }

    private init(path: String, _ layout: Layout, _ format: Layout.Format, _ labels: LabelReading) throws {
        self.path = path
        reader = try ExampleReader(path: path, layout: layout, format: format, labels: labels)
        badRows = BadRows(layout.onBadRow)
        keepsBadRows = layout.onBadRow == .keep
    }

    /// How labels are read, and what was found out about them so far. The labels of the examples have gone through the first step of ``Labels`` only.
    var labels: Labels { reader.labels }

    /// The first row, if it was taken for an example and could be a header.
    var possibleHeader: [String]? { reader.possibleHeader }

    /// How often a line was read: lines of badly quoted rows are read again.
    package var linesRead: Int { reader.linesRead }

    /// The SHA-256, in hexadecimal, of what has been read so far.
    package var sha256: String { lines?.sha256 ?? folder?.sha256 ?? "" }

    /// The next examples, at least one; nil at the end. Waits only if there is none yet.
    ///
    /// - Throws: ``DatasetError`` if the input cannot be read or a row is wrong; the examples before it have been returned by then.
    package mutating func next() throws -> [Example]? {
        var examples: [Example] = []
        do {
            while failure == nil, examples.isEmpty, try read(into: &examples) {}
        } catch {
            failure = error
        }
        if examples.isEmpty, let failure { throw failure }
        return examples.isEmpty ? nil : examples
    }

    /// Reads what is there; false at the end.
    private mutating func read(into examples: inout [Example]) throws -> Bool {
        if folder != nil { return try readFiles(into: &examples) }
        guard let next = try lines?.next() else {
            // Once more if lines of a bad row are to be read again.
            while let back = try skippingBadRow(into: &examples, { reader, _ in try reader.finish() }) {
                try read(back, into: &examples)
            }
            return false
        }
        try read(next, into: &examples)
        return true
    }

    private mutating func read(_ lines: [ArraySlice<UInt8>], into examples: inout [Example]) throws {
        // The next line is the last one.
        var lines = Array(lines.reversed())
        while let line = lines.popLast() {
            let back = try skippingBadRow(into: &examples) { reader, examples in
                if let example = try reader.read(line) { examples.append(example) }
            }
            if let back { lines += back.reversed() }
        }
    }

    /// Counts a row if it is bad, or keeps it.
    ///
    /// - Returns: the lines to be read again; nil if the row is good
    private mutating func skippingBadRow(
        into examples: inout [Example], _ body: (inout ExampleReader, inout [Example]) throws -> Void
    ) throws -> [ArraySlice<UInt8>]? {
        do {
            try body(&reader, &examples)
            return nil
        } catch let error as BadRow {
            let problem = DatasetError(path, line: reader.line, error.cause)
            try badRows.add(problem)
            if keepsBadRows { examples.append(Example(problem: problem, line: reader.line)) }
            return reader.takeBack(error.cause)
        }
    }

    /// Reads as many files as make a piece.
    private mutating func readFiles(into examples: inout [Example]) throws -> Bool {
        var size = 0
        while size < ByteStream.pieceSize {
            guard let (label, file, content) = try folder?.next() else { return size > 0 }
            size += content.count + 1
            do {
                examples.append(try reader.read(content, label: label, file: file))
            } catch let error as BadRow {
                let problem = DatasetError(file, error.cause)
                try badRows.add(problem)
                if keepsBadRows { examples.append(Example(problem: problem, line: 1)) }
            }
        }
        return true
    }
}
