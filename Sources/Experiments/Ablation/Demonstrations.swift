import Foundation
import Kernels
import Transformer

/// A claim that is often heard of Add & Norm, and what a measurement says of it.
package struct Demonstration: Sendable, Encodable {
    /// What is told.
    package let claim: String
    /// What was done.
    package let experiment: String
    /// What came out.
    package let measured: String
    /// Whether the claim is borne out.
    package let holds: Bool
}

extension Demonstration {
    /// All of them, with random texts and new encoders of the width 64: a second's work, and the same numbers each time.
    package static func all() throws -> [Demonstration] {
        [
            isOverBatch(), try dependsOnBatch(), isConfined(), dividesByVariance(), try passesBackward(),
            try gradientOfPostNorm(), try growthOfPreNorm(),
        ]
    }

    private static let workers = Workers(count: 1)
    private static let (rows, hidden) = (256, 64)

    private static func randoms(_ count: Int, _ seed: UInt64, deviation: Float = 1) -> [Float] {
        var random = RandomNumbers(seed: seed, stream: .initialization)
        return (0..<count).map { _ in random.nextNormal(standardDeviation: deviation) }
    }

    /// Rows whose features differ in scale and place, as those of a network do.
    private static var states: Matrix {
        let (places, scales) = (randoms(hidden, 1), randoms(hidden, 2).map { 1 + abs($0) })
        return Matrix(
            randoms(rows * hidden, 3).enumerated().map { places[$0 % hidden] + scales[$0 % hidden] * $1 },
            columns: hidden)
    }

    /// Gain 1 and bias 0.
    private static func layerNormed(_ x: Matrix) -> Matrix {
        var (y, statistics) = (Matrix(), Matrix())
        layerNorm(
            x, gain: Matrix([Float](repeating: 1, count: hidden), columns: hidden),
            bias: Matrix([Float](repeating: 0, count: hidden), columns: hidden), epsilon: 1e-12, into: &y,
            statistics: &statistics, on: workers)
        return y
    }

