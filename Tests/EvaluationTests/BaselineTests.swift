import Datasets
import Experiments
import Foundation
import Kernels
import NGrams
import Testing

@Suite struct BaselineTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()

    private static func texts(_ path: String) throws -> [(text: String, label: String)] {
        try String(contentsOf: root.appending(path: "../../data/\(path)"), encoding: .utf8).split(separator: "\n").map {
            let cells = $0.split(separator: "\t")
            return (String(cells[0]), String(cells[1]))
        }
    }

    /// `scripts/fixtures/bag_of_words.py` has made the numbers with scikit-learn.
    @Test(arguments: ["reviews", "reviews-zh"], BagOfWords.allCases)
    func logitsAgreeWithScikitLearn(_ language: String, _ bag: BagOfWords) throws {
        let file = Self.root.appending(path: "Fixtures/bag_of_words.json")
        let fixtures = try JSONDecoder().decode([String: [Double]].self, from: Data(contentsOf: file))
        let expected = try #require(fixtures["\(language)/\(bag.rawValue)"])
        let (training, others) = (try Self.texts("\(language)/train.tsv"), try Self.texts("\(language)/test.tsv"))
        let corpus = Corpus(training.map { Document($0.text, bag) })
        let all = Array(training.indices)
        let weights = TermWeights(corpus, texts: all)
        let classifier = LogisticRegression(
            weights.rows(ofTexts: all), .one(training.map { $0.label == "positive" ? 1 : 0 }), labels: 2, c: 4, seed: 1)
        let logits = classifier.logits(of: weights.rows(of: others.prefix(50).map { Document($0.text, bag) }))
        for (row, expected) in expected.enumerated() {
            #expect(abs(Double(logits.row(row)[1]) - expected) < 0.02, "\(others[row].text)")
        }
    }

    /// The same script has made the numbers.
    @Test(arguments: ["reviews", "reviews-zh"])
    func ngramsAgreeWithScikitLearn(_ language: String) throws {
        let file = Self.root.appending(path: "Fixtures/bag_of_words.json")
        let fixtures = try JSONDecoder().decode([String: [Double]].self, from: Data(contentsOf: file))
        let expected = try #require(fixtures["\(language)/n-grams"])
        let (training, others) = (try Self.texts("\(language)/train.tsv"), try Self.texts("\(language)/test.tsv"))
        func tokens(_ text: String) -> [String] {
            language.hasSuffix("zh")
                ? text.unicodeScalars.filter { $0 != " " }.map(String.init)
                : text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        }
        // A first token that all texts have, and one for all that are unknown.
        var vocabulary = ["[CLS]", "\u{FFFD}"]
        var ids: [String: Int] = [:]
        for token in training.flatMap({ tokens($0.text) }) where ids[token] == nil {
            ids[token] = vocabulary.count
            vocabulary.append(token)
        }
        func sequence(_ text: String) -> [Int] { [0] + tokens(text).map { ids[$0] ?? 1 } }
        let characters = [[]] + vocabulary.dropFirst().map { " \($0)".unicodeScalars.map { Int32($0.value) } }
        let sequences = training.map { sequence($0.text) }
        let targets = Targets.one(training.map { $0.label == "positive" ? 1 : 0 })
        let learned = [1, 3].map { threads in
            NGramClassifier.learn(
                zip(sequences, 0...).map { ($0, $1) }, targets, labels: 2, characters: characters, seed: 1,
                on: Workers(count: threads))
        }
        let classifier = learned[0].classifier
        for (expected, other) in zip(expected, others) {
            #expect(abs(Double(classifier.logits(of: sequence(other.text))[1]) - expected) < 0.02, "\(other.text)")
        }
        #expect(classifier.weights == learned[1].classifier.weights)
        #expect(learned[0].crossFitted == learned[1].crossFitted)
        // Of texts that it has seen, it knows more than of those that it has not.
        func right(_ logits: [[Float]]) -> Int {
            zip(logits, training).count { ($0[1] > $0[0]) == ($1.label == "positive") }
        }
        #expect(right(learned[0].crossFitted) > training.count * 2 / 3)
        #expect(right(learned[0].crossFitted) < right(sequences.map(classifier.logits)))
    }

    /// What is chosen depends neither on the number of threads nor on chance.
    @Test func theChoiceIsReproducible() throws {
        let path = Self.root.appending(path: "../../data/reviews-zh/train.tsv").path
        let data = try Dataset(contentsOf: path, layout: Layout(), labels: .one)
        let baselines = try [1, 2].map { try Baseline(data, metric: .macroF1, seed: 7, on: Workers(count: $0)) }
        #expect(baselines[0].candidates.map(\.value) == baselines[1].candidates.map(\.value))
        // Texts without spaces have no words to speak of.
        #expect(baselines[0].best.bag == .characters || baselines[0].best.bag == .partsOfWords)
        #expect(baselines[0].candidates.count == 12)
    }
}
