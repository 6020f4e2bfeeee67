import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// The forms of Add & Norm: their names, what begins as what, and what a model folder says of them.
@Suite struct AddNormVariantTests {
    @Test func aNameStandsForOneForm() throws {
        for variant in GradientTests.variants {
            #expect(try AddNormVariant(named: variant.description) == variant)
        }
        #expect(Set(GradientTests.variants.map(\.description)).count == GradientTests.variants.count)
        #expect(try AddNormVariant(named: "RMSNorm-pre") == AddNormVariant(.rmsNorm, .pre))
        #expect(try AddNormVariant(named: "rezero").norm == .none)
        #expect(try AddNormVariant(named: "sandwich").formula == "x + LayerNorm(F(LayerNorm(x)))")
    }

    @Test(
        arguments: [
            ("post-rozero", "there is no form of Add & Norm called 'post-rozero'"),
            ("post-pre", "there is no form of Add & Norm called 'post-pre'"), ("", "called ''"),
            ("rezero-layernorm", "ReZero has no norm"), ("pre-deepnorm", "DeepNorm is norm(αx + F(x))"),
            ("none-deepnorm", "DeepNorm"), ("pre-none", "without a norm there is no place"),
        ])
    func whatHasNoMeaningIsRefusedByName(_ name: String, _ message: String) {
        #expect {
            try AddNormVariant(named: name)
        } throws: {
            "\($0)".contains(message)
        }
    }

    static func classifier(_ name: String, layers: Int = 2, width: Int = 8) throws -> SequenceClassifier {
        var configuration = Configuration(
            vocabularySize: 13, hiddenSize: width, layers: layers, heads: 2, intermediateSize: 2 * width,
            labels: ["a", "b", "c"])
        (configuration.addNorm, configuration.dropout) = (try AddNormVariant(named: name), 0)
        configuration.attentionDropout = 0
        return try SequenceClassifier(configuration, seed: 1)
    }

    static let batch = Batch([[2, 5, 9, 3], [7], [2, 5, 5, 12, 0, 3]])
    static let workers = Workers(count: 2)

    /// The gain β of DeepNorm: on values, attention's output and the feed-forward sublayer, and on nothing else.
    @Test func deepNormBeginsWithSmallerWeights() throws {
        let classifier = try Self.classifier("deepnorm", layers: 8, width: 64)
        for parameter in classifier.layout.parameters {
            guard case .weight = parameter.kind else { continue }
            let values = classifier.parameters[parameter.block].values.map(Double.init)
            let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
            let isSmaller = ["value.", "attention.output.", ".up.", ".down."].contains { parameter.name.contains($0) }
            let expected = 0.02 * (isSmaller ? pow(64, -0.25) : 1)
            #expect(abs(deviation / expected - 1) < 0.1, "\(parameter.name): \(deviation)")
        }
    }

    @Test func aNewReZeroEncoderReturnsItsInput() throws {
        let states = try Self.classifier("rezero", layers: 5).hiddenStates(Self.batch, on: Self.workers)
        #expect(states.allSatisfy { $0.values == states[0].values })
    }

    /// PyTorch's rule: 0.9 of what was remembered, 0.1 of the batch, whose variance has n − 1 for its divisor.
    @Test func batchNormRemembersTheBatchesOfTheTraining() throws {
        var classifier = try Self.classifier("post-batchnorm")
        var workspace = classifier.makeWorkspace(for: .training(.all), on: Self.workers)
        _ = classifier.loss(
            .texts(Self.batch), targets: .one([2, 0, 1]), randomness: .init(seed: 0, step: 0), in: &workspace)
        classifier.rememberBatch(of: workspace)
        // The last norm's output, undone: it is gain 1 and bias 0 times what the statistics say.
        func values(_ name: String) throws -> [Float] {
            let parameter = try #require(classifier.layout.parameters.first { $0.name == name })
            return classifier.parameters[parameter.block].values
        }
        let means = try values("layers.0.attention.norm.running_mean")
        let variances = try values("layers.0.attention.norm.running_var")
        // x + F(x), again, without norm: the same parameters in the form `none`.
        var plain = try Self.classifier("none")
        for parameter in plain.layout.parameters {
            let own = try #require(classifier.layout.parameters.first { $0.name == parameter.name })
            for index in 0..<parameter.block.count {
                plain.parameters[parameter.block.offset + index] = classifier.parameters[own.block.offset + index]
            }
        }
        let lesion = Lesion(layer: 0, step: .feedForward, target: .sublayer)
        let sums = plain.without(lesion).hiddenStates(Self.batch, on: Self.workers)[1]
        for column in 0..<8 {
            let x: [Double] = (0..<sums.rows).map { Double(sums.row($0)[column]) }
            let mean: Double = x.reduce(0, +) / Double(x.count)
            let squares: [Double] = x.map { ($0 - mean) * ($0 - mean) }
            let variance = squares.reduce(0, +) / Double(x.count - 1)
            #expect(abs(Double(means[column]) - 0.1 * mean) < 1e-6)
            #expect(abs(Double(variances[column]) - (0.9 + 0.1 * variance)) < 1e-6)
        }
    }

    @Test func whatTransformersCannotComputeHasAnotherType() throws {
        for variant in GradientTests.variants where variant != AddNormVariant() {
            let model = try ModelFolderTests.model(variant)
            try withFolder { folder in
                try model.write(to: folder.appending(path: "m"))
                let text = try String(contentsOf: folder.appending(path: "m/config.json"), encoding: .utf8)
                #expect(text.contains("\"model_type\" : \"addnorm-bert\""), "\(variant)")
                #expect(text.contains("\"AddNormForSequenceClassification\""), "\(variant)")
            }
        }
    }

    @Test func aFolderOfAFormWithoutMeaningIsRefused() throws {
        let model = try ModelFolderTests.model()
        try withFolder { folder in
            try model.write(to: folder.appending(path: "m"))
            let file = folder.appending(path: "m/config.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            try text.replacing("\"residual\" : \"on\"", with: "\"residual\" : \"rezero\"").write(
                to: file, atomically: true, encoding: .utf8)
            #expect {
                try ModelFolder(contentsOf: folder.appending(path: "m"))
            } throws: {
                "\($0)".contains("config.json") && "\($0)".contains("ReZero has no norm")
            }
        }
    }

    /// Without a part, a model computes what the formula without it says.
    @Test func aLesionTakesOnePartAway() throws {
        for name in ["post", "pre", "sandwich", "none", "deepnorm", "post-off"] {
            let classifier = try Self.classifier(name)
            let whole = classifier.hiddenStates(Self.batch, on: Self.workers)
            for lesion in classifier.lesions {
                let states = classifier.without(lesion).hiddenStates(Self.batch, on: Self.workers)
                // What is below it stays as it was.
                for layer in 0...lesion.layer { #expect(states[layer].values == whole[layer].values, "\(name)") }
                // The embeddings are normalised already: to do so again changes nothing but the rounding.
                if name == "pre" && (lesion.layer, lesion.step, lesion.target) == (0, .attention, .norm) { continue }
                #expect(states[lesion.layer + 1].values != whole[lesion.layer + 1].values, "\(name) \(lesion)")
            }
        }
        // x + F(x) without F is x, in both steps of a layer without norm.
        let plain = try Self.classifier("none", layers: 1)
        let states = plain.without(Lesion(layer: 0, step: .attention, target: .sublayer))
            .without(Lesion(layer: 0, step: .feedForward, target: .sublayer))
            .hiddenStates(Self.batch, on: Self.workers)
        #expect(states[1].values == states[0].values)
    }

    @Test func signalsAreTheGradientsOfAStep() throws {
        let classifier = try Self.classifier("pre", layers: 3)
        var workspace = classifier.makeWorkspace(for: .training(.all), on: Self.workers)
        let signals = classifier.signals(
            Self.batch, targets: .one([2, 0, 1]), randomness: .init(seed: 0, step: 0), in: &workspace)
        var other = classifier.makeWorkspace(for: .training(.all), on: Self.workers)
        _ = classifier.loss(
            .texts(Self.batch), targets: .one([2, 0, 1]), randomness: .init(seed: 0, step: 0), in: &other)
        let norms = other.gradients.norms(of: classifier.layout)
        for (layer, signal) in signals.enumerated() {
            let norm = try #require(norms.first { $0.part == .layer(layer) }).norm
            #expect(abs(signal.gradientNorm - norm) < 1e-6 * norm)
            #expect(signal.variance > 0 && signal.hiddenGradientNorm > 0 && abs(signal.cosine) <= 1)
        }
    }

    @Test func theCosineIsThatOfPairsOfTokens() {
        let x = Matrix([1, 0, 0, 2, 3, 3, -5, 0, 1, 1], columns: 2)
        // Pairs of the first text: (1,0)·(0,2), (1,0)·(3,3), (0,2)·(3,3); of the second: (−5,0)·(1,1).
        let half = 0.5.squareRoot()
        let expected: Double = (2 * half / 3 - half) / 2
        #expect(abs(x.meanCosine(offsets: [0, 3, 5]) - expected) < 1e-9)
        #expect(x.meanCosine(offsets: [0, 1, 2, 3, 4, 5]) == 0)
    }
}
