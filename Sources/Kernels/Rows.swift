import CKernels

/// Rows of a table, each once, in the order in which they came.
package struct RowSet: Sendable {
    package private(set) var rows: [Int] = []
    private var isIn: [Bool]

    /// Creates an empty set for a table of `count` rows.
    package init(count: Int) { isIn = [Bool](repeating: false, count: count) }

    /// Adds some rows: those that are not yet in the set.
    package mutating func insert(_ newRows: [Int]) {
        for row in newRows where !isIn[row] {
            isIn[row] = true
            rows.append(row)
        }
    }

    /// Makes the set empty.
    ///
    /// - Complexity: O(*n*) in the number of rows in the set.
    package mutating func removeAll() {
        for row in rows { isIn[row] = false }
        rows.removeAll(keepingCapacity: true)
    }
}

/// y[i] = x[indices[i]].
package func gatherRows(_ x: Matrix, _ indices: some Collection<Int>, into y: inout Matrix) {
    precondition(indices.allSatisfy { $0 >= 0 && $0 < x.rows }, "row out of range")
    y.resize(rows: indices.count, columns: x.columns)
    let (x, y, columns) = (x.pointer, y.mutablePointer(), x.columns)
    for (row, index) in indices.enumerated() { (y + row * columns).update(from: x + index * columns, count: columns) }
}

/// y = 0, but y[indices[i]] = x[i]: the gradient of ``gatherRows(_:_:into:)``.
///
/// - Parameters:
///   - indices: all different
///   - count: of the rows of y
package func scatterRows(_ x: Matrix, _ indices: some Collection<Int>, of count: Int, into y: inout Matrix) {
    precondition(indices.count == x.rows && indices.allSatisfy { $0 >= 0 && $0 < count }, "row out of range")
    y.resize(rows: count, columns: x.columns)
    y.clear()
    let (x0, y, columns) = (x.pointer, y.mutablePointer(), x.columns)
    for (row, index) in indices.enumerated() { (y + index * columns).update(from: x0 + row * columns, count: columns) }
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

/// y[s] = the largest number of each column in the rows of sequence s: `[tokens, hidden]` → `[sequences, hidden]`.
package func largestRows(of x: Matrix, offsets: [Int], into y: inout Matrix, on workers: Workers) {
    precondition(offsets.last == x.rows, "offsets do not match the rows")
    y.resize(rows: offsets.count - 1, columns: x.columns)
    let (x, y, hidden) = (x.pointer, y.mutablePointer(), x.columns)
    workers.split(offsets.count - 1) { part in
        for sequence in part {
            let (rows, target) = (offsets[sequence]..<offsets[sequence + 1], y + sequence * hidden)
            target.update(from: x + rows.lowerBound * hidden, count: hidden)
            for row in rows.dropFirst() {
                let source = x + row * hidden
                for column in 0..<hidden where source[column] > target[column] { target[column] = source[column] }
            }
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

/// y = Σ x over the rows of x, `[rows, columns]`, or y += Σ x.
func sumRows(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into y: UnsafeMutablePointer<Float>, adding: Bool,
    on workers: Workers
) {
    workers.split(columns, grain: 16) { part in
        if !adding { (y + part.lowerBound).update(repeating: 0, count: part.count) }
        for row in 0..<rows { ck_add(part.count, x + row * columns + part.lowerBound, y + part.lowerBound) }
    }
}
