import Foundation
import JSON
import Kernels
import Tokenization
import Training
import Transformer

/// Reads a JSON document, strictly and leniently.
func fuzzJSON(_ bytes: [UInt8]) {
    let (strict, lenient) = (JSONValue(parsing: bytes), JSONValue(parsing: bytes, isLenient: true))
    precondition(strict == nil || lenient != nil, "what is valid is not read leniently")
}

/// Reads a tokenizer, from tokenizer.json, a model of SentencePiece, or vocab.txt and what comes after a line of dashes as tokenizer_config.json, and encodes a text.
func fuzzTokenizer(_ bytes: [UInt8]) {
    var files: [String: Data] = [:]
    if bytes.first == UInt8(ascii: "{") {
        files["tokenizer.json"] = Data(bytes)
    } else if bytes.first == UInt8(ascii: "\n") {
        files["sentencepiece.bpe.model"] = Data(bytes)
    } else {
        let data = Data(bytes)
        let border = data.firstRange(of: Data("---\n".utf8))
        files["vocab.txt"] = data[..<(border?.lowerBound ?? data.endIndex)]
        if let border { files["tokenizer_config.json"] = data[border.upperBound...] }
    }
    guard let tokenizer = try? Tokenizer(files: files, in: URL(filePath: "/fuzz")) else { return }
    let text = String(decoding: bytes.prefix(2000), as: UTF8.self)
    for text in [text, "a good film, isn't it? [MASK] é e\u{301} 好"] {
        for limit in [2, 7, Int.max] {
            let encoding = tokenizer.encode(text, maximumLength: limit)
            precondition(encoding.ids.count <= limit && encoding.ids.count >= 1, "more ids than may be")
            precondition(
                encoding.ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabulary.tokens.count }, "an id that no token has"
            )
            let pair = tokenizer.encode(text, "good", maximumLength: limit)
            precondition(pair.ids.count == pair.segments.count, "an id without a segment")
        }
    }
    precondition(tokenizer.charactersOfTokens.count == tokenizer.vocabulary.tokens.count, "a token without characters")
}

/// Reads a config.json.
func fuzzConfiguration(_ bytes: [UInt8]) {
    guard let file: ConfigurationFile = try? decodeJSON(Data(bytes), source: "fuzz") else { return }
    let labels = (try? file.labels(count: 2)) ?? ["a", "b"]
    guard let configuration = try? file.configuration(labels: labels, pooling: .mean),
        (try? configuration.validate()) != nil
    else { return }
    precondition(configuration.hiddenSize % configuration.heads == 0, "a shape that cannot be")
    _ = try? file.inferenceSettings(of: configuration)
    if let again = try? JSONEncoder().encode(file) {
        precondition(
            (try? JSONDecoder().decode(ConfigurationFile.self, from: again)) != nil, "what was written cannot be read")
    }
}

/// Reads a safetensors file, and every tensor that it says it has.
func fuzzSafeTensors(_ bytes: [UInt8]) {
    guard let memory = try? MappedMemory(copying: bytes) else { return }
    readAll(try? SafeTensors(memory, file: URL(filePath: "/fuzz")))
}

/// Reads a file of PyTorch, and every tensor that it says it has.
func fuzzPickledTensors(_ bytes: [UInt8]) {
    guard let memory = try? MappedMemory(copying: bytes) else { return }
    readAll(try? PickledTensors(memory, file: URL(filePath: "/fuzz")))
}

private func readAll(_ file: (any TensorFile)?) {
    guard let file else { return }
    for (name, tensor) in file.tensors {
        let count = tensor.shape.reduce(1, *)
        guard count <= file.memory.bytes.count, file.problem(of: name, shape: tensor.shape) == nil else { continue }
        var buffer = FloatBuffer(count: count)
        file.read(name, into: &buffer, at: Block(offset: 0, columns: count))
    }
}

/// Interprets a pickle.
func fuzzPickle(_ bytes: [UInt8]) {
    _ = try? Unpickler.tensors(bytes)
}

/// Reads the state of a checkpoint.
func fuzzCheckpoint(_ bytes: [UInt8]) {
    guard let state = Checkpoint.State(Data(bytes)) else { return }
    guard let again = try? JSONEncoder().encode(state) else { return }
    precondition(Checkpoint.State(again) != nil, "what was written cannot be read")
}
