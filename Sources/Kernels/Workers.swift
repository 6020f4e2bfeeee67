import COpenBLAS
import Dispatch
import Foundation

/// The threads that share the work of a kernel.
///
/// A kernel splits its rows, or its columns, into one range per worker. Each worker calls single-threaded BLAS on its
/// range: at the shapes of a Transformer's batches this is faster than the threads of OpenBLAS itself.
package struct Workers: Sendable {
    /// The number of threads, at least 1.
    package let count: Int

    private static let singleThreadedBLAS: Void = openblas_set_num_threads(1)

    /// Creates workers on `count` threads; by default one for each processor.
    package init(count: Int = ProcessInfo.processInfo.activeProcessorCount) {
        precondition(count >= 1, "at least one thread is needed")
        self.count = count
        Self.singleThreadedBLAS
    }

    /// Splits `0 ..< n` into contiguous ranges and calls `body` with each, on all threads at once.
    ///
    /// - Parameter grain: the smallest range that is worth a thread.
    func split(_ n: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
        let parts = min(count, n / max(grain, 1))
        guard parts > 1 else {
            if n > 0 { body(0..<n) }
            return
        }
        // The compiler cannot see that the ranges are disjoint, and that a kernel writes to the rows or columns of its range
        // only; this is the one place where we vouch for it.
        nonisolated(unsafe) let body = body
        DispatchQueue.concurrentPerform(iterations: parts) { part in
            body(n * part / parts..<n * (part + 1) / parts)
        }
    }
}
