import ArgumentParser
import Datasets
import Foundation

/// The texts of `predict`, `explain` and `tokenize`: from the command line, from files, or from standard input, line by line.
struct TextInput: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Files with one text on each line; '-' is standard input. (default: -)", valueName: "file"))
    var files: [String] = []

    @Option(help: "A text. Can be given several times.")
    var text: [String] = []

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        if !files.isEmpty && !text.isEmpty { throw ValidationError("Give either files or --text, not both.") }
    }

    /// Calls `body` with texts as they come, each batch as soon as it is there.
    ///
    /// - Throws: `DatasetError` at the first line that is wrong; the texts before it have been handed over by then.
    func forEachBatch(_ body: ([String]) throws -> Void) throws {
        if !text.isEmpty { return try body(text) }
        for file in files.isEmpty ? ["-"] : files {
            if file == "-" && isatty(STDIN_FILENO) == 1 {
                Output.warn("reading one text a line from the terminal; Ctrl-D ends it")
            }
            var stream = try LineStream(path: file)
            var reader = try LineReader(path: file, layout: layout.layout, labeled: false)
            while let lines = try stream.next() {
                var texts: [String] = []
                do {
                    for line in lines {
                        if let example = try reader.read(line) { texts.append(example.text) }
                    }
                } catch {
                    try body(texts)
                    throw error
                }
                try body(texts)
            }
        }
    }
}
