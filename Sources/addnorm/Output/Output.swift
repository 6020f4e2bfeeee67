import Foundation
import Plots

/// Standard output for results, standard error for everything else.
enum Output {
    /// Whether escape sequences make sense on standard error.
    static let isTerminal = isatty(STDERR_FILENO) == 1
    /// Whether colours are wanted there: <https://no-color.org>.
    static let hasColor = isTerminal && wantsColor
    /// The same for standard output.
    static let resultsHaveColor = isatty(STDOUT_FILENO) == 1 && wantsColor

    private static var wantsColor: Bool { (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty }

    /// The columns and rows of a picture on standard output: as wide as the terminal, and not much higher than it is good for; 80 × 20
    /// where there is none. `COLUMNS` goes first.
    static var terminalSize: (columns: Int, rows: Int) {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let variable = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }
        let columns = variable.flatMap { (1...1000).contains($0) ? $0 : nil } ?? (isKnown ? Int(size.ws_col) : 80)
        let most = max(20, columns / 4)
        return (columns, isKnown && size.ws_row > 0 ? min(max(Int(size.ws_row) - 2, 10), most) : 20)
    }

    /// Writes to standard output.
    ///
    /// - Throws: ``OutputError`` if that fails, for example because a disk is full.
    static func write(_ text: String) throws { try write(Data(text.utf8)) }

    /// Writes bytes to standard output.
    static func write(_ bytes: Data) throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: bytes)
        } catch {
            throw OutputError(description: "standard output cannot be written to: \(error.localizedDescription)")
        }
    }

    /// Writes a line to standard error. There is nowhere to report a failure of that.
    static func warn(_ line: String) { note("addnorm: \(line)\n") }

    /// Writes to standard error as it is.
    static func note(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

    /// Writes a value as one JSON document: keys sorted, and in snake case or as they are.
    static func write(
        json value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .convertToSnakeCase
    ) throws {
        let encoder = encoder()
        encoder.keyEncodingStrategy = keys
        encoder.outputFormatting.insert(.prettyPrinted)
        try write(String(decoding: encoder.encode(value), as: UTF8.self) + "\n")
    }

    /// Writes each value as JSON on a line of its own.
    static func write(jsonLines values: [some Encodable]) throws { try write(jsonLines(values)) }

    /// Each value as JSON on a line of its own.
    static func jsonLines(_ values: [some Encodable]) throws -> String {
        let encoder = encoder()
        return try values.map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }.joined()
    }

    private static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

/// A value that is null in JSON where there is none, instead of missing.
struct Nullable<Value: Encodable>: Encodable {
    let value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// Why a result cannot be handed over.
struct OutputError: LocalizedError, CustomStringConvertible {
    let description: String
    var errorDescription: String? { description }
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

extension String {
    /// Without tabs and line breaks, for a line of its own.
    var oneLine: String {
        let isBreak = { (byte: UInt8) in byte == 9 || byte == 10 || byte == 13 }
        guard utf8.contains(where: isBreak) else { return self }
        return String(decoding: utf8.lazy.map { isBreak($0) ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
    }

    /// The beginning, if it is longer.
    func shortened(to length: Int) -> String { count > length ? prefix(length - 1) + "…" : self }

    /// Quoted as RFC 4180 says, if it has to be.
    var csvField: String {
        // By scalars: CR LF is one Character, and so is a quote with a combining mark.
        guard unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return self }
        let doubled = unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }
        return "\"" + doubled.joined() + "\""
    }
}

extension [String] {
    /// The fields as a row of a CSV file (RFC 4180).
    var csvRow: String { map(\.csvField).joined(separator: ",") + "\r\n" }
}

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
            let cells = row.enumerated().map { column, cell in
                // A long text at the end of one row is no reason for blanks at the end of the others.
                if column == row.count - 1 && !numeric.contains(column) { return cell }
                let space = String(repeating: " ", count: widths[column] - cell.columns)
                return numeric.contains(column) ? space + cell : cell + space
            }
            let line = cells.joined(separator: "  ")
            return line[
                ..<(line.utf8.lastIndex { $0 != UInt8(ascii: " ") }.map { line.utf8.index(after: $0) }
                    ?? line.startIndex)] + "\n"
        }.joined()
    }

    /// Takes a column away that has nothing.
    mutating func removeColumn(ifEmpty title: String) {
        guard let column = header.firstIndex(of: title), rows.allSatisfy(\.[column].isEmpty) else { return }
        header.remove(at: column)
        for row in rows.indices { rows[row].remove(at: column) }
        numeric = Set(numeric.map { $0 > column ? $0 - 1 : $0 })
    }
}
