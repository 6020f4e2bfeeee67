import JSON

/// Reads examples from lines, one at a time: the same for whole files and for a stream.
///
/// A line ends at LF or CR LF. A byte-order mark at the start is skipped.
struct ExampleReader {
    private let path: String
    private let layout: Layout
    private let format: Layout.Format
    private let finder: PlaceFinder
    /// How labels are read, and what was found out about them.
    private(set) var labels: Labels

    /// The lines read so far.
    private var lines = 0
    /// Whether they begin in the middle of the file.
    private var isLater = false
    /// How often a line was read, those that were read again included.
    private(set) var linesRead = 0
    /// Where the latest row begins, from 1.
    private(set) var line = 0
    private var csv = CSVReader()
    /// The lines of a CSV row after its first, and their size in bytes.
    private var further: [ArraySlice<UInt8>] = []
    private var furtherSize = 0
    /// The last line of the latest CSV row that was badly quoted, and what was wrong. A row that begins in one of its lines and is open at the beginning
    /// of another goes wrong in the same way, and need not be read that far: else a file of such rows would be read once for each of them.
    private var brokenUntil = 0
    private var brokenBy = ""
    /// Where the parts are, once the first row has been seen: in a table, or in objects.
    private var columns: Places<Int>?
    private var keys: Places<String>?
    private var hasHeader = false
    /// The first row of a table that was taken for one without a header, where nobody has said so.
    private(set) var possibleHeader: [String]?
    /// The number of cells that a row must have, and whether it must not have more.
    private var width = 0
    private var isExact = false

    /// Creates a reader that stands before the first line.
    ///
    /// - Parameter path: what errors name as the file
    /// - Throws: ``DatasetError`` if such files have no labels or columns, and some are wanted.
    init(path: String, layout: Layout, format: Layout.Format, labels: LabelReading) throws {
        (self.path, self.layout, self.format) = (path, layout, format)
        finder = PlaceFinder(path: path, layout: layout, format: format, readsLabels: labels != .none)
        self.labels = Labels(labels, map: layout.labelMap)
        if layout.onBadRow == .keep && labels != .none {
            throw DatasetError(path, "--on-bad-row keep is for texts that are to be classified, by 'predict'")
        }
        let needsColumns =
            [layout.groupColumn, layout.textPairColumn].contains { $0 != nil } || !layout.textColumns.isEmpty
            || !layout.keptColumns.isEmpty
        switch format {
        case .folder where needsColumns:
            throw DatasetError(
                path,
                "a folder has no columns, and so no \(layout.groupOption), --keep, --text-column and --text-pair-column"
            )
        case .lines where labels != .none:
            throw DatasetError(
                path,
                "plain lines have no labels; give a .tsv, .csv or .jsonl file, or a folder with a folder for each label"
            )
        case .folder where layout.secondText == .needed, .lines where layout.secondText == .needed:
            throw DatasetError(
                path,
                "has no second texts, and the model reads pairs; give a table or JSON Lines, with --text-pair-column"
            )
        case .lines where needsColumns:
            throw DatasetError(path, "plain lines have no columns; say with --format what it is")
        default: break
        }
    }

    /// Reads one line, without its LF. Returns nil for a header, a line that is skipped, and a row that goes on.
    ///
    /// - Throws: ``BadRow``, or ``DatasetError`` if no row of this file can be read.
    mutating func read(_ bytes: ArraySlice<UInt8>) throws -> Example? {
        lines += 1
        linesRead += 1
        var bytes = bytes
        if lines == 1 && !isLater {
            do {
                bytes = try bytes.withoutByteOrderMark()
            } catch let error as BadRow {
                throw DatasetError(path, line: 1, error.cause)
            }
        }
        if csv.isOpen {
            further.append(bytes)
            furtherSize += bytes.count + 1
        } else {
            line = lines
            (further, furtherSize) = ([], 0)
        }
        switch format {
        case .csv:
            // Where the row is quoted as it should be, all of its lines belong to it, whatever else is wrong with it.
            defer { if !csv.isOpen && !csv.isBroken { further = [] } }
            if let cells = try csv.read(bytes) { return try example(of: cells) }
            try requireEnd()
            return nil
        case .tsv:
            return try example(of: bytes.withoutCarriageReturn.text().split(at: UInt8(ascii: "\t")))
        case .jsonl:
            let isBlank = bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            return isBlank ? nil : try example(of: JSONValue.members(ofLine: bytes))
        case .lines, .folder:
            return Example(
                text: try bytes.withoutCarriageReturn.text(), label: nil, group: nil, file: nil, line: line)
        }
    }

    /// Reads lines from the beginning of the file until its first row has told where the parts are. What is read then comes from the middle of the file.
    mutating func continueAfterFirstRow(_ next: () throws -> [ArraySlice<UInt8>]?) throws {
        while format != .lines, columns == nil, keys == nil, let some = try next() {
            for line in some where columns == nil && keys == nil {
                do { _ = try read(line) } catch is BadRow {}
            }
        }
        (lines, line, isLater, csv) = (0, 0, true, CSVReader())
    }

