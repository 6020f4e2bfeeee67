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
            Every text is compared, by the cosine of the vectors that 'addnorm embed' makes. With --query, the nearest texts are printed for each query, the nearest \
            first: the cosine, where the text stands, and the text. With --duplicates, all pairs that are at least as near as --threshold: the cosine, and where both \
            stand. Files are read as they come, and only what is found is kept in memory.

              addnorm search --model models/minilm-l6 reviews.txt --query 'too loud at night'
              addnorm search --model models/minilm-l6 reviews.txt --duplicates --threshold 0.95
            """)

    @OptionGroup
    var embedding: EmbeddingOptions

    @Argument(help: ArgumentHelp("Files or folders of texts.", valueName: "file"), completion: .file())
    var files: [String]

    @Option(help: "What is looked for. Can be given several times.")
    var query: [String] = []

    @Flag(help: "Look for texts that are near to each other.")
    var duplicates = false

    @Option(help: "The most texts for each query.")
    var top = 10

    @Option(help: "The cosine that a text, or a pair, has at least. (default: with --duplicates 0.95)")
    var threshold: Double?

    @Flag(help: "Print one JSON object for each text or pair.")
    var json = false

    @OptionGroup(title: "Input")
    var layout: LayoutOptions

    func validate() throws {
        if query.isEmpty != duplicates {
            throw ValidationError("Give either --query TEXT or --duplicates.")
        }
        try requirePositive(top, "--top")
        if let threshold, !(-1...1).contains(threshold) {
            throw ValidationError("--threshold must lie between -1 and 1.")
        }
    }

    /// A text of a file, and where it stands there.
    private struct Place {
        let file: String
        let line: Int
        let text: String

        var name: String { "\(file):\(line)" }
    }

    func run() throws {
        var classifier = try embedding.open().classifier
        if duplicates { return try findDuplicates(by: &classifier) }
        let queries = try classifier.embeddings(of: query).withRowsOfLengthOne
        var nearest = NearestTexts<Place>(
            to: queries, count: top, atLeast: Float(threshold ?? -1), on: classifier.workers)
        try forEachBatch { places in
            let embeddings = try classifier.embeddings(of: places.map(\.text))
            nearest.look(at: places, embeddings.withRowsOfLengthOne)
        }
        for (query, matches) in zip(query, nearest.matches) {
            for match in matches {
                try write(
                    [
                        "query": query, "similarity": match.similarity, "file": match.text.file,
                        "line": match.text.line,
                        "text": match.text.text,
                    ],
                    cells: (self.query.count > 1 ? [query] : [])
                        + [Double(match.similarity).figure, match.text.name, match.text.text])
            }
        }
    }

    private func findDuplicates(by classifier: inout Classifier) throws {
        var pairs = try SimilarPairs(columns: classifier.configuration.hiddenSize, on: classifier.workers)
        // Where each text stands, by the place of its file's name; the texts themselves are not kept.
        var names: [String] = []
        var places: [(file: Int32, line: Int32)] = []
        try forEachBatch { batch in
            try pairs.append(classifier.embeddings(of: batch.map(\.text)).withRowsOfLengthOne)
            for place in batch {
                if names.last != place.file { names.append(place.file) }
                places.append((Int32(clamping: names.count - 1), Int32(clamping: place.line)))
            }
        }
        try pairs.forEach(atLeast: Float(threshold ?? 0.95)) { pair in
            let (first, second) = (places[pair.first], places[pair.second])
            let (one, other) = (names[Int(first.file)], names[Int(second.file)])
            try write(
                [
                    "similarity": pair.similarity, "file": one, "line": Int(first.line), "other_file": other,
                    "other_line": Int(second.line),
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

    /// Calls `body` with the texts of all files, some at a time.
    private func forEachBatch(_ body: ([Place]) throws -> Void) throws {
        if layout.onBadRow == .keep { throw ValidationError("--on-bad-row keep is for 'predict'.") }
        for file in files {
            var stream = try ExampleStream(path: file, layout: layout.layout)
            while let examples = try stream.next() {
                try body(examples.map { Place(file: $0.file ?? file, line: $0.line, text: $0.text) })
            }
            if let notice = stream.badRows.notice(file) { Output.warn(notice) }
        }
    }
}
