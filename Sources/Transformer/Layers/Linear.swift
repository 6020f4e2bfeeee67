import Kernels

/// y = x Wᵀ + b, and a ``LowRankUpdate`` where an adapter has one for it.
package struct Linear: Sendable {
    /// `[outputs, inputs]`
    let weight: Block
    /// `[outputs]`
    let bias: Block
    /// What an adapter adds to some of the outputs.
    let updates: [LowRankUpdate]

    /// Asks `layout` for the parameters `name.weight` and `name.bias`.
    ///
    /// - Parameters:
    ///   - gain: what the standard deviation of the initial weights is multiplied with
    ///   - lora: the adapter that has an update for it; nil: none has
    package init(
        _ name: String, inputs: Int, outputs: Int, gain: Float = 1, lora: LoRA? = nil, in layout: inout ParameterLayout
    ) {
        weight = layout.weight("\(name).weight", outputs, inputs, gain: gain)
        bias = layout.bias("\(name).bias", outputs)
        updates = lora.map { [LowRankUpdate(name, $0, inputs: inputs, outputs: outputs, in: &layout)] } ?? []
    }

    init(weight: Block, bias: Block, updates: [LowRankUpdate] = []) {
        (self.weight, self.bias, self.updates) = (weight, bias, updates)
    }

    /// - Parameters:
    ///   - x: `[rows, inputs]`
    ///   - y: becomes `[rows, outputs]`
    package func forward(_ x: Matrix, into y: inout Matrix, in pass: Pass) {
        linear(x, weight: pass.parameters[weight], bias: pass.parameters[bias], into: &y, on: pass.workers)
        for update in updates { update.forward(x, into: &y, in: pass) }
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
        for update in updates { update.backward(dy, into: &dx, in: pass) }
    }

    /// dW and db alone, if they are trained, and the gradients of the updates.
    func backward(_ dy: Matrix, input x: Matrix, in pass: Pass) {
        for update in updates { update.backward(dy, input: x, in: pass) }
        let gradients = pass.gradients
        guard let weight = gradients.block(of: weight), let bias = gradients.block(of: bias) else { return }
        linearBackward(
            dy, x, weight: weight, bias: bias, into: &gradients.values, adding: gradients.isAdding, on: pass.workers)
    }
}
