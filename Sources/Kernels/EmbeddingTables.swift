import CKernels

/// Where the tables of embeddings lie in a buffer of parameters, or of gradients.
package struct EmbeddingTables {
    /// `[vocabulary, hidden]`
    let tokens: Block
    /// A row for each place; nil: what is summed does not say where a token stands.
    let positions: Block?
    /// A row for each segment that a text can have; nil: there are none.
    let segments: Block?
    /// The rows of tokens and of positions that a training leaves as they are, as `padding_idx` of PyTorch's does; nil: there is none.
    let padding: (token: Int?, place: Int?)

    /// Creates tables of equal width.
    package init(
        tokens: Block, positions: Block?, segments: Block?, padding: (token: Int?, place: Int?) = (nil, nil)
    ) {
        precondition(positions?.columns ?? tokens.columns == tokens.columns, "unequal widths")
        precondition(segments?.columns ?? tokens.columns == tokens.columns, "unequal widths")
        (self.tokens, self.positions, self.segments, self.padding) = (tokens, positions, segments, padding)
    }

    /// Stops the program if these rows, or this buffer, are not those of the tables.
    fileprivate func check(_ rows: EmbeddingRows, in buffer: FloatBuffer) {
        func check(_ rows: [Int], _ table: Block?) {
            guard let table else { return }
            precondition(table.range.upperBound <= buffer.count, "out of bounds")
            precondition(rows.allSatisfy { $0 >= 0 && $0 < table.rows }, "a row that the table has not")
        }
        let count = rows.ids.count
        precondition(positions == nil || rows.places.count == count, "a place for each token")
        precondition(rows.segments.isEmpty || rows.segments.count == count, "a segment for each token")
        check(rows.ids, tokens)
        check(rows.places, positions)
        check(rows.segments, segments)
    }
}

/// Which rows of ``EmbeddingTables`` are summed for each token.
package struct EmbeddingRows {
    let ids: [Int]
    /// Unused without positions.
    let places: [Int]
    /// Empty where all are 0; unused without segments.
    let segments: [Int]

    package init(ids: [Int], places: [Int], segments: [Int] = []) {
        (self.ids, self.places, self.segments) = (ids, places, segments)
    }

    func segment(_ row: Int) -> Int { segments.isEmpty ? 0 : segments[row] }
}

/// y[i] = tokens[ids[i]] + positions[places[i]] + segments[segments[i]]: the sum of the embeddings that there are.
///
/// - Parameters:
///   - rows: one of each table for each row of `y`
///   - tables: where the embeddings lie in `parameters`
///   - y: becomes `[tokens, hidden]`
package func sumEmbeddings(
    _ rows: EmbeddingRows, tables: EmbeddingTables, of parameters: FloatBuffer, into y: inout Matrix,
    on workers: Workers
) {
    tables.check(rows, in: parameters)
    let (hidden, ids) = (tables.tokens.columns, rows.ids)
    y.resize(rows: ids.count, columns: hidden)
    let (p, y0) = (parameters.pointer, y.mutablePointer())
    workers.split(ids.count, grain: 8) { part in
        for row in part {
            let y = y0 + row * hidden
            y.update(from: p + tables.tokens.offset + ids[row] * hidden, count: hidden)
            if let positions = tables.positions { ck_add(hidden, p + positions.offset + rows.places[row] * hidden, y) }
            if let segments = tables.segments { ck_add(hidden, p + segments.offset + rows.segment(row) * hidden, y) }
        }
    }
}

/// The same with tables of tokens and of positions in 8 bits.
package func sumEmbeddings(
    _ rows: EmbeddingRows, tokens: Int8Table, positions: Int8Table?, segments: Matrix?, into y: inout Matrix,
    on workers: Workers
) {
    precondition(rows.ids.allSatisfy { $0 >= 0 && $0 < tokens.rows }, "a row that the table has not")
    precondition(positions.map { table in rows.places.allSatisfy { $0 >= 0 && $0 < table.rows } } ?? true)
    precondition(segments.map { table in rows.segments.allSatisfy { $0 >= 0 && $0 < table.rows } } ?? true)
    let hidden = tokens.columns
    y.resize(rows: rows.ids.count, columns: hidden)
    let y0 = y.mutablePointer()
    workers.split(rows.ids.count, grain: 8) { part in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: hidden) { position in
            for row in part {
                let y = y0 + row * hidden
                tokens.read(rows.ids[row], into: y)
                if let positions, let position = position.baseAddress {
                    positions.read(rows.places[row], into: position)
                    ck_add(hidden, position, y)
                }
                if let segments { ck_add(hidden, segments.pointer + rows.segment(row) * hidden, y) }
            }
        }
    }
}

/// The gradients of ``sumEmbeddings(_:tables:of:into:on:)``: each row of `dy` is added to the rows of the tables
/// that were summed. The work is split over columns, because tokens repeat.
///
/// - Parameters:
///   - dy: `[tokens, hidden]`
///   - rows: as in the forward pass
///   - tables: where the gradients lie in `gradients`. In the table of tokens they are added in any case
///   - adding: whether the others are added to what is there, too
package func sumEmbeddingsBackward(
    _ dy: Matrix, _ rows: EmbeddingRows, tables: EmbeddingTables, into gradients: inout FloatBuffer,
    adding: Bool, on workers: Workers
) {
    tables.check(rows, in: gradients)
    let (hidden, ids) = (tables.tokens.columns, rows.ids)
    precondition(dy.rows == ids.count && dy.columns == hidden, "shapes do not agree")
    if !adding { for block in [tables.positions, tables.segments] { block.map { gradients.fill($0, with: 0) } } }
    let (dy, g) = (dy.pointer, gradients.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        for row in ids.indices {
            let source = dy + row * hidden + part.lowerBound
            func add(to offset: Int) { ck_add(part.count, source, g + offset + part.lowerBound) }
            if ids[row] != tables.padding.token { add(to: tables.tokens.offset + ids[row] * hidden) }
            if let positions = tables.positions, rows.places[row] != tables.padding.place {
                add(to: positions.offset + rows.places[row] * hidden)
            }
            if let segments = tables.segments { add(to: segments.offset + rows.segment(row) * hidden) }
        }
    }
}
