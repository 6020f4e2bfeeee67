import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct LabeledFolderTests {
    /// Files by their paths; a folder of its own for each test.
    static func use(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
        try withFolder { folder in
            for (path, bytes) in files {
                let file = folder.appending(path: path)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: file)
            }
            try body(folder.path)
        }
    }

    static let files: [String: [UInt8]] = [
        "pos/0_9.txt": Array("a fine film\n".utf8), "pos/1_7.txt": Array("\u{FEFF}so\nso\r\n".utf8), "neg/0_1.txt": [],
        "pos-2/a.txt": Array("x".utf8),
    ]

    @Test func texts() throws {
        let ignored = ["README": [UInt8(0xE9)], ".cache/x": [0xE9], "pos/.x": [0xE9]]
        try Self.use(Self.files.merging(ignored) { $1 }) { path in
            let dataset = try Dataset(contentsOf: path, layout: Layout(), labels: .detected)
            #expect(
                dataset.examples.map { [$0.file, $0.label, $0.text] } == [
                    ["\(path)/neg/0_1.txt", "neg", ""], ["\(path)/pos-2/a.txt", "pos-2", "x"],
                    ["\(path)/pos/0_9.txt", "pos", "a fine film"], ["\(path)/pos/1_7.txt", "pos", "so\nso"],
                ])
            // As LC_ALL=C sha256sum */* | sha256sum says.
            #expect(dataset.sha256 == "c7bcdf4329dc33bb97dd8cc3d1b7f85a928b01080e4c83aa5fecc8d1cd49ddb2")
            let unlabelled = try Dataset(contentsOf: path, layout: Layout(), labels: .none)
            #expect(unlabelled.examples.map(\.text) == dataset.examples.map(\.text))
            #expect(unlabelled.examples.allSatisfy { $0.label == nil })
        }
    }

    /// What would be left out without a word is an error.
    @Test func folderAmongTexts() throws {
        try Self.use(Self.files.merging(["pos/deeper/x": [0x78]]) { $1 }) { path in
            let error = #expect(throws: DatasetError.self) {
                try Dataset(contentsOf: path, layout: Layout(), labels: .one)
            }
            #expect(error?.description.hasPrefix("\(path)/pos/deeper: is not a file") == true)
        }
    }

    @Test func compressed() throws {
        try Self.use(["a/x.gz": StreamTests.member, "b/x": Array("plain".utf8)]) { path in
            let dataset = try Dataset(contentsOf: path, layout: Layout(), labels: .one)
            #expect(ReadingTests.pairs(dataset.examples) == [["good\tpos\nbad\tneg", "a"], ["plain", "b"]])
        }
    }

    @Test func badFiles() throws {
        try Self.use(["pos/x": Array("fine".utf8), "neg/x": [0xE9], "neg/y": [0xFF, 0xFE, 0x61, 0x00]]) { path in
            let error = #expect(throws: DatasetError.self) {
                try Dataset(contentsOf: path, layout: Layout(), labels: .one)
            }
            #expect(error?.description.hasPrefix("\(path)/neg/x: not valid UTF-8") == true)
            var dataset = try Dataset(contentsOf: path, layout: Layout(onBadRow: .skip), labels: .one)
            #expect(dataset.examples.count == 1 && dataset.sources[0].badRows.count == 2)
            #expect(throws: DatasetError.self) { try dataset.requireLabels(among: ["neg"]) }
            #expect(
                dataset.sources[0].badRows.messages.last?.contains("\(path)/pos/x: the label 'pos' is unknown") == true)
        }
    }

    @Test(arguments: [
        (["x.txt"], Layout(), "there are no folders in it"),
        (["a/.x", ".b/x"], Layout(), "there are no files in its folders"),
        (["a/x"], Layout(format: .tsv), "is a folder"),
        (["a/x"], Layout(groupColumn: .number(1)), "a folder has no columns"),
    ])
    func mistakes(_ files: [String], _ layout: Layout, _ message: String) throws {
        try Self.use(Dictionary(uniqueKeysWithValues: files.map { ($0, []) })) { path in
            let error = #expect(throws: DatasetError.self) {
                try Dataset(contentsOf: path, layout: layout, labels: .one)
            }
            #expect(error?.description.contains(message) == true)
        }
        let error = #expect(throws: DatasetError.self) {
            try ReadingTests.read("a\tb\n", layout: Layout(format: .folder))
        }
        #expect(error?.description.contains("is a file") == true)
    }
}
