import Inference
import Kernels
import TestSupport
import Testing
import Tokenization
import Transformer

/// Answers, logits and embeddings of texts.
@Suite struct ClassifierTests {
    private static let texts: [Text] = [
        "a good film", "bad", "", "good, bad, good, bad, good film!", "a bad film", "a", "good!", "bad, bad, bad film",
        "film", "a film, a bad film, a good film! a bad, bad film!",
    ]

    /// The logits of a text are the mean of its windows', whatever batches these were in.
    @Test func logitsOfWindowsAreAveraged() throws {
        let (model, workers) = (try tinyModel(), Workers(count: 2))
        let longTexts = LongTexts(.windows, maximumLength: 8)
        var classifier = Classifier(model, longTexts: longTexts, batchSize: 4, on: workers)
        let encoded = try classifier.encode(Self.texts)
        #expect(encoded.count == 10 && encoded.sequences.count > 12)
        let logits = try classifier.logits(of: encoded)
        var workspace = model.classifier.makeWorkspace(for: .inference, on: workers)
        for (index, text) in Self.texts.enumerated() {
            let encoding = model.tokenizer.encode(text.first, maximumLength: .max)
            let windows = longTexts.sequences(of: encoding.ids, tokens: encoding.tokens)
            let each = model.classifier.logits(.texts(Batch(windows)), in: &workspace)
            for label in 0..<3 {
                let mean = (0..<each.rows).reduce(0) { $0 + each.row($1)[label] } / Float(each.rows)
                #expect(abs(logits.row(index)[label] - mean) < 1e-5)
            }
        }
    }

    /// Sorting by length and cutting into batches is not seen from outside.
    @Test func answersComeInTheOrderOfTheTexts() throws {
        var classifier = Classifier(try tinyModel(), batchSize: 3, on: Workers(count: 2))
        let together = try classifier.classify(Self.texts)
        for (text, prediction) in zip(Self.texts, together) {
            let alone = try classifier.classify([text])[0]
            #expect(alone.labels == prediction.labels && abs(alone.confidence - prediction.confidence) < 1e-6)
        }
        #expect(try classifier.classify([Text]()).isEmpty)
    }

    /// Where texts can have several labels, it is the probability that the answer is right about all of them.
    @Test func confidenceIsThatOfTheWholeAnswer() throws {
        var classifier = Classifier(try tinyModel(problemType: .multiLabel), on: Workers(count: 1))
        for prediction in try classifier.classify(Self.texts) {
            #expect(prediction.labels == (0..<3).filter { prediction.probabilities[$0] >= 0.5 })
            let product = prediction.probabilities.reduce(1) { $0 * max($1, 1 - $1) }
            #expect(abs(prediction.confidence - product) < 1e-6)
        }
    }

    @Test(arguments: Configuration.Pooling.allCases) func embeddingsAreWhatTheHeadReads(
        _ pooling: Configuration.Pooling
    ) throws {
        let (model, workers) = (try tinyModel(pooling: pooling), Workers(count: 1))
        var classifier = Classifier(model, batchSize: 4, on: workers)
        let embeddings = try classifier.embeddings(of: Self.texts)
        #expect(embeddings.rows == Self.texts.count && embeddings.columns == 8)
        var workspace = model.classifier.makeWorkspace(for: .inference, on: workers)
        let logits = model.classifier.logits(.features(embeddings), in: &workspace)
        let expected = try classifier.logits(of: classifier.encode(Self.texts))
        #expect(zip(logits.values, expected.values).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    /// In memory or in a file, features are the same, and reading them can be ended.
    @Test func featuresAreTheSameInAFile() throws {
        let (model, workers) = (try tinyModel(), Workers(count: 2))
        let sequences = try Classifier(model, on: workers).encode(Self.texts).sequences
        var predictor = Predictor(for: model.classifier, batchSize: 4, workers: workers)
        var done: [Int] = []
        let inMemory = try #require(
            try predictor.features(model.classifier, sequences) {
                done.append($0)
                return true
            })
        #expect(done == [4, 8, 10])
        let inFile = try predictor.features(model.classifier, sequences, largestInMemory: 100) { _ in true }
        #expect(inFile?.values == inMemory.values)
        #expect(try predictor.features(model.classifier, sequences) { _ in false } == nil)
    }

    /// A part of encoded texts is what encoding these texts alone gives.
    @Test func aPartIsAsIfEncodedAlone() throws {
        let classifier = Classifier(try tinyModel(), longTexts: LongTexts(.windows, maximumLength: 8))
        let part = try classifier.encode(Self.texts).part([1, 3, 9])
        let alone = try classifier.encode([1, 3, 9].map { Self.texts[$0] })
        #expect(part.sequences.elementsEqual(alone.sequences) && part.owners == alone.owners)
        #expect(part.lengths == alone.lengths && part.notice == alone.notice && part.notice != nil)
    }

    /// A pair is read with its segments, beside others and alone.
    @Test func pairsKeepTheirSegments() throws {
        let classifier = Classifier(try tinyModel(), longTexts: LongTexts(maximumLength: 8))
        var texts = try classifier.encode(["film", Text("a good film", "good"), "good"])
        #expect(texts.sequences.map(\.segments.isEmpty) == [false, false, false])
        #expect(texts.sequences[1].segments == [0, 0, 0, 0, 0, 1, 1] && texts.sequences[2].segments == [0, 0, 0])
        texts.append(try classifier.encode([Text("a good film a good film", "good good good")]))
        #expect(texts.lengths == [3, 7, 3, 12] && texts.sequences[3].segments == [0, 0, 0, 0, 0, 1, 1, 1])
        #expect(texts.part([2]).sequences[0].segments.isEmpty && texts.countOfLonger == 1)
        #expect(Batch(texts.sequences).segments.count == 3 + 7 + 3 + 8)
    }

    @Test func workOfACancelledTaskEnds() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            var classifier = Classifier(try tinyModel(), on: Workers(count: 1))
            #expect(throws: CancellationError.self) { try classifier.classify(Self.texts) }
            #expect(throws: CancellationError.self) { try classifier.embeddings(of: Self.texts) }
            #expect(throws: CancellationError.self) { try classifier.explain(Self.texts[0]) }
        }
        try await task.value
    }

    @Test func numbersThatOverflowAreAnError() throws {
        var classifier = Classifier(try tinyModel(), on: Workers(count: 1))
        let count = classifier.model.classifier.parameters.count
        classifier.model.classifier.parameters[count - 1] = .nan
        #expect(throws: ModelError.self) { try classifier.classify(Self.texts) }
    }
}
