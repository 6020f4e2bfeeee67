import Foundation
import Kernels

/// A parameter: its name, and where it lies in the flat buffers.
package struct Parameter: Sendable, Equatable {
    /// What a parameter does, which decides how it begins and whether it decays.
    package enum Kind: Sendable, Equatable {
        /// A matrix: begins normally distributed, with the initial standard deviation times `gain`, and decays. Nothing is further from 0 than
        /// `cutoff` deviations.
        case weight(gain: Float = 1, cutoff: Float = .infinity)
        /// The same, of which a batch reads few rows.
        case table
        /// A vector: all its elements begin with this value.
        case vector(Float)
        /// The matrix A of a ``LowRankUpdate``: begins uniformly distributed between ∓1/√columns, and decays.
        case lowRankInput
        /// The matrix B of one: begins at 0, and decays.
        case lowRankOutput
    }

    /// The path of its layer and its place there, as in `layers.0.attention.query.weight`. A file's name for it is its
    /// family's.
    package let name: String
    /// How it begins, and whether it decays.
    package let kind: Kind
    /// What it belongs to.
    package let part: Part
    /// Whether it belongs to an adapter, and not to the model that the adapter is for.
    package let isAdapter: Bool
    /// Its place.
    package let block: Block

    /// Whether it is a matrix of a ``LowRankUpdate``.
    package var isLowRank: Bool { kind == .lowRankInput || kind == .lowRankOutput }

    /// Whether the buffer has it. What it has not is in ``NarrowWeights``.
    var isInBuffer: Bool { block.offset < ParameterLayout.endOfBuffers }

    /// Whether it is a matrix, and not a vector.
    var isMatrix: Bool { if case .vector = kind { false } else { true } }

    /// `[rows, columns]` of a matrix, `[columns]` of a vector.
    package var shape: [Int] { isMatrix ? [block.rows, block.columns] : [block.columns] }
}

/// A place in the model where elements are dropped.
struct DropoutSite: Sendable {
    let rate: Float
    /// Its place among those of the model: each has random numbers of its own.
    let number: UInt32
}

