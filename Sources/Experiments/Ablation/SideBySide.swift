import Foundation
import Kernels

extension Workers {
    /// Does pieces of work side by side, one on each thread, until all are done, one fails, or they are interrupted.
    ///
    /// - Parameters:
    ///   - progress: is told after each piece how many are done, of how many, and the seconds until the last one is; never by two threads at once
    ///   - cost: of a piece, in any unit, to tell the time that is left
    ///   - work: on any of the threads, without subnormal numbers
    /// - Returns: the results in the order of the pieces; nil for those that were interrupted
    /// - Throws: the first error of a piece.
    func sideBySide<Result>(
        _ count: Int, progress: (_ done: Int, _ count: Int, _ secondsLeft: Double) -> Void, cost: (Int) -> Double,
        isInterrupted: () -> Bool, _ work: (Int) throws -> Result?
    ) throws -> [Result?] {
        let (start, total) = (ContinuousClock.now, (0..<count).reduce(0) { $0 + cost($1) })
        var results = [Result?](repeating: nil, count: count)
        var (done, costDone) = (0, 0.0)
        var failure: (any Error)?
        // All of these are read and written while it is held.
        let lock = NSLock()
        share(count) { index, _ in
            if isInterrupted() || lock.withLock({ failure != nil }) { return }
            do {
                let result = try withoutSubnormals { try work(index) }
                lock.withLock {
                    results[index] = result
                    if result == nil { return }
                    (done, costDone) = (done + 1, costDone + cost(index))
                    let elapsed = (ContinuousClock.now - start) / .seconds(1)
                    progress(done, count, elapsed * (total - costDone) / costDone)
                }
            } catch {
                lock.withLock { failure = failure ?? error }
            }
        }
        if let failure { throw failure }
        return results
    }
}
