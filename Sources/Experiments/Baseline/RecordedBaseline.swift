import Datasets
import Evaluation
import Foundation
import Kernels
import RunStore

extension Baseline {
    /// What the database is told of a baseline.
    package struct Record {
        /// Nil to have a name made.
        package var name: String?
        package var project: String?
        package let command: String
        /// Of this program.
        package let version: String
        package var layout = Layout()
        package var metric = EvaluationMetric.usual
        package var seed: UInt64 = 0
        package let train: Dataset
        /// When the work was begun.
        private(set) var startedAt = Timestamp.now
        /// Nil: the figures of cross-validation stand for those on dev data.
        package var dev: Dataset?

        package init(of train: Dataset, command: String, version: String) {
            (self.train, self.command, self.version) = (train, command, version)
        }
    }

    /// Records the baseline as a run of one epoch, with its results.
    ///
    /// - Parameter results: on files; the first are the dev data, if there are some
    /// - Returns: the name of the run
    package func record(
        to store: RunStore, _ record: Record, _ results: [(data: Dataset, result: EvaluationResult)],
        on workers: Workers
    ) throws -> String {
        func absolute(_ data: Dataset) -> String { data.sources.map { absolutePath($0.path) }.joined(separator: "\n") }
        var run = Run(
            name: try record.name ?? store.freeName("baseline"), command: record.command, output: Run.noOutput,
            trainData: absolute(record.train), trainSha256: record.train.sha256, version: record.version)
        run.startedAt = record.startedAt
        run.model = "TF-IDF and logistic regression"
        run.devData = record.dev.map(absolute)
        run.devSha256 = record.dev?.sha256
        (run.seed, run.threads, run.project) = (Int64(clamping: record.seed), workers.count, record.project)
        run = try store.begin(
            run,
            params: [
                (Run.baselineParameter, "tf-idf"), ("bag", best.bag.rawValue), ("c", "\(best.c)"),
                ("metric", record.metric.text), ("seed", "\(record.seed)"),
            ] + record.layout.settings)
        let dev = record.dev == nil ? crossValidated : results[0].result
        try store.record(
            dev.figures(judgedBy: record.metric).map {
                Metric(run: run.id, .dev, $0.metric.name, step: 1, epoch: 1, value: $0.value)
            })
        for (data, result) in results {
            _ = try store.record(
                result, result.metrics(on: workers), of: run.model ?? "", on: data,
                EvaluationCircumstances(layout: record.layout), labels: labels, run: run.id)
        }
        try store.finish(run.id, .finished, hasWrittenOutput: false)
        return run.name
    }
}