/// Hands out the flat buffer's memory, in the order in which layers ask for it, and numbers the places where they drop something.
///
/// Parameters, gradients and the two moments of the optimizer are buffers of the same layout, so that saving, clipping and
/// the optimizer's step are each one pass over memory.
package struct ParameterLayout: Sendable {
    /// All parameters, in the order in which layers have asked for them. Their memory is in this order and without gaps, but for those that have
    /// places of their own.
    package private(set) var parameters: [Parameter] = []
    /// The number of elements in a buffer.
    package private(set) var count: Int
    /// What the parameters that are asked for belong to.
    var part = Part.head
    /// Whether they belong to an adapter.
    var isAdapter = false
    private var dropoutSites: UInt32
    private var adapterDropoutSites: UInt32 = 0x4000_0000
    /// Where parameters lie in a file that serves as the beginning of the buffer, by their names.
    private var places: [String: Int]
    /// The names of parameters that the buffer has not.
    private let narrow: Set<String>
    private var narrowCount = 0

    /// No buffer is so long: from here on are the places of parameters that none has.
    static let endOfBuffers = 1 << 48

    /// Creates a layout without parameters.
    ///
    /// - Parameter dropoutSites: the number of the first place where something is dropped
    package init(dropoutSites: UInt32 = 0) { self.init(dropoutSites: dropoutSites, places: [:], count: 0) }

    /// Creates a layout for a buffer whose first `count` elements are those of a file. Parameters that have no place there come after them.
    ///
    /// - Parameter narrow: the names of parameters that get no memory in the buffer
    init(places: [String: Int], count: Int, narrow: Set<String> = []) {
        self.init(dropoutSites: 0, places: places, count: count, narrow: narrow)
    }

    private init(dropoutSites: UInt32, places: [String: Int], count: Int, narrow: Set<String> = []) {
        (self.dropoutSites, self.places, self.count, self.narrow) = (dropoutSites, places, count, narrow)
    }

    /// The layout before anything was asked for.
    var emptied: ParameterLayout {
        let asked = parameters.lazy.filter { !isPlaced($0) && $0.isInBuffer }.reduce(0) { $0 + $1.block.count }
        return ParameterLayout(places: places, count: count - asked, narrow: narrow)
    }

    /// Whether it leaves parameters out of the buffer.
    var hasNarrow: Bool { !narrow.isEmpty }

    /// Whether a parameter lies in the file.
    func isPlaced(_ parameter: Parameter) -> Bool { places[parameter.name] == parameter.block.offset }

    mutating func weight(
        _ name: String, _ rows: Int, _ columns: Int, gain: Float = 1, cutoff: Float = .infinity
    ) -> Block {
        add(name, .weight(gain: gain, cutoff: cutoff), rows: rows, columns: columns)
    }

    /// Matrices that lie one below the other, to be used as one.
    mutating func weights(_ names: KeyValuePairs<String, Float>, _ rows: Int, _ columns: Int) -> Block {
        let blocks = add(names.map { ($0.key, .weight(gain: $0.value)) }, rows: rows, columns: columns)
        return Block(offset: blocks[0].offset, rows: names.count * rows, columns: columns)
    }

    /// The biases of such matrices.
    mutating func biases(_ names: [String], _ count: Int) -> Block {
        let blocks = add(names.map { ($0, .vector(0)) }, rows: 1, columns: count)
        return Block(offset: blocks[0].offset, columns: names.count * count)
    }

    mutating func table(_ name: String, _ rows: Int, _ columns: Int) -> Block {
        add(name, .table, rows: rows, columns: columns)
    }

    mutating func bias(_ name: String, _ count: Int) -> Block { vector(name, count, from: 0) }

    mutating func gain(_ name: String, _ count: Int) -> Block { vector(name, count, from: 1) }

    /// A vector whose elements begin with `value`.
    mutating func vector(_ name: String, _ count: Int, from value: Float) -> Block {
        add(name, .vector(value), rows: 1, columns: count)
    }

    /// A of a low-rank update.
    mutating func lowRankInput(_ name: String, _ rank: Int, _ columns: Int) -> Block {
        add(name, .lowRankInput, rows: rank, columns: columns)
    }

    /// B of a low-rank update.
    mutating func lowRankOutput(_ name: String, _ rows: Int, _ rank: Int) -> Block {
        add(name, .lowRankOutput, rows: rows, columns: rank)
    }

    mutating func dropout(_ rate: Float) -> DropoutSite {
        defer { dropoutSites += 1 }
        return DropoutSite(rate: rate, number: dropoutSites)
    }

    /// A place in an adapter. Those of the model have the same numbers with one and without.
    mutating func adapterDropout(_ rate: Float) -> DropoutSite {
        defer { adapterDropoutSites += 1 }
        return DropoutSite(rate: rate, number: adapterDropoutSites)
    }

    private mutating func add(_ name: String, _ kind: Parameter.Kind, rows: Int, columns: Int) -> Block {
        let isNarrow = narrow.contains(name)
        let place = isNarrow ? Self.endOfBuffers + narrowCount : places[name]
        let block = Block(offset: place ?? count, rows: rows, columns: columns)
        parameters.append(Parameter(name: name, kind: kind, part: part, isAdapter: isAdapter, block: block))
        if isNarrow { narrowCount += block.count } else if place == nil { count += block.count }
        return block
    }

    /// Asks for parameters that have to lie one after another. Where they do not in the file, they have no places there.
    private mutating func add(_ joined: [(name: String, kind: Parameter.Kind)], rows: Int, columns: Int) -> [Block] {
        let first = joined.first.flatMap { places[$0.name] }
        let areJoined = joined.enumerated().allSatisfy { index, parameter in
            places[parameter.name] == first.map { $0 + index * rows * columns }
        }
        if !areJoined { for (name, _) in joined { places[name] = nil } }
        return joined.map { add($0.name, $0.kind, rows: rows, columns: columns) }
    }

    /// Where the parameters of these parts lie.
    func ranges(of trained: TrainedParts) -> RangeSet<Int> {
        RangeSet(parameters.filter { trained.contains($0.part, isAdapter: $0.isAdapter) }.map(\.block.range))
    }

    /// The groups of the optimizer: weights decay, biases and LayerNorm do not; and the further below the head a part is, the
    /// more slowly it learns.
    ///
    /// With ξ the layer decay and L layers, the learning rate is multiplied with 1 in the head, ξ in the top layer, ξ² in that
    /// below it, …, and ξᴸ⁺¹ in the embeddings (Howard & Ruder, *Universal Language Model Fine-tuning*, 2018, section 3.2).
    ///
    /// - Parameter layers: the number of layers, L
    package func groups(
        _ trained: TrainedParts, layers: Int, layerDecay: Double, weightDecay: Double
    ) -> [ParameterGroup] {
        var groups: [ParameterGroup] = []
        for parameter in parameters where trained.contains(parameter.part, isAdapter: parameter.isAdapter) {
            let depth =
                switch parameter.part {
                case .head: 0
                case .layer(let index): layers - index
                case .embeddings: layers + 1
                }
            let group = ParameterGroup(
                range: parameter.block.range, learningRate: Float(pow(layerDecay, Double(depth))),
                weightDecay: parameter.isMatrix ? Float(weightDecay) : 0,
                row: parameter.kind == .table ? parameter.block.columns : nil)
            if let last = groups.last, last.range.upperBound == group.range.lowerBound,
                (last.learningRate, last.weightDecay, last.row) == (group.learningRate, group.weightDecay, group.row)
            {
                groups[groups.count - 1].range = last.range.lowerBound..<group.range.upperBound
            } else {
                groups.append(group)
            }
        }
        return groups
    }

    /// A buffer with the values that training from scratch begins with.
    func initialValues(standardDeviation: Float, seed: UInt64) -> FloatBuffer {
        var buffer = FloatBuffer(count: count)
        for index in parameters.indices {
            initialize(index, of: &buffer, standardDeviation: standardDeviation, seed: seed)
        }
        return buffer
    }

    /// Gives one parameter the value that training from scratch begins with.
    func initialize(_ index: Int, of buffer: inout FloatBuffer, standardDeviation: Float, seed: UInt64) {
        let parameter = parameters[index]
        func fillNormal(_ gain: Float, cutoff: Float = .infinity) {
            var random = RandomNumbers(seed: seed, stream: .initialization, step: UInt64(index))
            buffer.fillNormal(
                parameter.block, standardDeviation: gain * standardDeviation, cutoff: cutoff, using: &random)
        }
        switch parameter.kind {
        case .weight(let gain, let cutoff): fillNormal(gain, cutoff: cutoff)
        case .table: fillNormal(1)
        case .vector(let value): buffer.fill(parameter.block, with: value)
        case .lowRankInput:
            var random = RandomNumbers(seed: seed, stream: .initialization, step: UInt64(index))
            buffer.fillUniform(
                parameter.block, bound: 1 / Float(parameter.block.columns).squareRoot(), using: &random)
        case .lowRankOutput: buffer.fill(parameter.block, with: 0)
        }
    }
}
