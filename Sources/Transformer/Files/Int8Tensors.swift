import Foundation
import Kernels

/// The weights of 8 bits in a file: for each the numbers `int8.LAYER`, as products read them, and Float32 `int8.LAYER.scale`.
struct Int8Tensors {
    private let file: any TensorFile

    private static let prefix = "int8."
    private static let suffix = ".scale"

    init(_ file: any TensorFile) { self.file = file }

    /// Whether a tensor is one of these.
    static func contains(_ name: String) -> Bool { name.hasPrefix(prefix) }

    /// Whether the file has a layer's weights.
    func has(_ place: NarrowPlace) -> Bool { file.tensors[Self.prefix + place.name] != nil }

    /// Reads the weights of those layers of a classifier that the file has. Nothing is copied.
    ///
    /// - Throws: ``ModelError`` if one is not what the layer needs.
    func read(for classifier: SequenceClassifier) throws -> NarrowWeights {
        var narrow = NarrowWeights()
        let places = classifier.narrowPlaces.filter(has)
        let known = Set(places.flatMap { [Self.prefix + $0.name, Self.prefix + $0.name + Self.suffix] })
        if let stranger = file.tensors.keys.sorted().first(where: { Self.contains($0) && !known.contains($0) }) {
            throw error("the tensor '\(stranger)' belongs to no layer")
        }
        for place in places {
            let (rows, columns) = (place.block.rows, place.block.columns)
            if place.isTable {
                let numbers = try numbers(place.name, shape: Int8Table.shape(rows: rows, columns: columns))
                narrow.tables[place.block] = Int8Table(
                    rows: rows, columns: columns, in: numbers, scales: try scales(place.name, count: rows))
            } else {
                guard columns <= Int8Matrix.mostInputs else { throw error("'\(place.name)' has too many columns") }
                let numbers = try numbers(place.name, shape: Int8Matrix.shape(outputs: rows, inputs: columns))
                let scales = try scales(place.name, count: Int8Matrix.scaleCount(outputs: rows))
                narrow.matrices[place.block] = .int8(
                    Int8Matrix(outputs: rows, inputs: columns, in: numbers, scales: scales))
            }
        }
        return narrow
    }

    private func numbers(_ name: String, shape: [Int]) throws -> FloatBuffer {
        try buffer(Self.prefix + name, "I8", shape: shape, bytes: shape.reduce(1, *))
    }

    private func scales(_ name: String, count: Int) throws -> Matrix {
        let tensor = Self.prefix + name + Self.suffix
        let scales = try buffer(tensor, "F32", shape: [count], bytes: 4 * count)[Block(offset: 0, columns: count)]
        guard scales.allFinite else { throw error("the tensor '\(tensor)' has values that are infinite or no numbers") }
        return scales
    }

    private func buffer(_ name: String, _ dtype: String, shape: [Int], bytes: Int) throws -> FloatBuffer {
        guard let tensor = file.tensors[name], tensor.dtype == dtype, tensor.shape == shape,
            tensor.bytes.lowerBound % 4 == 0
        else {
            let found = file.tensors[name].map { "of type \($0.dtype) and shape \($0.shape)" } ?? "missing"
            throw error(
                "the tensor '\(name)' is \(found), not of type \(dtype) and shape \(shape), at a multiple of 4 bytes")
        }
        return FloatBuffer(file.memory, offset: tensor.bytes.lowerBound, count: bytes / 4)
    }

    private func error(_ cause: String) -> ModelError {
        ModelError("\(file.file.path): \(cause); compress the model again")
    }

    /// What a file has of a classifier's weights of 8 bits.
    static func tensors(of classifier: SequenceClassifier) -> [SafeTensors.Numbers] {
        var tensors: [SafeTensors.Numbers] = []
        for place in classifier.narrowPlaces {
            let (rows, columns) = (place.block.rows, place.block.columns)
            func add(
                shape: [Int], scales count: Int, _ numbers: UnsafeRawBufferPointer, _ scales: UnsafeRawBufferPointer
            ) {
                let name = prefix + place.name
                tensors.append(SafeTensors.Numbers(name, "I8", shape: shape, bytes: Data(numbers)))
                tensors.append(SafeTensors.Numbers(name + suffix, "F32", shape: [count], bytes: Data(scales)))
            }
            if let table = classifier.narrow.tables[place.block] {
                let shape = Int8Table.shape(rows: rows, columns: columns)
                table.withUnsafeBytes { add(shape: shape, scales: rows, $0, $1) }
            } else if case .int8(let matrix) = classifier.narrow.matrices[place.block] {
                let (shape, count) = (
                    Int8Matrix.shape(outputs: rows, inputs: columns), Int8Matrix.scaleCount(outputs: rows)
                )
                matrix.withUnsafeBytes { add(shape: shape, scales: count, $0, $1) }
            }
        }
        return tensors
    }
}
