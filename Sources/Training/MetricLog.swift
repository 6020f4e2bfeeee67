import Kernels
import RunStore
import Synchronization

/// Writes the metrics of a run while its training goes on: a disk can take a tenth of a second to say that something is safe.
final class MetricLog: Sendable {
    private struct State {
        var waiting: [Metric] = []
        var notBefore = ContinuousClock.now
        var error: (any Error)?
    }

    private let store: RunStore
    private let state = Mutex(State())
    /// Held by who writes.
    private let pen = Mutex(())

    /// How often metrics are written.
    private static let interval = Duration.seconds(1)
    /// How long a database that could not be written to is left alone.
    private static let troubleInterval = Duration.seconds(60)

    init(_ store: RunStore) { self.store = store }

    /// Keeps a metric until it is written.
    func append(_ metric: Metric) { state.withLock { $0.waiting.append(metric) } }

    /// What is not written.
    var waiting: [Metric] { pen.withLock { _ in state.withLock { $0.waiting } } }

    /// Begins to write what is waiting, unless that was done within the last second.
    ///
    /// - Throws: the error of the last attempt; what it should have written is waiting again.
    func flush() throws {
        let isTime = try state.withLock { state in
            if let error = state.error.take() { throw error }
            guard ContinuousClock.now >= state.notBefore && !state.waiting.isEmpty else { return false }
            state.notBefore = .now + Self.interval
            return true
        }
        guard isTime else { return }
        let write: @Sendable () -> Void = {
            do { try self.write() } catch { self.state.withLock { $0.error = error } }
        }
        if !startThread(write) { write() }
    }

    /// Writes all that is waiting, now.
    ///
    /// - Parameter insisting: whether also if the database could not be written to within the last minute
    func drain(insisting: Bool) throws {
        if !insisting && state.withLock({ $0.notBefore > .now + Self.interval }) { return }
        try write()
    }

    private func write() throws {
        try pen.withLock { _ in
            let metrics = state.withLock { state in
                state.error = nil
                defer { state.waiting = [] }
                return state.waiting
            }
            do {
                try store.record(metrics)
            } catch {
                state.withLock { state in
                    state.waiting = metrics + state.waiting
                    if (error as? RunStoreError)?.mayPass == true { state.notBefore = .now + Self.troubleInterval }
                }
                throw error
            }
        }
    }
}
