import CKernels
import COpenBLAS

/// Matrix products by OpenBLAS, on a single thread in each of ours.
enum OpenBLAS {
    /// C = A B, C = A B + bias in every row, or C += A B. The longer side of C is split, so that the smaller factor is the one that
    /// every thread reads whole.
    ///
    /// - Parameters:
    ///   - shape: A is `[m, k]`, B is `[k, n]`; the rows of each, or its columns, lie in memory one after another
    ///   - bias: `[n]`
    ///   - c: `[m, n]`, row after row
    static func multiply(
        _ a: ck_matrix, _ b: ck_matrix, shape: (m: Int, n: Int, k: Int), bias: UnsafePointer<Float>? = nil,
        adding: Bool = false, into c: UnsafeMutablePointer<Float>, on workers: Workers
    ) {
        _ = isSingleThreaded
        let (m, n, k) = shape
        // OpenBLAS has memory for some hundred calls at a time, and ends the program if there are more.
        workers.split(max(m, n), grain: max(16, max(m, n) / 64)) { part in
            let (rows, columns) = m >= n ? (part, 0..<n) : (0..<m, part)
            let (a, b) = (a.rows(from: rows.lowerBound), b.transposed.rows(from: columns.lowerBound).transposed)
            let c = c + rows.lowerBound * n + columns.lowerBound
            if let bias {
                for row in 0..<rows.count {
                    (c + row * n).update(from: bias + columns.lowerBound, count: columns.count)
                }
            }
            let (left, right) = (layout(a, rows: rows.count), layout(b, rows: k))
            cblas_sgemm(
                CblasRowMajor, left.order, right.order, blasint(rows.count), blasint(columns.count), blasint(k), 1,
                a.pointer, left.row, b.pointer, right.row, adding || bias != nil ? 1 : 0, c, blasint(n))
            ck_end_avx()
        }
    }

    /// Has to be told before the first product.
    private static let isSingleThreaded: Void = openblas_set_num_threads(1)

    /// The words that BLAS has for the layout of a matrix with so many rows.
    private static func layout(_ x: ck_matrix, rows: Int) -> (order: CBLAS_TRANSPOSE, row: blasint) {
        x.row == 1 && x.column >= rows ? (CblasTrans, blasint(x.column)) : (CblasNoTrans, blasint(x.row))
    }
}

/// How fast this machine multiplies large matrices, in floating-point operations per second: OpenBLAS on all workers at once, each
/// with a part of 2048 × 2048 × 2048. The best of several tries.
package func matrixProductPeak(on workers: Workers) -> Double {
    let size = 2048
    let ones = [Float](repeating: 1, count: size * size)
    let (a, b) = (Matrix(ones, columns: size), Matrix(ones, columns: size))
    var c = Matrix(rows: size, columns: size)
    let times = (0..<5).map { _ in
        ContinuousClock().measure {
            OpenBLAS.multiply(
                .rows(a.pointer, of: size), .rows(b.pointer, of: size), shape: (size, size, size),
                into: c.mutablePointer(), on: workers)
        }
    }
    return 2 * Double(size * size * size) / (times.min()! / .seconds(1))
}
