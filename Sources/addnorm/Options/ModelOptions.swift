import ArgumentParser
import Foundation
import Tokenization
import Transformer

/// The model of `evaluate`, `predict`, `explain` and `tokenize`.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the model, or the id or name of the run that has written it.", valueName: "dir"),
        completion: .directory)
    var model: String

    @Option(
        help: ArgumentHelp(
            "The folder of an adapter (LoRA) for --model, or a run. (default: an adapter's folder as --model finds its model itself)",
            valueName: "dir"),
        completion: .directory)
    var adapter: String?

    @OptionGroup
    var database: DatabaseOptions

    @Option(
        help: """
            Read so many tokens of a text at a time, special tokens included. (default: the model's limit, or what a model \
            that was trained with --long-texts reads)
            """)
    var maxLength: Int?

    /// The folder of the classifier: the adapter's, if there is one.
    var folder: String { database.folder(ofModel: adapter ?? model) }
    var url: URL { URL(filePath: folder) }
    /// The folder of the model that the adapter is for.
    var base: URL? { adapter.map { _ in URL(filePath: database.folder(ofModel: model)) } }

    /// Reads the classifier.
    func load() throws -> ModelFolder {
        try ModelFolder(contentsOf: url, base: base, mapped: true, notice: Output.warn)
    }

    /// Reads what makes its ids of text, and its limit on their number.
    func tokenizer() throws -> (tokenizer: Tokenizer, configuration: Configuration) {
        try ModelFolder.tokenizer(of: base ?? url)
    }

    /// - Parameter limit: the model's
    func maximumLength(limit: Int) throws -> Int {
        if let maxLength, maxLength > limit {
            throw ValidationError("--max-length \(maxLength) is more than the model's limit, \(limit).")
        }
        return maxLength ?? limit
    }

    /// As asked for, else as a model that was trained to read long texts in parts, else the limit.
    func maximumLength(of folder: ModelFolder) throws -> Int {
        let length = try maximumLength(limit: folder.classifier.configuration.maximumLength)
        return maxLength == nil ? folder.settings.longTexts?.maximumLength ?? length : length
    }

    func validate() throws {
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length must be at least 2: [CLS] and [SEP].") }
    }
}
