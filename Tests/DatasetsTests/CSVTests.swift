import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct CSVTests {
    static func read(_ text: String, layout: Layout = Layout(), labels: LabelReading = .one) throws -> [Example] {
        try ReadingTests.read(text, name: "d.csv", layout: layout, labels: labels)
    }

    @Test func quotes() throws {
        let examples = try Self.read(
            "\u{FEFF}id,text,label\r\n1,\"so, \"\"so\"\"\",pos\r\n\r\n2,\"two\r\n\n lines\",neg\r\n3,a \"b\" c,\"pos\"\r\n4,,neg\n5,\"\",neg"
        )
        #expect(
            ReadingTests.pairs(examples) == [
                ["so, \"so\"", "pos"], ["two\r\n\n lines", "neg"], ["a \"b\" c", "pos"], ["", "neg"], ["", "neg"],
            ])
        #expect(examples.map(\.line) == [2, 4, 7, 8, 9])
        // Blanks and separators of other lines are text; a combining mark after a comma is, too.
        #expect(
            ReadingTests.pairs(try Self.read("text,label\n a\u{2028}b\u{85} ,pos\n\u{301}x,neg\n"))
                == [[" a\u{2028}b\u{85} ", "pos"], ["\u{301}x", "neg"]])
        #expect(try Self.read("text\n\"\"\n\nx\n", labels: .none).map(\.text) == ["", "x"])
    }

    /// What is written by the rules is read back, whatever it is, also where a field is longer than a piece of the input.
    @Test func roundTrip() throws {
        let parts = [
            "\"", ",", "\n", "\r", "\r\n", "\t", "\u{2028}", "\u{0}", "😀", "e\u{301}", "\u{FEFF}", "word", " ", "",
        ]
        var state: UInt64 = 1
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let texts = (0..<2000).map { index in
            (0..<random(index % 500 == 0 ? 100_000 : 9)).map { _ in parts[random(parts.count)] }.joined()
        }
        func quoted(_ text: String) -> String {
            // Some that need no quotes have none.
            let isPlain = !text.utf8.contains { "\",\r\n".utf8.contains($0) } && random(2) == 0
            return isPlain ? text : "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
        }
        let file = "label,text\r\n" + texts.map { "x,\(quoted($0))\r\n" }.joined()
        let read = try Self.read(file).map(\.text)
        #expect(read.count == texts.count)
        // By bytes, because strings that differ in their bytes can be equal.
        for (index, (read, text)) in zip(read, texts).enumerated() where !read.utf8.elementsEqual(text.utf8) {
            Issue.record("text \(index)")
        }
    }

    @Test func columns() throws {
        let layout = Layout(textColumns: [.number(2), .number(3)], labelColumn: .number(1))
        #expect(
            ReadingTests.pairs(try Self.read("3,Title,\"A, B\"\n4,T,C\n", layout: layout))
                == [["Title A, B", "3"], ["T C", "4"]])
        // A header, because it has a known name.
        let text = Layout(textColumns: [.number(1)])
        #expect(ReadingTests.pairs(try Self.read("tweet,label\nhi,pos\n", layout: text)) == [["hi", "pos"]])
    }

    @Test(arguments: [
        ("text,label\nfine,pos\n\"open,pos\nmore,neg\n", "d.csv:3: a quoted field begins in this row and does not end"),
        ("text,label\n\"two\nlines\"x,pos\n", "d.csv:2: there is text after a closing quote"),
        ("text,label\n\"x\" ,pos\n", "d.csv:2: there is text after a closing quote"),
        ("text,label\none, two,pos\n", "d.csv:2: the row has 3 fields instead of 2"),
        ("text,label\none\n", "d.csv:2: the row has 1 fields instead of 2"),
        ("text;label\none;pos\n", "d.csv:1: the first row has ';' between its fields"),
        ("tweet,stars\none,5\n", "d.csv:1: no column is called text, sentence, review, content"),
        ("tweet,label\none,5\n", "the first row has 'tweet', 'label'; name one with --text-column"),
        ("text,stars\none,5\n", "no column is called label, sentiment, class, category"),
        ("text,label\n", "d.csv: the file is empty"),
    ])
    func badRows(_ text: String, _ message: String) {
        let error = #expect(throws: DatasetError.self) { try Self.read(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    /// Twice the input is at most two and a half times the work, however the quotes stand: whatever goes wrong, no line is read again for each row.
    @Test(arguments: ["a\",\"b\n", "\"a\n", "x,\"y\n", "\"a\",\"b\"c,\"\n", "\"\"\",\n"])
    func badlyQuotedRowsAreReadOnce(_ line: String) throws {
        func work(_ count: Int, end: String) throws -> Int {
            let text = "text,label\n" + String(repeating: line, count: count) + end
            return try withFile(text.utf8, name: "d.csv") { path in
                var stream = try ExampleStream(path: path, layout: Layout(onBadRow: .skip))
                while try stream.next() != nil {}
                return stream.linesRead
            }
        }
        for end in ["", "y\"\n", "y\"z\n"] {
            let (once, twice) = (try work(500, end: end), try work(1000, end: end))
            #expect(Double(twice) <= 2.5 * Double(once), "\(once) \(twice)")
            #expect(once < 2000)
        }
    }

    /// A file that never ends a line, a row or a file of a folder.
    @Test func linesAndRowsHaveABound() throws {
        let megabyte = String(repeating: "x", count: 1 << 20)
        for (name, begin, more) in [("d.csv", "text,label\n\"", megabyte + "\n"), ("d.tsv", "", megabyte)] {
            try withFolder { folder in
                let file = folder.appending(path: name)
                #expect(FileManager.default.createFile(atPath: file.path, contents: nil))
                let handle = try FileHandle(forWritingTo: file)
                try handle.write(contentsOf: Data(begin.utf8))
                for _ in 0..<66 { try handle.write(contentsOf: Data(more.utf8)) }
                try handle.close()
                let error = #expect(throws: DatasetError.self) {
                    try Dataset(contentsOf: file.path, layout: Layout(), labels: .one)
                }
                #expect(error?.description.contains("more than 64 MB") == true, "\(error?.description ?? "")")
            }
        }
    }

    /// After a bad row the line after its first one begins a new one: a quote that is missing costs one row, and not all that follow.
    @Test func skippedRows() throws {
        let text = "text,label\n\"a\"b,pos\n\"c\nd\",pos\ne,f,g\n\"h\ni\"j\nk,pos\n\"l,pos\nm,pos\n\"n\no\",pos\n"
        try withFile(text.utf8, name: "d.csv") { path in
            let dataset = try Dataset(contentsOf: path, layout: Layout(onBadRow: .skip), labels: .one)
            #expect(dataset.examples.map(\.text) == ["c\nd", "k", "m", "n\no"])
            #expect(dataset.examples.map(\.line) == [3, 8, 10, 11])
            #expect(dataset.sources[0].badRows.count == 5)
        }
        // Where the quotes are right, the lines of a row stay together, whatever else is wrong.
        try withFile("text,label\ngreat,pos\n\"May.\nNice, really.\nFin.\",pos,extra\n".utf8, name: "d.csv") { path in
            let dataset = try Dataset(contentsOf: path, layout: Layout(onBadRow: .skip), labels: .one)
            #expect(dataset.examples.map(\.text) == ["great"] && dataset.sources[0].badRows.count == 1)
        }
        try withFile(text.utf8, name: "d.csv") { path in
            let dataset = try Dataset(contentsOf: path, layout: Layout(onBadRow: .skip), labels: .one)
            #expect(
                dataset.sources[0].badRows.messages.map { $0.dropFirst(path.count).prefix(3) }
                    == [":2:", ":5:", ":6:", ":7:", ":9:"])
        }
    }
}
