import Inference
import Kernels
import TestSupport
import Testing
import Tokenization
import Transformer

/// What each word contributes to a decision.
@Suite struct ExplanationTests {
    @Test(arguments: [Configuration.ProblemType.singleLabel, .multiLabel])
    func leavingAWordOutIsReadingTheTextWithoutIt(_ problemType: Configuration.ProblemType) throws {
        let model = try tinyModel(problemType: problemType)
        let (classifier, tokenizer, workers) = (model.classifier, model.tokenizer, Workers(count: 2))
        var explainer = Classifier(model, longTexts: LongTexts(maximumLength: 64), on: workers)
        var workspace = classifier.makeWorkspace(for: .inference, on: workers)
        func logOdds(_ text: String, _ label: Int) -> Double {
            let ids = tokenizer.encode(text, maximumLength: 64).ids
            return Transformer.logOdds(
                of: label, classifier.logits(.texts(Batch([ids])), in: &workspace).values, problemType)
        }
        // More words than are run at a time.
        let text = "A good, bad film! " + String(repeating: "bad good ", count: 15) + "film"
        for label in [nil, 0, 1, 2] {
            let explanation = try explainer.explain(Text(text), label: label)
            #expect(explanation.words.count == 37 && label == nil || explanation.label == label)
            for word in explanation.words {
                var scalars = Array(text.unicodeScalars)
                scalars[word.place] = [" "]
                let without = String(String.UnicodeScalarView(scalars))
                let drop = logOdds(text, explanation.label) - logOdds(without, explanation.label)
                #expect(abs(try #require(word.leaveOneOut) - drop) < 1e-5)
            }
        }
        let predicted = try explainer.explain(Text(text))
        #expect(predicted.confidence == predicted.prediction.probabilities.max())
        let best = try #require(predicted.mostInFavor(by: .leaveOneOut))
        #expect(predicted.words.allSatisfy { $0.leaveOneOut! <= predicted.words[best].leaveOneOut! })
        #expect(predicted.agrees == (predicted.mostInFavor(by: .gradient) == best))
    }

    /// Of two texts, the words of both, at their places in what is shown.
    @Test func wordsOfPairs() throws {
        let model = try tinyModel()
        let (classifier, tokenizer) = (model.classifier, model.tokenizer)
        var workspace = classifier.makeWorkspace(for: .inference, on: Workers(count: 1))
        func logOdds(_ first: String, _ second: String, _ label: Int) -> Double {
            let pair = tokenizer.encode(first, second, maximumLength: 64)
            let batch = Batch([TokenSequence(pair.ids, segments: pair.segments)])
            let logits = classifier.logits(.texts(batch), in: &workspace)
            return Transformer.logOdds(of: label, logits.values, .singleLabel)
        }
        var explainer = Classifier(model, longTexts: LongTexts(maximumLength: 64), on: Workers(count: 1))
        let pair = try explainer.explain(Text("a good film", "bad!"))
        let (text, label) = (Array(pair.text.unicodeScalars), pair.label)
        #expect(
            pair.words.map { String(String.UnicodeScalarView(text[$0.place])) } == ["a", "good", "film", "bad", "!"])
        let whole = logOdds("a good film", "bad!", label)
        let without = [
            ("good film", "bad!"), ("a film", "bad!"), ("a good", "bad!"), ("a good film", "!"), ("a good film", "bad"),
        ]
        for (word, (first, second)) in zip(pair.words, without) {
            #expect(abs(try #require(word.leaveOneOut) - (whole - logOdds(first, second, label))) < 1e-5)
        }
        // Two tokens are read of the first text, and one of the second.
        explainer = Classifier(model, longTexts: LongTexts(maximumLength: 6), on: Workers(count: 1))
        let cut = try explainer.explain(Text("a good film", "good film"))
        #expect(cut.isTruncated && cut.words.map { $0.gradient != nil } == [true, true, false, true, false])
    }

    /// What the model does not read has no score.
    @Test func wordsBeyondTheLimitHaveNoScore() throws {
        var explainer = Self.explainer(try tinyModel())
        let cut = try explainer.explain("good bad film")
        #expect(cut.isTruncated && cut.words.map { $0.gradient != nil } == [true, true, false])
        #expect(cut.words.map { $0.leaveOneOut != nil } == [true, true, false])
    }

    @Test(arguments: ["", " \t "]) func aTextWithoutWordsHasNoMostImportantWord(_ text: String) throws {
        var explainer = Self.explainer(try tinyModel())
        let empty = try explainer.explain(Text(text))
        #expect(empty.words.isEmpty && empty.agrees == nil && empty.mostInFavor(by: .gradient) == nil)
    }

    /// The model reads nothing of a zero-width space.
    @Test func aWordWithoutTokensIsNotMissed() throws {
        var explainer = Self.explainer(try tinyModel())
        let nothing = try explainer.explain("\u{200B} good")
        #expect(nothing.words[0].leaveOneOut == 0 && nothing.words[0].gradient == 0)
    }

    private static func explainer(_ model: ModelFolder) -> Classifier {
        Classifier(model, longTexts: LongTexts(maximumLength: 5), on: Workers(count: 1))
    }
}
