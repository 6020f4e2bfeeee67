import Kernels

/// dropout(LayerNorm(token + position + segment)): ids become rows. Where embeddings are narrower than hidden states, a dense layer follows.
///
/// ### References
/// Devlin, Chang, Lee & Toutanova, *BERT: Pre-training of Deep Bidirectional Transformers*, 2019, figure 2; Liu et al., *RoBERTa*, 2019, for
/// positions after the padding token's; Clark, Luong, Le & Manning, *ELECTRA*, 2020, section 3.2, for the projection.
package struct Embedding: Sendable {
    /// `[vocabulary, width]`
    let tokens: Block
    /// `[first place + maximum length, width]`; nil: attention knows where tokens stand.
    let positions: Block?
    /// `[segments, width]`; nil: there are none.
    let segments: Block?
    let norm: LayerNorm
    let dropout: DropoutSite
    /// `[hidden, width]`; nil if the width is the hidden size.
    let projection: Linear?
    /// The token that batches are filled up with: a training leaves its row as it is.
    private let padding: Int?
    /// Whether it has no place, but a row of positions to itself.
    private let paddingHasNoPlace: Bool
    private let firstPlace: Int

    /// What the backward pass needs.
    package struct Activations: LayerActivations {
        var sum = Matrix()
        var statistics = Matrix()
        /// The input of the projection, if there is one.
        var narrow = Matrix()

        package init() {}
    }

    /// Asks `layout` for the tables, the norm and the projection.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        let (hidden, segments) = (configuration.hiddenSize, configuration.segments)
        let width = configuration.embeddingSize ?? hidden
        tokens = layout.table("\(name).tokens.weight", configuration.vocabularySize, width)
        let hasPositions = configuration.positions != .rotary
        positions =
            hasPositions ? layout.weight("\(name).positions.weight", configuration.positionRows, width) : nil
        self.segments = segments > 0 ? layout.weight("\(name).segments.weight", segments, width) : nil
        norm = LayerNorm("\(name).norm", configuration, width: width, in: &layout)
        dropout = layout.dropout(configuration.dropout)
        projection =
            width == hidden ? nil : Linear("\(name).projection", inputs: width, outputs: hidden, in: &layout)
        padding = configuration.paddingToken
        paddingHasNoPlace = configuration.positions == .learnedAfterPadding
        firstPlace = configuration.firstPosition
    }

    /// - Parameter y: becomes `[tokens, hidden]`
    package func forward(
        _ batch: Batch, into y: inout Matrix, keeping activations: inout Activations, in pass: Pass
    ) {
        if let table = pass.narrow.tables[tokens] {
            sumEmbeddings(
                rows(of: batch), tokens: table, positions: positions.flatMap { pass.narrow.tables[$0] },
                segments: segments.map { pass.parameters[$0] }, into: &activations.sum, on: pass.workers)
        } else {
            sumEmbeddings(
                rows(of: batch), tables: EmbeddingTables(tokens: tokens, positions: positions, segments: segments),
                of: pass.parameters, into: &activations.sum, on: pass.workers)
        }
        let mask = pass.mask(dropout)
        guard let projection else {
            norm.forward(activations.sum, into: &y, keeping: &activations.statistics, in: pass)
            return applyDropout(mask, to: &y, on: pass.workers)
        }
        norm.forward(activations.sum, into: &activations.narrow, keeping: &activations.statistics, in: pass)
        applyDropout(mask, to: &activations.narrow, on: pass.workers)
        projection.forward(activations.narrow, into: &y, in: pass)
    }

    /// - Parameters:
    ///   - gradient: dy, `[tokens, hidden]`; overwritten
    ///   - batch: what ``forward(_:into:keeping:in:)`` was given
    package func backward(
        _ gradient: inout Matrix, input batch: Batch, kept activations: Activations, in pass: Pass
    ) {
        if let projection {
            projection.backward(
                gradient, input: activations.narrow, into: &pass.scratch.gradientOfInner, in: pass)
            copyRows(pass.scratch.gradientOfInner, to: &gradient)
        }
        applyDropout(pass.mask(dropout), to: &gradient, on: pass.workers)
        norm.backward(&gradient, input: activations.sum, kept: activations.statistics, in: pass)
        let gradients = pass.gradients
        guard let tokens = gradients.block(of: tokens) else { return }
        gradients.tableRows.insert(batch.ids)
        let tables = EmbeddingTables(
            tokens: tokens, positions: positions.flatMap(gradients.block),
            segments: segments.flatMap(gradients.block), padding: (padding, paddingHasNoPlace ? padding : nil))
        sumEmbeddingsBackward(
            gradient, rows(of: batch), tables: tables, into: &gradients.values, adding: gradients.isAdding,
            on: pass.workers)
    }

    private func rows(of batch: Batch) -> EmbeddingRows {
        // With one segment, there is nothing to be told.
        let isTold = (segments?.rows ?? 0) > 1
        return EmbeddingRows(ids: batch.ids, places: places(in: batch), segments: isTold ? batch.segments : [])
    }

    /// The row of the table of positions for each token.
    private func places(in batch: Batch) -> [Int] {
        zip(batch.offsets, batch.offsets.dropFirst()).flatMap { start, end in
            guard paddingHasNoPlace else { return Array(firstPlace..<firstPlace + end - start) }
            var next = firstPlace
            return batch.ids[start..<end].map { id in
                if id == padding { return id }
                defer { next += 1 }
                return next
            }
        }
    }
}
