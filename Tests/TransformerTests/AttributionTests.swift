import Foundation
import Kernels
import Testing
import Transformer

@Suite struct AttributionTests {
    static func classifier(
        _ variant: AddNormVariant, _ pooling: Configuration.Pooling, _ activation: Activation = .gelu
    ) throws -> SequenceClassifier {
        var configuration = Configuration(
            vocabularySize: 13, hiddenSize: 8, layers: 2, heads: 2, intermediateSize: 12, labels: ["a", "b"])
        (configuration.addNorm, configuration.pooling) = (variant, pooling)
        configuration.activation = activation
        configuration.initializerRange = 0.7
        return try SequenceClassifier(configuration, seed: 5)
    }

    /// With everything that only scales held constant, a model without biases is linear: what its tokens contribute is the whole
    /// of its log-odds. Each of the gradients through attention, norms, and activation functions would break that.
    @Test(
        arguments: ["post", "pre", "sandwich", "none", "deepnorm", "pre-rmsnorm", "post-dyt", "post-batchnorm"],
        [Configuration.Pooling.mean, .cls])
    func tokensContributeTheWhole(_ name: String, _ pooling: Configuration.Pooling) throws {
        let variant = try AddNormVariant(named: name)
        for activation in [Activation.gelu, .geluTanh, .relu] {
            let classifier = try Self.classifier(variant, pooling, activation)
            let batch = Batch([[2, 5, 9, 3], [2, 3], [2, 12, 7, 7, 4, 3]])
            var workspace = classifier.makeWorkspace(for: .explanation, on: Workers(count: 2))
            var other = classifier.makeWorkspace(for: .explanation, on: Workers(count: 1))
            let labels = [1, 0, 1]
            let scores = classifier.gradientTimesInput(batch, labels: labels, in: &workspace)
            let logits = classifier.logits(.texts(batch), in: &other)
            for (text, label) in labels.enumerated() {
                let sum = scores[batch.offsets[text]..<batch.offsets[text + 1]].reduce(0, +)
                let whole = logOdds(of: label, logits.row(text))
                #expect(abs(whole) > 1e-2, "a text that says nothing")
                #expect(abs(sum - whole) <= 1e-3 * abs(whole), "\(activation): \(sum) of \(whole)")
            }
            // The other label's contributions are the opposite ones, and a text stands alone.
            let opposite = classifier.gradientTimesInput(
                Batch([[2, 5, 9, 3]]), labels: [0], in: &other)
            let scale = max(1, scores.map(abs).max() ?? 1)
            #expect(zip(opposite, scores).allSatisfy { abs($0 + $1) < 1e-4 * scale })
            // With two labels, a temperature divides them.
            let cooler = classifier.gradientTimesInput(
                batch, labels: labels, temperature: 2, in: &other)
            #expect(zip(cooler, scores).allSatisfy { abs(2 * $0 - $1) < 1e-4 * scale })
        }
    }

    @Test func logOddsAreThoseOfOneLabelAgainstTheOthers() {
        let logits: [Float] = [1, -2, 0.5]
        let p = softmax(Matrix(logits, columns: 3)).values.map(Double.init)
        for label in 0..<3 { #expect(abs(logOdds(of: label, logits) - log(p[label] / (1 - p[label]))) < 1e-6) }
        // Where p would be 1.
        #expect(logOdds(of: 0, [90, -90, -90]) == 180 - log(2))
        #expect(logOdds(of: 0, [3]) == 0)
    }
}
