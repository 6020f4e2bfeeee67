import CKernels

/// Rows of a table, each once, in the order in which they came.
package struct RowSet: Sendable {
    /// The rows.
    package private(set) var rows: [Int] = []
    private var isIn: [Bool]

    /// Creates an empty set for a table of `count` rows.
    package init(count: Int) { isIn = [Bool](repeating: false, count: count) }

    /// Adds a row, if it is not in the set.
    package mutating func insert(_ row: Int) {
        if isIn[row] { return }
        isIn[row] = true
        rows.append(row)
    }

    /// - Complexity: O(*n*) in the number of rows that are in it.
    package mutating func removeAll() {
        for row in rows { isIn[row] = false }
        rows.removeAll(keepingCapacity: true)
    }
}

/// y[i] = tokens[ids[i]] + positions[place of i in its sequence] + segment: the sum of BERT's three embeddings.
///
/// - Parameters:
///   - ids: one per row of `y`, each below the rows of `tokens`
///   - offsets: the first row of each sequence, then the number of rows
///   - tokens: `[vocabulary, hidden]`
///   - positions: `[longest sequence, hidden]`
///   - segment: `[hidden]`
///   - y: becomes `[ids.count, hidden]`
package func sumEmbeddings(
    ids: [Int], offsets: [Int], tokens: Matrix, positions: Matrix, segment: Matrix, into y: inout Matrix,
    on workers: Workers
) {
    let hidden = tokens.columns
    precondition(positions.columns == hidden && segment.count == hidden)
    precondition(offsets.first == 0 && offsets.last == ids.count, "offsets do not match the ids")
    y.resize(rows: ids.count, columns: hidden)
    let (vocabulary, longest) = (tokens.rows, positions.rows)
    let (tokens, positions, segment, y0) = (tokens.pointer, positions.pointer, segment.pointer, y.mutablePointer())
    workers.split(offsets.count - 1) { part in
        for sequence in part {
            precondition(offsets[sequence + 1] - offsets[sequence] <= longest, "sequence too long")
            for (position, row) in (offsets[sequence]..<offsets[sequence + 1]).enumerated() {
                precondition(ids[row] >= 0 && ids[row] < vocabulary, "token id out of range")
                let y = y0 + row * hidden
                y.update(from: tokens + ids[row] * hidden, count: hidden)
                ck_add(hidden, positions + position * hidden, y)
                ck_add(hidden, segment, y)
            }
        }
    }
}

/// The gradients of ``sumEmbeddings(ids:offsets:tokens:positions:segment:into:on:)``: each row of `dy` is added to the rows of
/// the three tables that were summed. The work is split over columns, because tokens repeat.
///
/// - Parameters:
///   - tokens: where the gradient of the table lies, which is 0 in rows that are not in `touched`; those of `ids` are added
///   - positions: where that of the positions lies
///   - segment: where that of the segment lies
///   - adding: whether those of positions and segment are added to what is there
package func sumEmbeddingsBackward(
    _ dy: Matrix, ids: [Int], offsets: [Int], tokens: Block, touched: inout RowSet, positions: Block, segment: Block,
    into gradients: inout FloatBuffer, adding: Bool, on workers: Workers
) {
    let hidden = dy.columns
    precondition(tokens.columns == hidden && positions.columns == hidden && segment.count == hidden)
    precondition([tokens, positions, segment].allSatisfy { $0.range.upperBound <= gradients.count })
    precondition(offsets.first == 0 && offsets.last == ids.count && dy.rows == ids.count)
    precondition(ids.allSatisfy { $0 >= 0 && $0 < tokens.rows }, "token id out of range")
    for id in ids { touched.insert(id) }
    if !adding {
        gradients.fill(positions, with: 0)
        gradients.fill(segment, with: 0)
    }
    let (dy, g) = (dy.pointer, gradients.mutablePointer())
    workers.split(hidden, grain: 16) { part in
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            precondition(end - start <= positions.rows, "sequence too long")
            for row in start..<end {
                let source = dy + row * hidden + part.lowerBound
                ck_add(part.count, source, g + tokens.offset + ids[row] * hidden + part.lowerBound)
                ck_add(part.count, source, g + positions.offset + (row - start) * hidden + part.lowerBound)
                ck_add(part.count, source, g + segment.offset + part.lowerBound)
            }
        }
    }
}

/// y[i] = x[indices[i]].
package func gatherRows(_ x: Matrix, _ indices: some Collection<Int>, into y: inout Matrix) {
    precondition(indices.allSatisfy { $0 >= 0 && $0 < x.rows }, "row out of range")
    y.resize(rows: indices.count, columns: x.columns)
    let (x, y, columns) = (x.pointer, y.mutablePointer(), x.columns)
    for (row, index) in indices.enumerated() { (y + row * columns).update(from: x + index * columns, count: columns) }
}

/// y[s] = the mean over the rows of sequence s: `[tokens, hidden]` → `[sequences, hidden]`.
package func meanRows(of x: Matrix, offsets: [Int], into y: inout Matrix, on workers: Workers) {
    precondition(offsets.last == x.rows, "offsets do not match the rows")
    y.resize(rows: offsets.count - 1, columns: x.columns)
    y.clear()
    let (x, y, hidden) = (x.pointer, y.mutablePointer(), x.columns)
    workers.split(offsets.count - 1) { part in
        for sequence in part {
            let (rows, target) = (offsets[sequence]..<offsets[sequence + 1], y + sequence * hidden)
            for row in rows { ck_add(hidden, x + row * hidden, target) }
            ck_scale(hidden, 1 / Float(rows.count), target)
        }
    }
}

/// dx[row of s] = dy[s] / length of s.
package func meanRowsBackward(_ dy: Matrix, offsets: [Int], into dx: inout Matrix, on workers: Workers) {
    precondition(dy.rows == offsets.count - 1, "offsets do not match the rows")
    dx.resize(rows: offsets.last!, columns: dy.columns)
    let (dy, dx, hidden) = (dy.pointer, dx.mutablePointer(), dx.columns)
    workers.split(offsets.count - 1) { part in
        for sequence in part {
            let rows = offsets[sequence]..<offsets[sequence + 1]
            for row in rows {
                (dx + row * hidden).update(from: dy + sequence * hidden, count: hidden)
                ck_scale(hidden, 1 / Float(rows.count), dx + row * hidden)
            }
        }
    }
}
