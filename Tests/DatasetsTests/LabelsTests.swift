import Datasets
import Foundation
import Testing

@Suite struct LabelsTests {
    static func read(
        _ text: String, name: String = "d.tsv", _ labels: LabelReading, layout: Layout = Layout()
    ) throws -> Dataset {
        try withFile(text.utf8, name: name) { try Dataset(contentsOf: $0, layout: layout, labels: labels) }
    }

    static func labels(_ dataset: Dataset) -> [String?] { dataset.examples.map(\.label) }

    @Test func several() throws {
        let table = "a\tb | a|b|\nb\t\nc\t|\nd\tx\n"
        let dataset = try Self.read(table, .detected)
        #expect(dataset.hasSeveralLabels && Self.labels(dataset) == ["a|b", "", "", "x"])
        #expect(dataset.examples[0].labels(several: true) == ["a", "b"])
        #expect(dataset.examples[1].labels(several: true) == [])
        #expect(Self.labels(try Self.read(table, .several)) == ["a|b", "", "", "x"])
        #expect(try Self.read("a\tx|\u{301}y\n", .detected).examples[0].labels(several: true) == ["x", "\u{301}y"])
        // With one label, the sign is nothing special.
        let one = try Self.read("a\tb|a \nb\t[\"x\"]\n", .one)
        #expect(!one.hasSeveralLabels && Self.labels(one) == ["b|a", "[\"x\"]"])
        #expect(one.examples[0].labels(several: false) == ["b|a"])
        let detected = try Self.read("a\tb\nb\t[x\n", .detected)
        #expect(!detected.hasSeveralLabels && Self.labels(detected) == ["b", "[x"])
    }

    @Test func arrays() throws {
        let objects = "{\"text\": \"a\", \"label\": [\"y\", \"x\", \"y\"]}\n{\"text\": \"b\", \"label\": []}\n"
        #expect(Self.labels(try Self.read(objects, name: "d.jsonl", .detected)) == ["x|y", ""])
        let table = "text,label\na,\"[\"\"y\"\", \"\"x\"\", 3]\"\nb,[]\nc,z\n"
        #expect(Self.labels(try Self.read(table, name: "d.csv", .detected)) == ["3|x|y", "", "z"])
        for label in ["[\"a|b\"]", "[null]", "[[]]", "{}", "[\"\\u0000\"]"] {
            #expect(throws: DatasetError.self) {
                try Self.read("{\"text\": \"a\", \"label\": \(label)}\n", name: "d.jsonl", .several)
            }
        }
    }

    @Test func maps() throws {
        let layout = Layout(labelMap: ["1": "pos", "2": "pos", "3": "", "9": "x"])
        let one = try Self.read("a\t1\nb\t3\nc\t2\nd\tneg\n", .detected, layout: layout)
        #expect(Self.labels(one) == ["pos", "pos", "neg"] && one.sources[0].leftOut == 1)
        #expect(one.examples.map(\.text) == ["a", "c", "d"])
        #expect(one.sources[0].unusedLabelMapKeys == ["9"] && one.sources[0].badRows.count == 0)
        #expect(one.notices.map { $0.contains("1 row is left out") } == [true])
        let several = try Self.read("a\t1|2|4\nb\t3\n", .detected, layout: layout)
        #expect(Self.labels(several) == ["4|pos", ""] && several.sources[0].leftOut == 0)
        let error = #expect(throws: DatasetError.self) { try Self.read("b\t3\n", .one, layout: layout) }
        #expect(error?.description.contains("the label map leaves no example") == true)
    }

    @Test func badRows() throws {
        let table = "a\tpos\nb\nc\t\nd\tneg\ne\tx\ty\nf\n\ng\n"
        let error = #expect(throws: DatasetError.self) { try Self.read("a\tpos\nb\t\nc\n", .one) }
        #expect(error?.description.contains(":2: the label is empty") == true)
        let dataset = try Self.read(table, .one, layout: Layout(onBadRow: .skip))
        #expect(dataset.examples.map(\.line) == [1, 4])
        #expect(dataset.sources[0].badRows.count == 6 && dataset.sources[0].badRows.messages.count == 5)
        #expect(dataset.sources[0].badRows.messages[0].contains("d.tsv:2: the row has no tab"))
        let all = #expect(throws: DatasetError.self) {
            try Self.read("a\nb\n", .one, layout: Layout(onBadRow: .skip))
        }
        #expect(all?.description.contains("not one row can be used, 2 are wrong; the first: ") == true)
    }

    @Test func unknownLabels() throws {
        var dataset = try Self.read("a\tpos\nb\tmeh\nc\tneg\n", .one)
        try dataset.requireLabels(among: ["meh", "neg", "pos"])
        #expect(dataset.examples.count == 3)
        let error = #expect(throws: DatasetError.self) { try dataset.requireLabels(among: ["neg", "pos"]) }
        #expect(
            error?.description.contains(
                ":2: the label 'meh' is unknown; the model was trained with 'neg', 'pos'; --label-map")
                == true)

        dataset = try Self.read("a\tpos|meh\nb\t\nc\tpos\n", .detected, layout: Layout(onBadRow: .skip))
        try dataset.requireLabels(among: ["pos"])
        #expect(dataset.examples.map(\.text) == ["b", "c"] && dataset.sources[0].badRows.count == 1)
        dataset = try Self.read("a\tmeh\n", .one, layout: Layout(onBadRow: .skip))
        #expect(throws: DatasetError.self) { try dataset.requireLabels(among: ["pos"]) }
    }
}
