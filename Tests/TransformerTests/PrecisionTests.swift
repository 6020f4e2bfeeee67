import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Models whose matrices are multiplied in 16 bits.
///
/// A number in bfloat16 has 8 bits, and is off by 2⁻⁹ of itself at most; a product of two by 2⁻⁸. In these models what becomes a gradient passes through about 16
/// products one after another, forward and back, whose errors have any sign: together about √16 · 2⁻⁸ = 1.6 %. Twice that is allowed.
@Suite struct PrecisionTests {
    static let bound = 0.03125
    static let workers = Workers(count: 2, emulatesBFloat16: true)
    static let sequences = [[2, 5, 9, 3], [7], [2, 5, 5, 12, 0, 3]]

    /// Of odd sizes: no panel of 16 is full, and no pair of inputs of the second feed-forward matrix.
    static func classifier(_ change: (inout Configuration) -> Void = { _ in }) throws -> SequenceClassifier {
        var configuration = GradientTests.configuration()
        (configuration.hiddenSize, configuration.intermediateSize) = (18, 37)
        change(&configuration)
        var classifier = try SequenceClassifier(configuration, seed: 1)
        classifier.parameters = FloatBuffer(GradientTests.randoms(classifier.layout.count, site: 5, scale: 0.3))
        return classifier
    }

    /// A step in Float32 and one in 16 bits.
    static func step(
        of classifier: SequenceClassifier, _ trained: TrainedParts, in precision: Precision
    ) -> (loss: Double, logits: [Double], gradients: Gradients) {
        var classifier = classifier
        classifier.convertMatrices(to: precision, trained: trained, on: workers)
        var workspace = classifier.makeWorkspace(for: .training(trained), on: workers)
        let (loss, logits) = classifier.loss(
            .texts(Batch(sequences)), targets: .one([2, 0, 1]),
            randomness: .init(seed: GradientTests.seed, step: GradientTests.step), in: &workspace)
        return (loss, logits.values.map(Double.init), workspace.gradients)
    }

    static func distance(_ a: [Double], _ b: [Double], among all: [Double]) -> Double {
        2 * GradientTests.distance(a, b, among: all)
    }

    @Test(arguments: [
        TrainedParts.all, TrainedParts(firstLayer: 1, embeddings: false), TrainedParts(firstLayer: 2, embeddings: true),
        .adapter,
    ])
    func lossLogitsAndGradientsAreNearThoseOfFloat32(_ trained: TrainedParts) throws {
        for embeddingSize in [nil, 7] {
            let classifier = try Self.classifier {
                $0.embeddingSize = embeddingSize
                if trained.adapterOnly { $0.lora = LoRA(rank: 2, alpha: 3, targets: LoRA.Target.allCases) }
            }
            let exact = Self.step(of: classifier, trained, in: .float32)
            let narrow = Self.step(of: classifier, trained, in: .bfloat16)
            #expect(abs(narrow.loss - exact.loss) < Self.bound * exact.loss && narrow.loss != exact.loss)
            #expect(Self.distance(narrow.logits, exact.logits, among: []) < Self.bound)
            let gradients = exact.gradients.values
            let all = gradients[Block(offset: 0, columns: gradients.count)].values.map(Double.init)
            for parameter in classifier.layout.parameters {
                guard let place = exact.gradients.block(of: parameter.block) else { continue }
                let (found, expected) = (narrow.gradients.values[place].values, exact.gradients.values[place].values)
                let distance = Self.distance(found.map(Double.init), expected.map(Double.init), among: all)
                #expect(distance < Self.bound, "gradient of \(parameter.name)")
            }
        }
    }

    /// A training converts again what it has changed, and nothing else.
    @Test func onlyWhatIsTrainedIsConvertedAgain() throws {
        let trained = TrainedParts(firstLayer: 1, embeddings: false)
        func logits(afterChangeOf changed: Part, _ convert: (inout SequenceClassifier) -> Void) throws -> [Float] {
            var classifier = try Self.classifier()
            classifier.convertMatrices(to: .bfloat16, trained: trained, on: Self.workers)
            for parameter in classifier.layout.parameters where parameter.part == changed && parameter.block.rows > 1 {
                classifier.parameters.fill(parameter.block, with: 0.1)
            }
            convert(&classifier)
            var workspace = classifier.makeWorkspace(for: .inference, on: Self.workers)
            return classifier.logits(.texts(Batch(Self.sequences)), in: &workspace).values
        }
        for changed in [Part.layer(0), .layer(1)] {
            let again = try logits(afterChangeOf: changed) { $0.convertMatrices(of: trained, on: Self.workers) }
            let anew = try logits(afterChangeOf: changed) { $0.convertMatrices(to: .bfloat16, on: Self.workers) }
            #expect((again == anew) == (changed == .layer(1)))
        }
    }
}
