import Foundation
import Plots
import RunStore
import Statistics

/// A metric in the course of training: a curve for each run, or for each group of runs their mean and a band around it.
package struct Curves: Encodable, Sendable {
    /// One curve, of one split.
    package struct Curve: Encodable, Sendable {
        /// The name of the run or the group, or of the part of it that is drawn: a layer, for example.
        package let name: String
        /// The ids of its runs that have the metric.
        package let runs: [Int64]
        package let split: Metric.Split
        /// Values at epochs or steps; in a group means and their 95 % intervals.
        package let points: [Figure.Point]
    }

    package enum XAxis: String, Encodable, Sendable { case epoch, step }

    package let metric: String
    /// What x is.
    package let x: XAxis
    /// The curves of a group side by side, dev before train.
    package let series: [Curve]
    /// The run or the group whose parts are the curves; nil where curves are called by their runs.
    private let whole: String?
    private let measure: Measure

    private enum CodingKeys: String, CodingKey { case metric, x, series }

    /// Reads the curves of groups of runs; a group of one run is that run.
    ///
    /// Where no run has the metric, there is a curve for each metric that is a part of it: `activation_norm.layer_1` of
    /// `activation_norm`, and `grad_norm.layer_1` of `grad_norm.layer`.
    ///
    /// - Throws: ``CurvesError`` if no run has the metric or a part of it.
    package init(of metric: String, groups: [(name: String, runs: [Int64])], in store: RunStore) throws {
        self.metric = metric
        // The loss of those that have it is another.
        let isOfNumbers = try groups.first?.runs.first.map { try !store.metrics(of: $0, named: "mse").isEmpty } ?? false
        let measure = Measure(metric, loss: isOfNumbers ? "squared error" : "loss (nats)")
        self.measure = measure
        x = measure.isOfEpochs ? .epoch : .step
        let ofMetric = try groups.flatMap { name, runs in
            try Self.curves(of: metric, measure, runs, named: name, in: store)
        }
        guard ofMetric.isEmpty else {
            (series, whole) = (ofMetric, nil)
            return
        }
        let names = try store.metricNames(of: groups.flatMap(\.runs))
        let parts = Self.parts(of: metric, among: names)
        whole = groups.count == 1 ? groups[0].name : nil
        series = try groups.flatMap { name, runs in
            try parts.flatMap { part in
                let name = groups.count == 1 ? part.name : "\(name) \(part.name)"
                return try Self.curves(of: part.metric, measure, runs, named: name, in: store)
            }
        }
        if series.isEmpty {
            throw CurvesError(
                description: names.isEmpty
                    ? "nothing has been recorded of \(groups.map { "'\($0.name)'" }.joined(separator: ", ")) yet"
                    : "no such metric: '\(metric)'; there are \(names.joined(separator: ", "))")
        }
    }

    /// The curves of one metric of a run, or of a group.
    private static func curves(
        of metric: String, _ measure: Measure, _ runs: [Int64], named name: String, in store: RunStore
    ) throws -> [Curve] {
        let metrics = try runs.map { (run: $0, values: try store.metrics(of: $0, named: metric)) }
        return [Metric.Split.dev, .train].compactMap { split in
            let curves = metrics.map { run, values in
                let points = values.filter { $0.split == split }.map {
                    Figure.Point(measure.isOfEpochs ? $0.epoch : Double($0.step), $0.value)
                }
                return (run: run, points: points)
            }.filter { !$0.points.isEmpty }
            if curves.isEmpty { return nil }
            let points =
                curves.count == 1 ? curves[0].points : band(of: curves.map(\.points), limits: measure.axis.limits)
            return Curve(name: name, runs: curves.map(\.run), split: split, points: points)
        }
    }

    /// The metrics that are parts of another one, each with what tells it from the others, in the natural order of numbers: those whose names go
    /// on after it with a dot, or after what follows a dot with `_`.
    private static func parts(of whole: String, among metrics: [String]) -> [(metric: String, name: String)] {
        metrics.sorted { $0.isBefore($1) }.compactMap { metric in
            if metric.hasPrefix(whole + ".") { return (metric, String(metric.dropFirst(whole.count + 1))) }
            guard let dot = whole.lastIndex(of: "."), metric.hasPrefix(whole + "_") else { return nil }
            return (metric, String(metric.dropFirst(whole[...dot].count)))
        }
    }

    /// The curves as a picture: a colour for each run or group; where there are both, dev solid and train dashed, or dev alone if
    /// dashes are needed to tell curves apart.
    package var figure: Figure {
        var names: [String] = []
        for curve in series where !names.contains(curve.name) { names.append(curve.name) }
        let isCrowded = names.count > Figure.colors && Set(series.map(\.split)).count > 1
        let curves = isCrowded ? series.filter { $0.split == .dev } : series
        let (isAlone, hasBoth) = (names.count == 1, Set(curves.map(\.split)).count > 1)
        let hasBand = curves.contains { $0.points.contains { $0.low != nil } }
        let notes = [
            isAlone ? [whole, names[0]].compactMap { $0 }.joined(separator: " ") : whole,
            isCrowded ? "dev data" : nil,
            hasBoth && !isAlone ? "solid: dev data, dashed: train data" : nil,
            hasBand ? "band: 95 % interval of the mean" : nil,
        ].compactMap { $0 }
        let drawn = curves.map { curve in
            let isDashed = hasBoth && curve.split == .train
            let name = hasBoth && isAlone ? "\(curve.split.rawValue) data" : curve.name
            return Figure.Series(
                isDashed && !isAlone ? "\(name), train data" : name,
                isNamed: curves.count > 1 && (isAlone || !isDashed), isDashed ? .dashed : .solid,
                color: names.firstIndex(of: curve.name),
                // A band for each colour is enough.
                isDashed ? curve.points.map { Figure.Point($0.x, $0.y) } : curve.points)
        }
        return Figure(
            measure.title, note: notes.isEmpty ? nil : notes.joined(separator: "; "),
            x: .init(x.rawValue, limits: 0...Double.infinity, isInteger: true), y: measure.axis, drawn)
    }
}

