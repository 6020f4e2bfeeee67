import Escaping
import Foundation

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

    /// Writes a value as one JSON document: keys sorted, and in snake case or as they are.
    static func write(
        json value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .convertToSnakeCase
    ) throws {
        try write(document(value, keys: keys))
    }

    /// A value as one JSON document: keys sorted, and in snake case or as they are.
    static func document(
        _ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy = .convertToSnakeCase
    ) throws -> String {
        let encoder = encoder()
        encoder.keyEncodingStrategy = keys
        encoder.outputFormatting.insert(.prettyPrinted)
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
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

    /// Writes a line, or several, to standard error, whatever names are in it. There is nowhere to report a failure of that.
    static func warn(_ line: String) { note("addnorm: \(line.printableLines)\n") }

    /// Text that stands out on standard error, if it is a terminal with colours.
    static func emphasized(_ text: String) -> String { hasColor ? "\u{1B}[32m\(text)\u{1B}[0m" : text }

    /// Writes each as a line to standard error.
    static func warn(_ notices: [String]) { for notice in notices { warn(notice) } }

    /// Writes to standard error as it is.
    static func note(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}

/// Why a result cannot be handed over.
struct OutputError: LocalizedError, CustomStringConvertible {
    let description: String
    var errorDescription: String? { description }
}
