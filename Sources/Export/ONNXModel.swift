import Foundation
import Kernels
import NGrams
import Transformer

/// A classifier as an ONNX file: from token ids and an attention mask, `[batch, sequence]` each, to `logits` and `probabilities`, `[batch, labels]`. Pooling and
/// the temperature of a calibration are inside.
package struct ONNXModel {
    private var graph = ONNXGraph()
    private let folder: ModelFolder
    private let configuration: Configuration
    private let parameters: [String: Parameter]

    /// The largest message that Protocol Buffers have.
    private static let mostBytes = 1 << 31

    /// The bytes of the file.
    ///
    /// - Throws: ``ModelError`` if the model is too large for one file, or has rotary positions.
    package static func file(of folder: ModelFolder) throws -> Data {
        guard folder.classifier.configuration.positions != .rotary else {
            throw ModelError(
                "ONNX files of models with rotary positions and local attention, as \(folder.family.name)'s, are not written; transformers reads"
                    + " the folder as it is")
        }
        // Of an n-gram the weights, its frequency, and up to five items and a column as text of a few bytes each.
        let ngrams = folder.ngrams.map { $0.frequencies.count * (4 * $0.logits + 4 + 6 * 5) } ?? 0
        guard 4 * folder.classifier.layout.count + ngrams < mostBytes - 1 << 24 else {
            throw ModelError("the model has more than the 2 GB that an ONNX file can have")
        }
        var model = ONNXModel(folder)
        model.build()
        let labels = try JSONEncoder().encode(folder.classifier.configuration.labels)
        return model.graph.model(
            name: "addnorm",
            metadata: [
                "labels": String(decoding: labels, as: UTF8.self),
                "problem_type": folder.classifier.configuration.problemType.rawValue,
            ])
    }

    private init(_ folder: ModelFolder) {
        self.folder = folder
        configuration = folder.classifier.configuration
        parameters = Dictionary(uniqueKeysWithValues: folder.classifier.layout.parameters.map { ($0.name, $0) })
    }

    // MARK: Layers

    private mutating func build() {
        let ids = graph.input("input_ids")
        let isToken = graph.input("attention_mask")
        let mask = graph("Cast", isToken, attributes: ["to": .int(1)])
        var x = embedding(ids)
        // Added to the scores: 0 for tokens, and nearly -∞ for what fills up a batch.
        let none = graph("Sub", graph.number(1), mask)
        let bias = graph(
            "Unsqueeze", graph("Mul", none, graph.number(-1e30)), graph.integers([1, 2]))
        for layer in 0..<configuration.layers {
            x = addNorm(x, "layers.\(layer).attention") { model, x in
                model.attention(x, bias, "layers.\(layer).attention")
            }
            x = addNorm(x, "layers.\(layer).feedForward") { model, x in
                let up = model.linear(x, "layers.\(layer).feedForward.up")
                let inner = model.activation(up, model.configuration.activation)
                return model.linear(inner, "layers.\(layer).feedForward.down")
            }
        }
        if parameters["finalNorm.weight"] != nil { x = norm(x, "finalNorm") }
        var logits = linear(pooled(x, mask), "classifier")
        if let ngrams = folder.ngrams { logits = graph("Add", logits, self.logits(of: ngrams, ids, isToken)) }
        let temperature = Float(folder.settings.temperature)
        let scaled = temperature == 1 ? logits : graph("Div", logits, graph.number(temperature))
        graph.output(logits, as: "logits", columns: configuration.labels.count)
        let probabilities: ONNXGraph.Value
        switch configuration.problemType {
        case .singleLabel: probabilities = graph("Softmax", scaled, attributes: ["axis": .int(-1)])
        case .multiLabel: probabilities = graph("Sigmoid", scaled)
        case .regression: return
        }
        graph.output(probabilities, as: "probabilities", columns: configuration.labels.count)
    }

    private mutating func embedding(_ ids: ONNXGraph.Value) -> ONNXGraph.Value {
        var sum = graph("Gather", constant("embeddings.tokens.weight"), ids)
        sum = graph("Add", sum, graph("Gather", constant("embeddings.positions.weight"), places(of: ids)))
        if let segments = parameters["embeddings.segments.weight"] {
            let (rows, width) = (segments.shape[0], segments.shape[1])
            let row =
                rows > 1 && folder.settings.readsPairs == true && folder.tokenizer.tellsSegments
                ? graph("Gather", constant("embeddings.segments.weight"), graph.input("token_type_ids"))
                : graph.constant(Array(values("embeddings.segments.weight").prefix(width)), [width])
            sum = graph("Add", sum, row)
        }
        let normed = layerNorm(sum, "embeddings.norm")
        return parameters["embeddings.projection.weight"] == nil ? normed : linear(normed, "embeddings.projection")
    }

    /// The rows of the table of positions, `[sequence]` or `[batch, sequence]`.
    private mutating func places(of ids: ONNXGraph.Value) -> ONNXGraph.Value {
        guard configuration.positions == .learnedAfterPadding, let padding = configuration.paddingToken else {
            let length = graph("Gather", graph("Shape", ids), graph.integers([1], []))
            return graph("Range", graph.integers([0], []), length, graph.integers([1], []))
        }
        let isToken = graph("Not", graph("Equal", ids, graph.integers([padding], [])))
        let ones = graph("Cast", isToken, attributes: ["to": .int(7)])
        let number = graph("Mul", graph("CumSum", ones, graph.integers([1], [])), ones)
        return graph("Add", number, graph.integers([padding], []))
    }

    /// The residual connection and the norm around a sublayer.
    private mutating func addNorm(
        _ x: ONNXGraph.Value, _ name: String,
        _ sublayer: (inout ONNXModel, ONNXGraph.Value) -> ONNXGraph.Value
    ) -> ONNXGraph.Value {
        let variant = configuration.addNorm
        switch variant.placement {
        case .post: return norm(sum(x, sublayer(&self, x), name), "\(name).norm")
        case .pre: return sum(x, sublayer(&self, norm(x, "\(name).norm")), name)
        case .sandwich:
            let y = sublayer(&self, norm(x, "\(name).norm"))
            return sum(x, norm(y, "\(name).branchNorm"), name)
        }
    }

    /// What goes past the sublayer, and what comes out of it.
    private mutating func sum(_ x: ONNXGraph.Value, _ y: ONNXGraph.Value, _ name: String) -> ONNXGraph.Value {
        switch configuration.addNorm.residual {
        case .on: graph("Add", x, y)
        case .off: y
        case .rezero: graph("Add", x, graph("Mul", y, constant("\(name).residual.weight")))
        case .deepnorm:
            graph(
                "Add", y,
                graph("Mul", x, graph.number(configuration.addNorm.residualFactor(layers: configuration.layers))))
        }
    }

    private mutating func attention(
        _ x: ONNXGraph.Value, _ bias: ONNXGraph.Value, _ name: String
    ) -> ONNXGraph.Value {
        let (hidden, heads) = (configuration.hiddenSize, configuration.heads)
        let shape = graph.integers([0, 0, heads, hidden / heads])
        func split(_ model: inout ONNXModel, _ part: String, _ order: [Int]) -> ONNXGraph.Value {
            let projected = model.linear(x, "\(name).\(part)")
            return model.graph(
                "Transpose", model.graph("Reshape", projected, shape), attributes: ["perm": .ints(order)])
        }
        let query = split(&self, "query", [0, 2, 1, 3])
        let key = split(&self, "key", [0, 2, 3, 1])
        let value = split(&self, "value", [0, 2, 1, 3])
        let scale = graph.number(1 / Float(hidden / heads).squareRoot())
        let scores = graph("Add", graph("Mul", graph("MatMul", query, key), scale), bias)
        let weights = graph("Softmax", scores, attributes: ["axis": .int(-1)])
        let context = graph(
            "Transpose", graph("MatMul", weights, value), attributes: ["perm": .ints([0, 2, 1, 3])])
        return linear(graph("Reshape", context, graph.integers([0, 0, hidden])), "\(name).output")
    }

    private mutating func pooled(_ x: ONNXGraph.Value, _ mask: ONNXGraph.Value) -> ONNXGraph.Value {
        let read: ONNXGraph.Value
        switch configuration.pooling {
        case .cls: read = graph("Gather", x, graph.integers([0], []), attributes: ["axis": .int(1)])
        case .mean:
            let weights = graph("Unsqueeze", mask, graph.integers([2]))
            let sum = graph(
                "ReduceSum", graph("Mul", x, weights), graph.integers([1]), attributes: ["keepdims": .int(0)])
            let count = graph("ReduceSum", weights, graph.integers([1]), attributes: ["keepdims": .int(0)])
            read = graph("Div", sum, count)
        }
        return configuration.hasPooler ? activation(linear(read, "pooler"), configuration.pooler.activation) : read
    }

    // MARK: N-grams

    /// What n-grams add to the logits.
    private mutating func logits(
        of ngrams: NGramClassifier, _ ids: ONNXGraph.Value, _ isToken: ONNXGraph.Value
    ) -> ONNXGraph.Value {
        let isThere = graph("Cast", isToken, attributes: ["to": .int(9)])
        let tokens = graph("Where", isThere, ids, graph.integers([Int(NGramTable.none)], []))
        let sequences = [tokens, characters(of: ngrams, ids, isToken)]
        let logits = ngrams.logits
        var sum = graph.constant(Array(ngrams.weights.suffix(logits)), [1, logits])
        var first = 0
        for (table, sequence) in zip(ngrams.tables, sequences) where table.count > 0 {
            let range = first..<first + table.count
            first = range.upperBound
            let counts = count(table, in: sequence)
            let isCounted = graph(
                "Cast", graph("Greater", counts, graph.number(0)), attributes: ["to": .int(1)])
            let logarithm = graph("Log", graph("Max", counts, graph.number(1)))
            let terms = graph("Mul", isCounted, graph("Add", logarithm, graph.number(1)))
            let row = graph("Mul", terms, graph.constant(Array(ngrams.frequencies[range]), [range.count]))
            let square = graph(
                "ReduceSum", graph("Mul", row, row), graph.integers([1]), attributes: ["keepdims": .int(1)])
            // The row of a text without n-grams is 0.
            let length = graph("Sqrt", graph("Max", square, graph.number(1e-12)))
            let weights = ngrams.weights[range.lowerBound * logits..<range.upperBound * logits]
            sum = graph(
                "Add", sum,
                graph("MatMul", graph("Div", row, length), graph.constant(Array(weights), [range.count, logits])))
        }
        if logits == ngrams.labels { return sum }
        return graph("Concat", graph("Mul", sum, graph.number(0)), sum, attributes: ["axis": .int(1)])
    }

    /// The characters of each text, one after the other, and then 0: `[batch, characters]`.
    private mutating func characters(
        of ngrams: NGramClassifier, _ ids: ONNXGraph.Value, _ isToken: ONNXGraph.Value
    ) -> ONNXGraph.Value {
        let width = ngrams.characters.map(\.count).max() ?? 0
        let rows = ngrams.characters.flatMap { $0.map(Int.init) + [Int](repeating: 0, count: width - $0.count) }
        let table = graph.integers(rows, [ngrams.characters.count, width])
        let wide = graph("Mul", graph("Gather", table, ids), graph("Unsqueeze", isToken, graph.integers([2])))
        let gapped = graph("Reshape", wide, graph.integers([0, -1]))
        // Each moves forward over the gaps before it; what is none goes behind the last.
        let isCharacter = graph("Greater", gapped, graph.integers([0], []))
        let number = graph(
            "CumSum", graph("Cast", isCharacter, attributes: ["to": .int(7)]), graph.integers([1], []))
        let shape = graph("Shape", gapped)
        let place = graph(
            "Where", isCharacter, graph("Sub", number, graph.integers([1], [])),
            graph("Gather", shape, graph.integers([1])))
        let zeros = graph(
            "Expand", graph.integers([0], [1, 1]), graph("Add", shape, graph.integers([0, 1])))
        return graph("ScatterElements", zeros, place, gapped, attributes: ["axis": .int(1)])
    }

    /// How often each n-gram of a table stands in each sequence, `[batch, n-grams]`.
    private mutating func count(_ table: NGramTable, in sequences: ONNXGraph.Value) -> ONNXGraph.Value {
        // The operator has those of one item first, then those of two, and so on.
        var (pool, columns, starts): ([Int], [Int], [Int]) = ([], [], [])
        let grams = (0..<table.count).map { row in
            table.items[row * table.width..<(row + 1) * table.width].prefix { $0 != NGramTable.none }
        }
        for length in 1...table.width {
            starts.append(pool.count)
            for (column, gram) in grams.enumerated() where gram.count == length {
                pool += gram.map(Int.init)
                columns.append(column)
            }
        }
        return graph(
            "TfIdfVectorizer", sequences,
            attributes: [
                "min_gram_length": .int(1), "max_gram_length": .int(table.width), "max_skip_count": .int(0),
                "mode": .text("TF"), "ngram_counts": .ints(starts), "ngram_indexes": .ints(columns),
                "pool_int64s": .ints(pool),
            ])
    }

    private mutating func activation(_ x: ONNXGraph.Value, _ f: Activation) -> ONNXGraph.Value {
        func half(_ model: inout ONNXModel, _ inner: ONNXGraph.Value) -> ONNXGraph.Value {
            let sum = model.graph("Add", inner, model.graph.number(1))
            return model.graph("Mul", model.graph("Mul", x, sum), model.graph.number(0.5))
        }
        switch f {
        case .gelu:
            let inner = graph("Erf", graph("Mul", x, graph.number(Float(0.5).squareRoot())))
            return half(&self, inner)
        case .geluTanh:
            let cube = graph("Mul", graph("Mul", x, x), x)
            let sum = graph("Add", x, graph("Mul", cube, graph.number(0.044715)))
            return half(&self, graph("Tanh", graph("Mul", sum, graph.number(Float(2 / Double.pi).squareRoot()))))
        case .relu: return graph("Relu", x)
        case .tanh: return graph("Tanh", x)
        }
    }

    private mutating func linear(_ x: ONNXGraph.Value, _ name: String) -> ONNXGraph.Value {
        // A product of matrices takes Wᵀ.
        let (parameter, weight) = (parameters["\(name).weight"]!, values("\(name).weight"))
        let (rows, columns) = (parameter.shape[0], parameter.shape[1])
        var transposed = [Float](repeating: 0, count: weight.count)
        for row in 0..<rows {
            for column in 0..<columns { transposed[column * rows + row] = weight[row * columns + column] }
        }
        return graph("Add", graph("MatMul", x, graph.constant(transposed, [columns, rows])), constant("\(name).bias"))
    }

    private mutating func norm(_ x: ONNXGraph.Value, _ name: String) -> ONNXGraph.Value {
        switch configuration.addNorm.norm {
        case .none: return x
        case .layerNorm: return layerNorm(x, name)
        case .rmsNorm:
            let squares = graph("ReduceMean", graph("Mul", x, x), attributes: ["axes": .ints([-1])])
            let root = graph("Sqrt", graph("Add", squares, graph.number(configuration.layerNormEpsilon)))
            return graph("Mul", graph("Div", x, root), constant("\(name).weight"))
        case .dynamicTanh:
            let bounded = graph("Tanh", graph("Mul", x, constant("\(name).alpha")))
            return graph("Add", graph("Mul", bounded, constant("\(name).weight")), constant("\(name).bias"))
        case .batchNorm:
            let scales = zip(values("\(name).weight"), values("\(name).running_var")).map {
                $0 / ($1 + BatchNorm.epsilon).squareRoot()
            }
            let centred = graph("Sub", x, constant("\(name).running_mean"))
            return graph(
                "Add", graph("Mul", centred, graph.constant(scales, [scales.count])), constant("\(name).bias"))
        }
    }

    private mutating func layerNorm(_ x: ONNXGraph.Value, _ name: String) -> ONNXGraph.Value {
        graph(
            "LayerNormalization", x, constant("\(name).weight"), constant("\(name).bias"),
            attributes: ["axis": .int(-1), "epsilon": .float(configuration.layerNormEpsilon)])
    }

    private mutating func constant(_ name: String) -> ONNXGraph.Value {
        graph.constant(values(name), parameters[name]!.shape)
    }

    private func values(_ name: String) -> [Float] {
        folder.classifier.parameters[parameters[name]!.block].values
    }
}
