import RunStore

/// Records a run in the database: its beginning, its metrics while the training goes on, its checkpoints, its end.
///
/// A database that is locked, or that cannot be written to for another reason, stops no training: metrics wait in memory then. Only the end of a run
/// waits for a database that is locked.
struct RunRecorder {
    let run: Run
    private let store: RunStore
    private let log: MetricLog
    private let notice: (String) -> Void

    /// Records a run that has a row already.
    ///
    /// - Parameter notice: is told when the database cannot be written to
    init(_ run: Run, in store: RunStore, notice: @escaping (String) -> Void) {
        (self.run, self.store, self.notice) = (run, store, notice)
        log = MetricLog(store)
    }

    /// Keeps a metric until it is written.
    func append(_ split: Metric.Split, _ name: String, _ value: Double, step: Int, epoch: Double) {
        log.append(Metric(run: run.id, split, name, step: step, epoch: epoch, value: value))
    }

    /// Begins to write the metrics, if it is time.
    func flush() throws { try ifWritable { try log.flush() } }

    /// Writes the metrics before a checkpoint, if that can be done: the database should reach as far.
    ///
    /// - Returns: those that are not written
    func drain() throws -> [Metric] {
        try ifWritable { try log.drain(insisting: false) }
        return log.waiting
    }

    /// Records the checkpoints that there are, if that can be done.
    func record(_ checkpoints: [CheckpointRecord]) throws {
        try ifWritable { try store.record(checkpoints, of: run.id) }
    }

    /// Makes sure, before something is written to the run's output, that no other process has the run by now.
    func requireOwn() throws { try untilUnlocked { try store.requireOwn(run.id) } }

    /// Records the end.
    func finish(_ status: Run.Status, hasWrittenOutput: Bool, warning: String?) throws {
        try untilUnlocked { try log.drain(insisting: true) }
        try untilUnlocked {
            try store.finish(run.id, status, hasWrittenOutput: hasWrittenOutput, warning: warning)
        }
    }

    /// Records a failure, if it can be: the first error counts, not what comes of it.
    func fail(_ error: any Error, hasWrittenOutput: Bool) {
        try? log.drain(insisting: true)
        try? store.finish(run.id, .failed, hasWrittenOutput: hasWrittenOutput, error: "\(error)")
    }

    /// Does some writing while the training goes on. If the database cannot be written to, that is left for later.
    private func ifWritable(_ write: () throws -> Void) throws {
        do {
            try write()
        } catch let error as RunStoreError where error.mayPass {
            notice("\(error); what is to be recorded is kept, and written later")
        }
    }

    /// Does something at the end, however long the database is locked. Who has had enough ends the process by another signal.
    private func untilUnlocked(_ body: () throws -> Void) throws {
        var hasWaited = false
        while true {
            do {
                return try body()
            } catch let error as RunStoreError where error.cause == .locked {
                if !hasWaited { notice("\(error); waiting for it, to record the end of the run") }
                hasWaited = true
            }
        }
    }
}
