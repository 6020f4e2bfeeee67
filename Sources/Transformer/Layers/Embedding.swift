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
    let dropout: DropoutSite

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        var sum = Matrix()
        var statistics = Matrix()

        package init() {}
    }

    /// Asks `layout` for the three tables and the norm.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let hidden = configuration.hiddenSize
        tokens = layout.table("\(name).tokens.weight", configuration.vocabularySize, hidden)
        positions = layout.weight("\(name).positions.weight", configuration.maximumLength, hidden)
        segments = layout.weight("\(name).segments.weight", configuration.segments, hidden)
        norm = LayerNorm("\(name).norm", configuration, in: &layout)
        dropout = layout.dropout(configuration.dropout)
    }

    /// - Parameters:
    ///   - ids: `[tokens]`
    ///   - y: becomes `[tokens, hidden]`
    package func forward(
        _ ids: [Int], into y: inout Matrix, keeping activations: inout Activations, in pass: Pass
    ) {
        sumEmbeddings(
            ids: ids, offsets: pass.offsets,
            tables: EmbeddingTables(tokens: tokens, positions: positions, segment: firstSegment), of: pass.parameters,
            into: &activations.sum, on: pass.workers)
        norm.forward(activations.sum, into: &y, keeping: &activations.statistics, in: pass)
        applyDropout(pass.mask(dropout), to: &y, on: pass.workers)
    }

    /// - Parameters:
    ///   - gradient: dy, `[tokens, hidden]`; overwritten
    ///   - ids: what ``forward(_:into:keeping:in:)`` was given
    package func backward(_ gradient: inout Matrix, input ids: [Int], kept activations: Activations, in pass: Pass) {
        applyDropout(pass.mask(dropout), to: &gradient, on: pass.workers)
        norm.backward(&gradient, input: activations.sum, kept: activations.statistics, in: pass)
        let gradients = pass.gradients
        guard let tokens = gradients.block(of: tokens), let positions = gradients.block(of: positions),
            let segment = gradients.block(of: firstSegment)
        else { return }
        gradients.tableRows.insert(ids)
        sumEmbeddingsBackward(
            gradient, ids: ids, offsets: pass.offsets,
            tables: EmbeddingTables(tokens: tokens, positions: positions, segment: segment),
            into: &gradients.values, adding: gradients.isAdding, on: pass.workers)
    }

    private var firstSegment: Block { Block(offset: segments.offset, columns: segments.columns) }
}
