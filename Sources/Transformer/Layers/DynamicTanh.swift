import Kernels

/// y = tanh(α x) · gain + bias, with one learned α, 0.5 at first: no statistics, and yet large values are bounded as LayerNorm bounds them.
///
/// ### References
/// Zhu, Chen, He, LeCun & Liu, *Transformers without Normalization*, 2025, section 4.
package struct DynamicTanh: NormLayer {
    /// α, one element.
    let alpha: Block
    let gain: Block
    let bias: Block

    /// Asks `layout` for the parameters `name.alpha`, `name.weight`, the gain, and `name.bias`.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        alpha = layout.vector("\(name).alpha", 1, from: 0.5)
        gain = layout.gain("\(name).weight", configuration.hiddenSize)
        bias = layout.bias("\(name).bias", configuration.hiddenSize)
    }

    package func forward(_ x: Matrix, into y: inout Matrix, keeping statistics: inout Matrix, in pass: Pass) {
        dynamicTanh(
            x, alpha: pass.parameters[alpha.offset], gain: pass.parameters[gain], bias: pass.parameters[bias],
            into: &y, on: pass.workers)
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept statistics: Matrix, in pass: Pass) {
        let (gradients, alphaValue) = (pass.gradients, pass.parameters[alpha.offset])
        if let alpha = gradients.block(of: alpha), let gain = gradients.block(of: gain),
            let bias = gradients.block(of: bias)
        {
            let scratch = pass.scratch
            dynamicTanhSums(
                gradient, x, alpha: alphaValue, gain: pass.parameters[self.gain], into: &scratch.columnSums,
                on: pass.workers)
            dynamicTanhBackward(
                sums: scratch.columnSums, into: &gradients.values, at: (alpha, gain, bias), adding: gradients.isAdding)
        }
        dynamicTanhBackward(
            &gradient, x, alpha: alphaValue, gain: pass.parameters[gain], derivatives: pass.derivatives,
            on: pass.workers)
    }
}
