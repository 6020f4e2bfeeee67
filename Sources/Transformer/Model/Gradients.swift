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
    /// Where the gradient of the table lies, if it is trained.
    private let table: Block?
    /// Ascending and disjoint, in the flat buffer of parameters.
    private let trained: [Range<Int>]

    /// Creates gradients of 0 for the parts of a model that are trained.
    package init(_ trained: TrainedParts = .all, of layout: ParameterLayout) {
        self.trained = layout.ranges(of: trained)
        values = FloatBuffer(count: Self.count(trained, of: layout))
        let table = layout.parameters.first { $0.kind == .table }?.block
        tableRows = RowSet(count: table?.rows ?? 0)
        self.table = table.flatMap { [trained = self.trained] in Self.place(of: $0, among: trained) }
    }

    /// Creates gradients for a backward pass that is to find only those of its input.
    package init() {
        (trained, table, values, tableRows) = ([], nil, FloatBuffer(count: 0), RowSet(count: 0))
    }

    /// Begins a new sum. What the backward pass overwrites is left as it is: only the rows of the table that were touched have to
    /// be made 0.
    package func clear() {
        if let table { values.clear(rows: tableRows.rows, of: table) }
        tableRows.removeAll()
        isAdding = false
    }

    /// Ends a backward pass: the gradients of the next one are added.
    func finishPass() { isAdding = true }

    /// How many gradients there are if these parts are trained.
    package static func count(_ trained: TrainedParts, of layout: ParameterLayout) -> Int {
        layout.ranges(of: trained).reduce(0) { $0 + $1.count }
    }

    /// Where the gradient of a parameter lies in ``values``; nil if the parameter is frozen.
    package func block(of parameter: Block) -> Block? { Self.place(of: parameter, among: trained) }

    private static func place(of parameter: Block, among trained: [Range<Int>]) -> Block? {
        var start = 0
        for range in trained {
            if range.contains(parameter.offset) {
                return Block(
                    offset: start + parameter.offset - range.lowerBound, rows: parameter.rows,
                    columns: parameter.columns)
            }
            start += range.count
        }
        return nil
    }

    /// Copies the trained ones among `parameters`, laid out like the gradients.
    package func copyTrained(of parameters: FloatBuffer, to copy: inout FloatBuffer) {
        var start = 0
        for range in trained {
            copy.copy(parameters, range, to: start)
            start += range.count
        }
    }

    /// Exchanges the trained ones among `parameters` with what ``copyTrained(of:to:)`` has made.
    package func exchangeTrained(of parameters: inout FloatBuffer, with copy: inout FloatBuffer) {
        var start = 0
        for range in trained {
            parameters.exchange(range, with: &copy, at: start)
            start += range.count
        }
    }
}
