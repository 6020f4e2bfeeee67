import Kernels

/// concat(head₁ … headₕ) Wᵒ + bᵒ with headᵢ = dropout(softmax(Qᵢ Kᵢᵀ / √d)) Vᵢ, d = hidden / heads, Q = x W_qᵀ + b_q, and so on.
///
/// Keys and values lie side by side in memory, so that they are one matrix product. Queries are a product of their own, because
/// the last layer may need those of few rows.
///
/// ### References
/// Vaswani et al., *Attention Is All You Need*, 2017, section 3.2.
package struct MultiHeadAttention: Sublayer {
    let query: Linear
    /// Key and value: `[2 · hidden, hidden]`
    let keyValue: Linear
    let output: Linear
    let heads: Int
    let dropout: Float
    let site: UInt32

    /// What the backward pass needs.
    package struct Activations {
        /// The rows of x that ask, if not all do.
        var asking: Matrix
        /// As many rows as ask.
        var queries: Matrix
        /// `[tokens, 2 · hidden]`
        var keysAndValues: Matrix
        /// The heads' results side by side, as many rows as ask.
        var context: Matrix
    }

    /// Memory that all layers share.
    package struct Scratch {
        var attention = Matrix(columns: 1)
        var gradientOfContext: Matrix
        var gradientOfQueries: Matrix
        var gradientOfKeysAndValues: Matrix
        /// Of the rows that ask.
        var gradientOfAsking: Matrix
    }

    /// Asks `layout` for the parameters `name.self.query.weight` … `name.output.dense.bias`.
    ///
    /// - Parameter site: this layer's place in the order of dropout
    package init(_ name: String, _ configuration: Configuration, site: UInt32, in layout: inout ParameterLayout) {
        let hidden = configuration.hiddenSize
        let parts = ["query", "key", "value"]
        let weights = parts.map { layout.weight("\(name).self.\($0).weight", hidden, hidden) }
        let biases = parts.map { layout.bias("\(name).self.\($0).bias", hidden) }
        query = Linear(weight: weights[0], bias: biases[0])
        keyValue = Linear(
            weight: Block(offset: weights[1].offset, rows: 2 * hidden, columns: hidden),
            bias: Block(offset: biases[1].offset, columns: 2 * hidden))
        output = Linear("\(name).output.dense", inputs: hidden, outputs: hidden, in: &layout)
        heads = configuration.heads
        dropout = configuration.attentionDropout
        self.site = site
    }

    private var hidden: Int { output.weight.rows }

    /// Activations without memory.
    package func makeActivations() -> Activations {
        Activations(
            asking: Matrix(columns: hidden), queries: Matrix(columns: hidden),
            keysAndValues: Matrix(columns: 2 * hidden), context: Matrix(columns: hidden))
    }

    /// Scratch without memory.
    package func makeScratch() -> Scratch {
        Scratch(
            gradientOfContext: Matrix(columns: hidden), gradientOfQueries: Matrix(columns: hidden),
            gradientOfKeysAndValues: Matrix(columns: 2 * hidden), gradientOfAsking: Matrix(columns: hidden))
    }

    package func forward(
        _ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, _ pass: Pass
    ) {
        if let rows = pass.outputRows { gatherRows(x, rows, into: &activations.asking) }
        query.forward(asking(x, activations, pass), into: &activations.queries, parameters, pass)
        keyValue.forward(x, into: &activations.keysAndValues, parameters, pass)
        scaledDotProductAttention(
            activations.queries, activations.keysAndValues, offsets: pass.offsets, heads: heads,
            dropout: pass.dropout(dropout, site: site), scratch: &scratch.attention, into: &activations.context,
            on: pass.workers)
        output.forward(activations.context, into: &y, parameters, pass)
    }

    package func backward(
        _ gradient: inout Matrix, _ x: Matrix, _ activations: Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, gradients: inout Gradients, _ pass: Pass
    ) {
        output.backward(
            gradient, activations.context, into: &scratch.gradientOfContext, parameters, gradients: &gradients, pass)
        scaledDotProductAttentionBackward(
            scratch.gradientOfContext, activations.queries, activations.keysAndValues, offsets: pass.offsets,
            heads: heads, dropout: pass.dropout(dropout, site: site), probabilitiesAreConstant: pass.isLinearized,
            scratch: &scratch.attention, into: &scratch.gradientOfQueries, and: &scratch.gradientOfKeysAndValues,
            on: pass.workers)
        keyValue.backward(
            scratch.gradientOfKeysAndValues, x, into: &gradient, parameters, gradients: &gradients, pass)
        query.backward(
            scratch.gradientOfQueries, asking(x, activations, pass), into: &scratch.gradientOfAsking, parameters,
            gradients: &gradients, pass)
        add(scratch.gradientOfAsking, to: &gradient, rows: pass.outputRows, on: pass.workers)
    }

    private func asking(_ x: Matrix, _ activations: Activations, _ pass: Pass) -> Matrix {
        pass.outputRows == nil ? x : activations.asking
    }
}
