import Foundation
import JSON
import Kernels

/// The tensors of a model folder, in one file or in several, by the names that their family has for them today.
struct Weights {
    private let family: Family
    /// What errors name as their source.
    let path: String
    /// The files, each once.
    private let files: [any TensorFile]
    /// Where each tensor is, and what it is called there.
    private var places: [String: (file: Int, name: String)]
    /// Those that are not to be read.
    private var setAside: [(file: Int, name: String)] = []

    /// `model.safetensors.index.json` or `pytorch_model.bin.index.json`
    private struct Index: Decodable {
        let weightMap: [String: String]

        enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
    }

    /// Opens the files of a folder.
    ///
    /// - Throws: ``ModelError`` or `JSONFileError` if there are none that can be read.
    init(contentsOf folder: URL, of family: Family) throws {
        self.family = family
        func exists(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appending(path: name).path)
        }
        // In the order in which transformers prefers them.
        let known = [ModelFile.weights, ModelFile.index, ModelFile.pickled, ModelFile.pickledIndex]
        let first = known.first(where: exists) ?? ModelFile.weights
        var names = [first]
        if first == ModelFile.index || first == ModelFile.pickledIndex {
            let index: Index = try readJSON(folder.appending(path: first))
            names = Set(index.weightMap.values).sorted()
            if let name = names.first(where: { $0.contains("/") || $0.isEmpty }) ?? (names.isEmpty ? "" : nil) {
                throw ModelError("\(folder.appending(path: first).path): '\(name)' is not a file of this folder")
            }
        }
        path = folder.appending(path: names.count == 1 ? names[0] : first).path
        files = try names.map { name in
            let file = folder.appending(path: name)
            return first == ModelFile.pickled || first == ModelFile.pickledIndex
                ? try PickledTensors(contentsOf: file) : try SafeTensors(contentsOf: file)
        }
        var places: [String: (file: Int, name: String)] = [:]
        for (index, file) in files.enumerated() {
            for name in file.tensors.keys {
                let current = family.currentName(of: name)
                guard places.updateValue((index, name), forKey: current) == nil else {
                    throw ModelError("\(file.file.path): there are two tensors for '\(current)'")
                }
            }
        }
        self.places = places
    }

    /// The size of the first dimension of a parameter's tensor, if it is there and has one.
    func rows(of parameter: String) -> Int? {
        places[family.tensorName(of: parameter)].flatMap { files[$0.file].tensors[$0.name]?.shape.first }
    }

    /// Whether a layer is there.
    func has(layer: String) -> Bool {
        places[family.tensorName(of: "\(layer).weight")] != nil
    }

    /// Leaves the tensors of a layer unread.
    mutating func setAside(layer: String) {
        let prefix = (family.layerName(of: layer) ?? layer) + "."
        for name in places.keys where name.hasPrefix(prefix) { setAside.append(places.removeValue(forKey: name)!) }
    }

    /// What to tell of tensors that were missing or not used.
    func notice(_ notes: [TensorNote]) -> String {
        "\(path): its tensors are not quite those of the classifier\n" + TensorNote.table(notes)
    }

    /// The weights of 8 bits, of a folder that has such.
    var int8: Int8Tensors? { files.first.map { Int8Tensors($0) } }

    /// A layout in which the files themselves are the parameters' memory, as far as their numbers can be used as they lie there. The others are copied.
    ///
    /// - Parameters:
    ///   - plain: the layout that the parameters would have without the files
    ///   - narrow: the names of those that it is not to have
    func layout(mapping plain: ParameterLayout, narrow: Set<String>) -> ParameterLayout {
        let starts = MappedMemory.starts(ofFiles: files.map(\.size))
        var places: [String: Int] = [:]
        for parameter in plain.parameters where !narrow.contains(parameter.name) {
            guard let place = place(of: parameter) else { continue }
            places[parameter.name] = (starts[place.file] + place.start) / 4
        }
        return ParameterLayout(places: places, count: (starts.last ?? 0) / 4, narrow: narrow)
    }

    /// In which file a parameter lies as it is needed, and at which byte; nil if there is none.
    private func place(of parameter: Parameter) -> (file: Int, start: Int)? {
        guard let place = places[family.tensorName(of: parameter.name)],
            let start = files[place.file].start(of: place.name), start % 4 == 0
        else { return nil }
        return (place.file, start + 4 * family.part(of: parameter.name).index * parameter.block.count)
    }

    /// Reads the parameters of a layout.
    ///
    /// - Parameters:
    ///   - mapped: whether the layout is one of ``layout(mapping:)``
    ///   - initialize: gives a parameter of the head, or of an adapter if there is one, that is missing its value; nil: none may be missing
    /// - Returns: the parameters, and a line about every tensor that was missing or not used
    /// - Throws: ``ModelError`` with a table of all tensors that are missing and must not be, or that do not fit.
    func parameters(
        of layout: ParameterLayout, mapped: Bool,
        newHead initialize: ((_ index: Int, _ buffer: inout FloatBuffer) -> Void)?
    ) throws -> (parameters: FloatBuffer, notes: [TensorNote]) {
        let tensors = layout.parameters.filter(\.isInBuffer).map { parameter in
            (name: family.tensorName(of: parameter.name), parameter: parameter)
        }
        var (problems, missing, notes): ([TensorNote], [TensorNote], [TensorNote]) = ([], [], [])
        let hasAdapter = layout.parameters.contains(where: \.isAdapter)
        // All before any memory is taken: a hostile config.json could ask for more than the file can fill.
        for (name, parameter) in tensors {
            if let place = places[name] {
                var shape = parameter.shape
                shape[0] *= family.part(of: parameter.name).count
                if let problem = files[place.file].problem(of: place.name, shape: shape) {
                    problems.append(TensorNote(place.name, shape, problem))
                }
            } else if initialize != nil && (hasAdapter ? parameter.isAdapter : parameter.part == .head) {
                // That no model has those of an adapter need not be said.
                if !parameter.isLowRank { notes.append(TensorNote(name, parameter.shape, "missing: initialised")) }
            } else {
                missing.append(TensorNote(name, parameter.shape, "missing"))
            }
        }
        let known = Set(tensors.map(\.name)).union(family.derivedTensors)
        let isOwn: (String) -> Bool = { known.contains($0) || layout.hasNarrow && Int8Tensors.contains($0) }
        let unused = (places.filter { !isOwn($0.key) }.values + setAside).map { place in
            TensorNote(place.name, files[place.file].tensors[place.name]?.shape ?? [], "not used")
        }.sorted { $0.name < $1.name }
        guard problems.isEmpty && missing.isEmpty else {
            throw ModelError(
                "\(path): the tensors are not those of the model that config.json describes:\n"
                    + TensorNote.table(problems + missing + unused) + "\nfetch the model again, or correct config.json")
        }
        var parameters = try mapped ? buffer(mapping: layout) : FloatBuffer(count: layout.count)
        for (index, parameter) in layout.parameters.enumerated()
        where parameter.isInBuffer && !layout.isPlaced(parameter) {
            if let place = places[family.tensorName(of: parameter.name)] {
                read(place, family.part(of: parameter.name), into: &parameters, at: parameter.block)
            } else {
                initialize?(index, &parameters)
            }
        }
        try requireFinite(parameters, layout)
        return (parameters, notes + unused)
    }

    /// Reads a tensor, or a part of it.
    private func read(
        _ place: (file: Int, name: String), _ part: (index: Int, count: Int), into buffer: inout FloatBuffer,
        at block: Block
    ) {
        guard part.count > 1 else { return files[place.file].read(place.name, into: &buffer, at: block) }
        var whole = FloatBuffer(count: part.count * block.count)
        files[place.file].read(place.name, into: &whole, at: Block(offset: 0, columns: whole.count))
        buffer.copy(whole, part.index * block.count..<(part.index + 1) * block.count, to: block.offset)
    }

    private func buffer(mapping layout: ParameterLayout) throws -> FloatBuffer {
        let sizes = files.map(\.size)
        let room = 4 * layout.count - (MappedMemory.starts(ofFiles: sizes).last ?? 0)
        do {
            let memory = try MappedMemory(contentsOf: files.map(\.file.path), sizes: sizes, room: room)
            return FloatBuffer(memory, offset: 0, count: layout.count)
        } catch {
            throw ModelError("\(path): cannot be read: \(error.localizedDescription)")
        }
    }

    /// Refuses parameters of which no answer can come. Not all of them would be seen in the answer: tanh makes 1 of infinity.
    private func requireFinite(_ parameters: FloatBuffer, _ layout: ParameterLayout) throws {
        // On all processors: it is a good part of the time until the first answer.
        let inBuffer = layout.parameters.filter(\.isInBuffer)
        let areFinite = parameters.areFinite(inBuffer.map(\.block), on: Workers())
        if let damaged = zip(inBuffer, areFinite).first(where: { !$1 })?.0 {
            throw ModelError(
                "\(path): the tensor '\(family.tensorName(of: damaged.name))' has values that are infinite or no numbers: the file"
                    + " is damaged, or the training diverged; fetch or train the model again")
        }
    }
}

/// What is to be said of one tensor of a file.
struct TensorNote {
    let name: String
    let shape: [Int]
    let note: String

    /// The longest table.
    private static let mostRows = 60

    init(_ name: String, _ shape: [Int], _ note: String) {
        (self.name, self.shape, self.note) = (name, shape, note)
    }

    /// A line for each.
    static func table(_ notes: [TensorNote]) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        let shown = notes.prefix(mostRows)
        let nameWidth = shown.map(\.name.count).max() ?? 0
        let shapeWidth = shown.map { "\($0.shape)".count }.max() ?? 0
        let lines = shown.map { "  \(padded($0.name, nameWidth))  \(padded("\($0.shape)", shapeWidth))  \($0.note)" }
        return (lines + (notes.count > mostRows ? ["  … and \(notes.count - mostRows) more"] : [])).joined(
            separator: "\n")
    }
}
