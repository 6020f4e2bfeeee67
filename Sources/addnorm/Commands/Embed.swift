import ArgumentParser
import Foundation
import Inference

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
        var (classifier, normalizes) = try embedding.open()
        normalizes = normalize ?? normalizes
        if let output, output.hasSuffix(".npy") {
            let file = try NumPyFile(output, columns: classifier.configuration.hiddenSize)
            try forEachEmbedding(by: &classifier, normalizes) { try file.append($0.embedding) }
            try file.finish()
        } else if let output {
            var file = try OutputFile(output, besides: input.files)
            try forEachEmbedding(by: &classifier, normalizes) { try file.write(Output.jsonLines([$0])) }
        } else {
            try forEachEmbedding(by: &classifier, normalizes) { try Output.write(jsonLines: [$0]) }
        }
    }

    private func forEachEmbedding(
        by classifier: inout Classifier, _ normalizes: Bool, _ body: (Line) throws -> Void
    ) throws {
        var (count, longer) = (0, 0)
        try input.forEachBatch { texts in
            let encoded = try classifier.encode(texts)
            count += encoded.count
            longer += encoded.countOfLonger
            let embeddings = try classifier.embeddings(of: encoded)
            let vectors = normalizes ? embeddings.withRowsOfLengthOne : embeddings
            for (row, text) in texts.enumerated() { try body(Line(text: text, embedding: vectors.row(row))) }
        }
        if longer > 0 {
            Output.warn(
                "\(longer) of \(count) texts have more than \(classifier.longTexts.maximumLength) tokens and were cut off"
            )
        }
    }
}
