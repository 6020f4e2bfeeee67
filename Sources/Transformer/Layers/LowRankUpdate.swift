import Kernels

/// y ← y + (α / r) · dropout(x) Aᵀ Bᵀ: what LoRA adds to a ``Linear`` whose own weights stay as they are.
///
/// B begins at 0, so that a training begins with what the model computes; A begins uniformly distributed, as PEFT's does: Kaiming's
/// distribution with a = √5, which lies between ∓1/√inputs.
///
/// ### References
/// Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models*, 2021, section 4.1.
package struct LowRankUpdate: Sendable {
    /// `[rank, inputs]`
    let a: Block
    /// `[outputs, rank]`
    let b: Block
    /// α / r
    let scale: Float
    let dropout: DropoutSite
    /// The columns of y that it adds to.
    let columns: Range<Int>

    /// PEFT's names of A and B.
    static let (inputName, outputName) = ("lora_A", "lora_B")

    /// Asks `layout` for the parameters `name.lora_A.weight` and `name.lora_B.weight`.
    ///
    /// - Parameter firstColumn: the first of the `outputs` columns of y that it adds to
    init(
        _ name: String, _ lora: LoRA, inputs: Int, outputs: Int, firstColumn: Int = 0, in layout: inout ParameterLayout
    ) {
        let isAdapter = layout.isAdapter
        layout.isAdapter = true
        a = layout.lowRankInput("\(name).\(Self.inputName).weight", lora.rank, inputs)
        b = layout.lowRankOutput("\(name).\(Self.outputName).weight", outputs, lora.rank)
        layout.isAdapter = isAdapter
        scale = lora.scale
        dropout = layout.adapterDropout(Float(lora.dropout))
        columns = firstColumn..<firstColumn + outputs
    }

    /// - Parameters:
    ///   - x: `[rows, inputs]`
    ///   - y: what the layer itself has computed; the update is added
    func forward(_ x: Matrix, into y: inout Matrix, in pass: Pass) {
        let scratch = pass.scratch
        multiply(dropped(x, in: pass), a, into: &scratch.lowRankInner, in: pass)
        multiply(scratch.lowRankInner, b, into: &scratch.lowRankOutput, in: pass)
        addColumns(scratch.lowRankOutput, times: scale, to: &y, from: columns.lowerBound, on: pass.workers)
    }

    /// dx ← dx + dropout((α / r) · dy B A).
    ///
    /// - Parameters:
    ///   - dy: the gradient of y, of all its columns
    ///   - dx: what the layer itself has added; `[rows, inputs]`
    func backward(_ dy: Matrix, into dx: inout Matrix, in pass: Pass) {
        let scratch = pass.scratch
        innerGradient(dy, in: pass)
        linearBackward(
            scratch.lowRankInner, weight: pass.parameters[a], into: &scratch.lowRankInput, on: pass.workers)
        applyDropout(pass.mask(dropout), to: &scratch.lowRankInput, on: pass.workers)
        addRows(scratch.lowRankInput, to: &dx, rows: nil, on: pass.workers)
    }

    /// With z = dropout(x) Aᵀ, dB = (α / r) · dyᵀ z and dA = ((α / r) · dy B)ᵀ dropout(x), if they are trained.
    func backward(_ dy: Matrix, input x: Matrix, in pass: Pass) {
        let (scratch, gradients) = (pass.scratch, pass.gradients)
        guard let dA = gradients.block(of: a), let dB = gradients.block(of: b) else { return }
        let x = dropped(x, in: pass)
        multiply(x, a, into: &scratch.lowRankInner, in: pass)
        copyColumns(dy, columns, times: scale, into: &scratch.lowRankOutput, on: pass.workers)
        linearBackward(
            scratch.lowRankOutput, scratch.lowRankInner, weight: dB, bias: nil, into: &gradients.values,
            adding: gradients.isAdding, on: pass.workers)
        innerGradient(dy, in: pass)
        linearBackward(
            scratch.lowRankInner, x, weight: dA, bias: nil, into: &gradients.values, adding: gradients.isAdding,
            on: pass.workers)
    }

    /// (α / r) · dy B, `[rows, rank]`, in the scratch.
    private func innerGradient(_ dy: Matrix, in pass: Pass) {
        let scratch = pass.scratch
        copyColumns(dy, columns, times: scale, into: &scratch.lowRankOutput, on: pass.workers)
        linearBackward(
            scratch.lowRankOutput, weight: pass.parameters[b], into: &scratch.lowRankInner, on: pass.workers)
    }

    /// x Wᵀ.
    private func multiply(_ x: Matrix, _ weight: Block, into y: inout Matrix, in pass: Pass) {
        linear(x, weight: pass.parameters[weight], into: &y, on: pass.workers)
    }

    /// x after dropout: itself where nothing is dropped.
    private func dropped(_ x: Matrix, in pass: Pass) -> Matrix {
        guard dropout.rate > 0, let mask = pass.mask(dropout) else { return x }
        copyRows(x, to: &pass.scratch.lowRankInput)
        applyDropout(mask, to: &pass.scratch.lowRankInput, on: pass.workers)
        return pass.scratch.lowRankInput
    }
}
