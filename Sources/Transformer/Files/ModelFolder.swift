import Foundation
import JSON
import Kernels
import Tokenization

/// A classifier and its tokenizer, as a folder in the format of `transformers`' `BertForSequenceClassification`.
///
/// The folder has `config.json`, `model.safetensors` and the files of the tokenizer. What that format cannot say is in two more
/// keys of `config.json`, `pooling` (`cls` or `mean`) and `norm_placement` (`post` or `pre`): `transformers` computes the same
/// from the folder if they are `cls` and `post`. ``InferenceSettings`` are kept there too.
package struct ModelFolder {
    /// The model.
    package var classifier: SequenceClassifier
    /// How it is used.
    package var settings = InferenceSettings()
    /// What makes its ids of text.
    package let tokenizer: Tokenizer

    /// The names of the files.
    private enum File {
        static let configuration = "config.json"
        static let weights = "model.safetensors"
        /// Of sentence-transformers folders.
        static let pooling = "1_Pooling/config.json"
    }

    /// Puts a classifier and its tokenizer together.
    package init(classifier: SequenceClassifier, tokenizer: Tokenizer) {
        (self.classifier, self.tokenizer) = (classifier, tokenizer)
    }

    /// Reads a classifier.
    ///
    /// - Parameters:
    ///   - mapped: whether the weights may stay in their file, of which only what is used is then read. For programs that end
    ///     soon: a file that is changed meanwhile changes the model
    ///   - notice: is told what in the folder was not used
    /// - Throws: an error that names the file and what is wrong with it.
    package init(contentsOf folder: URL, mapped: Bool = false, notice: (String) -> Void = { _ in }) throws {
        let source = try Source(folder)
        let weights = try Weights(contentsOf: folder)
        guard let labels = try source.labels(of: weights) else {
            throw ModelError(
                "\(folder.path): the model has no classifier for texts; fine-tune it with:"
                    + " addnorm train --model \(folder.path)")
        }
        guard let problemType = source.bert.problemType(of: labels) else {
            throw ModelError(
                "\(source.file.path): problem_type is '\(source.bert.problemType ?? "regression")', with \(labels.count) labels;"
                    + " only 'single_label_classification' with several labels and 'multi_label_classification' can be read"
            )
        }
        var configuration = try source.configuration(labels: labels, pooling: source.bert.pooling ?? .cls)
        configuration.problemType = problemType
        settings = try source.settings(of: configuration)
        classifier = try SequenceClassifier(configuration) { layout in
            let read = try weights.parameters(
                of: layout, mapped: mapped, mayLack: { _ in false }, initialize: { _, _ in })
            if !read.notes.isEmpty { notice(weights.notice(read.notes)) }
            return read.parameters
        }
        tokenizer = source.tokenizer
        if let warning = tokenizer.warning { notice(warning) }
    }

    /// Reads a model to train it further: a classifier, or any encoder of BERT's layout.
    ///
    /// The classifier of the folder stays if it knows all of `labels` and keeps its pooling, unless `newHead` is true; otherwise a new
    /// one is put on top.
    ///
    /// - Parameters:
    ///   - labels: of the training data
    ///   - problemType: what it is trained for
    ///   - pooling: nil: as the folder says, else `mean`
    ///   - seed: of the parameters that the folder does not have
    ///   - notice: is told what was initialised, and what was not used
    /// - Throws: an error that names the file and what is wrong with it.
    package init(
        pretrained folder: URL, labels: [String], problemType: Configuration.ProblemType = .singleLabel,
        newHead: Bool = false,
        pooling: Configuration.Pooling?, seed: UInt64, notice: (String) -> Void
    ) throws {
        let source = try Source(folder)
        var weights = try Weights(contentsOf: folder)
        let known = try source.labels(of: weights)
        let own = source.bert.pooling ?? (known == nil ? nil : .cls)
        let pooling = try pooling ?? own ?? source.sentencePooling() ?? .mean
        var keptLabels: [String]?
        if let known {
            let knownType = source.bert.problemType(of: known)
            if newHead || pooling != own || knownType != problemType || !Set(labels).isSubset(of: known) {
                let names = known.prefix(5).joined(separator: ", ") + (known.count > 5 ? ", …" : "")
                notice(
                    "\(folder.path): its classifier is for \(known.count) labels (\(names)), \(own?.rawValue ?? "") pooling and"
                        + " \(knownType?.rawValue ?? "another problem type"); a new one is put in its place"
                        + (newHead ? ". If it was trained with these texts, its encoder has learned their labels" : ""))
            } else {
                keptLabels = known
            }
        }
        if keptLabels == nil { weights.setAside(prefix: "classifier.") }
        var configuration = try source.configuration(labels: keptLabels ?? labels, pooling: pooling)
        configuration.problemType = problemType
        classifier = try SequenceClassifier(configuration) { layout in
            let read = try weights.parameters(
                of: layout, mapped: false, mayLack: { keptLabels == nil && $0.part == .head }
            ) {
                layout.initialize($0, of: &$1, standardDeviation: configuration.initializerRange, seed: seed)
            }
            if !read.notes.isEmpty { notice(weights.notice(read.notes)) }
            return read.parameters
        }
        tokenizer = source.tokenizer
        if let warning = tokenizer.warning { notice(warning) }
    }

    /// Reads the tokenizer of any encoder's folder, and the model's limit on the number of tokens.
    ///
    /// - Throws: an error that names the file and what is wrong with it.
    package static func tokenizer(of folder: URL) throws -> (tokenizer: Tokenizer, maximumLength: Int) {
        let source = try Source(folder)
        return (source.tokenizer, try source.configuration(labels: ["any"], pooling: .mean).maximumLength)
    }

    /// What a folder has besides the weights.
    private struct Source {
        let folder: URL
        let bert: BERTConfiguration
        let tokenizer: Tokenizer

        var file: URL { folder.appending(path: File.configuration) }

        init(_ folder: URL) throws {
            var isDirectory = false
            guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isDirectory), isDirectory else {
                throw ModelError(
                    "\(folder.path): no such model folder; train one with: addnorm train --output \(folder.path)")
            }
            self.folder = folder
            let file = folder.appending(path: File.configuration)
            let _: UnsupportedKeys = try readJSON(file)
            bert = try readJSON(file)
            tokenizer = try Tokenizer(contentsOf: folder, tokenizerClass: bert.tokenizerClass)
        }

        /// The labels of the classifier for texts; nil if there is none.
        func labels(of weights: Weights) throws -> [String]? {
            guard bert.classifiesTexts, let count = weights.rows(of: "classifier.weight") else { return nil }
            do {
                return try bert.labels(count: count)
            } catch let error as ModelError {
                throw ModelError("\(file.path): \(error)")
            }
        }

        func configuration(labels: [String], pooling: Configuration.Pooling) throws -> Configuration {
            do {
                let configuration = try bert.configuration(labels: labels, pooling: pooling)
                let tokens = tokenizer.vocabulary.tokens.count
                guard tokens <= configuration.vocabularySize else {
                    throw ModelError(
                        "vocab_size is \(configuration.vocabularySize), but the tokenizer has \(tokens) tokens; they belong"
                            + " to different models")
                }
                return configuration
            } catch let error as ModelError {
                throw ModelError("\(file.path): \(error)")
            }
        }

        func settings(of configuration: Configuration) throws -> InferenceSettings {
            do {
                return try bert.inferenceSettings(of: configuration)
            } catch let error as ModelError {
                throw ModelError("\(file.path): \(error)")
            }
        }

        /// What a sentence-transformers folder says of its pooling; nil if it is none.
        func sentencePooling() throws -> Configuration.Pooling? {
            let file = folder.appending(path: File.pooling)
            guard FileManager.default.fileExists(atPath: file.path) else { return nil }
            let settings: SentencePooling = try readJSON(file)
            guard let pooling = settings.pooling else {
                throw ModelError(
                    "\(file.path): asks for a pooling that is neither the mean nor [CLS]; choose one with --pooling")
            }
            return pooling
        }
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
                try writeJSON(
                    BERTConfiguration(classifier.configuration, settings),
                    to: temporary.appending(path: File.configuration))
                try tokenizer.write(to: temporary, maximumLength: classifier.configuration.maximumLength)
                try SafeTensors.write(
                    classifier.parameters, layout: classifier.layout, to: temporary.appending(path: File.weights))
            }
        } catch {
            throw ModelError("\(folder.path): the model cannot be written: \(error.localizedDescription)")
        }
    }

    /// Writes ``settings`` into the `config.json` of the folder that the model was read from; all else there stays.
    ///
    /// - Throws: ``ModelError`` that says what the file system said.
    package func writeSettings(to folder: URL) throws {
        // Through a link, to what it stands for.
        let file = folder.appending(path: File.configuration).resolvingSymlinksInPath()
        do {
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
            guard var keys = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] else {
                throw ModelError("\(file.path): not a JSON object")
            }
            let written = try JSONEncoder().encode(BERTConfiguration(classifier.configuration, settings))
            let ours = try JSONSerialization.jsonObject(with: written) as? [String: Any] ?? [:]
            for key in BERTConfiguration.CodingKeys.ofSettings { keys[key.rawValue] = ours[key.rawValue] }
            let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try (JSONSerialization.data(withJSONObject: keys, options: options) + Data("\n".utf8))
                .write(to: file, options: .atomic)
            if let mode { try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path) }
        } catch let error as CocoaError {
            throw ModelError("\(file.path): the settings cannot be written: \(error.localizedDescription)")
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
            let own = [File.configuration, File.weights] + Tokenizer.fileNames
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
