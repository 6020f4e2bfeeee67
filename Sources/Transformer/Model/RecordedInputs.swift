import Kernels

/// What the linear layers of a classifier were given, by the places of their weights.
///
/// A reference: all layers have to write to the same one.
package final class RecordedInputs {
    package private(set) var statistics: [Block: InputStatistics] = [:]

    package init() {}

    /// Adds what a layer is given.
    ///
    /// - Parameter x: `[rows, inputs]`
    func record(_ x: Matrix, of weight: Block, on workers: Workers) {
        statistics[weight, default: InputStatistics(inputs: x.columns)].add(x, on: workers)
    }
}
