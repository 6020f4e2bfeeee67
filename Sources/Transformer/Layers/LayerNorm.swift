import Kernels

/// y = (x − μ) / √(σ² + ε) · gain + bias, with mean and variance over the elements of a row.
///
/// ### References
/// Ba, Kiros & Hinton, *Layer Normalization*, 2016.
package struct LayerNorm: NormLayer {
    let gain: Block
    /// Nil: it is 0.
    let bias: Block?
    let epsilon: Float

    /// Asks `layout` for the parameters `name.weight`, the gain, and `name.bias`.
    ///
    /// - Parameter width: of the rows; nil: the hidden size
    package init(
        _ name: String, _ configuration: Configuration, width: Int? = nil, in layout: inout ParameterLayout
    ) {
        let width = width ?? configuration.hiddenSize
        gain = layout.gain("\(name).weight", width)
        bias = configuration.hasNormBias ? layout.bias("\(name).bias", width) : nil
        epsilon = configuration.layerNormEpsilon
    }

    /// - Parameters:
    ///   - x: `[rows, hidden]`
    ///   - y: becomes `[rows, hidden]`
    ///   - statistics: becomes `[rows, 2]`
    package func forward(_ x: Matrix, into y: inout Matrix, keeping statistics: inout Matrix, in pass: Pass) {
        layerNorm(
            x, gain: pass.parameters[gain], bias: bias.map { pass.parameters[$0] }, epsilon: epsilon, into: &y,
            statistics: &statistics, on: pass.workers)
    }

    /// - Parameters:
    ///   - gradient: dy, `[rows, hidden]`; becomes dx
    ///   - x: what ``forward(_:into:keeping:in:)`` was given
    package func backward(_ gradient: inout Matrix, input x: Matrix, kept statistics: Matrix, in pass: Pass) {
        let gradients = pass.gradients
        if let gain = gradients.block(of: gain) {
            layerNormBackward(
                gradient, x, statistics: statistics, into: &gradients.values,
                at: (gain, bias.flatMap(gradients.block)),
                adding: gradients.isAdding, on: pass.workers)
        }
        layerNormBackward(
            &gradient, x, statistics: statistics, gain: pass.parameters[gain], derivatives: pass.derivatives,
            on: pass.workers)
    }
}
