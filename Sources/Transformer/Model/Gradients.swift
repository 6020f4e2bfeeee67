import Kernels

/// The gradients of the parameters that are trained, laid out like the parameters, but without room for what is frozen.
///
/// A reference: all layers add to the same gradients, and no step copies them.
package final class Gradients {
    /// All gradients, one trained range after another.
    package internal(set) var values: FloatBuffer
    /// The rows of the table of token embeddings whose gradients are not 0.
    package internal(set) var tableRows: RowSet
    /// Whether the next gradients are added to those that are there, and do not replace them.
    private(set) var isAdding = false
    /// Where the table lies among the parameters.
    private let table: Block?
    /// The trained ranges of the parameters, ascending, and where the gradients of each begin.
    private let places: [(range: Range<Int>, start: Int)]

    /// Creates gradients of 0 for the parts of a model that are trained.
    package convenience init(_ trained: TrainedParts = .all, of layout: ParameterLayout) {
        self.init(layout.ranges(of: trained), table: layout.parameters.first { $0.kind == .table }?.block)
    }

    /// Creates gradients for a backward pass that is to find only those of its input.
    package convenience init() { self.init(RangeSet(), table: nil) }

    private init(_ trained: RangeSet<Int>, table: Block?) {
        var count = 0
        places = trained.ranges.map { range in
            defer { count += range.count }
            return (range, count)
        }
        values = FloatBuffer(count: count)
        tableRows = RowSet(count: table?.rows ?? 0)
        self.table = table
    }

    /// How many gradients there are if these parts are trained.
    package static func count(_ trained: TrainedParts, of layout: ParameterLayout) -> Int {
        layout.ranges(of: trained).ranges.reduce(0) { $0 + $1.count }
    }

    /// Begins a new sum. What the backward pass overwrites is left as it is: only the rows of the table that were touched have to
    /// be made 0.
    package func clear() {
        if let table = table.flatMap(block(of:)) { values.clear(rows: tableRows.rows, of: table) }
        tableRows.removeAll()
        isAdding = false
    }

    /// Ends a backward pass: the gradients of the next one are added.
    func finishPass() { isAdding = true }

    /// Where the gradient of a parameter lies in ``values``; nil if the parameter is frozen.
    package func block(of parameter: Block) -> Block? {
        places.first { $0.range.contains(parameter.offset) }.map { range, start in
            Block(
                offset: start + parameter.offset - range.lowerBound, rows: parameter.rows,
                columns: parameter.columns)
        }
    }

    /// Copies the trained ones among `parameters`, laid out like the gradients.
    package func copyTrained(of parameters: FloatBuffer, to copy: inout FloatBuffer) {
        for (range, start) in places { copy.copy(parameters, range, to: start) }
    }

    /// Exchanges the trained ones among `parameters` with what ``copyTrained(of:to:)`` has made.
    package func exchangeTrained(of parameters: inout FloatBuffer, with copy: inout FloatBuffer) {
        for (range, start) in places { parameters.exchange(range, with: &copy, at: start) }
    }
}
