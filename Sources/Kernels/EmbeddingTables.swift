import CKernels

/// Where the tables of embeddings lie in a buffer of parameters, or of gradients.
package struct EmbeddingTables {
    /// `[vocabulary, hidden]`
    let tokens: Block
    /// A row for each place; nil: what is summed does not say where a token stands.
    let positions: Block?
    /// `[hidden]`, the same for every token; nil: there is none.
    let segment: Block?
    /// The rows of tokens and of positions that a training leaves as they are, as `padding_idx` of PyTorch's does; nil: there is none.
    let padding: (token: Int?, place: Int?)

    /// Creates tables of equal width.
    package init(
        tokens: Block, positions: Block?, segment: Block?, padding: (token: Int?, place: Int?) = (nil, nil)
    ) {
        precondition(positions?.columns ?? tokens.columns == tokens.columns, "unequal widths")
        precondition(segment?.count ?? tokens.columns == tokens.columns, "unequal widths")
        (self.tokens, self.positions, self.segment, self.padding) = (tokens, positions, segment, padding)
    }

    /// Stops the program if these tokens and their places, or this buffer, are not those of the tables.
    fileprivate func check(_ ids: [Int], _ places: [Int], in buffer: FloatBuffer) {
        let blocks = [tokens, positions, segment].compactMap(\.self)
        precondition(blocks.allSatisfy { $0.range.upperBound <= buffer.count }, "out of bounds")
        precondition(ids.allSatisfy { $0 >= 0 && $0 < tokens.rows }, "token id out of range")
        guard let positions else { return }
        precondition(places.count == ids.count, "a place for each token")
        precondition(places.allSatisfy { $0 >= 0 && $0 < positions.rows }, "place out of range")
    }
}

/// y[i] = tokens[ids[i]] + positions[places[i]] + segment: the sum of the embeddings that there are.
///
/// - Parameters:
///   - ids: one for each row of `y`
///   - places: the same; unused without positions
///   - tables: where the embeddings lie in `parameters`
///   - y: becomes `[ids.count, hidden]`
package func sumEmbeddings(
    ids: [Int], places: [Int], tables: EmbeddingTables, of parameters: FloatBuffer, into y: inout Matrix,
    on workers: Workers
) {
    tables.check(ids, places, in: parameters)
    let hidden = tables.tokens.columns
    y.resize(rows: ids.count, columns: hidden)
    let (p, y0) = (parameters.pointer, y.mutablePointer())
    workers.split(ids.count, grain: 8) { part in
        for row in part {
            let y = y0 + row * hidden
            y.update(from: p + tables.tokens.offset + ids[row] * hidden, count: hidden)
            if let positions = tables.positions { ck_add(hidden, p + positions.offset + places[row] * hidden, y) }
            if let segment = tables.segment { ck_add(hidden, p + segment.offset, y) }
        }
    }
}

/// The gradients of ``sumEmbeddings(ids:places:tables:of:into:on:)``: each row of `dy` is added to the rows of the tables
/// that were summed. The work is split over columns, because tokens repeat.
///
/// - Parameters:
///   - dy: `[ids.count, hidden]`
///   - ids: as in the forward pass
///   - places: as there
///   - tables: where the gradients lie in `gradients`. In the table of tokens they are added in any case
///   - adding: whether the others are added to what is there, too
package func sumEmbeddingsBackward(
    _ dy: Matrix, ids: [Int], places: [Int], tables: EmbeddingTables, into gradients: inout FloatBuffer,
    adding: Bool, on workers: Workers
) {
    tables.check(ids, places, in: gradients)
    let hidden = tables.tokens.columns
    precondition(dy.rows == ids.count && dy.columns == hidden, "shapes do not agree")
    if !adding { for block in [tables.positions, tables.segment] { block.map { gradients.fill($0, with: 0) } } }
    let (dy, g) = (dy.pointer, gradients.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        for row in ids.indices {
            let source = dy + row * hidden + part.lowerBound
            func add(to offset: Int) { ck_add(part.count, source, g + offset + part.lowerBound) }
            if ids[row] != tables.padding.token { add(to: tables.tokens.offset + ids[row] * hidden) }
            if let positions = tables.positions, places[row] != tables.padding.place {
                add(to: positions.offset + places[row] * hidden)
            }
            if let segment = tables.segment { add(to: segment.offset) }
        }
    }
}
