import Kernels

/// concat(head₁ … headₕ) Wᵒ + bᵒ with headᵢ = dropout(softmax(Qᵢ Kᵢᵀ / √d)) Vᵢ, d = hidden / heads and [Q K V] = x Wᵀ + b.
///
/// The three projections lie side by side in memory, so that they are one matrix product.
///
/// ### References
/// Vaswani et al., *Attention Is All You Need*, 2017, section 3.2.
package struct MultiHeadAttention: Sublayer {
    /// Query, key and value: `[3 · hidden, hidden]`
    let projection: Linear
    let output: Linear
    let heads: Int
    let dropout: Float
    let site: UInt32

    /// What the backward pass needs.
    package struct Activations {
        /// `[tokens, 3 · hidden]`
        var qkv: Matrix
        /// The softmax of every sequence and head, one after another.
        var probabilities = Matrix(columns: 1)
        /// The heads' results side by side, `[tokens, hidden]`.
        var context: Matrix
    }

    /// Memory that all layers share.
    package struct Scratch {
        var probabilities = Matrix(columns: 1)
        var gradientOfQKV: Matrix
        var gradientOfContext: Matrix
    }

    /// Asks `layout` for the parameters `name.self.query.weight` … `name.output.dense.bias`.
    ///
    /// - Parameter site: this layer's place in the order of dropout
    package init(_ name: String, _ configuration: Configuration, site: UInt32, in layout: inout ParameterLayout) {
        let hidden = configuration.hiddenSize
        let parts = ["query", "key", "value"]
        let weights = parts.map { layout.weight("\(name).self.\($0).weight", hidden, hidden) }
        let biases = parts.map { layout.bias("\(name).self.\($0).bias", hidden) }
        projection = Linear(
            weight: Block(offset: weights[0].offset, rows: 3 * hidden, columns: hidden),
            bias: Block(offset: biases[0].offset, columns: 3 * hidden))
        output = Linear("\(name).output.dense", inputs: hidden, outputs: hidden, in: &layout)
        heads = configuration.heads
        dropout = configuration.attentionDropout
        self.site = site
    }

    /// Activations without memory.
    package func makeActivations() -> Activations {
        Activations(qkv: Matrix(columns: projection.weight.rows), context: Matrix(columns: output.weight.columns))
    }

    /// Scratch without memory.
    package func makeScratch() -> Scratch {
        Scratch(
            gradientOfQKV: Matrix(columns: projection.weight.rows),
            gradientOfContext: Matrix(columns: output.weight.columns))
    }

    package func forward(
        _ x: Matrix, into y: inout Matrix, keeping activations: inout Activations, _ scratch: inout Scratch,
        _ parameters: FloatBuffer, _ pass: Pass
    ) {
        projection.forward(x, into: &activations.qkv, parameters, pass)
        scaledDotProductAttention(
            activations.qkv, offsets: pass.offsets, heads: heads, dropout: pass.dropout(dropout, site: site),
            probabilities: &activations.probabilities, scratch: &scratch.probabilities, into: &activations.context,
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
            scratch.gradientOfContext, activations.qkv, offsets: pass.offsets, heads: heads,
            dropout: pass.dropout(dropout, site: site), probabilities: activations.probabilities,
            scratch: &scratch.probabilities, into: &scratch.gradientOfQKV, on: pass.workers)
        projection.backward(scratch.gradientOfQKV, x, into: &gradient, parameters, gradients: &gradients, pass)
    }
}
