import CKernels

/// Where BERT's three tables of embeddings lie in a buffer of parameters, or of gradients.
package struct EmbeddingTables {
    /// `[vocabulary, hidden]`
    let tokens: Block
    /// `[longest sequence, hidden]`
    let positions: Block
    /// `[hidden]`, the same for every token.
    let segment: Block

    /// Creates tables of equal width.
    package init(tokens: Block, positions: Block, segment: Block) {
        precondition(positions.columns == tokens.columns && segment.count == tokens.columns, "unequal widths")
        (self.tokens, self.positions, self.segment) = (tokens, positions, segment)
    }

    /// Stops the program if these sequences of tokens, or this buffer, are not those of the tables.
    fileprivate func check(_ ids: [Int], _ offsets: [Int], in buffer: FloatBuffer) {
        precondition([tokens, positions, segment].allSatisfy { $0.range.upperBound <= buffer.count }, "out of bounds")
        precondition(ids.allSatisfy { $0 >= 0 && $0 < tokens.rows }, "token id out of range")
        precondition(offsets.first == 0 && offsets.last == ids.count, "offsets do not match the ids")
        precondition(zip(offsets, offsets.dropFirst()).allSatisfy { $1 - $0 <= positions.rows }, "sequence too long")
    }
}

/// y[i] = tokens[ids[i]] + positions[place of i in its sequence] + segment: the sum of BERT's three embeddings.
///
/// - Parameters:
///   - ids: one for each row of `y`
///   - offsets: the first row of each sequence, then the number of rows
///   - tables: where the embeddings lie in `parameters`
///   - y: becomes `[ids.count, hidden]`
package func sumEmbeddings(
    ids: [Int], offsets: [Int], tables: EmbeddingTables, of parameters: FloatBuffer, into y: inout Matrix,
    on workers: Workers
) {
    tables.check(ids, offsets, in: parameters)
    let hidden = tables.segment.columns
    y.resize(rows: ids.count, columns: hidden)
    let (p, y0) = (parameters.pointer, y.mutablePointer())
    workers.split(offsets.count - 1) { part in
        for sequence in part {
            for (position, row) in (offsets[sequence]..<offsets[sequence + 1]).enumerated() {
                let y = y0 + row * hidden
                y.update(from: p + tables.tokens.offset + ids[row] * hidden, count: hidden)
                ck_add(hidden, p + tables.positions.offset + position * hidden, y)
                ck_add(hidden, p + tables.segment.offset, y)
            }
        }
    }
}

/// The gradients of ``sumEmbeddings(ids:offsets:tables:of:into:on:)``: each row of `dy` is added to the rows of the three tables
/// that were summed. The work is split over columns, because tokens repeat.
///
/// - Parameters:
///   - dy: `[ids.count, hidden]`
///   - ids: as in the forward pass
///   - offsets: as there
///   - tables: where the gradients lie in `gradients`. In the table of tokens they are added in any case
///   - adding: whether the others are added to what is there, too
package func sumEmbeddingsBackward(
    _ dy: Matrix, ids: [Int], offsets: [Int], tables: EmbeddingTables, into gradients: inout FloatBuffer,
    adding: Bool, on workers: Workers
) {
    tables.check(ids, offsets, in: gradients)
    let hidden = tables.segment.columns
    precondition(dy.rows == ids.count && dy.columns == hidden, "shapes do not agree")
    if !adding {
        gradients.fill(tables.positions, with: 0)
        gradients.fill(tables.segment, with: 0)
    }
    let (dy, g) = (dy.pointer, gradients.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            for row in start..<end {
                let source = dy + row * hidden + part.lowerBound
                ck_add(part.count, source, g + tables.tokens.offset + ids[row] * hidden + part.lowerBound)
                ck_add(part.count, source, g + tables.positions.offset + (row - start) * hidden + part.lowerBound)
                ck_add(part.count, source, g + tables.segment.offset + part.lowerBound)
            }
        }
    }
}
