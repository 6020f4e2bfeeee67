import Foundation
import JSON
import Kernels

/// The folder of an adapter: `adapter_config.json` and `adapter_model.safetensors` or `adapter_model.bin` as PEFT has them, and, where this package has written it,
/// a `config.json` with the labels, the pooling and the settings.
struct Adapter {
    let folder: URL
    private let file: AdapterConfiguration
    private let tensors: any TensorFile
    /// By the names that the tensors have in the model.
    private let names: [String: String]

    /// Before the names of all tensors: PEFT's own two layers around the model.
    static let prefix = "base_model.model."

    /// Whether a folder has an adapter in it.
    static func isIn(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: ModelFile.adapterConfiguration).path)
    }

    /// Opens a folder.
    ///
    /// - Throws: an error that names the file and what is wrong with it.
    init(contentsOf folder: URL) throws {
        guard Self.isIn(folder) else {
            throw ModelError(
                "\(folder.path): no adapter: there is no \(ModelFile.adapterConfiguration) in it; train one with:"
                    + " addnorm train --model DIR --lora-rank 8 --output \(folder.path)")
        }
        self.folder = folder
        file = try AdapterConfiguration(contentsOf: folder)
        let path = folder.appending(path: ModelFile.adapterWeights)
        let pickled = folder.appending(path: ModelFile.pickledAdapter)
        let isPickled = [path, pickled].map { FileManager.default.fileExists(atPath: $0.path) } == [false, true]
        tensors = isPickled ? try PickledTensors(contentsOf: pickled) : try SafeTensors(contentsOf: path)
        names = Dictionary(
            tensors.tensors.keys.map { ($0.hasPrefix(Self.prefix) ? String($0.dropFirst(Self.prefix.count)) : $0, $0) }
        ) { first, _ in first }
    }

    /// The folder of the model that the adapter is for.
    ///
    /// - Throws: ``ModelError`` that says how to name it, if it is not there.
    func base() throws -> URL {
        let places = file.base.map { base in
            [URL(filePath: base), URL(filePath: base, relativeTo: folder.deletingLastPathComponent())]
        }
        let files = FileManager.default
        if let found = places?.first(where: {
            files.fileExists(atPath: $0.appending(path: ModelFile.configuration).path)
        }) {
            return found.absoluteURL
        }
        throw ModelError(
            "\(folder.path): an adapter"
                + (file.base.map { " for the model '\($0)', which is no folder here" }
                    ?? " that does not say for which model")
                + "; give both: --model DIR --adapter \(folder.path)")
    }

    /// The `config.json` that this package has written; nil in folders of others.
    func configurationFile() throws -> ConfigurationFile? {
        let file = folder.appending(path: ModelFile.configuration)
        return FileManager.default.fileExists(atPath: file.path) ? try readJSON(file) : nil
    }

    /// The number of labels of the head; nil if the adapter has none.
    func labelCount(family: Family) -> Int? {
        names[family.tensorName(of: "classifier.weight")].flatMap { tensors.tensors[$0]?.shape.first }
    }

    /// Whether it has a pooler of its own.
    func hasPooler(family: Family) -> Bool { names[family.tensorName(of: "pooler.weight")] != nil }

    /// What the adapter adds to a model of this shape.
    ///
    /// - Throws: ``ModelError`` that names what is missing, or has no place there.
    func lora(for configuration: Configuration, family: Family) throws -> LoRA {
        var lora = LoRA(rank: file.rank, alpha: file.alpha, targets: [], dropout: file.dropout)
        lora.isRankStabilized = file.isRankStabilized
        lora.hasPooler = hasPooler(family: family)
        for target in LoRA.Target.allCases {
            let modules = family.moduleNames(of: target, layers: configuration.layers)
            let present = modules.count { names["\($0).\(LowRankUpdate.inputName).weight"] != nil }
            let isNamed = file.targetModules?.contains { name in
                modules.contains { $0 == name || $0.hasSuffix("." + name) }
            }
            guard present > 0 || isNamed == true else { continue }
            lora.targets.append(target)
        }
        if let problem = family.problem(of: lora) { throw ModelError("\(tensors.file.path): \(problem)") }
        if lora.targets.isEmpty {
            throw ModelError("\(tensors.file.path): none of its tensors is one of LoRA's for this model")
        }
        return lora
    }

    /// The adapter's parameters, at their places in a layout.
    ///
    /// - Throws: ``ModelError`` with a table of all tensors that are missing, do not fit, or have no place.
    func values(of layout: ParameterLayout, family: Family) throws -> [String: Matrix] {
        let parameters = layout.parameters.filter(\.isAdapter)
        var notes: [TensorNote] = []
        var used: Set<String> = []
        for parameter in parameters {
            let name = family.tensorName(of: parameter.name)
            guard let own = names[name] else {
                // Without a head of its own, the adapter leaves that of the model.
                if !parameter.isLowRank { continue }
                notes.append(TensorNote(Self.prefix + name, parameter.shape, "missing"))
                continue
            }
            used.insert(own)
            if let problem = tensors.problem(of: own, shape: parameter.shape) {
                notes.append(TensorNote(own, parameter.shape, problem))
            }
        }
        for (name, tensor) in tensors.tensors.sorted(by: { $0.key < $1.key }) where !used.contains(name) {
            notes.append(TensorNote(name, tensor.shape, "has no place"))
        }
        guard notes.isEmpty else {
            throw ModelError(
                "\(tensors.file.path): the tensors are not those of LoRA for this model:\n" + TensorNote.table(notes)
                    + "\nis it the model that the adapter was trained for? An adapter can have the same targets in all layers, and the head"
            )
        }
        var values: [String: Matrix] = [:]
        for parameter in parameters {
            guard let name = names[family.tensorName(of: parameter.name)] else { continue }
            let block = Block(offset: 0, rows: parameter.block.rows, columns: parameter.block.columns)
            var buffer = FloatBuffer(count: block.count)
            tensors.read(name, into: &buffer, at: block)
            values[parameter.name] = buffer[block]
            guard buffer[block].allFinite else {
                throw ModelError(
                    "\(tensors.file.path): the tensor '\(name)' has values that are infinite or no numbers: the file is damaged, or"
                        + " the training diverged; fetch or train the adapter again")
            }
        }
        return values
    }
}
