import Foundation

/// A graph of ONNX operators, built node by node. Numbers of fields and operators are those of <https://onnx.ai/onnx/>, opset 17.
struct ONNXGraph {
    /// The name of a value that a node computes, or that is given.
    struct Value {
        fileprivate let name: String
    }

    enum Attribute {
        case int(Int)
        case ints([Int])
        case float(Float)
        case text(String)
    }

    private static let (float, int64) = (1, 7)
    private var nodes: [Data] = []
    private var constants: [Data] = []
    private var inputs: [Data] = []
    private var outputs: [Data] = []
    private var count = 0

    // MARK: Values

    /// A matrix of whole numbers that the graph is given: `[batch, sequence]`.
    mutating func input(_ name: String) -> Value {
        inputs.append(Self.value(name, Self.int64, ["batch", "sequence"]))
        return Value(name: name)
    }

    /// What the graph gives back, under a name of its own: `[batch, columns]`.
    mutating func output(_ value: Value, as name: String, columns: Int) {
        append("Identity", [value], to: name)
        outputs.append(Self.value(name, Self.float, ["batch", columns]))
    }

    private static func value(_ name: String, _ type: Int, _ shape: [Any]) -> Data {
        var value = ProtocolBuffer()
        value.append(1, name)
        value.append(2) { type_ in
            type_.append(1) { tensor in
                tensor.append(1, type)
                tensor.append(2) { dimensions in
                    for size in shape {
                        dimensions.append(1) { dimension in
                            if let size = size as? Int { dimension.append(1, size) }
                            if let size = size as? String { dimension.append(2, size) }
                        }
                    }
                }
            }
        }
        return value.bytes
    }

    mutating func number(_ value: Float) -> Value { constant([value], []) }

    mutating func constant(_ values: [Float], _ shape: [Int]) -> Value {
        constant(
            Self.float, shape, Data(values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }))
    }

    mutating func integers(_ values: [Int], _ shape: [Int]? = nil) -> Value {
        let bytes = values.flatMap { withUnsafeBytes(of: Int64($0).littleEndian, Array.init) }
        return constant(Self.int64, shape ?? [values.count], Data(bytes))
    }

    private mutating func constant(_ type: Int, _ shape: [Int], _ bytes: Data) -> Value {
        count += 1
        let name = "c\(count)"
        var tensor = ProtocolBuffer()
        for size in shape { tensor.append(1, size) }
        tensor.append(2, type)
        tensor.append(8, name)
        tensor.append(9, bytes)
        constants.append(tensor.bytes)
        return Value(name: name)
    }

    // MARK: Nodes

    /// Appends an operator.
    mutating func callAsFunction(
        _ type: String, _ inputs: Value..., attributes: KeyValuePairs<String, Attribute> = [:]
    ) -> Value {
        count += 1
        append(type, inputs, to: "v\(count)", attributes)
        return Value(name: "v\(count)")
    }

    private mutating func append(
        _ type: String, _ inputs: [Value], to output: String, _ attributes: KeyValuePairs<String, Attribute> = [:]
    ) {
        var node = ProtocolBuffer()
        for input in inputs { node.append(1, input.name) }
        node.append(2, output)
        node.append(4, type)
        for (name, attribute) in attributes {
            node.append(5) { message in
                message.append(1, name)
                switch attribute {
                case .float(let value):
                    message.append(2, value)
                    message.append(20, 1)
                case .text(let value):
                    message.append(4, value)
                    message.append(20, 3)
                case .int(let value):
                    message.append(3, value)
                    message.append(20, 2)
                case .ints(let values):
                    for value in values { message.append(8, value) }
                    message.append(20, 7)
                }
            }
        }
        nodes.append(node.bytes)
    }

    // MARK: The file

    /// The file of a model.
    ///
    /// - Parameter metadata: what its reader may want to know
    func model(name: String, metadata: KeyValuePairs<String, String>) -> Data {
        var model = ProtocolBuffer()
        model.append(1, 8)
        model.append(2, "addnorm")
        model.append(8) { $0.append(2, 17) }
        for (key, value) in metadata {
            model.append(14) { entry in
                entry.append(1, key)
                entry.append(2, value)
            }
        }
        model.append(7) { graph in
            for node in nodes { graph.append(1, node) }
            graph.append(2, name)
            for constant in constants { graph.append(5, constant) }
            for input in inputs { graph.append(11, input) }
            for output in outputs { graph.append(12, output) }
        }
        return model.bytes
    }
}
