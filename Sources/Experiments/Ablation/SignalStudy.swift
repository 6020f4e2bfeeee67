import Foundation
import Kernels
import Transformer

/// What passes through the layers of a new model: the first question, which needs no training.
package struct Signals: Sendable {
    package let variant: AddNormVariant
    package let depth: Int
    /// One for each layer, from the embeddings up: means over seeds, of norms the geometric ones.
    package let layers: [LayerSignal]

    package init(variant: AddNormVariant, depth: Int, layers: [LayerSignal]) {
        (self.variant, self.depth, self.layers) = (variant, depth, layers)
    }

    /// How many times as large the gradient of the first layer's parameters is as that of the last layer's.
    package var firstToLast: Double { layers[0].gradientNorm / layers[depth - 1].gradientNorm }
    /// How many times as large the variance of the last layer's output is as that of the first layer's.
    package var growth: Double { layers[depth - 1].variance / layers[0].variance }
}

extension AblationData {
    /// Texts of the batch.
    private static let batchSize = 16

    /// Runs one batch forward and back through new models, without dropout.
    func signals(_ variant: AddNormVariant, depth: Int, seeds: [UInt64]) throws -> Signals {
        var configuration = configuration(of: variant, layers: depth)
        (configuration.dropout, configuration.attentionDropout, configuration.classifierDropout) = (0, 0, nil)
        var random = RandomNumbers(seed: seeds[0], stream: .shuffling)
        let sequences = Array(training.sequences.indices.shuffled(using: &random).prefix(Self.batchSize))
        let batch = Batch(sequences.map { training.sequences[$0] })
        let targets = training.targets(ofSequences: sequences)
        let all = try seeds.map { seed in
            let classifier = try SequenceClassifier(configuration, seed: seed)
            var workspace = classifier.makeWorkspace(for: .training(.all), on: Workers(count: 1))
            return classifier.signals(
                batch, targets: targets, randomness: .init(seed: seed, step: 0), in: &workspace)
        }
        func mean(_ layer: Int, _ value: (LayerSignal) -> Double) -> Double {
            all.reduce(0) { $0 + value($1[layer]) } / Double(all.count)
        }
        func geometricMean(_ layer: Int, _ value: (LayerSignal) -> Double) -> Double {
            exp(mean(layer) { log(value($0)) })
        }
        return Signals(
            variant: variant, depth: depth,
            layers: (0..<depth).map { layer in
                LayerSignal(
                    gradientNorm: geometricMean(layer, \.gradientNorm),
                    hiddenGradientNorm: geometricMean(layer, \.hiddenGradientNorm),
                    variance: geometricMean(layer, \.variance), cosine: mean(layer, \.cosine))
            })
    }
}
