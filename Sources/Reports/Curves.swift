import Plots
import RunStore
import Statistics

/// A metric in the course of training: a curve for each run, or for each group of runs their mean and a band around it.
package struct Curves: Encodable, Sendable {
    /// One curve, of one split.
    package struct Curve: Encodable, Sendable {
        /// Of the run or the group.
        package let name: String
        /// Those that have the metric.
        package let runs: [Int64]
        package let split: Metric.Split
        package let points: [Point]
    }

    /// A value at an epoch or a step.
    package struct Point: Encodable, Sendable {
        package let x: Double
        /// Nil where it is not a number.
        package let y: Double?
        /// The 95 % interval of the mean, in a group.
        package var low: Double?
        package var high: Double?

        private enum CodingKeys: CodingKey { case x, y, low, high }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(x, forKey: .x)
            try container.encode(y, forKey: .y)
            try container.encodeIfPresent(low, forKey: .low)
            try container.encodeIfPresent(high, forKey: .high)
        }
    }

    package let metric: String
    /// What x is.
    package let x: XAxis
    /// Those of a group side by side, dev before train.
    package let series: [Curve]

    package enum XAxis: String, Encodable, Sendable { case epoch, step }

    /// Reads the curves of groups of runs; a group of one run is that run.
    ///
    /// - Throws: ``CurvesError`` if no run has the metric.
    package init(
        of metric: String, groups: [(name: String, runs: [Int64])], in store: RunStore
    ) throws {
        self.metric = metric
        let measure = Measure(metric)
        x = measure.isOfEpochs ? .epoch : .step
        series = try groups.flatMap { name, runs in
            let metrics = try runs.map { try store.metrics(of: $0, named: metric) }
            return [Metric.Split.dev, .train].compactMap { split -> Curve? in
                let curves = zip(runs, metrics).map { run, metrics in
                    (
                        run: run,
                        points: metrics.filter { $0.split == split }.map {
                            Point(x: measure.isOfEpochs ? $0.epoch : Double($0.step), y: $0.value)
                        }
                    )
                }.filter { !$0.points.isEmpty }
                if curves.isEmpty { return nil }
                return Curve(
                    name: name, runs: curves.map(\.run), split: split,
                    points: curves.count == 1
                        ? curves[0].points : band(of: curves.map(\.points), limits: measure.axis.limits))
            }
        }
        if series.isEmpty {
            let names = try store.metricNames(of: groups.flatMap(\.runs))
            throw CurvesError(
                description: names.isEmpty
                    ? "nothing has been recorded of \(groups.map { "'\($0.name)'" }.joined(separator: ", ")) yet"
                    : "no such metric: '\(metric)'; there are \(names.joined(separator: ", "))")
        }
    }

    /// The curves as a picture: a colour for each run or group; where there are both, dev solid and train dashed, or dev alone if
    /// dashes are needed to tell curves apart.
    package var figure: Figure {
        let measure = Measure(metric)
        var names: [String] = []
        for curve in series where !names.contains(curve.name) { names.append(curve.name) }
        let isCrowded = names.count > Figure.colors && Set(series.map(\.split)).count > 1
        let series = isCrowded ? series.filter { $0.split == .dev } : series
        let splits = Set(series.map(\.split))
        let hasBand = series.contains { $0.points.contains { $0.low != nil } }
        let notes = [
            names.count == 1 ? names[0] : nil,
            isCrowded ? "dev data" : nil,
            splits.count > 1 && names.count > 1 ? "solid: dev data, dashed: train data" : nil,
            hasBand ? "band: 95 % interval of the mean" : nil,
        ].compactMap { $0 }
        return Figure(
            measure.title, note: notes.isEmpty ? nil : notes.joined(separator: "; "),
            x: .init(x.rawValue, limits: 0...Double.infinity, isInteger: true), y: measure.axis,
            series.map { curve in
                Figure.Series(
                    splits.count > 1 && names.count == 1
                        ? "\(curve.split.rawValue) data"
                        : splits.count > 1 && curve.split == .train ? "\(curve.name), train data" : curve.name,
                    isNamed: series.count > 1 && (names.count == 1 || splits.count == 1 || curve.split == .dev),
                    splits.count > 1 && curve.split == .train ? .dashed : .solid,
                    color: names.firstIndex(of: curve.name),
                    // A band for each colour is enough.
                    curve.points.map {
                        splits.count > 1 && curve.split == .train
                            ? Figure.Point($0.x, $0.y) : Figure.Point($0.x, $0.y, low: $0.low, high: $0.high)
                    })
            })
    }
}

/// The mean of some curves, and its 95 % interval by Student's *t*, at each *x* that all of them have, in ascending order; nothing
/// where a value is none.
///
/// - Parameter limits: what values can be
private func band(of curves: [[Curves.Point]], limits: ClosedRange<Double>) -> [Curves.Point] {
    let curves = curves.map { Dictionary($0.map { ($0.x, $0.y) }) { $1 } }
    return curves[0].keys.sorted().compactMap { x in
        let points = curves.compactMap { $0[x] }
        guard points.count == curves.count else { return nil }
        let values = points.compactMap { $0 }
        guard values.count == curves.count else { return Curves.Point(x: x, y: nil) }
        let mean = MeanInterval(values, limits: limits)
        return Curves.Point(x: x, y: mean.mean, low: mean.interval?.low, high: mean.interval?.high)
    }
}

/// What is known of a metric by its name.
private struct Measure {
    let title: String
    let axis: Figure.Axis
    /// Whether there is a value for each epoch, rather than for some steps.
    let isOfEpochs: Bool

    init(_ name: String) {
        let (share, positive) = (0.0...1.0, 0.0...Double.infinity)
        (title, axis, isOfEpochs) =
            switch name {
            case "loss": ("Loss", .init("loss (nats)", limits: positive), true)
            case "accuracy": ("Accuracy on the dev data", .init("accuracy", limits: share), true)
            case "macro_f1": ("Macro F1 on the dev data", .init("macro F1", limits: share), true)
            case "batch_loss": ("Loss of single batches", .init("loss (nats)", limits: positive), false)
            case "learning_rate": ("Learning rate", .init("learning rate", limits: positive), false)
            case "grad_norm": ("Norm of the gradient", .init("gradient norm", limits: positive), false)
            case "tokens_per_second": ("Speed of training", .init("tokens per second", limits: positive), false)
            default: (name, .init(name), false)
            }
    }
}

/// Why there are no curves.
package struct CurvesError: Error, CustomStringConvertible {
    package let description: String
}
