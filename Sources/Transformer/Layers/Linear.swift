import Kernels

/// y = x Wᵀ + b, or without b, and a ``LowRankUpdate`` where an adapter has one for it.
package struct Linear: Sendable {
    /// `[outputs, inputs]`
    let weight: Block
    /// `[outputs]`; nil: there is none.
    let bias: Block?
    /// What an adapter adds to some of the outputs.
    let updates: [LowRankUpdate]

    /// Asks `layout` for the parameters `name.weight` and `name.bias`.
    ///
    /// - Parameters:
    ///   - hasBias: whether it has one
    ///   - initialization: what the standard deviation of the initial weights is multiplied with, and how many deviations they are at most away
    ///     from 0
    ///   - lora: the adapter that has an update for it; nil: none has
    package init(
        _ name: String, inputs: Int, outputs: Int, hasBias: Bool = true,
        initialization: (gain: Float, cutoff: Float) = (1, .infinity), lora: LoRA? = nil,
        in layout: inout ParameterLayout
    ) {
        let (gain, cutoff) = initialization
        weight = layout.weight("\(name).weight", outputs, inputs, gain: gain, cutoff: cutoff)
        bias = hasBias ? layout.bias("\(name).bias", outputs) : nil
        updates = lora.map { [LowRankUpdate(name, $0, inputs: inputs, outputs: outputs, in: &layout)] } ?? []
    }

    init(weight: Block, bias: Block?, updates: [LowRankUpdate] = []) {
        (self.weight, self.bias, self.updates) = (weight, bias, updates)
    }

    /// - Parameters:
    ///   - x: `[rows, inputs]`
    ///   - y: becomes `[rows, outputs]`
    package func forward(_ x: Matrix, into y: inout Matrix, in pass: Pass) {
        pass.inputs?.record(x, of: weight, on: pass.workers)
        let bias = bias.map { pass.parameters[$0] }
        switch pass.narrow.matrices[weight] {
        case nil: linear(x, weight: pass.parameters[weight], bias: bias, into: &y, on: pass.workers)
        case .int8(let weight): linear(x, weight: weight, bias: bias, into: &y, on: pass.workers)
        case .bfloat16(let weight): linear(x, weight: weight, bias: bias, into: &y, on: pass.workers)
        }
        for update in updates { update.forward(x, into: &y, in: pass) }
    }

    /// The layer in 8 bits, if it is of such.
    func int8(in pass: Pass) -> Int8Linear? {
        guard case .int8(let weight) = pass.narrow.matrices[weight], updates.isEmpty else { return nil }
        return Int8Linear(weight, bias: bias.map { pass.parameters[$0] })
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
        switch pass.narrow.matrices[weight] {
        case nil: linearBackward(dy, weight: pass.parameters[weight], into: &dx, on: pass.workers)
        case .bfloat16(let weight): linearBackward(dy, weight: weight, into: &dx, on: pass.workers)
        case .int8: preconditionFailure("weights of 8 bits have no gradients")
        }
        for update in updates { update.backward(dy, into: &dx, in: pass) }
    }

    /// dW and db alone, if they are trained, and the gradients of the updates.
    func backward(_ dy: Matrix, input x: Matrix, in pass: Pass) {
        for update in updates { update.backward(dy, input: x, in: pass) }
        let gradients = pass.gradients
        guard let place = gradients.block(of: weight) else { return }
        let bias = bias.flatMap(gradients.block)
        if case .bfloat16 = pass.narrow.matrices[weight] {
            bfloat16LinearBackward(
                dy, x, at: (place, bias), into: &gradients.values, adding: gradients.isAdding,
                scratch: &pass.scratch.narrowColumns, on: pass.workers)
        } else {
            linearBackward(
                dy, x, weight: place, bias: bias, into: &gradients.values, adding: gradients.isAdding, on: pass.workers)
        }
    }
}
