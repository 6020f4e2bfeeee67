import Kernels

/// What a layer's forward pass leaves for its backward pass. It grows to the largest batch.
package protocol LayerActivations {
    /// Creates activations without memory.
    init()
}

/// A function from `[tokens, hidden]` to `[tokens, hidden]`: what ``AddNorm`` can wrap, and what it and a whole ``EncoderLayer``
/// are again. Only those rows are returned that the pass asks for.
package protocol Sublayer: Sendable {
    associatedtype Activations: LayerActivations

    /// - Parameters:
    ///   - x: `[tokens, hidden]`
    ///   - y: becomes `[tokens, hidden]`, or the rows that are asked for
    func forward(_ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass)

    /// - Parameters:
    ///   - gradient: dy, as many rows as y; becomes dx, `[tokens, hidden]`
    ///   - x: what the forward pass was given
    func backward(_ gradient: inout Matrix, input x: Matrix, kept activations: Activations, in pass: Pass)
}
