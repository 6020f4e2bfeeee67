import AddNorm
import Foundation
import TestSupport
import Testing
import Transformer

/// The library as other people's programs use it.
@Suite struct TextClassifierTests {
    private static let texts = (0..<600).map { number in
        ["a good film", "bad", "", "good, bad!", "a bad film, a good film!"][number % 5]
            + [" a", " b", " t!"][number % 3]
    }

    private static func classifier(
        _ problemType: Configuration.ProblemType = .singleLabel
    ) throws -> TextClassifier {
        try withFolder { folder in
            let url = folder.appending(path: "model")
            try tinyModel(problemType: problemType).write(to: url)
            return try TextClassifier(contentsOf: url, threads: 2)
        }
    }

    @Test func everyTextHasAnAnswerInItsPlace() async throws {
        let classifier = try Self.classifier()
        #expect(classifier.labels == ["a", "b", "c"] && !classifier.allowsSeveralLabels)
        let answers = try await classifier.classify(Self.texts)
        #expect(answers.count == 600 && Set(answers.map(\.label)).count > 1)
        for index in [0, 1, 2, 299, 599] {
            let alone = try await classifier.classify(Self.texts[index])
            #expect(alone.label == answers[index].label && alone.labels == [alone.label])
            #expect(abs(alone.confidence - answers[index].confidence) < 1e-6)
            #expect(alone.probabilities.keys.sorted() == ["a", "b", "c"])
            #expect(alone.probabilities[alone.label] == alone.confidence)
        }
        #expect(try await classifier.classify([String]()).isEmpty)
        let (pair, turned) = try await (
            classifier.classify(pairs: [("good", "film")]), classifier.classify(pairs: [("film", "good")])
        )
        #expect(pair[0].probabilities != turned[0].probabilities && pair[0].probabilities != answers[0].probabilities)
    }

    @Test func aTextCanHaveSeveralLabels() async throws {
        let classifier = try Self.classifier(.multiLabel)
        #expect(classifier.allowsSeveralLabels)
        for answer in try await classifier.classify(Array(Self.texts.prefix(20))) {
            #expect(Set(answer.labels) == Set(answer.probabilities.filter { $0.value >= 0.5 }.keys))
            if answer.labels.count != 1 {
                #expect(answer.probabilities[answer.label] == answer.probabilities.values.max())
            }
        }
    }

    @Test func manyTasksGetWhatEachWouldGetAlone() async throws {
        let classifier = try Self.classifier()
        let parts = (0..<8).map { part in (part..<8 * part + 40).map { Self.texts[$0] } }
        var alone: [[TextClassifier.Answer]] = []
        for part in parts { alone.append(try await classifier.classify(part)) }
        let vectors = try await classifier.embeddings(of: parts[0])
        let together = try await withThrowingTaskGroup(of: (Int, [TextClassifier.Answer]).self) { group in
            for round in 0..<4 {
                for (number, part) in parts.enumerated() {
                    group.addTask {
                        if round == number % 4 {
                            #expect(try await classifier.embeddings(of: parts[0]) == vectors)
                            _ = try await classifier.explanation(of: part[0])
                        }
                        return (number, try await classifier.classify(part))
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(together.count == 32)
        #expect(together.allSatisfy { alone[$0.0] == $0.1 })
    }

    @Test func embeddingsHaveTheHiddenSizeAndFollowTheTexts() async throws {
        let classifier = try Self.classifier()
        let vectors = try await classifier.embeddings(of: ["a good film", "bad", "a good film"])
        func distance(_ a: Int, _ b: Int) -> Float { zip(vectors[a], vectors[b]).map { abs($0 - $1) }.max() ?? 0 }
        #expect(vectors.map(\.count) == [8, 8, 8])
        // A row's place in a product decides about its rounding.
        #expect(distance(0, 2) < 1e-5 && distance(0, 1) > 1e-3)
    }

    @Test func anExplanationNamesTheWordsOfTheText() async throws {
        let classifier = try Self.classifier()
        let text = "A good, bad film!"
        let explanation = try await classifier.explanation(of: text, label: "b")
        #expect(explanation.label == "b" && explanation.words.map(\.text) == ["A", "good", ",", "bad", "film", "!"])
        #expect(explanation.words.allSatisfy { String(text[$0.range]) == $0.text && $0.leaveOneOut != nil })
        let answer = try await classifier.classify(text)
        #expect(try await classifier.explanation(of: text).label == answer.label && explanation.answer == answer)
    }

    @Test func aCancelledTaskStops() async throws {
        let classifier = try Self.classifier()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await classifier.classify(Self.texts)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await classifier.classify(Self.texts).count == 600)
    }

    @Test func errorsSayWhatIsWrong() async throws {
        let missing = #expect(throws: TextClassifierError.self) {
            try TextClassifier(contentsOf: URL(filePath: "/nowhere/model"))
        }
        #expect(missing?.description.contains("/nowhere/model: no such model folder") == true)
        let classifier = try Self.classifier()
        let label = await #expect(throws: TextClassifierError.self) {
            try await classifier.explanation(of: "good", label: "d")
        }
        #expect(label?.localizedDescription == "the model has no label 'd'; it has 'a', 'b', 'c'")
        try await withFolder { folder in
            var model = try tinyModel()
            let folder = folder.appending(path: "model")
            for parameter in model.classifier.layout.parameters where parameter.kind == .vector(1) {
                model.classifier.parameters.fill(parameter.block, with: .greatestFiniteMagnitude)
            }
            try model.write(to: folder)
            let damaged = try TextClassifier(contentsOf: folder)
            await #expect(throws: TextClassifierError.cannotRun(ModelError.overflow.description)) {
                try await damaged.classify("good")
            }
        }
    }
}
