import Foundation
import Kernels
import Tokenization

/// A classifier and its tokenizer, as a folder in the format of `transformers`' `BertForSequenceClassification`.
///
/// The folder has `config.json`, `model.safetensors`, `vocab.txt` and `tokenizer_config.json`. What that format cannot say is in
/// two more keys of `config.json`, `pooling` (`cls` or `mean`) and `norm_placement` (`post` or `pre`): `transformers` computes
/// the same from the folder if they are `cls` and `post`.
package struct ModelFolder {
    /// The model.
    package var classifier: SequenceClassifier
    /// What makes its ids of text.
    package let tokenizer: Tokenizer

    /// The names of the files.
    private enum File {
        static let configuration = "config.json"
        static let weights = "model.safetensors"
        static let vocabulary = "vocab.txt"
        static let tokenizer = "tokenizer_config.json"
    }

    /// Puts a classifier and its tokenizer together.
    package init(classifier: SequenceClassifier, tokenizer: Tokenizer) {
        (self.classifier, self.tokenizer) = (classifier, tokenizer)
    }

    /// Reads a folder.
    ///
    /// - Throws: ``ModelError`` or ``TokenizationError`` that names the file and what is wrong with it.
    package init(contentsOf folder: URL) throws {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isDirectory), isDirectory else {
            throw ModelError(
                "\(folder.path): no such model folder; train one with: addnorm train --output \(folder.path)")
        }
        let bert: BERTConfiguration = try Self.decode(folder.appending(path: File.configuration))
        let configuration = try bert.configuration(source: folder.appending(path: File.configuration).path)
        let tokenizerSettings: TokenizerConfiguration = try Self.decode(folder.appending(path: File.tokenizer))
        let vocabulary = try Vocabulary(contentsOf: folder.appending(path: File.vocabulary))
        guard vocabulary.tokens.count <= configuration.vocabularySize else {
            throw ModelError(
                "\(folder.path): vocab.txt has \(vocabulary.tokens.count) tokens, but config.json says"
                    + " vocab_size \(configuration.vocabularySize); they belong to different models")
        }
        let weights = try SafeTensors(contentsOf: folder.appending(path: File.weights))
        classifier = try SequenceClassifier(configuration) { layout in
            // All before any memory is taken: a hostile config.json could ask for more than the file can fill.
            for parameter in layout.parameters { try weights.check(parameter.name, shape: parameter.shape) }
            var parameters = FloatBuffer(count: layout.count)
            for parameter in layout.parameters {
                weights.read(parameter.name, into: &parameters, at: parameter.block)
            }
            return parameters
        }
        tokenizer = Tokenizer(vocabulary: vocabulary, normalizer: tokenizerSettings.normalizer)
    }

    /// Writes the folder: whole, or not at all.
    ///
    /// Everything is written under a temporary name beside `folder`, which is renamed at the end. A model that stands there
    /// is replaced; ask ``checkOutput(_:overwrite:)`` first.
    ///
    /// - Throws: ``ModelError`` that says what the file system said.
    package func write(to folder: URL) throws {
        do {
            try replaceFolder(at: folder) { temporary in
                try Self.encode(
                    BERTConfiguration(classifier.configuration), to: temporary.appending(path: File.configuration))
                try Self.encode(
                    TokenizerConfiguration(
                        tokenizer.normalizer, maximumLength: classifier.configuration.maximumLength),
                    to: temporary.appending(path: File.tokenizer))
                try Data(tokenizer.vocabulary.fileContents.utf8).write(to: temporary.appending(path: File.vocabulary))
                try SafeTensors.write(
                    classifier.parameters, layout: classifier.layout, to: temporary.appending(path: File.weights))
            }
        } catch {
            throw ModelError("\(folder.path): the model cannot be written: \(error.localizedDescription)")
        }
    }

    /// Checks, before any work is done, that a model can be written to `folder`.
    ///
    /// - Throws: ``ModelError`` if something stands there and `overwrite` is false, if what stands there is not a model, or if
    ///   the place is not writable.
    package static func checkOutput(_ folder: URL, overwrite: Bool) throws {
        let files = FileManager.default
        if files.fileExists(atPath: folder.path) {
            guard let contents = try? files.contentsOfDirectory(atPath: folder.path) else {
                throw ModelError("\(folder.path): is not a folder that can be read; choose another --output")
            }
            let own = [File.configuration, File.weights, File.vocabulary, File.tokenizer]
            if let foreign = contents.sorted().first(where: { !own.contains($0) }) {
                throw ModelError(
                    "\(folder.path): contains '\(foreign)', which is no part of a model, and is not replaced;"
                        + " choose another --output")
            }
            if !contents.isEmpty && !overwrite {
                throw ModelError(
                    "\(folder.path): a model is there already; choose another --output, or replace it with --overwrite")
            }
        }
        // Tried where the first folder would be made, so that a training that never begins leaves no folders behind.
        var first = folder.standardizedFileURL
        while first.pathComponents.count > 2 && !files.fileExists(atPath: first.deletingLastPathComponent().path) {
            first.deleteLastPathComponent()
        }
        let probe = temporaryFolder(beside: first)
        do {
            try files.createDirectory(at: probe, withIntermediateDirectories: false)
            try files.removeItem(at: probe)
        } catch {
            throw ModelError(
                "\(folder.path): cannot be written there: \(error.localizedDescription) Choose another --output.")
        }
    }

    private static func decode<Value: Decodable>(_ file: URL) throws -> Value {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw ModelError("\(file.path): cannot be read: \(error.localizedDescription)")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch DecodingError.keyNotFound(let key, _) {
            throw ModelError("\(file.path): the key '\(key.stringValue)' is missing")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw ModelError("\(file.path): the value of '\(context.path)' is of the wrong type")
        } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
            throw ModelError("\(file.path): the value of '\(context.path)' is not one that can be read")
        } catch {
            throw ModelError("\(file.path): not valid JSON")
        }
    }

    private static func encode(_ value: some Encodable, to file: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(value) + Data("\n".utf8)).write(to: file)
    }
}

extension DecodingError.Context {
    /// Where in the document: `id2label.0`
    fileprivate var path: String { codingPath.map(\.stringValue).joined(separator: ".") }
}

/// Makes a folder whole or not at all: `fill` writes to a temporary folder beside it, which is renamed at the end. What stood
/// at `folder` before is removed, and is put back if anything fails.
///
/// - Throws: what `fill` or the file system says; nothing is left behind then.
package func replaceFolder(at folder: URL, fill: (_ temporary: URL) throws -> Void) throws {
    let files = FileManager.default
    // Through a link, to what it stands for.
    let folder = folder.resolvingSymlinksInPath()
    let temporary = temporaryFolder(beside: folder)
    defer { try? files.removeItem(at: temporary) }
    try files.createDirectory(at: temporary, withIntermediateDirectories: true)
    try fill(temporary)
    guard files.fileExists(atPath: folder.path) else { return try files.moveItem(at: temporary, to: folder) }
    let old = temporaryFolder(beside: folder)
    try files.moveItem(at: folder, to: old)
    do {
        try files.moveItem(at: temporary, to: folder)
    } catch {
        try? files.moveItem(at: old, to: folder)
        throw error
    }
    try? files.removeItem(at: old)
}

/// A hidden name beside `folder` that nothing else has.
private func temporaryFolder(beside folder: URL) -> URL {
    let folder = folder.standardizedFileURL
    let name = ".\(folder.lastPathComponent).\(UUID().uuidString.prefix(8))"
    return folder.deletingLastPathComponent().appending(path: name)
}
