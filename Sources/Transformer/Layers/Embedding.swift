import Kernels

/// dropout(LayerNorm(token + position + segment)): ids become rows.
///
/// ### References
/// Devlin, Chang, Lee & Toutanova, *BERT: Pre-training of Deep Bidirectional Transformers*, 2019, figure 2.
package struct Embedding: Sendable {
    /// `[vocabulary, hidden]`
    let tokens: Block
    /// `[maximum length, hidden]`
    let positions: Block
    /// `[segments, hidden]`, of which the first row is used.
    let segments: Block
    let norm: LayerNorm
    let dropout: Float

    /// Dropout's first site; the encoder's follow.
    private static let site: UInt32 = 0

    /// What the backward pass needs.
    package struct Activations {
        var sum: Matrix
        var statistics = Matrix(columns: 2)
    }

    /// Asks `layout` for the three tables and the norm.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let hidden = configuration.hiddenSize
        tokens = layout.table("\(name).word_embeddings.weight", configuration.vocabularySize, hidden)
        positions = layout.weight("\(name).position_embeddings.weight", configuration.maximumLength, hidden)
        segments = layout.weight("\(name).token_type_embeddings.weight", configuration.segments, hidden)
        norm = LayerNorm("\(name).LayerNorm", configuration, in: &layout)
        dropout = configuration.dropout
    }

    /// Activations without memory.
    package func makeActivations() -> Activations { Activations(sum: Matrix(columns: tokens.columns)) }

    /// - Parameters:
    ///   - ids: `[tokens]`
    ///   - y: becomes `[tokens, hidden]`
    package func forward(
        ids: [Int], into y: inout Matrix, keeping activations: inout Activations, _ parameters: FloatBuffer,
        _ pass: Pass
    ) {
        sumEmbeddings(
            ids: ids, offsets: pass.offsets, tokens: parameters[tokens], positions: parameters[positions],
            segment: parameters[firstSegment], into: &activations.sum, on: pass.workers)
        norm.forward(activations.sum, into: &y, statistics: &activations.statistics, parameters, pass)
        applyDropout(pass.dropout(dropout, site: Self.site), to: &y, on: pass.workers)
    }

    /// - Parameter gradient: dy, `[tokens, hidden]`; overwritten
    package func backward(
        _ gradient: inout Matrix, ids: [Int], _ activations: Activations, _ parameters: FloatBuffer,
        gradients: inout Gradients, _ pass: Pass
    ) {
        applyDropout(pass.dropout(dropout, site: Self.site), to: &gradient, on: pass.workers)
        norm.backward(
            &gradient, activations.sum, statistics: activations.statistics, parameters, gradients: &gradients, pass)
        guard let tokens = gradients.block(of: tokens), let positions = gradients.block(of: positions),
            let segment = gradients.block(of: firstSegment)
        else { return }
        sumEmbeddingsBackward(
            gradient, ids: ids, offsets: pass.offsets, tokens: tokens, touched: &gradients.tableRows,
            positions: positions, segment: segment, into: &gradients.values, adding: gradients.isAdding,
            on: pass.workers)
    }

    private var firstSegment: Block { Block(offset: segments.offset, columns: segments.columns) }
}
