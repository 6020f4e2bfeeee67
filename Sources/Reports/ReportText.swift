import Escaping
import Plots

extension [Report.Part] {
    /// For a terminal: the parts one below the other, with an empty line between them.
    package var text: String { map(\.text).joined(separator: "\n") }
}

extension Report.Part {
    fileprivate var text: String {
        let heading = heading.map { $0.printable + "\n" } ?? ""
        return heading + blocks.map(\.text).joined()
    }
}

extension Report.Block {
    fileprivate var text: String {
        switch self {
        case .sentence(let text), .note(let text): text.printable + "\n"
        case .table(let table): table.text
        case .figure(let figure): figure.terminal(columns: 80, rows: 20, color: false)
        case .grid(let grid): grid.text
        case .formula(let text): text.printableLines + "\n"
        }
    }
}

extension ReportTable {
    /// For a terminal: columns as wide as their cells, numbers to the right.
    package var text: String {
        let lines = [header.map(\.printable)] + rows.map { $0.map(\.text.printable) }
        let widths = header.indices.map { column in lines.map { $0[column].columns }.max() ?? 0 }
        return lines.map { line in
            let cells = line.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - line[column].columns)
                if kinds[column] == .number { return space + line[column] }
                // A long text at the end of one row is no reason for blanks at the end of the others.
                return column == line.count - 1 ? line[column] : line[column] + space
            }
            let line = cells.joined(separator: "  ")
            let end = line.utf8.lastIndex { $0 != UInt8(ascii: " ") }.map(line.utf8.index(after:))
            return line[..<(end ?? line.startIndex)] + "\n"
        }.joined()
    }
}

extension ReportTable.Cell {
    fileprivate var text: String {
        switch self {
        case .text(let text), .time(let text): text
        case .count(let count), .share(let count, of: _): "\(count)"
        case .figure(let value): value.figure
        case .seconds(let seconds): "\(seconds)"
        case .missing: ""
        }
    }
}