    private static func moments(_ values: [Float]) -> (mean: Double, variance: Double) {
        let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
        return (mean, values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count))
    }

    private static func text(_ value: Double) -> String { String(format: "%.3g", value) }

    // MARK: LayerNorm

    private static func isOverBatch() -> Demonstration {
        let y = layerNormed(states)
        let ofRows = (0..<rows).map { moments(y.row($0)) }
        let ofColumns = (0..<hidden).map { column in moments((0..<rows).map { y.row($0)[column] }) }
        func range(_ values: [Double]) -> String { "\(text(values.min() ?? 0)) to \(text(values.max() ?? 0))" }
        return Demonstration(
            claim: "LayerNorm normalises each neuron over a batch.",
            experiment: "The mean and the variance of \(rows) tokens' \(hidden) features, after LayerNorm.",
            measured:
                "Over the features of a token: means \(range(ofRows.map { abs($0.mean) })) in size, variances \(range(ofRows.map(\.variance)))."
                + " Over the tokens of a feature: means \(range(ofColumns.map(\.mean))), variances"
                + " \(range(ofColumns.map(\.variance))). It normalises the features of one token.",
            holds: ofColumns.allSatisfy { abs($0.mean) < 1e-3 && abs($0.variance - 1) < 1e-3 })
    }

    private static func dependsOnBatch() throws -> Demonstration {
        func change(_ norm: AddNormVariant.Norm) throws -> Double {
            let texts = texts
            let alone = try hiddenStates(AddNormVariant(norm), layers: 2, [texts[0], texts[1]])
            let other = try hiddenStates(AddNormVariant(norm), layers: 2, [texts[0], texts[2]])
            let count = texts[0].count
            return (0..<count).reduce(0.0) { largest, row in
                zip(alone.last!.row(row), other.last!.row(row)).reduce(largest) { max($0, Double(abs($1.0 - $1.1))) }
            }
        }
        let (ofLayerNorm, ofBatchNorm) = (try change(.layerNorm), try change(.batchNorm))
        return Demonstration(
            claim: "LayerNorm is a kind of BatchNorm.",
            experiment:
                "The hidden states of a text in training, when the text beside it in the batch is exchanged for another one.",
            measured:
                "They change by \(text(ofLayerNorm)) at most with LayerNorm, and by \(text(ofBatchNorm)) with BatchNorm.",
            holds: ofLayerNorm > 0)
    }

    private static func isConfined() -> Demonstration {
        let values = layerNormed(states).values
        let inside = values.count { (0...1).contains($0) }
        return Demonstration(
            claim: "The output of LayerNorm lies between 0 and 1.",
            experiment: "The least and the greatest of \(values.count) outputs.",
            measured:
                "They reach from \(text(Double(values.min() ?? 0))) to \(text(Double(values.max() ?? 0))); \(text(100 * Double(inside) / Double(values.count))) %"
                + " lie between 0 and 1.",
            holds: inside == values.count)
    }

    private static func dividesByVariance() -> Demonstration {
        let (x, y) = (states, layerNormed(states))
        func difference(_ divisor: (Double) -> Double) -> Double {
            (0..<rows).reduce(0.0) { largest, row in
                let (mean, variance) = moments(x.row(row))
                return zip(x.row(row), y.row(row)).reduce(largest) {
                    max($0, abs((Double($1.0) - mean) / divisor(variance) - Double($1.1)))
                }
            }
        }
        let (byVariance, byDeviation) = (difference { $0 }, difference { $0.squareRoot() })
        return Demonstration(
            claim: "LayerNorm divides by the variance.",
            experiment: "(x − μ) / σ² and (x − μ) / σ, in double precision, against its output.",
            measured:
                "The first differs by up to \(text(byVariance)), the second by \(text(byDeviation)): it divides by the standard deviation.",
            holds: byVariance < byDeviation)
    }

    // MARK: The residual

    /// Three texts of random tokens.
    private static var texts: [[Int]] {
        var random = RandomNumbers(seed: 4, stream: .shuffling)
        return (0..<3).map { _ in (0..<12).map { _ in Int.random(in: 0..<100, using: &random) } }
    }

    private static func classifier(_ variant: AddNormVariant, layers: Int) throws -> SequenceClassifier {
        var configuration = Configuration(
            vocabularySize: 100, hiddenSize: hidden, layers: layers, heads: 4, intermediateSize: 4 * hidden,
            labels: ["a", "b"])
        (configuration.addNorm, configuration.pooling) = (variant, .mean)
        (configuration.dropout, configuration.attentionDropout) = (0, 0)
        configuration.initializerRange = 1 / Float(hidden).squareRoot()
        return try SequenceClassifier(configuration, seed: 5)
    }

    /// The output of each layer, in training.
    private static func hiddenStates(_ variant: AddNormVariant, layers: Int, _ texts: [[Int]]) throws -> [Matrix] {
        try classifier(variant, layers: layers).hiddenStates(
            Batch(texts), randomness: .init(seed: 0, step: 0), on: workers)
    }

    private static func passesBackward() throws -> Demonstration {
        let model = try classifier(AddNormVariant(), layers: 6)
        var other = model
        // The fourth layer's parameters, every one another.
        for parameter in model.layout.parameters where parameter.part == .layer(3) {
            var random = RandomNumbers(seed: 6, stream: .initialization)
            other.parameters.fillNormal(parameter.block, standardDeviation: 0.5, using: &random)
        }
        let (batch, randomness) = (Batch(texts), Pass.Randomness(seed: 0, step: 0))
        let (before, after) = (
            model.hiddenStates(batch, randomness: randomness, on: workers),
            other.hiddenStates(batch, randomness: randomness, on: workers)
        )
        let changes = zip(before, after).dropFirst().map { before, after in
            zip(before.values, after.values).reduce(0.0) { max($0, Double(abs($1.0 - $1.1))) }
        }
        return Demonstration(
            claim: "A residual connection passes information from later layers to earlier ones.",
            experiment: "The output of each of 6 layers, when the parameters of layer 4 are exchanged.",
            measured:
                "It changes by \(changes.map(text).joined(separator: ", ")): a residual adds its input, and goes one way. What comes back is the gradient, in the backward pass.",
            holds: changes.prefix(3).contains { $0 > 0 })
    }

    // MARK: Depth

    private static func signals(_ variant: AddNormVariant, layers: Int) throws -> [LayerSignal] {
        let model = try classifier(variant, layers: layers)
        var workspace = model.makeWorkspace(for: .training(.all), on: workers)
        return model.signals(
            Batch(texts), targets: .one([0, 1, 0]), randomness: .init(seed: 0, step: 0), in: &workspace)
    }

    private static func gradientOfPostNorm() throws -> Demonstration {
        let signals = try signals(AddNormVariant(), layers: 24)
        let norms = signals.map(\.gradientNorm)
        let largest = norms.indices.max { norms[$0] < norms[$1] } ?? 0
        return Demonstration(
            claim: "With post-norm, the gradient is largest near the output.",
            experiment: "The norm of the gradient of each layer's parameters, in a new encoder of 24 layers.",
            measured:
                "\(text(norms[0])) in layer 1, \(text(norms[11])) in layer 12, \(text(norms[23])) in layer 24; largest in layer \(largest + 1).",
            holds: largest >= 20)
    }

    private static func growthOfPreNorm() throws -> Demonstration {
        let (pre, post) = (
            try signals(AddNormVariant(.layerNorm, .pre), layers: 24), try signals(AddNormVariant(), layers: 24)
        )
        return Demonstration(
            claim: "With pre-norm, hidden states grow with depth.",
            experiment: "Their variance after each layer, in new encoders of 24 layers.",
            measured:
                "With pre-norm \(text(pre[0].variance)) after layer 1, \(text(pre[23].variance)) after layer 24; with post-norm"
                + " \(text(post[0].variance)) and \(text(post[23].variance)).",
            holds: pre[23].variance > 2 * pre[0].variance)
    }
}
