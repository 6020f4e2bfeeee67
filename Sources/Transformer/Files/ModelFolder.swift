import Foundation
import JSON
import Kernels
import NGrams
import Tokenization

/// A classifier and its tokenizer, as a folder in the format of its family's `…ForSequenceClassification` in `transformers`.
///
/// The folder has `config.json`, `model.safetensors` and the files of the tokenizer. What that format cannot say is in five more
/// keys of `config.json`: `pooling` (`cls` or `mean`), `ngrams`, and the three parts of an ``AddNormVariant``, `norm`, `norm_placement` and `residual`.
/// `transformers` computes the same from the folder if they are the family's, `cls` and BERT's form for most. Otherwise `model_type` is one that it does not know, so that it refuses the folder.
/// ``InferenceSettings`` are kept there too. What a new encoder has learned of n-grams is in `ngrams.safetensors`.
package struct ModelFolder {
    /// The model.
    package var classifier: SequenceClassifier
    /// How it is used.
    package var settings = InferenceSettings()
    /// What makes its ids of text.
    package let tokenizer: Tokenizer
    /// Whose format the folder has.
    package let family: Family
    /// The linear part of the classifier; nil if the encoder answers alone. A new encoder has one.
    package var ngrams: NGramClassifier?
    /// What it was trained with; nil if that is not known. It is written, but not read with the rest: few ask for it.
    package var trainingData: TrainingData?
    /// For an adapter, the folder of the model beside it.
    package var base: String?

    /// Puts a classifier and its tokenizer together.
    package init(
        classifier: SequenceClassifier, tokenizer: Tokenizer, settings: InferenceSettings = InferenceSettings(),
        family: Family = .bert
    ) {
        (self.classifier, self.tokenizer, self.settings, self.family) = (classifier, tokenizer, settings, family)
    }

    /// Reads a classifier: a whole one, or an adapter and the model that it is for.
    ///
    /// - Parameters:
    ///   - base: the folder of the model that an adapter is for; nil: the one that it names
    ///   - mapped: whether the weights may stay in their file, of which only what is used is then read. For programs that end
    ///     soon: a file that is changed meanwhile changes the model
    ///   - notice: is told what in the folder was not used
    /// - Throws: an error that names the file and what is wrong with it.
    package init(
        contentsOf folder: URL, base: URL? = nil, mapped: Bool = false, notice: (String) -> Void = { _ in }
    ) throws {
        if base != nil || Adapter.isIn(folder) {
            let read = try AdaptedModel(contentsOf: folder, base: base)
            try self.init(
                read.source, read.weights, read.configuration, mapped: mapped, adapter: read.values, notice: notice)
            (settings, self.base) = (read.settings, read.base.standardizedFileURL.path)
            return
        }
        let source = try ModelSource(folder)
        let weights = try source.weights()
        guard let labels = try source.labels(of: weights) else {
            throw ModelError(
                "\(folder.path): the model has no classifier for texts; fine-tune it with:"
                    + " addnorm train --model \(folder.path)")
        }
        guard let problemType = source.config.problemType(of: labels) else {
            throw ModelError(
                "\(source.file.path): problem_type is '\(source.config.problemType ?? "regression")', with \(labels.count) labels;"
                    + " only 'single_label_classification' with several labels, 'multi_label_classification', and 'regression' with one can be read"
            )
        }
        var configuration = try source.configuration(labels: labels, pooling: source.config.pooling ?? .cls)
        configuration.problemType = problemType
        let settings = try source.settings(of: configuration)
        try self.init(source, weights, configuration, mapped: mapped, notice: notice)
        self.settings = settings
        if configuration.ngrams { ngrams = try NGramClassifier(ofModelIn: folder, labels: labels.count, tokenizer) }
    }

    /// Reads a model to train it further: a classifier, or any encoder of a family's layout.
    ///
    /// The classifier of the folder stays if it knows all labels that are wanted and keeps its pooling, unless a new one is wanted; otherwise a new
    /// one is put on top.
    ///
    /// - Parameters:
    ///   - head: what it is trained for
    ///   - pooling: nil: as the folder says, else as the family has it, or `cls` for an adapter, which PEFT can then read
    ///   - lora: the adapter that is put beside it; nil: none
    ///   - seed: of the parameters that the folder does not have
    ///   - notice: is told what was initialised, and what was not used
    /// - Throws: an error that names the file and what is wrong with it.
    package init(
        pretrained folder: URL, head: WantedHead, pooling: Configuration.Pooling?, lora: LoRA? = nil, seed: UInt64,
        notice: (String) -> Void
    ) throws {
        let (labels, problemType, newHead) = (head.labels, head.problemType, head.isNew)
        if Adapter.isIn(folder) {
            throw ModelError(
                "\(folder.path): is an adapter; train further from its model, or from both merged by: addnorm export --model"
                    + " \(folder.path) --format merged --output DIR")
        }
        let source = try ModelSource(folder)
        try source.requireFloat32()
        var weights = try source.weights()
        let known = try source.labels(of: weights)
        let own = known == nil ? head.pooling ?? source.config.pooling : source.config.pooling ?? .cls
        let family = source.config.family
        let pooling = try pooling ?? own ?? (lora == nil ? source.sentencePooling() ?? family.pooling : .cls)
        var keptLabels: [String]?
        if let known {
            let knownType = source.config.problemType(of: known)
            // The name of a number does not matter.
            let knowsLabels = problemType == .regression || Set(labels).isSubset(of: known)
            if newHead || pooling != own || knownType != problemType || !knowsLabels {
                let names = known.prefix(5).joined(separator: ", ") + (known.count > 5 ? ", …" : "")
                notice(
                    "\(folder.path): its classifier is for \(known.count) labels (\(names)), \(own?.rawValue ?? "") pooling and"
                        + " \(knownType?.rawValue ?? "another problem type"); a new one is put in its place"
                        + (newHead ? ". If it was trained with these texts, its encoder has learned their labels" : ""))
            } else {
                keptLabels = known
            }
        }
        if keptLabels == nil { weights.setAside(layer: "classifier") }
        var configuration = try source.configuration(labels: keptLabels ?? labels, pooling: pooling)
        configuration.problemType = problemType
        configuration.lora = lora
        if let problem = lora.flatMap(family.problem) {
            throw ModelError("\(folder.path): \(problem)")
        }
        let isNewPooler = family.poolerIsOfClassifier || !weights.has(layer: "pooler")
        let hasOwnPooler = configuration.hasPooler && isNewPooler
        configuration.lora?.hasPooler = hasOwnPooler
        if configuration.ngrams && (keptLabels == nil || lora != nil) {
            configuration.ngrams = false
            notice("\(folder.path): its n-grams, which belong to its classifier, are left out")
        }
        try configuration.validate()
        try self.init(
            source, weights, configuration, newHead: keptLabels == nil || lora != nil ? seed : nil, notice: notice)
        base = lora.map { _ in folder.standardizedFileURL.path }
        if configuration.ngrams {
            ngrams = try NGramClassifier(ofModelIn: folder, labels: configuration.labels.count, tokenizer)
        }
    }

    /// - Parameters:
    ///   - seed: of the parameters of a new head or adapter, as far as there are none; nil: none may be missing
    ///   - adapter: the values of parameters of an adapter, by their names
    init(
        _ source: ModelSource, _ weights: Weights, _ configuration: Configuration, mapped: Bool = false,
        newHead seed: UInt64? = nil, adapter: [String: Matrix] = [:], notice: (String) -> Void
    ) throws {
        let int8 = source.config.weightFormat == .int8 ? weights.int8 : nil
        let plain = mapped || int8 != nil ? try SequenceClassifier.empty(configuration) : nil
        let narrow = Set(int8.flatMap { plain?.names(ofNarrow: $0.has) } ?? [])
        let layout =
            mapped
            ? weights.layout(mapping: plain?.layout ?? ParameterLayout(), narrow: narrow)
            : ParameterLayout(places: [:], count: 0, narrow: narrow)
        classifier = try SequenceClassifier(configuration, in: layout) { layout in
            let initialize: ((Int, inout FloatBuffer) -> Void)? =
                if let seed {
                    { layout.initialize($0, of: &$1, standardDeviation: configuration.initializerRange, seed: seed) }
                } else if !adapter.isEmpty {
                    { index, buffer in
                        let parameter = layout.parameters[index]
                        adapter[parameter.name].map { buffer.copy($0, to: parameter.block) }
                    }
                } else {
                    nil
                }
            let read = try weights.parameters(of: layout, mapped: mapped, newHead: initialize)
            // What of a model its adapter does not use was said when that was trained.
            if !read.notes.isEmpty && adapter.isEmpty { notice(weights.notice(read.notes)) }
            return read.parameters
        }
        if let int8 { classifier.narrow = try int8.read(for: classifier) }
        (tokenizer, family) = (source.tokenizer, source.config.family)
        if let warning = tokenizer.warning { notice(warning) }
    }

    /// Reads the tokenizer of any encoder's folder, and the shape of the encoder.
    ///
    /// - Throws: an error that names the file and what is wrong with it.
    package static func tokenizer(of folder: URL) throws -> (tokenizer: Tokenizer, configuration: Configuration) {
        let source = try ModelSource(Adapter.isIn(folder) ? Adapter(contentsOf: folder).base() : folder)
        return (source.tokenizer, try source.configuration(labels: ["any"], pooling: .mean))
    }

    /// The tensors of `model.safetensors`, and where they lie in the buffer of the parameters.
    package var tensors: [(name: String, shape: [Int], block: Block)] {
        family.tensors(of: classifier.layout.parameters)
    }

    /// The file of a folder that has the weights, as ``write(to:willReplace:)`` makes it.
    package static func weights(in folder: URL) -> URL {
        folder.appending(path: Adapter.isIn(folder) ? ModelFile.adapterWeights : ModelFile.weights)
    }

    /// The model with its adapter merged into its weights.
    ///
    /// - Throws: ``ModelError`` if there is no memory for a second model.
    package func merged(on workers: Workers) throws -> ModelFolder {
        var folder = self
        (folder.classifier, folder.base) = (try classifier.merged(on: workers), nil)
        return folder
    }

    /// Refuses weights of 8 bits, which have no gradients, and are not to be written again.
    ///
    /// - Parameter what: needs others
    /// - Throws: ``ModelError``, without the folder's name, if the model has them.
    package func requireFloat32(for what: String) throws {
        guard classifier.hasInt8 else { return }
        throw ModelError(
            "the model is compressed to 8 bits, which is for 'predict' and 'evaluate': for \(what), take the one that it was made of"
        )
    }

    /// Refuses a regression where labels are needed.
    ///
    /// - Parameter what: needs them
    /// - Throws: ``ModelError``, without the folder's name, if the model has none.
    package func requireLabels(for what: String) throws {
        guard classifier.configuration.problemType == .regression else { return }
        throw ModelError("the model is for regression: it predicts numbers, and \(what) is for labels")
    }

    // MARK: Writing

    /// Writes the folder: whole, or not at all. A model that stands there is replaced; ask ``checkOutput(_:overwrite:)`` first.
    ///
    /// - Parameter willReplace: is called with the folder when it has been written, before it gets its name
    /// - Throws: ``ModelError`` that says what the file system said.
    package func write(to folder: URL, willReplace: (URL) throws -> Void = { _ in }) throws {
        do {
            try replaceFolder(at: folder) { temporary in
                try writeFiles(to: temporary)
                try willReplace(temporary)
            }
        } catch {
            let isOutOfSpace =
                (error as? CocoaError)?.code == .fileWriteOutOfSpace
                || [.ENOSPC, .EDQUOT].contains((error as? POSIXError)?.code)
            throw ModelError(
                "\(folder.path): the model cannot be written: \(error.localizedDescription)", isOutOfSpace: isOutOfSpace
            )
        }
    }

    /// Writes the files to a folder that is there: of a model with an adapter, those of the adapter.
    ///
    /// - Throws: what the file system says.
    package func writeFiles(to folder: URL) throws {
        if let trainingData { try writeJSON(trainingData, to: folder.appending(path: TrainingData.fileName)) }
        guard let lora = classifier.configuration.lora else {
            try writeConfiguration(to: folder)
            try ngrams?.write(to: folder)
            if classifier.hasInt8 { return try writeInt8(to: folder) }
            return try SafeTensors.write(classifier.parameters, tensors: tensors, to: Self.weights(in: folder))
        }
        let configuration = classifier.configuration
        try AdapterConfiguration(lora, for: configuration, base: base, family: family).write(to: folder)
        try ConfigurationFile(configuration, settings, of: family).write(to: folder)
        let tensors = family.tensors(of: classifier.layout.parameters.filter(\.isAdapter)).map {
            (Adapter.prefix + $0.name, $0.shape, $0.block)
        }
        try SafeTensors.write(classifier.parameters, tensors: tensors, to: Self.weights(in: folder))
    }

    /// Writes the weights of 8 bits, and the others in Float32.
    private func writeInt8(to folder: URL) throws {
        let narrow = classifier.names(ofNarrow: { classifier.narrow.contains($0.block) })
        let others = family.tensors(of: classifier.layout.parameters.filter { !narrow.contains($0.name) })
        let float32 = others.map { name, shape, block in
            let bytes = classifier.parameters.withUnsafeBytes(of: block) { Data($0) }
            return SafeTensors.Numbers(name, FloatBuffer.Element.float32.rawValue, shape: shape, bytes: bytes)
        }
        try SafeTensors.write(Int8Tensors.tensors(of: classifier) + float32, to: Self.weights(in: folder))
    }

    /// Writes the configuration and the tokenizer alone, for a model whose weights lie in a file of another format.
    package func writeConfiguration(to folder: URL) throws {
        let format = classifier.hasInt8 ? WeightFormat.int8 : nil
        try ConfigurationFile(classifier.configuration, settings, of: family, weightFormat: format).write(to: folder)
        try tokenizer.write(to: folder, maximumLength: classifier.configuration.maximumLength)
    }

    /// Writes the encoder without the classifier, as `transformers` has it.
    package func writeEncoder(to folder: URL) throws {
        try writeConfiguration(to: folder)
        var keys = ConfigurationFile(classifier.configuration, settings, of: family)
        keys.becomeEncoder()
        try keys.write(to: folder)
        let tensors = family.tensors(of: classifier.layout.parameters.filter { $0.part != .head }).map {
            (family.encoderName(of: $0.name), $0.shape, $0.block)
        }
        try SafeTensors.write(classifier.parameters, tensors: tensors, to: Self.weights(in: folder))
    }

    /// Writes some parameters to a file, under other names.
    package func writeTensors(_ names: [(parameter: String, name: String)], to file: URL) throws {
        let parameters = Dictionary(uniqueKeysWithValues: classifier.layout.parameters.map { ($0.name, $0) })
        let tensors = names.compactMap { name, other in parameters[name].map { (other, $0.shape, $0.block) } }
        try SafeTensors.write(classifier.parameters, tensors: tensors, to: file)
    }

    /// Writes ``settings`` into the `config.json` of the folder that the model was read from; all else there stays.
    ///
    /// - Throws: ``ModelError`` that says what the file system said.
    package func writeSettings(to folder: URL) throws {
        let file = folder.appending(path: ModelFile.configuration)
        let own = ConfigurationFile(classifier.configuration, settings, of: family)
        do {
            // PEFT's folders have none.
            if classifier.configuration.lora != nil && !FileManager.default.fileExists(atPath: file.path) {
                return try own.write(to: folder)
            }
            guard var keys = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] else {
                throw ModelError("\(file.path): not a JSON object")
            }
            let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(own)) as? [String: Any] ?? [:]
            for key in ConfigurationFile.namesOfSettings { keys[key] = written[key] }
            try replaceFile(at: file, with: own.data(of: keys))
        } catch  where !(error is ModelError) {
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
            let own =
                [
                    ModelFile.configuration, ModelFile.weights, NGramClassifier.fileName, TrainingData.fileName,
                    ModelFile.adapterConfiguration, ModelFile.adapterWeights,
                ] + Tokenizer.fileNames
            if let foreign = contents.sorted().first(where: { !own.contains($0) && !isLeftover($0) }) {
                throw ModelError(
                    "\(folder.path): contains '\(foreign)', which is no part of a model, and is not replaced;"
                        + " choose another --output")
            }
            if !contents.isEmpty && !overwrite {
                throw ModelError(
                    "\(folder.path): a model is there already; choose another --output, or replace it with --overwrite")
            }
        }
        do {
            try checkReplacing(folder)
        } catch {
            throw ModelError(
                "\(folder.path): cannot be written there: \(error.localizedDescription) Choose another --output.")
        }
    }
}
