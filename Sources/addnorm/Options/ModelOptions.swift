import ArgumentParser
import Foundation
import Transformer

/// The model of `evaluate`, `predict`, `explain` and `tokenize`.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the model, or the id or name of the run that has written it.", valueName: "dir"),
        completion: .directory)
    var model: String

    @OptionGroup
    var database: DatabaseOptions

    @Option(
        help: """
            Read so many tokens of a text at a time, special tokens included. (default: the model's limit, or what a model \
            that was trained with --long-texts reads)
            """)
    var maxLength: Int?

    /// The folder.
    var folder: String { database.folder(ofModel: model) }
    var url: URL { URL(filePath: folder) }

    /// Reads the classifier.
    func load() throws -> ModelFolder { try ModelFolder(contentsOf: url, mapped: true, notice: Output.warn) }

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
