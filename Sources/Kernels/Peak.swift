import COpenBLAS

/// How fast this machine multiplies large matrices, in floating-point operations per second: OpenBLAS's sgemm on all workers at
/// once, each with a part of 2048 × 2048 × 2048. The best of several tries.
package func matrixProductPeak(on workers: Workers) -> Double {
    openblas_set_num_threads(1)
    let size = 2048
    let n = blasint(size)
    let (a, b) = (
        [Float](repeating: 1, count: size * size), [Float](repeating: 1, count: size * size)
    )
    var c = Matrix(rows: size, columns: size)
    let c0 = c.mutablePointer()
    let times = (0..<5).map { _ in
        ContinuousClock().measure {
            workers.split(size) { part in
                let first = part.lowerBound * size
                a.withUnsafeBufferPointer { a in
                    cblas_sgemm(
                        CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(part.count), n, n, 1,
                        a.baseAddress! + first, n, b, n, 0, c0 + first, n)
                }
            }
        }
    }
    return 2 * Double(size * size * size) / (times.min()! / .seconds(1))
}
