import ArgumentParser
import Export
import Foundation
import Kernels
import Transformer

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a model in another format, for other programs.",
        discussion: """
            onnx: model.onnx, from input_ids and attention_mask to logits and probabilities; pooling and calibration are \
            inside. sentence-transformers: a folder whose embeddings are the logits. The tokenizer stands beside the model. \
            merged: a model's folder as train writes it, with an adapter (LoRA) merged into its weights. In all of them an adapter is merged.

              addnorm export --model models/reviews --format onnx --output reviews-onnx
            """)

    @OptionGroup
    var model: ModelOptions

    @Option(help: "The format.")
    var format: ExportFormat

    @Option(help: ArgumentHelp("The folder that is written.", valueName: "dir"), completion: .directory)
    var output: String

    func validate() throws {
        if model.maxLength != nil { throw ValidationError("--max-length is for reading texts.") }
    }

    func run() throws {
        let read = try model.load()
        try read.requireFloat32(for: "'export'")
        if format == .merged && read.classifier.configuration.lora == nil {
            throw OutputError(
                description: "\(model.model): has no adapter that could be merged; it is a whole model already")
        }
        let folder = try read.merged(on: Workers())
        let url = URL(filePath: output)
        if FileManager.default.fileExists(atPath: url.path) {
            throw OutputError(description: "\(output): is there already; choose another --output")
        }
        try folder.export(as: format, to: url)
        if let longTexts = folder.settings.longTexts {
            Output.warn("texts are read by --long-texts \(longTexts.method.rawValue) here; other programs cut them off")
        }
        if folder.settings.threshold != nil {
            Output.warn(
                "the decision threshold is not part of the exported model: the more probable label is its answer")
        }
        try Output.write("\(format.rawValue) written to \(output)\n")
    }
}

extension ExportFormat: ExpressibleByArgument {}
