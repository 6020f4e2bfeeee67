import Foundation

/// How the lines of a file are read.
package struct Layout: Sendable, Codable, Equatable {
    /// The formats that a file can have.
    package enum Format: String, CaseIterable, Sendable, Codable {
        /// Columns between tabs; without a header `text<TAB>label`.
        case tsv
        /// One text on each line, and no label.
        case lines
    }

    /// Which column of a table is meant.
    package enum Column: Sendable, Equatable, Codable {
        /// By the name in the header.
        case name(String)
        /// By its place, from 1.
        case number(Int)

        /// Creates a column from what a user wrote: digits are a place, anything else a name.
        package init(_ text: String) {
            if let number = Int(text), number >= 1 { self = .number(number) } else { self = .name(text) }
        }
    }

    /// Nil: told by the file's ending.
    package var format: Format?
    /// Where the text is. Nil: the header's `text`, `sentence`, `review` or `content`, else the first column.
    package var textColumn: Column?
    /// Where the label is. Nil: the header's `label`, `sentiment`, `class` or `category`, else the second column.
    package var labelColumn: Column?

    /// Creates a layout; without arguments, one that is told by each file itself.
    package init(format: Format? = nil, textColumn: Column? = nil, labelColumn: Column? = nil) {
        (self.format, self.textColumn, self.labelColumn) = (format, textColumn, labelColumn)
    }

    /// The format of the file at `path`.
    ///
    /// - Throws: ``DatasetError`` if the ending tells one that cannot be read: to take a table for plain lines would be wrong.
    func format(of path: String) throws -> Format {
        if let format { return format }
        let ending = URL(filePath: path).pathExtension.lowercased()
        if ["csv", "json", "jsonl", "gz", "parquet", "xlsx"].contains(ending) {
            throw DatasetError(
                path, "files ending in .\(ending) cannot be read; convert it to .tsv, or say what it is with --format")
        }
        return ending == "tsv" ? .tsv : .lines
    }
}

/// Reads examples from lines, one at a time: the same for whole files and for a stream.
///
/// A line ends at LF or CR LF; other Unicode line separators are text. A byte-order mark at the start is skipped.
package struct LineReader {
    private let path: String
    private let layout: Layout
    private let format: Layout.Format
    private let labeled: Bool
    private var line = 0
    /// The places of text and label, once the first line has been seen.
    private var columns: (text: Int, label: Int)?
    private var hasHeader = false

    private static let textNames: Set = ["text", "sentence", "review", "content"]
    private static let labelNames: Set = ["label", "sentiment", "class", "category"]

    /// Creates a reader that stands before the first line.
    ///
    /// - Parameters:
    ///   - path: what errors name as the file; its ending tells the format if `layout` does not
    ///   - labeled: whether every line must have a label
    /// - Throws: ``DatasetError`` if the format cannot be read.
    package init(path: String, layout: Layout, labeled: Bool) throws {
        (self.path, self.layout, self.labeled) = (path, layout, labeled)
        format = try layout.format(of: path)
    }

    /// Reads one line, without its LF. Returns nil for a header.
    ///
    /// - Throws: ``DatasetError`` if the line is not UTF-8 or lacks a column.
    package mutating func read(_ bytes: some BidirectionalCollection<UInt8>) throws -> Example? {
        line += 1
        var bytes = bytes[...]
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        if line == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let isUTF16 = line == 1 && (bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]))
            throw DatasetError(
                path, line: line,
                "not valid UTF-8; convert the file, for example with: iconv -f \(isUTF16 ? "utf-16" : "latin1") -t utf-8"
            )
        }
        switch format {
        case .lines:
            if labeled {
                throw DatasetError(
                    path, "plain lines have no labels; give a .tsv file with text<TAB>label on each line")
            }
            return Example(text: text, label: nil, line: line)
        case .tsv:
            // By bytes: a Character could join the tab with a combining mark after it.
            let cells = text.utf8.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            if columns == nil {
                try findColumns(firstRow: cells)
                if hasHeader { return nil }
            }
            return try example(of: cells)
        }
    }

    /// Decides from the first row whether there is a header, and which columns are read.
    private mutating func findColumns(firstRow cells: [String]) throws {
        let names = cells.map { $0.lowercased().trimmingCharacters(in: .whitespaces) }
        let named = [layout.textColumn, layout.labelColumn].contains { if case .name = $0 { true } else { false } }
        let knownText = names.firstIndex(where: Self.textNames.contains)
        let knownLabel = names.firstIndex(where: Self.labelNames.contains)
        hasHeader = named || (knownText != nil && (knownLabel != nil || !labeled))
        func place(_ column: Layout.Column?, known: Int?, otherwise: Int, option: String) throws -> Int {
            switch column {
            case .number(let number): return number - 1
            case .name(let name):
                guard let index = cells.firstIndex(of: name) ?? names.firstIndex(of: name.lowercased()) else {
                    throw DatasetError(
                        path, line: line,
                        "no column is called '\(name)'; the header has \(cells.map { "'\($0)'" }.joined(separator: ", "));"
                            + " name one of them with \(option)")
                }
                return index
            case nil: return hasHeader ? known ?? otherwise : otherwise
            }
        }
        let text = try place(layout.textColumn, known: knownText, otherwise: 0, option: "--text-column")
        let label = try place(layout.labelColumn, known: knownLabel, otherwise: 1, option: "--label-column")
        if labeled && text == label {
            throw DatasetError(
                path, line: line, "text and label are the same column; give --text-column and --label-column")
        }
        columns = (text, label)
    }

    private func example(of cells: [String]) throws -> Example {
        let (text, label) = columns!
        if !labeled {
            guard text < cells.count else {
                throw DatasetError(path, line: line, "the row has \(cells.count) columns and no column \(text + 1)")
            }
            return Example(text: cells[text], label: nil, line: line)
        }
        if cells.count == 1 {
            throw DatasetError(path, line: line, "the row has no tab; expected text<TAB>label")
        }
        let explicit = hasHeader || layout.textColumn != nil || layout.labelColumn != nil
        guard max(text, label) < cells.count, explicit || cells.count == 2 else {
            throw DatasetError(
                path, line: line,
                "the row has \(cells.count) columns; expected text<TAB>label, or say which with --text-column and"
                    + " --label-column")
        }
        let name = cells[label].trimmingCharacters(in: .whitespaces)
        if name.isEmpty { throw DatasetError(path, line: line, "the label is empty") }
        if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            throw DatasetError(path, line: line, "the label contains a control character")
        }
        return Example(text: cells[text], label: name, line: line)
    }
}
