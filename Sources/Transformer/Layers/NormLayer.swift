import Kernels

/// What ``AddNorm`` normalises with: a function of rows of hidden states, `[rows, hidden]`.
package protocol NormLayer: Sendable {
    /// - Parameters:
    ///   - x: `[rows, hidden]`
    ///   - y: becomes `[rows, hidden]`
    ///   - statistics: become what the backward pass needs of x
    func forward(_ x: Matrix, into y: inout Matrix, keeping statistics: inout Matrix, in pass: Pass)

    /// - Parameters:
    ///   - gradient: dy, `[rows, hidden]`; becomes dx
    ///   - x: what ``forward(_:into:keeping:in:)`` was given
    func backward(_ gradient: inout Matrix, input x: Matrix, kept statistics: Matrix, in pass: Pass)

    /// Takes over, after a step of training, what the norm has to remember of a batch.
    func remember(_ statistics: Matrix, in parameters: inout FloatBuffer)
}

extension NormLayer {
    package func remember(_ statistics: Matrix, in parameters: inout FloatBuffer) {}
}
