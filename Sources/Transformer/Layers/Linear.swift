import Kernels

/// y = x Wᵀ + b.
package struct Linear: Sendable {
    /// `[outputs, inputs]`
    let weight: Block
    /// `[outputs]`
    let bias: Block

    /// Asks `layout` for the parameters `name.weight` and `name.bias`.
    ///
    /// - Parameter gain: what the standard deviation of the initial weights is multiplied with
    package init(_ name: String, inputs: Int, outputs: Int, gain: Float = 1, in layout: inout ParameterLayout) {
        weight = layout.weight("\(name).weight", outputs, inputs, gain: gain)
        bias = layout.bias("\(name).bias", outputs)
    }

    init(weight: Block, bias: Block) { (self.weight, self.bias) = (weight, bias) }

    /// - Parameters:
    ///   - x: `[rows, inputs]`
    ///   - y: becomes `[rows, outputs]`
    package func forward(_ x: Matrix, into y: inout Matrix, in pass: Pass) {
        linear(x, weight: pass.parameters[weight], bias: pass.parameters[bias], into: &y, on: pass.workers)
    }

    /// dW = dyᵀ x, db = Σ dy, dx = dy W.
    ///
    /// - Parameters:
    ///   - dy: `[rows, outputs]`
    ///   - x: what ``forward(_:into:in:)`` was given
    ///   - dx: becomes `[rows, inputs]`
    package func backward(_ dy: Matrix, input x: Matrix, into dx: inout Matrix, in pass: Pass) {
        backward(dy, input: x, in: pass)
        backward(dy, into: &dx, in: pass)
    }

    /// dx alone.
    func backward(_ dy: Matrix, into dx: inout Matrix, in pass: Pass) {
        linearBackward(dy, weight: pass.parameters[weight], into: &dx, on: pass.workers)
    }

    /// dW and db alone, if they are trained.
    func backward(_ dy: Matrix, input x: Matrix, in pass: Pass) {
        let gradients = pass.gradients
        guard let weight = gradients.block(of: weight), let bias = gradients.block(of: bias) else { return }
        linearBackward(
            dy, x, weight: weight, bias: bias, into: &gradients.values, adding: gradients.isAdding, on: pass.workers)
    }
}
