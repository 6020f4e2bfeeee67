import Foundation
import Plots

/// A table for people: columns wide enough for their cells, numbers to the right.
struct TextTable {
    var header: [String]
    var rows: [[String]] = []
    /// The columns that are aligned to the right.
    var numeric: Set<Int> = []

    var text: String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].columns }.max() ?? 0 }
        return all.map { row in
            var line = row.enumerated().map { column, cell in
                // A long text at the end of one row is no reason for blanks at the end of the others.
                if column == row.count - 1 && !numeric.contains(column) { return cell }
                let space = String(repeating: " ", count: widths[column] - cell.columns)
                return numeric.contains(column) ? space + cell : cell + space
            }.joined(separator: "  ")
            while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// Removes the column of this title if all of its cells are empty.
    mutating func removeColumn(ifEmpty title: String) {
        guard let column = header.firstIndex(of: title), rows.allSatisfy(\.[column].isEmpty) else { return }
        header.remove(at: column)
        for row in rows.indices { rows[row].remove(at: column) }
        numeric = Set(numeric.map { $0 > column ? $0 - 1 : $0 })
    }
}

extension String {
    /// The beginning, if it is longer.
    func shortened(to length: Int) -> String { count > length ? prefix(length - 1) + "…" : self }
}

extension Double {
    /// Four digits after the point: enough to tell two runs apart.
    var figure: String { String(format: "%.4f", self) }

    /// Two digits after the point.
    var twoDigits: String { String(format: "%.2f", self) }

    /// Seconds, for a person: `12.3 s`, `4 min 05 s`.
    var duration: String {
        self < 60 ? String(format: "%.1f s", self) : String(format: "%d min %02d s", Int(self) / 60, Int(self) % 60)
    }
}
