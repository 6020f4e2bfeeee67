import CKernels

/// y[i, first + j] += factor · x[i, j].
///
/// - Parameters:
///   - x: as many rows as `y`, and not more columns than `y` has from `first` on
///   - first: the column of `y` that the first one of `x` is added to
package func addColumns(
    _ x: Matrix, times factor: Float, to y: inout Matrix, from first: Int, on workers: Workers
) {
    precondition(x.rows == y.rows && first >= 0 && first + x.columns <= y.columns, "shapes do not agree")
    let (columns, width, x, y0) = (x.columns, y.columns, x.pointer, y.mutablePointer())
    workers.split(y.rows, grain: 8) { part in
        for row in part { ck_combine(columns, factor, x + row * columns, 1, y0 + row * width + first) }
    }
}

/// y[i, j] = factor · x[i, columns.lowerBound + j].
///
/// - Parameter y: becomes as many rows as `x`, and as many columns as are asked for
package func copyColumns(
    _ x: Matrix, _ columns: Range<Int>, times factor: Float, into y: inout Matrix, on workers: Workers
) {
    precondition(columns.lowerBound >= 0 && columns.upperBound <= x.columns, "column out of range")
    y.resize(rows: x.rows, columns: columns.count)
    let (width, x0, y0) = (x.columns, x.pointer + columns.lowerBound, y.mutablePointer())
    workers.split(x.rows, grain: 8) { part in
        for row in part {
            (y0 + row * columns.count).update(from: x0 + row * width, count: columns.count)
            ck_scale(columns.count, factor, y0 + row * columns.count)
        }
    }
}
