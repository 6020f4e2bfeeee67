import Foundation
import Kernels
import Testing
import Tokenization
import Evaluation
import Experiments
import Inference
import Training
import Transformer

@Suite struct ExplanationTests {
    static func tokenizer() throws -> Tokenizer {
        let pieces = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "film", ",", "!", "b", "##ad", "'", "t",
        ]
        return Tokenizer(vocabulary: try Vocabulary(tokens: pieces, source: "test"), normalizer: Normalizer())
    }

    static func model(_ problemType: Configuration.ProblemType = .singleLabel) throws -> ModelFolder {
        var configuration = Configuration(
            vocabularySize: 14, hiddenSize: 8, layers: 2, heads: 2, intermediateSize: 12, labels: ["a", "b", "c"])
        configuration.pooling = .mean
        configuration.initializerRange = 0.5
        configuration.problemType = problemType
        return ModelFolder(classifier: try SequenceClassifier(configuration, seed: 3), tokenizer: try tokenizer())
    }

    /// Leaving out a word is the same as reading the text without it.
    @Test(arguments: Configuration.ProblemType.allCases)
    func leavesWordsOut(_ problemType: Configuration.ProblemType) throws {
        let model = try Self.model(problemType)
        let (classifier, tokenizer, workers) = (model.classifier, model.tokenizer, Workers(count: 2))
        var explainer = Explainer(for: model, maximumLength: 64, workers: workers)
        var workspace = classifier.makeWorkspace(for: .inference, on: workers)
        func logOdds(_ text: String, _ label: Int) -> Double {
            let ids = tokenizer.encode(text, maximumLength: 64).ids
            return Transformer.logOdds(
                of: label, classifier.logits(Batch([ids]), in: &workspace).values, problemType)
        }
        // More words than are run at a time.
        let text = "A good, bad film! " + String(repeating: "bad good ", count: 15) + "film"
        for label in [nil, 0, 1, 2] {
            let explanation = try explainer.explain(text, label: label)
            #expect(explanation.words.count == 37 && label == nil || explanation.label == label)
            for word in explanation.words {
                var scalars = Array(text.unicodeScalars)
                scalars[word.place] = [" "]
                let without = String(String.UnicodeScalarView(scalars))
                let drop = logOdds(text, explanation.label) - logOdds(without, explanation.label)
                #expect(abs(try #require(word.leaveOneOut) - drop) < 1e-5)
            }
        }
        let predicted = try explainer.explain(text)
        #expect(predicted.confidence == predicted.prediction.probabilities.max())
        let best = try #require(predicted.mostImportant(by: .leaveOneOut))
        #expect(predicted.words.allSatisfy { $0.leaveOneOut! <= predicted.words[best].leaveOneOut! })
        #expect(predicted.agrees == (predicted.mostImportant(by: .gradient) == best))
    }

    @Test func textsOfAnyLength() throws {
        var explainer = Explainer(for: try Self.model(), maximumLength: 5, workers: Workers(count: 1))
        let cut = try explainer.explain("good bad film")
        #expect(cut.isTruncated && cut.words.map { $0.gradient != nil } == [true, true, false])
        #expect(cut.words.map { $0.leaveOneOut != nil } == [true, true, false])
        for text in ["", " \t "] {
            let empty = try explainer.explain(text)
            #expect(empty.words.isEmpty && empty.agrees == nil && empty.mostImportant(by: .gradient) == nil)
        }
        // A word of which the model reads nothing.
        let nothing = try explainer.explain("\u{200B} good")
        #expect(nothing.words[0].leaveOneOut == 0 && nothing.words[0].gradient == 0)
    }
}
