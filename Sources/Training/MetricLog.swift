import Dispatch
import RunStore
import Synchronization

/// Writes the metrics of a run while its training goes on: a disk can take a tenth of a second to say that something is safe.
final class MetricLog: Sendable {
    private struct State {
        var waiting: [Metric] = []
        var isWriting = false
        var notBefore = ContinuousClock.now
        var error: (any Error)?
    }

    private let store: RunStore
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "metrics")

    /// How often metrics are written.
    private static let interval = Duration.seconds(1)
    /// How long a database that was locked is left alone.
    private static let lockedInterval = Duration.seconds(60)

    init(_ store: RunStore) { self.store = store }

    /// Keeps a metric until it is written.
    func append(_ metric: Metric) { state.withLock { $0.waiting.append(metric) } }

    /// Begins to write what is waiting, unless that was done within the last second.
    ///
    /// - Throws: the error of the last attempt; what it should have written is waiting again.
    func flush() throws {
        let metrics = try state.withLock { state -> [Metric] in
            if let error = state.error.take() { throw error }
            guard !state.isWriting && ContinuousClock.now >= state.notBefore && !state.waiting.isEmpty else {
                return []
            }
            state.isWriting = true
            state.notBefore = .now + Self.interval
            defer { state.waiting = [] }
            return state.waiting
        }
        if !metrics.isEmpty { queue.async { self.write(metrics) } }
    }

    private func write(_ metrics: [Metric]) {
        let result = Result { try store.record(metrics) }
        state.withLock { state in
            state.isWriting = false
            guard case .failure(let error) = result else { return }
            state.waiting = metrics + state.waiting
            state.error = error
            if (error as? RunStoreError)?.isLocked == true { state.notBefore = .now + Self.lockedInterval }
        }
    }

    /// Writes all that is waiting, now.
    ///
    /// - Parameter insisting: whether also if the database was locked within the last minute
    func drain(insisting: Bool) throws {
        if !insisting && state.withLock({ $0.notBefore > .now + Self.interval }) { return }
        // After what has begun.
        try queue.sync {
            let metrics = state.withLock { $0.waiting }
            try store.record(metrics)
            state.withLock { state in
                state.waiting.removeFirst(metrics.count)
                state.error = nil
            }
        }
    }
}
