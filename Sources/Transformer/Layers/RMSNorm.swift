import Kernels

/// y = x / √(mean(x²) + ε) · gain, with the mean over the elements of a row: LayerNorm without the mean.
///
/// ### References
/// Zhang & Sennrich, *Root Mean Square Layer Normalization*, 2019, equation 4.
package struct RMSNorm: NormLayer {
    let gain: Block
    let epsilon: Float

    /// Asks `layout` for the parameter `name.weight`, the gain.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        gain = layout.gain("\(name).weight", configuration.hiddenSize)
        epsilon = configuration.layerNormEpsilon
    }

    /// - Parameter statistics: become `[rows, 1]`
    package func forward(_ x: Matrix, into y: inout Matrix, keeping statistics: inout Matrix, in pass: Pass) {
        rmsNorm(
            x, gain: pass.parameters[gain], epsilon: epsilon, into: &y, statistics: &statistics, on: pass.workers)
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept statistics: Matrix, in pass: Pass) {
        let gradients = pass.gradients
        if let gain = gradients.block(of: gain) {
            rmsNormBackward(
                gradient, x, statistics: statistics, into: &gradients.values, at: gain, adding: gradients.isAdding,
                on: pass.workers)
        }
        rmsNormBackward(
            &gradient, x, statistics: statistics, gain: pass.parameters[gain], derivatives: pass.derivatives,
            on: pass.workers)
    }
}