extension String {
    /// Whether it comes first where numbers in names are in their natural order: `layer_2` before `layer_10`.
    func isBefore(_ other: String) -> Bool { compare(other, options: .numeric) == .orderedAscending }
}

extension Figure.Point: Encodable {
    package func encode(to encoder: any Encoder) throws {
        try JSONObject(["x": x, "y": y], optional: ["low": low, "high": high]).encode(to: encoder)
    }
}

/// The mean of some curves, and its 95 % interval by Student's *t*, at each *x* that all of them have, in ascending order; a gap
/// where one of them has no value.
///
/// - Parameter limits: what values can be
private func band(of curves: [[Figure.Point]], limits: ClosedRange<Double>) -> [Figure.Point] {
    let curves = curves.map { Dictionary($0.map { ($0.x, $0.y) }) { $1 } }
    return curves[0].keys.sorted().compactMap { x in
        let points = curves.compactMap { $0[x] }
        guard points.count == curves.count else { return nil }
        let values = points.compactMap { $0 }
        guard values.count == curves.count else { return Figure.Point(x, nil) }
        let mean = MeanInterval(values, limits: limits)
        return Figure.Point(x, mean.mean, low: mean.interval?.low, high: mean.interval?.high)
    }
}

/// What is known of a metric by its name.
private struct Measure {
    let title: String
    let axis: Axis
    /// Whether there is a value for each epoch, rather than for some steps.
    let isOfEpochs: Bool

    /// - Parameter loss: the quantity and unit of losses
    init(_ name: String, loss: String) {
        let (share, positive) = (0.0...1.0, 0.0...Double.infinity)
        (title, axis, isOfEpochs) =
            switch name {
            case "loss": ("Loss", .init(loss, limits: positive), true)
            case "accuracy": ("Accuracy on the dev data", .init("accuracy", limits: share), true)
            case "macro_f1": ("Macro F1 on the dev data", .init("macro F1", limits: share), true)
            case "mse": ("Mean squared error on the dev data", .init("squared error", limits: positive), true)
            case "mae": ("Mean absolute error on the dev data", .init("absolute error", limits: positive), true)
            case "pearson", "spearman":
                ("\(name.capitalized)'s correlation on the dev data", .init("correlation", limits: -1...1), true)
            case "batch_loss": ("Loss of single batches", .init(loss, limits: positive), false)
            case "contrastive_loss": ("Loss of pairs of texts", .init("squared error", limits: positive), false)
            case "learning_rate": ("Learning rate", .init("learning rate", limits: positive), false)
            case "grad_norm": ("Norm of the gradient", .init("gradient norm", limits: positive), false)
            case "grad_norm.layer": ("Norm of the gradient by layer", .init("gradient norm", limits: positive), false)
            case _ where name.hasPrefix("grad_norm."):
                ("Norm of the gradient, \(name.dropFirst(10))", .init("gradient norm", limits: positive), false)
            case "activation_norm", "activation_norm.layer":
                ("Norm of hidden states by layer", .init("norm", limits: positive), false)
            case _ where name.hasPrefix("activation_norm."):
                ("Norm of hidden states, \(name.dropFirst(16))", .init("norm", limits: positive), false)
            case "tokens_per_second": ("Speed of training", .init("tokens per second", limits: positive), false)
            default: (name, .init(name), false)
            }
    }
}

/// Why there are no curves.
package struct CurvesError: Error, CustomStringConvertible {
    package let description: String
}
