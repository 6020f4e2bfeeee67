import Foundation
import Inference
import Kernels
import TestSupport
import Testing
import Tokenization
import Transformer

@Suite struct ZeroShotTests {
    private static func model(_ labels: [String]) -> Configuration {
        Configuration(vocabularySize: 10, hiddenSize: 4, layers: 1, heads: 1, intermediateSize: 4, labels: labels)
    }

    /// By the formulas of `transformers`' pipeline: softmax over the labels' entailments, or for each label over entailment and contradiction.
    @Test func probabilities() throws {
        let model = Self.model(["CONTRADICTION", "neutral", "Entailment"])
        let one = try ZeroShot(["a", "b"], hypothesis: "is {}.", areSeveral: false, by: model)
        let pairs = [Text("x", "is a.", keepsSecond: true), Text("x", "is b.", keepsSecond: true)]
        #expect(one.pairs(of: ["x"]) == pairs)
        let logits = Matrix(rows: [[1, 5, 3], [-1, 0, 2]])
        let probability = try one.predictions(logits)[0].probabilities[0]
        #expect(abs(probability - exp(3) / (exp(3) + exp(2))) < 1e-6)
        let several = try ZeroShot(["a", "b"], hypothesis: "is {}.", areSeveral: true, by: model)
        #expect(abs(try several.predictions(logits)[0].probabilities[1] - 1 / (1 + exp(-3))) < 1e-6)
        #expect(several.configuration.labels == ["a", "b"])
        // One label alone has no other to share with.
        let single = try ZeroShot(["a"], hypothesis: "is {}.", areSeveral: false, by: model)
        #expect(abs(try single.predictions(Matrix(rows: [[1, 5, 3]]))[0].probabilities[0] - 1 / (1 + exp(-2))) < 1e-6)
        // What is not entailed stands at the other end.
        let two = try ZeroShot(["a"], hypothesis: "{}", areSeveral: true, by: Self.model(["entailment", "x", "other"]))
        #expect(abs(try two.predictions(Matrix(rows: [[2, 9, 1]]))[0].probabilities[0] - 1 / (1 + exp(-1))) < 1e-6)
    }

    /// Of a long text and a hypothesis, the text is cut off; and there must be room for some of it.
    @Test func hypothesesAreReadWhole() throws {
        let model = try tinyModel(labels: ["contradiction", "neutral", "entailment"])
        let classifier = Classifier(model, longTexts: LongTexts(maximumLength: 8), on: Workers(count: 1))
        let labels = try ZeroShot(
            ["good", "t"], hypothesis: "a film ! {}", areSeveral: false, by: classifier.configuration)
        try labels.requireRoom(in: classifier)
        let sequences = try classifier.encode(labels.pairs(of: ["good good good"])).sequences
        #expect(sequences.map(\.ids) == [[2, 6, 3, 5, 7, 9, 6, 3], [2, 6, 3, 5, 7, 9, 13, 3]])
        let long = try ZeroShot(["b"], hypothesis: "a film ! {} !", areSeveral: false, by: classifier.configuration)
        let error = #expect(throws: ModelError.self) { try long.requireRoom(in: classifier) }
        #expect(error?.description.contains("'a film ! b !' has 8 tokens") == true)
    }

    @Test func modelsThatCannotTell() {
        let error = #expect(throws: ModelError.self) {
            try ZeroShot(["a"], hypothesis: "{}", areSeveral: false, by: Self.model(["bad", "good"]))
        }
        #expect(error?.description.contains("this one has 'bad', 'good'") == true)
    }
}