    /// Reads a file of a folder.
    ///
    /// - Throws: ``BadRow`` if it is not UTF-8.
    mutating func read(_ content: ArraySlice<UInt8>, label: String, file: String) throws -> Example {
        let text = try content.withoutByteOrderMark().text()
        return Example(text: text, label: try labels.gather(label[...]), group: nil, file: file, line: 1)
    }

    /// Gives up a CSV row that does not end, or is known to go wrong.
    private mutating func requireEnd() throws {
        guard csv.isOpen else { return }
        if lines < brokenUntil {
            csv.giveUp()
            throw BadRow(brokenBy)
        }
        if furtherSize > LineStream.longestLine {
            csv.giveUp()
            throw BadRow(
                "a quoted field begins in this row and goes on for more than \(LineStream.longestLine >> 20) MB: a quote is missing"
            )
        }
    }

    /// Says that there are no more lines.
    ///
    /// - Throws: ``BadRow`` if a row is not complete.
    mutating func finish() throws {
        if csv.isOpen {
            csv.giveUp()
            throw BadRow("a quoted field begins in this row and does not end: a quote is missing")
        }
    }

    /// The lines of a badly quoted row after its first one, to be read again: a quote that is missing or too many in one row must not
    /// take the rows after it along.
    ///
    /// - Parameter cause: what was wrong with the row
    mutating func takeBack(_ cause: String) -> [ArraySlice<UInt8>] {
        if !further.isEmpty { (brokenUntil, brokenBy) = (lines, cause) }
        lines -= further.count
        defer { further = [] }
        return further
    }

    // MARK: Tables

    private mutating func example(of cells: [Substring]) throws -> Example? {
        guard let columns else {
            let hasChoice = !finder.chosenColumns.isEmpty
            let columns: Places<Int>
            (columns, hasHeader) = try finder.columns(firstRow: cells, line: line)
            self.columns = columns
            if format == .tsv && !hasHeader && !hasChoice && cells.count == 2 {
                possibleHeader = cells.map(String.init)
            }
            isExact = format == .csv || hasHeader || (columns.label != nil && !hasChoice)
            width = format == .csv || hasHeader ? cells.count : (columns.all.max() ?? 0) + 1
            return hasHeader ? nil : try example(of: cells)
        }
        guard isExact ? cells.count == width : cells.count >= width else {
            throw BadRow(
                format == .csv
                    ? "the row has \(cells.count) fields instead of \(width); a field with a comma must be quoted"
                    : hasHeader
                        ? "the row has \(cells.count) columns, and the header \(width)"
                        : columns.label != nil && cells.count == 1
                            ? "the row has no tab; expected text<TAB>label"
                            : isExact
                                ? "the row has \(cells.count) columns; expected text<TAB>label, or say which with --text-column"
                                    + " and --label-column"
                                : "the row has \(cells.count) columns and no column \(width)")
        }
        return Example(
            text: columns.text.count == 1
                ? String(cells[columns.text[0]]) : columns.text.map { cells[$0] }.joined(separator: " "),
            textPair: columns.textPair.map { String(cells[$0]) },
            label: try columns.label.flatMap { try labels.gather(cells[$0]) },
            group: columns.group.map { String(cells[$0]) }, kept: columns.kept.map { String(cells[$0]) }, file: nil,
            line: line)
    }

    // MARK: Objects

    private mutating func example(of object: [String: JSONValue]) throws -> Example {
        let keys = try self.keys ?? finder.keys(of: object)
        self.keys = keys
        func value(_ key: String) throws -> JSONValue {
            guard let value = object[key] else { throw BadRow("the key '\(key)' is missing") }
            return value
        }
        func text(_ key: String) throws -> String {
            let value = try value(key)
            guard let text = value.text else { throw BadRow("the value of '\(key)' is \(value.kind)") }
            return text
        }
        func optional(_ key: String) throws -> String { object[key]?.isNull ?? true ? "" : try text(key) }
        if keys.textPair == nil, let pair = finder.textPairKey(of: object), !keys.all.contains(pair) {
            throw BadRow("has a '\(pair)', and the first row has none")
        }
        return Example(
            text: try keys.text.map(text).joined(separator: " "), textPair: try keys.textPair.map(text),
            label: try keys.label.flatMap { try labels.gather(value($0)) },
            group: try keys.group.map(optional), kept: try keys.kept.map(optional), file: nil, line: line)
    }

}

extension ArraySlice<UInt8> {
    /// Without the byte-order mark of UTF-8.
    ///
    /// - Throws: ``BadRow`` for that of UTF-16.
    func withoutByteOrderMark() throws -> ArraySlice<UInt8> {
        if starts(with: [0xFF, 0xFE]) || starts(with: [0xFE, 0xFF]) {
            throw BadRow("not valid UTF-8; convert the file, for example with: iconv -f utf-16 -t utf-8")
        }
        return starts(with: [0xEF, 0xBB, 0xBF]) ? dropFirst(3) : self
    }
}
