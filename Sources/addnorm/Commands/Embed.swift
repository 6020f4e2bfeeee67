import ArgumentParser
import Foundation
import Inference
import Transformer

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
    var model: ModelOptions

    @OptionGroup
    var input: TextInput

    @Option(
        help: ArgumentHelp("Write to this file, .npy or .jsonl. (default: standard output)", valueName: "file"),
        completion: .file())
    var output: String?

    @Option(help: "How tokens become one vector: the first one, or their mean. (default: as the model says, else mean)")
    var pooling: Configuration.Pooling?

    @Flag(
        inversion: .prefixedNo, help: "Divide each vector by its length. (default: as the model says, else not)")
    var normalize: Bool?

    @OptionGroup(title: "Inference")
    var inference: InferenceOptions

    func validate() throws {
        if let output, !output.hasSuffix(".npy") && !output.hasSuffix(".jsonl") {
            throw ValidationError("--output must end in .npy or .jsonl.")
        }
    }

    func run() throws {
        let folder = try ModelFolder(embeddingIn: model.url, base: model.base, pooling: pooling)
        let settings = try EmbeddingSettings(of: model.base ?? model.url)
        let limit = folder.classifier.configuration.maximumLength
        let length = try model.maximumLength(limit: limit)
        let usual = model.maxLength == nil ? min(length, settings.maximumLength ?? length) : length
        var classifier = Classifier(
            folder, longTexts: LongTexts(maximumLength: usual), batchSize: inference.batchSize, on: inference.workers)
        let normalizes = normalize ?? settings.normalizes
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

    private struct Embedding: Encodable {
        let text: String
        var embedding: [Float]
    }

    private func forEachEmbedding(
        by classifier: inout Classifier, _ normalizes: Bool, _ body: (Embedding) throws -> Void
    ) throws {
        var (count, longer) = (0, 0)
        try input.forEachBatch { texts in
            let encoded = try classifier.encode(texts)
            count += encoded.count
            longer += encoded.countOfLonger
            let embeddings = try classifier.embeddings(of: encoded)
            for (row, text) in texts.enumerated() {
                var embedding = embeddings.row(row)
                if normalizes {
                    // As PyTorch's `normalize`: a vector of 0 stays one.
                    let norm = Float(max(embedding.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot(), 1e-12))
                    for index in embedding.indices { embedding[index] /= norm }
                }
                try body(Embedding(text: text, embedding: embedding))
            }
        }
        if longer > 0 {
            Output.warn(
                "\(longer) of \(count) texts have more than \(classifier.longTexts.maximumLength) tokens and were cut off"
            )
        }
    }
}
