import ArgumentParser
import Inference
import Kernels
import Transformer

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the tokens that a model makes of text.",
        discussion: """
            Prints one line for each text: its tokens between spaces, special tokens included.

              addnorm tokenize --model models/reviews --text 'An unputdownable book.'
            """)

    @OptionGroup
    var model: ModelOptions

    @OptionGroup
    var input: TextInput

    @Flag(help: "Print one JSON object for each text, with the ids.")
    var json = false

    func run() throws {
        let (tokenizer, configuration) = try model.tokenizer()
        let maximumLength = try model.maximumLength(limit: configuration.maximumLength)
        if let warning = tokenizer.warning { Output.warn(warning) }
        try input.forEachBatch(by: input.layout.layout) { texts in
            let encoded = try EncodedTexts(
                texts, tokenizer, LongTexts(maximumLength: maximumLength), on: Workers(count: 1))
            let lines = zip(texts, encoded.sequences.idsOfEach).map { text, ids in
                Tokens(
                    text: text.first, textPair: text.second, tokens: ids.map { tokenizer.vocabulary.tokens[$0] },
                    ids: ids)
            }
            if json {
                try Output.write(jsonLines: lines)
            } else {
                try Output.write(lines.map { $0.tokens.joined(separator: " ") + "\n" }.joined())
            }
        }
    }

    private struct Tokens: Encodable {
        let text: String
        let textPair: String?
        let tokens: [String]
        let ids: [Int]
    }
}
