import Foundation
import JSON
import Tokenization
import Transformer

/// What a model's folder can be written as, for other programs.
package enum ExportFormat: String, CaseIterable, Sendable {
    /// `model.onnx`, for ONNX Runtime and others.
    case onnx
    /// A folder of `sentence-transformers`, whose embeddings are the logits.
    case sentenceTransformers = "sentence-transformers"
    /// A model's folder, in which an adapter is merged into the weights.
    case merged
}

extension ModelFolder {
    /// Writes the model in another format, with its tokenizer beside it: the folder whole, or not at all.
    ///
    /// - Throws: ``ModelError`` if the format cannot have such a model, or the folder cannot be written.
    package func export(as format: ExportFormat, to folder: URL) throws {
        do {
            switch format {
            case .merged: try write(to: folder)
            case .onnx:
                let file = try ONNXModel.file(of: self)
                try replaceFolder(at: folder) { temporary in
                    try file.write(to: temporary.appending(path: "model.onnx"))
                    try writeConfiguration(to: temporary)
                }
            case .sentenceTransformers:
                guard family.hasOwnForm(classifier.configuration) else {
                    throw ModelError(
                        "sentence-transformers has no encoder with \(classifier.configuration.addNorm.formula) around its sublayers;"
                            + " export it as onnx")
                }
                guard !(classifier.configuration.hasPooler && classifier.configuration.pooler.hasNorm) else {
                    throw ModelError(
                        "sentence-transformers has no module for the LayerNorm in the head of \(family.name); transformers reads the folder as it is"
                    )
                }
                guard settings.readsPairs != true else {
                    throw ModelError(
                        "sentence-transformers makes vectors of single texts, and the model reads pairs; export it as onnx"
                    )
                }
                guard !classifier.configuration.ngrams else {
                    throw ModelError(
                        "sentence-transformers has no place for the n-grams beside the encoder; export it as onnx, or train an encoder that stands"
                            + " alone with: addnorm train --ngrams off")
                }
                try replaceFolder(at: folder, fill: writeSentenceTransformer)
            }
        } catch  where !(error is ModelError) {
            throw ModelError("\(folder.path): cannot be written: \(error.localizedDescription)")
        }
    }

    private func writeSentenceTransformer(to folder: URL) throws {
        let configuration = classifier.configuration
        try writeEncoder(to: folder)
        let isCLS = configuration.pooling == .cls
        try makeFolder("1_Pooling", in: folder)
        try write(
            [
                "word_embedding_dimension": configuration.hiddenSize, "pooling_mode_cls_token": isCLS,
                "pooling_mode_mean_tokens": !isCLS, "pooling_mode_max_tokens": false,
                "pooling_mode_mean_sqrt_len_tokens": false,
            ], to: folder.appending(path: "1_Pooling/config.json"))
        let activation =
            switch configuration.pooler.activation {
            case .tanh: "Tanh"
            case .relu: "ReLU"
            case .gelu, .geluTanh: "GELU"
            }
        let layers =
            (configuration.hasPooler ? [("pooler", "torch.nn.modules.activation.\(activation)")] : [])
            + [("classifier", "torch.nn.modules.linear.Identity")]
        var list: [[String: Any]] = [
            ["idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"],
            ["idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"],
        ]
        for (place, (name, activation)) in layers.enumerated() {
            let path = "\(place + 2)_Dense"
            try makeFolder(path, in: folder)
            let shape = classifier.layout.parameters.first { $0.name == "\(name).weight" }?.shape ?? []
            try write(
                ["in_features": shape[1], "out_features": shape[0], "bias": true, "activation_function": activation],
                to: folder.appending(path: "\(path)/config.json"))
            try writeTensors(
                [("\(name).weight", "linear.weight"), ("\(name).bias", "linear.bias")],
                to: folder.appending(path: "\(path)/model.safetensors"))
            list.append([
                "idx": place + 2, "name": "\(place + 2)", "path": path, "type": "sentence_transformers.models.Dense",
            ])
        }
        try write(list, to: folder.appending(path: "modules.json"))
        try write(
            ["max_seq_length": configuration.maximumLength, "do_lower_case": false],
            to: folder.appending(path: "sentence_bert_config.json"))
    }

    private func makeFolder(_ name: String, in folder: URL) throws {
        try FileManager.default.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: false)
    }

    private func write(_ object: Any, to file: URL) throws {
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (JSONSerialization.data(withJSONObject: object, options: options) + Data("\n".utf8)).write(to: file)
    }
}
