import ArgumentParser
import Datasets
import Escaping
import Inference
import Kernels
import Reports

struct Search: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find the texts that are nearest to others, or nearly the same.",
        discussion: """
            Every text is compared, by the cosine of the vectors that 'addnorm embed' makes. With --query or --queries, the nearest texts are printed for each query, the \
            nearest first: the cosine, where the text stands, and the text; before that the query, if there are several. With --duplicates, all pairs that are at \
            least as near as --threshold: the cosine, and where both stand. Files are read as they come, and only what is found is kept in memory.

              addnorm search --model models/minilm-l6 reviews.txt --query 'too loud at night'
              addnorm search --model models/minilm-l6 reviews.txt --queries questions.txt --top 3 --json
              addnorm search --model models/minilm-l6 reviews.txt --duplicates --threshold 0.95
            """)

    @OptionGroup
    var embedding: EmbeddingOptions

    @Argument(
        help: ArgumentHelp("Files or folders of texts; '-' is standard input.", valueName: "file"), completion: .file())
    var files: [String]

    @Option(help: "What is looked for. Can be given several times.")
    var query: [String] = []

    @Option(
        help: ArgumentHelp("Look for each text of this file, in any format that files have.", valueName: "file"),
        completion: .file())
    var queries: String?

    @Flag(help: "Look for texts that are near to each other.")
    var duplicates = false

    @Option(
        help: ArgumentHelp(
            "The vectors of the files' texts, which 'addnorm embed --output' has made of the same files with the same model. (default: they are computed)",
            valueName: "file.npy"), completion: .file(extensions: ["npy"]))
    var embeddings: String?

    @Option(help: "The most texts for each query. (default: 10)")
    var top: Int?

    @Option(help: "The cosine that a text, or a pair, has at least. (default: with --duplicates 0.95)")
    var threshold: Double?

    @Flag(help: "Print one JSON object for each text or pair.")
    var json = false

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        let wanted = [!query.isEmpty, queries != nil, duplicates].filter { $0 }.count
        if wanted != 1 { throw ValidationError("Give one of --query TEXT, --queries FILE and --duplicates.") }
        if duplicates && top != nil { throw ValidationError("--top is for --query and --queries.") }
        if queries == "-" && files.contains("-") {
            throw ValidationError("Standard input can be read by --queries or as a file, not both.")
        }
        try requirePositive(top, "--top")
        if let threshold, !(-1...1).contains(threshold) {
            throw ValidationError("--threshold must lie between -1 and 1.")
        }
        if layout.onBadRow == .keep { throw ValidationError("--on-bad-row keep is for 'predict'.") }
    }

    /// A text of a file, and where it stands there.
    private struct Place {
        let file: String
        let line: Int
        let text: String

        var name: String { "\(file):\(line)" }
    }

    func run() throws {
        var embedder = try embedding.open()
        try duplicates ? findDuplicates(by: &embedder) : findNearest(by: &embedder)
        if let notice = embedder.notice { Output.warn(notice) }
    }

    private func findNearest(by embedder: inout TextEmbedder) throws {
        let (texts, vectors) = try readQueries(by: &embedder)
        var nearest = NearestTexts<Place>(
            to: vectors, count: top ?? 10, atLeast: Float(threshold ?? -1), on: embedder.workers)
        try forEachVector(by: &embedder) { nearest.look(at: $0, $1) }
        let namesQuery = queries != nil || texts.count > 1
        for (query, matches) in zip(texts, nearest.matches) {
            for match in matches {
                try write(
                    [
                        "query": query, "similarity": match.similarity, "file": match.text.file,
                        "line": match.text.line, "text": match.text.text,
                    ],
                    cells: (namesQuery ? [query] : [])
                        + [Double(match.similarity).figure, match.text.name, match.text.text])
            }
        }
    }

    /// What is looked for, and its vectors.
    private func readQueries(by embedder: inout TextEmbedder) throws -> ([String], Matrix) {
        guard let queries else { return (query, try embedder.embeddings(of: query, normalized: true)) }
        var (texts, values): ([String], [Float]) = ([], [])
        try forEachBatch(of: [queries], ofAtMost: embedder.textsAtATime) { places in
            texts += places.map(\.text)
            values += try embedder.embeddings(of: places.map(\.text), normalized: true).values
        }
        if texts.isEmpty { throw DatasetError(queries, "has no texts to look for") }
        return (texts, Matrix(values, columns: embedder.columns))
    }

    private func findDuplicates(by embedder: inout TextEmbedder) throws {
        var pairs = try SimilarPairs(columns: embedder.columns, on: embedder.workers)
        // The names of files, which are few; the texts themselves are not kept.
        var names: [String] = []
        try forEachVector(by: &embedder) { batch, vectors in
            let places = batch.map { place in
                if names.last != place.file { names.append(place.file) }
                return (file: names.count - 1, line: place.line)
            }
            try pairs.append(vectors, at: places)
        }
        try pairs.forEach(atLeast: Float(threshold ?? 0.95)) { pair in
            let (first, second) = (pair.first, pair.second)
            let (one, other) = (names[first.file], names[second.file])
            try write(
                [
                    "similarity": pair.similarity, "file": one, "line": first.line, "other_file": other,
                    "other_line": second.line,
                ],
                cells: [Double(pair.similarity).figure, "\(one):\(first.line)", "\(other):\(second.line)"])
        }
    }

    private func write(_ object: KeyValuePairs<String, (any Encodable)?>, cells: [String]) throws {
        if json {
            try Output.write(jsonLines: [JSONObject(object)])
        } else {
            try Output.write(cells.map(\.printable).joined(separator: "\t") + "\n")
        }
    }

    /// Calls `body` with the texts of the files and their vectors, of length 1, some at a time.
    private func forEachVector(by embedder: inout TextEmbedder, _ body: ([Place], Matrix) throws -> Void) throws {
        var known = try embeddings.map { try NumPyRows($0, madeBy: embedder) }
        try forEachBatch(of: files, ofAtMost: embedder.textsAtATime) { places in
            let vectors =
                try known?.next(places.count).withRowsOfLengthOne
                ?? embedder.embeddings(of: places.map(\.text), normalized: true)
            try body(places, vectors)
        }
        try known?.requireEnd()
    }

    /// Calls `body` with the texts of files, some at a time.
    private func forEachBatch(of files: [String], ofAtMost most: Int, _ body: ([Place]) throws -> Void) throws {
        for file in files {
            try layout.layoutOfSingleTexts(for: "'search' reads").forEachBatch(of: Piece(path: file), ofAtMost: most) {
                examples in
                try body(examples.map { Place(file: $0.file ?? file, line: $0.line, text: $0.text) })
            }
        }
    }
}
