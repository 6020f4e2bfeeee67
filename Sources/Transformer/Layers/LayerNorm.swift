import Kernels

/// y = (x − μ) / √(σ² + ε) · gain + bias, with mean and variance over the elements of a row.
///
/// ### References
/// Ba, Kiros & Hinton, *Layer Normalization*, 2016.
package struct LayerNorm: Sendable {
    let gain: Block
    let bias: Block
    let epsilon: Float

    /// Asks `layout` for the parameters `name.weight` (the gain) and `name.bias`, as BERT calls them.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        gain = layout.gain("\(name).weight", configuration.hiddenSize)
        bias = layout.bias("\(name).bias", configuration.hiddenSize)
        epsilon = configuration.layerNormEpsilon
    }

    /// - Parameters:
    ///   - x: `[rows, hidden]`
    ///   - y: becomes `[rows, hidden]`
    ///   - statistics: becomes `[rows, 2]`, for the backward pass
    package func forward(
        _ x: Matrix, into y: inout Matrix, statistics: inout Matrix, _ parameters: FloatBuffer, _ pass: Pass
    ) {
        layerNorm(
            x, gain: parameters[gain], bias: parameters[bias], epsilon: epsilon, into: &y, statistics: &statistics,
            on: pass.workers)
    }

    /// - Parameters:
    ///   - gradient: dy, `[rows, hidden]`; becomes dx
    ///   - x: what ``forward(_:into:statistics:_:_:)`` was given
    package func backward(
        _ gradient: inout Matrix, _ x: Matrix, statistics: Matrix, _ parameters: FloatBuffer,
        gradients: inout Gradients, _ pass: Pass
    ) {
        if let gain = gradients.block(of: gain), let bias = gradients.block(of: bias) {
            layerNormBackward(
                gradient, x, statistics: statistics, gain: gain, bias: bias, into: &gradients.values,
                adding: gradients.isAdding, on: pass.workers)
        }
        layerNormBackward(
            &gradient, x, statistics: statistics, gain: parameters[gain], deviationIsConstant: pass.isLinearized,
            on: pass.workers)
    }
}
