import Kernels

/// Memory that means nothing between two calls, and that all layers of a kind share. It grows to the largest batch.
///
/// A reference: all layers have to write to the same memory.
package final class Scratch {
    /// What the attention kernels need for themselves.
    var attention = Matrix()
    var gradientOfContext = Matrix()
    var gradientOfProjections = Projections()
    /// Of the rows that have queries.
    var gradientOfQueryRows = Matrix()
    /// The rows inside a feed-forward sublayer, or a pooler, after their activation: cheaper to compute again than to keep.
    var activated = Matrix()
    var gradientOfInner = Matrix()
    /// The same of both halves of a gated one.
    var gradientOfGates = Matrix()
    /// The angles of rotary positions, by their base.
    var rotaryPositions: [Double: RotaryPositions] = [:]
    /// Sums over the rows of a batch, for norms whose gradients need them.
    var columnSums = Matrix()
    /// What a residual connection carries past its sublayer.
    var residual = Matrix()

    /// Both factors of a gradient, in panels of 16 bits.
    var narrowColumns = Matrix()

    /// Of low-rank updates: the input or its gradient, what lies between A and B, and the output or its gradient.
    var lowRankInput = Matrix()
    var lowRankInner = Matrix()
    var lowRankOutput = Matrix()

    /// Creates scratch without memory.
    package init() {}
}
