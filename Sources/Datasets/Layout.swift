import Foundation

/// How a file, a stream or a folder is read.
package struct Layout: Sendable, Codable, Equatable {
    /// The formats that data can have. Files can also be compressed with gzip.
    package enum Format: String, CaseIterable, Sendable, Codable {
        /// Columns between tabs; without a header `text<TAB>label`.
        case tsv
        /// Columns between commas, as RFC 4180 has them.
        case csv
        /// A JSON object on each line.
        case jsonl
        /// A folder for each label, with a file for each text.
        case folder
        /// One text on each line, and no label.
        case lines
    }

    /// Whether texts have a second one.
    package enum SecondText: String, Sendable, Codable {
        /// A row without it is wrong.
        case needed
        /// It is not read.
        case ignored
    }

    /// Which column of a table, or which key of an object, is meant.
    package enum Column: Sendable, Equatable, Codable {
        /// By the name in the header, or by the key.
        case name(String)
        /// By its place, from 1.
        case number(Int)

        /// Creates a column from what a user wrote: digits are a place, anything else a name.
        package init(_ text: String) {
            if let number = Int(text), number >= 1 { self = .number(number) } else { self = .name(text) }
        }

        /// As a user writes it.
        package var text: String {
            switch self {
            case .name(let name): name
            case .number(let number): "\(number)"
            }
        }
    }

    /// Nil: told by the file's ending.
    package var format: Format?
    /// Where the text is; several are joined with a space. Empty: `text`, `sentence`, `review` or `content`, and in a TSV
    /// without a header the first column.
    package var textColumns: [Column]
    /// Where the text is that is read together with it. Nil: `text_pair`, if that is there.
    package var textPairColumn: Column?
    /// Nil: there is one if its column is named, or called so.
    package var secondText: SecondText?
    /// Where the label is. Nil: `label`, `sentiment`, `class` or `category`, and in a TSV without a header the second column.
    package var labelColumn: Column?
    /// Where ``Example/group`` is. Nil: there is none.
    package var groupColumn: Column?
    /// The option that names it, for errors.
    package var groupOption = "--by"
    /// What else is read of each row: ``Example/kept``.
    package var keptColumns: [Column] = []
    /// New names for labels. One that becomes empty is left out.
    package var labelMap: [String: String]
    /// What becomes of rows that are wrong.
    package var onBadRow: BadRowPolicy

    /// What is kept is for `predict`, whose layout nobody stores.
    private enum CodingKeys: String, CodingKey {
        case format, textColumns, textPairColumn, secondText, labelColumn, groupColumn, groupOption, labelMap, onBadRow
    }

    /// Creates a layout; without arguments, one that is told by each file itself.
    package init(
        format: Format? = nil, textColumns: [Column] = [], textPairColumn: Column? = nil, labelColumn: Column? = nil,
        groupColumn: Column? = nil, labelMap: [String: String] = [:], onBadRow: BadRowPolicy = .error
    ) {
        (self.format, self.textColumns, self.textPairColumn) = (format, textColumns, textPairColumn)
        self.labelColumn = labelColumn
        (self.groupColumn, self.labelMap, self.onBadRow) = (groupColumn, labelMap, onBadRow)
    }

    /// What it says, as the database keeps it: what is left to the files themselves is left out.
    package var settings: [(name: String, value: String)] {
        let columns = textColumns.map(\.text).joined(separator: " + ")
        let map = labelMap.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        let optional: [(name: String, value: String?)] = [
            ("format", format?.rawValue), ("text_column", columns), ("text_pair_column", textPairColumn?.text),
            ("label_column", labelColumn?.text), ("label_map", map),
        ]
        return optional.compactMap { name, value in value.flatMap { $0.isEmpty ? nil : (name, $0) } }
            + [("on_bad_row", onBadRow.rawValue)]
    }

    /// The format of what is at `path`; `-` is standard input.
    ///
    /// - Throws: ``DatasetError`` if nothing is there, or if the ending tells a format that cannot be read: to take a table for
    ///   plain lines would be wrong.
    func format(of path: String) throws -> Format {
        var isFolder = false
        guard path == "-" || FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw DatasetError(path, "no such file")
        }
        if isFolder {
            guard format == nil || format == .folder else { throw DatasetError(path, "is a folder; name a file") }
            return .folder
        }
        if format == .folder { throw DatasetError(path, "is a file, and not a folder") }
        if let format { return format }
        var url = URL(filePath: path)
        if url.pathExtension.lowercased() == "gz" { url.deletePathExtension() }
        let ending = url.pathExtension.lowercased()
        switch ending {
        case "tsv": return .tsv
        case "csv": return .csv
        case "jsonl", "ndjson": return .jsonl
        case "json":
            throw DatasetError(
                path,
                "files ending in .json cannot be read; write one object on each line of a .jsonl file, for example with:"
                    + " jq -c '.[]'")
        case "bz2", "xz", "zip", "zst":
            throw DatasetError(path, "files ending in .\(ending) cannot be read; unpack it first (gzip can be read)")
        case "arrow", "feather", "ods", "parquet", "xls", "xlsx":
            throw DatasetError(
                path,
                "files ending in .\(ending) cannot be read; convert it to .csv, .tsv or .jsonl, or say what it is with --format"
            )
        default: return .lines
        }
    }
}
