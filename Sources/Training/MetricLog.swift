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
    /// How long a database that could not be written to is left alone.
    private static let troubleInterval = Duration.seconds(60)

    init(_ store: RunStore) { self.store = store }

    /// Keeps a metric until it is written.
    func append(_ metric: Metric) { state.withLock { $0.waiting.append(metric) } }

    /// What is not written yet, as far as is known: of what is being written, some may be.
    var waiting: [Metric] { queue.sync { state.withLock { $0.waiting } } }

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
        guard !metrics.isEmpty else { return }
        queue.async {
            let result = self.write(metrics)
            self.state.withLock { state in
                state.isWriting = false
                if case .failure(let error) = result { state.error = error }
            }
        }
    }

    /// Writes all that is waiting, now.
    ///
    /// - Parameter insisting: whether also if the database could not be written to within the last minute
    func drain(insisting: Bool) throws {
        if !insisting && state.withLock({ $0.notBefore > .now + Self.interval }) { return }
        // After what has begun.
        try queue.sync {
            let metrics = state.withLock { state in
                state.error = nil
                defer { state.waiting = [] }
                return state.waiting
            }
            try write(metrics).get()
        }
    }

    /// - Returns: the error; all waits again then
    private func write(_ metrics: [Metric]) -> Result<Void, any Error> {
        let result = Result { try store.record(metrics) }
        if case .failure(let error) = result {
            state.withLock { state in
                state.waiting = metrics + state.waiting
                if (error as? RunStoreError)?.mayPass == true { state.notBefore = .now + Self.troubleInterval }
            }
        }
        return result
    }
}
