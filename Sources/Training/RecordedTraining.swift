import Foundation
import RunStore

/// A training as another process sees it: what it tells while it runs, from the metrics that it records.
package struct RecordedTraining {
    private struct Key: Hashable {
        let split: Metric.Split
        let name: String
        let step: Int

        init(_ metric: Metric) { (split, name, step) = (metric.split, metric.name, metric.step) }
    }

    /// When a step was recorded last, and the time of training until then, without pauses.
    private var lastRecorded: Date?
    private var elapsed = 0.0
    /// The epochs of the whole training, if that number is known.
    private let epochs: Int?
    /// What epochs are judged by.
    private let metric: EvaluationMetric
    /// The last step that something is known of: what is recorded from here on can be new.
    package private(set) var step = 0
    /// The metrics of that step that are known.
    private var known: Set<Key> = []
    private var best: EpochReport?
    /// The sum of the losses that were recorded in the unfinished epoch, and their number.
    private var lossSum = 0.0
    private var losses = 0

    /// Creates the training with nothing known of it yet.
    package init(_ run: Run, params: [Param]) {
        lastRecorded = Timestamp.date(run.startedAt)
        func value(_ name: String) -> String? { params.first { $0.name == name }?.value }
        epochs = value("epochs").flatMap { Int($0) }
        metric = value("metric").flatMap(EvaluationMetric.init) ?? .usual
    }

    /// What is new since the last call.
    ///
    /// - Parameter metrics: all of the run from ``step`` on, in the order of steps
    package mutating func news(_ metrics: [Metric]) -> (metrics: [Metric], events: [TrainingEvent]) {
        let new = metrics.filter { !known.contains(Key($0)) }
        let changed = Set(new.map(\.step))
        var events: [TrainingEvent] = []
        for (step, metrics) in Dictionary(grouping: metrics, by: \.step).sorted(by: { $0.key < $1.key })
        where changed.contains(step) {
            let values = Dictionary(metrics.map { ("\($0.split) \($0.name)", $0.value ?? .nan) }) { $1 }
            let epoch = metrics[0].epoch
            if let loss = values["train batch_loss"] {
                (lossSum, losses) = (lossSum + loss, losses + 1)
                events.append(.step(report(step, epoch, values, at: metrics[0].recordedAt)))
            }
            if let loss = values["train loss"], let devLoss = values["dev loss"] {
                var report = EpochReport(
                    epoch: Int(clamping: epoch), trainLoss: loss, devLoss: devLoss, accuracy: values["dev accuracy"],
                    macroF1: values["dev macro_f1"], pearson: values["dev pearson"], metric: metric,
                    value: values["dev \(metric.name)"])
                report.isBest = report.isBetter(than: best)
                if report.isBest { best = report }
                (lossSum, losses) = (0, 0)
                events.append(.epoch(report))
            }
        }
        step = metrics.last?.step ?? step
        known = Set(metrics.reversed().prefix { $0.step == step }.map(Key.init))
        return (new, events)
    }

    private mutating func report(_ step: Int, _ epoch: Double, _ values: [String: Double], at recordedAt: String)
        -> StepReport
    {
        let begun = max(1, Int(clamping: epoch.rounded(.up)))
        let share = epoch / Double(epochs ?? begun)
        if let now = Timestamp.date(recordedAt) {
            // Between an interruption and its end nothing is trained.
            let pause = now.timeIntervalSince(lastRecorded ?? now)
            if (0..<60).contains(pause) { elapsed += pause }
            lastRecorded = now
        }
        return StepReport(
            step: step, steps: max(step, Int(clamping: (Double(step) / share).rounded())), epoch: begun,
            epochs: epochs ?? begun, loss: lossSum / Double(losses),
            tokensPerSecond: values["train tokens_per_second"], secondsLeft: max(0, elapsed * (1 - share) / share))
    }
}
