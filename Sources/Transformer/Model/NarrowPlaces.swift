import Kernels

/// A weight that can be narrow.
package struct NarrowPlace {
    /// The path of its layer.
    package let name: String
    /// What it belongs to.
    package let part: Part
    /// Where it lies among the parameters, or would.
    package let block: Block
    /// Whether its rows are read, and not multiplied.
    package let isTable: Bool
    /// Whether its inputs are what an activation function returns.
    var followsActivation = false
}

extension SequenceClassifier {
    /// All weights that can be narrow, from the embeddings up.
    package var narrowPlaces: [NarrowPlace] {
        var places = [NarrowPlace(name: "embeddings.tokens", part: .embeddings, block: embedding.tokens, isTable: true)]
        func add(
            _ name: String, _ part: Part, _ block: Block, isTable: Bool = false, followsActivation: Bool = false
        ) {
            places.append(
                NarrowPlace(
                    name: name, part: part, block: block, isTable: isTable, followsActivation: followsActivation))
        }
        embedding.positions.map { add("embeddings.positions", .embeddings, $0, isTable: true) }
        embedding.projection.map { add("embeddings.projection", .embeddings, $0.weight) }
        for (index, layer) in encoder.layers.enumerated() {
            if let attention = layer.attention.sublayer {
                add("layers.\(index).attention.query", .layer(index), attention.query.weight)
                add("layers.\(index).attention.keyValue", .layer(index), attention.keyValue.weight)
                add("layers.\(index).attention.output", .layer(index), attention.output.weight)
            }
            if let feedForward = layer.feedForward.sublayer {
                add("layers.\(index).feedForward.up", .layer(index), feedForward.up.weight)
                add(
                    "layers.\(index).feedForward.down", .layer(index), feedForward.down.weight, followsActivation: true)
            }
        }
        return places
    }

    /// The names of the parameters of some of them.
    func names(ofNarrow isNarrow: (NarrowPlace) -> Bool) -> [String] {
        let places = narrowPlaces.filter(isNarrow)
        return layout.parameters.filter { parameter in
            places.contains { $0.block.range.contains(parameter.block.offset) }
        }.map(\.name)
    }

    /// What the encoder's matrices are multiplied in, as people call it; nil: Float32.
    package var narrowPrecision: String? {
        if hasInt8 { return WeightFormat.int8.rawValue }
        return narrow.matrices.isEmpty ? nil : Precision.bfloat16.rawValue
    }

    /// Whether some of its weights are of 8 bits.
    package var hasInt8: Bool {
        !narrow.tables.isEmpty || narrow.matrices.values.contains { if case .int8 = $0 { true } else { false } }
    }

    /// All weights in numbers of 8 bits.
    ///
    /// - Parameter inputs: of the layers, for which the numbers are chosen; nil: they are the nearest
    package func int8Weights(for inputs: RecordedInputs? = nil) -> NarrowWeights {
        var weights = NarrowWeights()
        for place in narrowPlaces {
            let weight = parameters[place.block]
            if place.isTable {
                weights.tables[place.block] = Int8Table(weight)
            } else if let statistics = inputs?.statistics[place.block] {
                weights.matrices[place.block] = .int8(
                    Int8Matrix(weight, for: statistics, scalesInputs: !place.followsActivation))
            } else {
                weights.matrices[place.block] = .int8(Int8Matrix(weight))
            }
        }
        return weights
    }

    /// Puts numbers of 8 bits in the place of the weights of some parts. The parameters stay as they are.
    package mutating func narrow(to weights: NarrowWeights, where isNarrow: (Part) -> Bool) {
        narrow = NarrowWeights()
        for place in narrowPlaces where isNarrow(place.part) {
            narrow.tables[place.block] = weights.tables[place.block]
            narrow.matrices[place.block] = weights.matrices[place.block]
        }
    }
}
