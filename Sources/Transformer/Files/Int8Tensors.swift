import Foundation
import Kernels

/// The weights of 8 bits in a file: for each the numbers `int8.LAYER`, as products read them, and Float32 `int8.LAYER.scale`; of some also
/// `int8.LAYER.factor`, with which the inputs are multiplied, and `int8.LAYER.exact`, the weights of those whose factor is 0.
struct Int8Tensors {
    private let file: any TensorFile

    private static let prefix = "int8."
    private static let scale = ".scale"
    private static let factor = ".factor"
    private static let exact = ".exact"

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
        let known = Set(
            places.flatMap { place in ["", Self.scale, Self.factor, Self.exact].map { Self.prefix + place.name + $0 } })
        if let stranger = file.tensors.keys.sorted().first(where: { Self.contains($0) && !known.contains($0) }) {
            throw error("the tensor '\(stranger)' belongs to no layer")
        }
        for place in places {
            let (rows, columns) = (place.block.rows, place.block.columns)
            if place.isTable {
                let numbers = try numbers(place.name, shape: Int8Table.shape(rows: rows, columns: columns))
                narrow.tables[place.block] = Int8Table(
                    rows: rows, columns: columns, in: numbers,
                    scales: try floats(place.name + Self.scale, shape: [rows]))
            } else {
                guard columns <= Int8Matrix.mostInputs else { throw error("'\(place.name)' has too many columns") }
                let numbers = try numbers(place.name, shape: Int8Matrix.shape(outputs: rows, inputs: columns))
                let scales = try floats(place.name + Self.scale, shape: [Int8Matrix.scaleCount(outputs: rows)])
                narrow.matrices[place.block] = .int8(
                    Int8Matrix(
                        outputs: rows, inputs: columns, in: numbers, scales: scales,
                        inputTreatment: try inputTreatment(place.name, outputs: rows, inputs: columns)))
            }
        }
        return narrow
    }

    private func inputTreatment(_ name: String, outputs: Int, inputs: Int) throws -> Int8Inputs? {
        guard file.tensors[Self.prefix + name + Self.factor] != nil else { return nil }
        let factors = try floats(name + Self.factor, shape: [inputs])
        let shape = Int8Inputs.shape(outputs: outputs, factors: factors)
        return Int8Inputs(factors: factors, weights: try floats(name + Self.exact, shape: shape))
    }

    private func numbers(_ name: String, shape: [Int]) throws -> FloatBuffer {
        try buffer(Self.prefix + name, "I8", shape: shape, bytes: shape.reduce(1, *))
    }

    private func floats(_ name: String, shape: [Int]) throws -> Matrix {
        let (tensor, count) = (Self.prefix + name, shape.reduce(1, *))
        let values = try buffer(tensor, "F32", shape: shape, bytes: 4 * count)[Block(offset: 0, columns: count)]
        guard values.allFinite else { throw error("the tensor '\(tensor)' has values that are infinite or no numbers") }
        return values
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
                tensors.append(SafeTensors.Numbers(name + scale, "F32", shape: [count], bytes: Data(scales)))
            }
            if let table = classifier.narrow.tables[place.block] {
                let shape = Int8Table.shape(rows: rows, columns: columns)
                table.withUnsafeBytes { add(shape: shape, scales: rows, $0, $1) }
            } else if case .int8(let matrix) = classifier.narrow.matrices[place.block] {
                let (shape, count) = (
                    Int8Matrix.shape(outputs: rows, inputs: columns), Int8Matrix.scaleCount(outputs: rows)
                )
                matrix.withUnsafeBytes { add(shape: shape, scales: count, $0, $1) }
                if let treatment = matrix.inputTreatment {
                    let (name, weights) = (
                        prefix + place.name, Int8Inputs.shape(outputs: rows, factors: treatment.factors)
                    )
                    tensors.append(
                        SafeTensors.Numbers(name + factor, "F32", shape: [columns], treatment.factors.values))
                    tensors.append(
                        SafeTensors.Numbers(name + exact, "F32", shape: weights, treatment.weights.values))
                }
            }
        }
        return tensors
    }
}
