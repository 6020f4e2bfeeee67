import Kernels

/// A parameter: its name in `model.safetensors`, and where it lies in the flat buffers.
package struct Parameter: Sendable, Equatable {
    /// What a parameter does, which decides how it begins and whether it decays.
    package enum Kind: Sendable {
        /// A matrix: begins normally distributed, and decays.
        case weight
        /// A vector that is added: begins at 0.
        case bias
        /// LayerNorm's factor: begins at 1.
        case gain
    }

    /// As BERT calls it.
    package let name: String
    /// How it begins, and whether it decays.
    package let kind: Kind
    /// Its place.
    package let block: Block

    /// `[rows, columns]` of a weight, `[columns]` of a vector.
    package var shape: [Int] { kind == .weight ? [block.rows, block.columns] : [block.columns] }
}

/// Hands out the flat buffer's memory, in the order in which layers ask for it.
///
/// Parameters, gradients and the two moments of the optimizer are buffers of the same layout, so that saving, clipping and
/// the optimizer's step are each one pass over memory.
package struct ParameterLayout: Sendable {
    /// All parameters, in the order of their memory, without gaps.
    package private(set) var parameters: [Parameter] = []
    /// The number of elements in a buffer.
    package private(set) var count = 0

    /// Creates a layout without parameters.
    package init() {}

    mutating func weight(_ name: String, _ rows: Int, _ columns: Int) -> Block {
        add(name, .weight, rows: rows, columns: columns)
    }

    mutating func bias(_ name: String, _ count: Int) -> Block { add(name, .bias, rows: 1, columns: count) }

    mutating func gain(_ name: String, _ count: Int) -> Block { add(name, .gain, rows: 1, columns: count) }

    private mutating func add(_ name: String, _ kind: Parameter.Kind, rows: Int, columns: Int) -> Block {
        let block = Block(offset: count, rows: rows, columns: columns)
        parameters.append(Parameter(name: name, kind: kind, block: block))
        count += block.count
        return block
    }

    /// The ranges that weight decay applies to: weights, but neither biases nor LayerNorm.
    package var decayed: [Range<Int>] { parameters.filter { $0.kind == .weight }.map(\.block.range) }

    /// A buffer with the values that training from scratch begins with.
    func initialValues(standardDeviation: Float, seed: UInt64) -> FloatBuffer {
        var buffer = FloatBuffer(count: count)
        for (index, parameter) in parameters.enumerated() {
            switch parameter.kind {
            case .weight:
                var random = RandomNumbers(seed: seed, site: RandomSite.initialization, step: UInt64(index))
                buffer.fillNormal(parameter.block, standardDeviation: standardDeviation, using: &random)
            case .bias: break
            case .gain: buffer.fill(parameter.block, with: 1)
            }
        }
        return buffer
    }
}

/// The places that draw random numbers. Dropout counts its sites from 0 upwards.
package enum RandomSite {
    static let initialization: UInt32 = 0x8000_0000
    /// The order of the examples in an epoch.
    package static let shuffling: UInt32 = 0x8000_0001
    /// Which examples are held out.
    package static let heldOut: UInt32 = 0x8000_0002
}
