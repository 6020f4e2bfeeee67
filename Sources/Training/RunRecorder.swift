import RunStore

/// Records a run in the database: its beginning, its metrics while the training goes on, its end.
///
/// A database that is locked stops no training: metrics wait in memory then, and only the end of a run waits for it.
struct RunRecorder {
    let id: Int64
    let name: String
    private let store: RunStore
    private let log: MetricLog
    private let notice: (String) -> Void

    /// Records a run that has a row already.
    ///
    /// - Parameter notice: is told when the database is locked
    init(_ run: Run, in store: RunStore, notice: @escaping (String) -> Void) {
        (id, name) = (run.id, run.name)
        (self.store, self.notice) = (store, notice)
        log = MetricLog(store)
    }

    /// Keeps a metric until it is written.
    func append(_ split: Metric.Split, _ name: String, _ value: Double, step: Int, epoch: Double) {
        log.append(Metric(run: id, split, name, step: step, epoch: epoch, value: value))
    }

    /// Begins to write the metrics, if it is time.
    func flush() throws { try whileUnlocked { try log.flush() } }

    /// Writes the metrics before a checkpoint: the database should reach as far as that.
    func drain() throws { try whileUnlocked { try log.drain(insisting: false) } }

    /// Makes sure, before something is written to the run's output, that no other process has the run by now.
    func requireOwn() throws { try whileUnlocked { try store.requireOwn(id) } }

    /// Records the end.
    func finish(_ status: Run.Status, hasWrittenOutput: Bool) throws {
        try untilUnlocked { try log.drain(insisting: true) }
        try untilUnlocked { try store.finish(id, status, hasWrittenOutput: hasWrittenOutput, error: nil) }
    }

    /// Records a failure, if it can be: the first error counts, not what comes of it.
    func fail(_ error: any Error, hasWrittenOutput: Bool) {
        try? log.drain(insisting: true)
        try? store.finish(id, .failed, hasWrittenOutput: hasWrittenOutput, error: "\(error)")
    }

    /// Does some writing while the training goes on. If the database is locked, that is left for later.
    private func whileUnlocked(_ write: () throws -> Void) throws {
        do {
            try write()
        } catch let error as RunStoreError where error.isLocked {
            notice("\(error); the metrics are kept, and written later")
        }
    }

    /// Does some writing at the end, however long the database is locked. Who has had enough ends the process by another signal.
    private func untilUnlocked(_ write: () throws -> Void) throws {
        var hasWaited = false
        while true {
            do {
                return try write()
            } catch let error as RunStoreError where error.isLocked {
                if !hasWaited { notice("\(error); waiting for it, to record the end of the run") }
                hasWaited = true
            }
        }
    }
}
