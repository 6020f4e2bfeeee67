import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Tokenization

/// The texts of `predict`, `explain` and `tokenize`: from the command line, from files, or from standard input, line by line.
struct TextInput: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Files or folders of texts; '-' is standard input. (default: -)", valueName: "file"),
        completion: .file())
    var files: [String] = []

    @Option(help: "A text. Can be given several times.")
    var text: [String] = []

    @Option(help: "The text that is read together with --text, for a model that reads pairs. As often as that.")
    var textPair: [String] = []

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        if !files.isEmpty && !text.isEmpty { throw ValidationError("Give either files or --text, not both.") }
        if !textPair.isEmpty && textPair.count != text.count {
            throw ValidationError("Give one --text-pair for each --text.")
        }
        if !text.isEmpty && layout.textPairColumn != nil {
            throw ValidationError("--text-pair-column is for files; the second of a --text is --text-pair.")
        }
    }

    /// Calls `body` with texts as they come, each batch as soon as it is there.
    ///
    /// - Parameter most: the texts of a batch
    /// - Throws: `DatasetError` at the first row that is wrong; the texts before it have been handed over by then.
    func forEachBatch(ofAtMost most: Int = .max, by layout: Layout, _ body: ([Text]) throws -> Void) throws {
        if layout.onBadRow == .keep { throw ValidationError("--on-bad-row keep is for 'predict'.") }
        try forEachBatchOfRows(ofAtMost: most, by: layout) { try body($0.map(\.input)) }
    }

    /// Calls `body` with rows as they come, those that are wrong and kept among them.
    ///
    /// - Parameter pieces: what is read of the files; nil: all
    /// - Returns: the SHA-256 of each file or piece
    @discardableResult
    func forEachBatchOfRows(
        ofAtMost most: Int = .max, by layout: Layout, _ pieces: [Piece]? = nil, _ body: ([Example]) throws -> Void
    ) throws -> [String] {
        if layout.secondText == .ignored && !textPair.isEmpty {
            throw ValidationError("Single texts are read: leave --text-pair out.")
        }
        if layout.secondText == .needed && !text.isEmpty && textPair.isEmpty {
            throw ValidationError("The model was trained with pairs of texts: give a --text-pair for each --text.")
        }
        if !text.isEmpty {
            try body(text.enumerated().map { Example(text: $1, textPair: textPair.isEmpty ? nil : textPair[$0]) })
            return []
        }
        return try (pieces ?? (files.isEmpty ? ["-"] : files).map { Piece(path: $0) }).map { piece in
            if piece.path == "-" && isatty(STDIN_FILENO) == 1 {
                Output.warn("reading one text a line from the terminal; Ctrl-D ends it")
            }
            return try layout.forEachBatch(of: piece, ofAtMost: most, body)
        }
    }
}

extension Layout {
    /// Calls `body` with the rows of a file as they come, and says at its end which were skipped.
    ///
    /// - Parameter most: the rows of a batch
    /// - Returns: the SHA-256 of what was read
    @discardableResult
    func forEachBatch(of file: Piece, ofAtMost most: Int, _ body: ([Example]) throws -> Void) throws -> String {
        var stream = try ExampleStream(file, layout: self)
        while let examples = try stream.next() {
            var rest = examples[...]
            while !rest.isEmpty {
                try body(Array(rest.prefix(most)))
                rest = rest.dropFirst(most)
            }
        }
        if let notice = stream.badRows.notice(file.name) { Output.warn(notice) }
        return stream.sha256
    }
}
