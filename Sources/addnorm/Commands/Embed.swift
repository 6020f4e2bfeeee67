import ArgumentParser
import Inference
import Kernels

struct Embed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn texts into vectors that are near to each other where the texts are alike.",
        discussion: """
            Prints one JSON object for each text, in the order of the input; --output writes a file of NumPy (.npy, Float32, [texts, hidden size]) or JSON Lines. \
            Any encoder will do, with or without a classifier. How tokens become one vector, its normalisation and how much is read are those of \
            sentence-transformers where the folder has its files; else the mean, as it is, of as much as the encoder can read.

              addnorm embed --model models/minilm-l6 reviews.txt --output reviews.npy
              addnorm embed --model models/minilm-l6 --text 'Great value.'
            """)

    @OptionGroup
    var embedding: EmbeddingOptions

    @OptionGroup
    var input: TextInput

    @Option(
        help: ArgumentHelp("Write to this file, .npy or .jsonl. (default: standard output)", valueName: "file"),
        completion: .file())
    var output: String?

    @Flag(inversion: .prefixedNo, help: "Divide each vector by its length. (default: as the model says, else not)")
    var normalize: Bool?

    func validate() throws {
        if let output, !output.hasSuffix(".npy") && !output.hasSuffix(".jsonl") {
            throw ValidationError("--output must end in .npy or .jsonl.")
        }
    }

    private struct Line: Encodable {
        let text: String
        let embedding: [Float]
    }

    func run() throws {
        var embedder = try embedding.open()
        if let output, output.hasSuffix(".npy") {
            let file = try NumPyFile(output, columns: embedder.columns, besides: input.files)
            try forEachBatch(by: &embedder) { _, vectors in try file.append(vectors) }
            try file.finish()
        } else if let output {
            var file = try OutputFile(output, besides: input.files)
            try forEachBatch(by: &embedder) { try file.write(Output.jsonLines(lines($0, $1))) }
        } else {
            try forEachBatch(by: &embedder) { try Output.write(jsonLines: lines($0, $1)) }
        }
        if let notice = embedder.notice { Output.warn(notice) }
    }

    private func forEachBatch(by embedder: inout TextEmbedder, _ body: ([String], Matrix) throws -> Void) throws {
        let layout = try input.layout.layoutOfSingleTexts(for: "'embed' reads")
        try input.forEachBatch(ofAtMost: embedder.textsAtATime, by: layout) { texts in
            let texts = texts.map(\.first)
            try body(texts, embedder.embeddings(of: texts, normalized: normalize))
        }
    }

    private func lines(_ texts: [String], _ vectors: Matrix) -> [Line] {
        texts.enumerated().map { Line(text: $1, embedding: vectors.row($0)) }
    }
}
