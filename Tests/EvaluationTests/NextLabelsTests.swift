import Datasets
import Experiments
import Foundation
import Kernels
import Testing

@Suite struct NextLabelsTests {
    private static func data(_ rows: String, labels: LabelReading = .one) throws -> Dataset {
        try Dataset(Array(rows.utf8), path: "labelled", format: .tsv, layout: Layout(), labels: labels)
    }

    private static let labelled = """
        a good film with a good story\t1
        a good book with a nice cover\t1
        good food and nice rooms\t1
        a nice film about food\t1
        a bad film with a bad story\t0
        a bad book with a dull cover\t0
        bad food and dull rooms\t0
        a dull film about rooms\t0

        """

    /// The texts to label next, of texts that come `batch` at a time.
    private static func next(
        _ count: Int, of texts: [String], batch: Int = .max, threads: Int = 1, _ data: Dataset? = nil
    ) throws -> [NextLabels.Text] {
        let data = try data ?? Self.data(labelled)
        var next = try NextLabels(data, count: count, by: nil, seed: 42, on: Workers(count: threads))
        var rest = texts.map { Example(text: $0) }[...]
        while !rest.isEmpty {
            try next.look(at: Array(rest.prefix(batch)), of: "texts")
            rest = rest.dropFirst(batch)
        }
        return next.texts
    }

    /// Neither what is clear, nor two of a kind, nor what is labelled, empty, or there twice.
    @Test func whatIsDoubtfulAndDiffersIsTaken() throws {
        let clear = (1...30).map { "a good and nice and good story, good \($0)" }
        let doubtful = (1...15).flatMap { ["film \($0)", "rooms and food \($0)"] }
        let others = ["Film  1", "A good  book with a NICE cover", " "]
        let found = try Self.next(2, of: clear + doubtful + others).map(\.text)
        #expect(Set(found.map { $0.prefix(4) }) == ["film", "room"])
        let all = try Self.next(100, of: clear + doubtful + others)
        #expect(Set(all.map(\.text)) == Set(clear + doubtful) && all.count == 60)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.uncertainty >= $1.uncertainty })
    }

    /// Neither how the texts come nor the number of threads decides; and those that were given up are not missed.
    @Test func theSameTextsAreFoundHoweverTheyCome() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../data/reviews")
        let rows = try String(contentsOf: folder.appending(path: "train.tsv"), encoding: .utf8).split(separator: "\n")
        let data = try Self.data(rows.prefix(60).joined(separator: "\n"))
        let texts = rows.dropFirst(60).map { String($0.split(separator: "\t")[0]) }
        let expected = try Self.next(5, of: texts, data).map(\.text)
        #expect(Set(expected).count == 5)
        for (batch, threads) in [(1, 1), (7, 2), (1000, 2)] {
            #expect(try Self.next(5, of: texts, batch: batch, threads: threads, data).map(\.text) == expected)
        }
    }

    /// Where texts have several labels, doubt is about the whole answer.
    @Test func textsWithSeveralLabels() throws {
        let rows = Self.labelled.replacing("\t1", with: "\tfine|seen").replacing("\t0", with: "\tseen")
        let data = try Self.data(rows, labels: .several)
        let found = try Self.next(3, of: ["good nice good", "a film", "bad dull bad"], data)
        #expect(found[0].text == "a film" && found.allSatisfy { (0...1).contains($0.uncertainty) })
    }

    @Test func oneLabelIsNothingToBeInDoubtAbout() throws {
        #expect {
            try Self.next(1, of: ["a film"], Self.data("a good film\t1\na nice book\t1\n"))
        } throws: {
            "\($0)".hasPrefix("labelled: every text has the label '1'")
        }
    }
}
