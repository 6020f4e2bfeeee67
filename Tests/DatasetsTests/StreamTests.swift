import Datasets
import Foundation
import Testing

@Suite struct StreamTests {
    static let text = "good\tpos\nbad\tneg\n"
    /// ``text``, as `gzip` compresses it.
    static let member = Array(
        Data(base64Encoded: "H4sIAAAAAAACA0vPz0/hLMgv5kpKTOHMS03nAgDBuaE4EQAAAA==") ?? Data())

    static func read(_ bytes: [UInt8], name: String = "d.tsv.gz", layout: Layout = Layout()) throws -> [[String?]] {
        try withFile(bytes, name: name) {
            ReadingTests.pairs(try Dataset(contentsOf: $0, layout: layout, labels: .one).examples)
        }
    }

    @Test func compressed() throws {
        let expected = [["good", "pos"], ["bad", "neg"]]
        #expect(try Self.read(Self.member) == expected)
        // The bytes tell, and not the ending; members can follow each other.
        #expect(try Self.read(Self.member + Self.member, name: "d.tsv") == expected + expected)
        #expect(try Self.read(Array(Self.text.utf8)) == expected)
        let sha256 = try withFile(Self.member, name: "d.gz") {
            try Dataset(contentsOf: $0, layout: Layout(), labels: .none).sha256
        }
        #expect(sha256 == "abe4718a5a0d109a1d6beb47876b75d582032d148eec07eced3adf48c58126c8")
    }

    /// However the data is cut off or changed: an error, or the same data.
    @Test func damaged() throws {
        for count in 2..<Self.member.count {
            let error = #expect(throws: DatasetError.self) { try Self.read(Array(Self.member.prefix(count))) }
            #expect(error?.description.contains("the gzip data ends too early") == true)
        }
        for index in Self.member.indices.dropFirst(2) {
            var bytes = Self.member
            bytes[index] ^= 0x40
            do {
                // Nothing depends on the time in the header, nor on the bits that fill the last byte.
                #expect(try Self.read(bytes, layout: Layout(onBadRow: .skip)) == [["good", "pos"], ["bad", "neg"]])
            } catch let error as DatasetError {
                #expect(error.description.contains("the gzip data"))
            }
        }
        let error = #expect(throws: DatasetError.self) { try Self.read(Self.member + Array("more".utf8)) }
        #expect(error?.description.contains("the gzip data is damaged") == true)
    }

    /// A pipe whose bytes come one by one, plain and compressed.
    @Test(.timeLimit(.minutes(1)), arguments: [Array(text.utf8), member]) func pipes(_ bytes: [UInt8]) throws {
        try withFile([], name: "file") { file in
            let path = URL(filePath: file).deletingLastPathComponent().appending(path: "pipe.tsv").path
            #expect(mkfifo(path, 0o600) == 0)
            Thread.detachNewThread {
                let handle = FileHandle(forWritingAtPath: path)
                for byte in bytes { try? handle?.write(contentsOf: [byte]) }
                try? handle?.close()
            }
            let dataset = try Dataset(contentsOf: path, layout: Layout(), labels: .one)
            #expect(ReadingTests.pairs(dataset.examples) == [["good", "pos"], ["bad", "neg"]])
        }
    }

    /// A line that is longer than a piece of the input, and one that ends with the file.
    @Test func longLines() throws {
        let long = String(repeating: "x", count: 200_000)
        let lines = try ReadingTests.read("a\n\(long)\n\nlast", name: "d.txt", labels: .none)
        #expect(lines.map(\.text) == ["a", long, "", "last"])
    }

    /// What comes before a bad row is handed over first.
    @Test func batches() throws {
        try withFile(Array("one\ntwo\n".utf8) + [0xE9, 0x0A] + Array("three\n".utf8), name: "d.txt") { path in
            var stream = try ExampleStream(path: path, layout: Layout())
            #expect(try stream.next()?.map(\.text) == ["one", "two"])
            #expect(throws: DatasetError.self) { try stream.next() }

            stream = try ExampleStream(path: path, layout: Layout(onBadRow: .skip))
            #expect(try stream.next()?.map(\.text) == ["one", "two", "three"])
            #expect(try stream.next() == nil)
            #expect(stream.badRows.count == 1)
            #expect(stream.badRows.notice("d.txt")?.contains("1 bad row was skipped") == true)
        }
    }
}
