import Datasets
import Foundation
import Testing

/// Calls `body` with the path of a file that has these bytes.
func withFile<Result>(_ bytes: some Sequence<UInt8>, name: String, _ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: name)
    try Data(bytes).write(to: file)
    return try body(file.path)
}

@Suite struct ReadingTests {
    static func read(_ text: String, name: String = "d.tsv", layout: Layout = Layout(), labels: LabelReading = .one)
        throws
        -> [Example]
    {
        try withFile(text.utf8, name: name) { try Dataset(contentsOf: $0, layout: layout, labels: labels).examples }
    }

    static func pairs(_ examples: [Example]) -> [[String?]] { examples.map { [$0.text, $0.label] } }

    @Test func tabSeparated() throws {
        let examples = try Self.read("good\tpos\nbad\tneg")
        #expect(Self.pairs(examples) == [["good", "pos"], ["bad", "neg"]])
        #expect(examples.map(\.line) == [1, 2])
        // CR LF, a byte-order mark, empty texts, and separators of lines that are text.
        #expect(
            Self.pairs(try Self.read("\u{FEFF}good\u{2028}x\tpos\r\n\tneg\r\n  \tneg\r\n"))
                == [["good\u{2028}x", "pos"], ["", "neg"], ["  ", "neg"]])
        // Quotes are text.
        #expect(Self.pairs(try Self.read("\"so\tpos\n")) == [["\"so", "pos"]])
    }

    @Test func headers() throws {
        #expect(Self.pairs(try Self.read("sentence\tlabel\nfine\t1\n")) == [["fine", "1"]])
        #expect(Self.pairs(try Self.read("Label\tid\tText\n1\t7\tfine\n")) == [["fine", "1"]])
        let named = Layout(textColumns: [.name("body")], labelColumn: .name("stars"))
        #expect(Self.pairs(try Self.read("stars\tbody\n5\tfine\n", layout: named)) == [["fine", "5"]])
        let numbered = Layout(textColumns: [.number(3)], labelColumn: .number(1))
        #expect(Self.pairs(try Self.read("5\tx\tfine\n", layout: numbered)) == [["fine", "5"]])
        let several = Layout(
            textColumns: [.name("title"), .name("body")], labelColumn: .name("stars"), groupColumn: .name("shop"))
        let examples = try Self.read("shop\tstars\tbody\ttitle\nA\t5\tfine\tSo\n", layout: several)
        #expect(Self.pairs(examples) == [["So fine", "5"]] && examples[0].group == "A")
    }

    @Test func pairs() throws {
        let examples = try Self.read("label\ttext\ttext_pair\n1\tfine\tso\n")
        #expect(examples.map { [$0.text, $0.textPair, $0.label] } == [["fine", "so", "1"]])
        let numbered = Layout(textColumns: [.number(1)], textPairColumn: .number(3), labelColumn: .number(2))
        #expect(try Self.read("fine\t1\tso\n", layout: numbered)[0].textPair == "so")
        for place in 1...2 {
            let error = #expect(throws: DatasetError.self) {
                try Self.read("fine\t1\n", layout: Layout(textPairColumn: .number(place)))
            }
            #expect(error?.description.contains("the second text is the same column") == true)
        }
        let error = #expect(throws: DatasetError.self) {
            try Self.read("x\n", name: "d.txt", layout: Layout(textPairColumn: .number(2)), labels: .none)
        }
        #expect(error?.description.contains("plain lines have no columns") == true)
    }

    @Test func unlabelled() throws {
        let lines = try Self.read("one\n\ntab\there\n", name: "d.txt", labels: .none)
        #expect(Self.pairs(lines) == [["one", nil], ["", nil], ["tab\there", nil]])
        let table = try Self.read("one\tpos\ntwo\n", labels: .none)
        #expect(Self.pairs(table) == [["one", nil], ["two", nil]])
    }

    @Test(arguments: [
        ("good\tpos\nno tab\n", ":2: the row has no tab"),
        ("good\tpos\n\nbad\tneg\n", ":2: the row has no tab"),
        ("good\tpos\textra\n", ":1: the row has 3 columns"),
        ("good\t \n", ":1: the label is empty"),
        ("good\tp\u{0}s\n", ":1: the label contains a control character"),
        ("", "the file is empty"),
        ("sentence\tlabel\n", "the file is empty"),
    ])
    func badRows(_ text: String, _ message: String) {
        let error = #expect(throws: DatasetError.self) { try Self.read(text) }
        #expect(error?.description.contains("d.tsv") == true)
        #expect(error?.description.contains(message) == true)
    }

    @Test func badFiles() throws {
        var error = #expect(throws: DatasetError.self) {
            try Dataset(contentsOf: "/nowhere/d.tsv", layout: Layout(), labels: .one)
        }
        #expect(error?.description == "/nowhere/d.tsv: no such file")
        error = #expect(throws: DatasetError.self) {
            try withFile(Array("fine\tpos\ncaf".utf8) + [0xE9] + Array("\tpos\n".utf8), name: "latin1.tsv") {
                try Dataset(contentsOf: $0, layout: Layout(), labels: .one)
            }
        }
        #expect(error?.description.contains("latin1.tsv:2: not valid UTF-8") == true)
        error = #expect(throws: DatasetError.self) {
            try withFile([0xFF, 0xFE, 0x61, 0x00, 0x0A, 0x00], name: "d.txt") {
                try Dataset(contentsOf: $0, layout: Layout(onBadRow: .skip), labels: .none)
            }
        }
        #expect(error?.description.contains("iconv -f utf-16") == true)
        error = #expect(throws: DatasetError.self) {
            try Self.read("text\n", name: "d.txt", layout: Layout(textColumns: [.number(1)]), labels: .none)
        }
        #expect(error?.description.contains("plain lines have no columns") == true)
        error = #expect(throws: DatasetError.self) { try Self.read("text\n", name: "d.txt") }
        #expect(error?.description.contains("plain lines have no labels") == true)
        error = #expect(throws: DatasetError.self) {
            try Self.read("a\tb\n", layout: Layout(textColumns: [.name("body")]))
        }
        #expect(error?.description.contains("no column is called 'body'") == true)
    }

    @Test(arguments: [("d.json", "jq -c"), ("d.parquet", "convert it to .csv"), ("d.csv.zip", "unpack it")])
    func formatsThatCannotBeRead(_ name: String, _ message: String) throws {
        let error = #expect(throws: DatasetError.self) { try Self.read("a\tb\n", name: name) }
        #expect(error?.description.contains("cannot be read") == true)
        #expect(error?.description.contains(message) == true)
        #expect(try Self.read("a\tb\n", name: name, layout: Layout(format: .tsv)).count == 1)
    }

    @Test func checksum() throws {
        // The standard's own example: SHA-256 of "abc".
        let sha256 = try withFile("abc".utf8, name: "d.txt") {
            try Dataset(contentsOf: $0, layout: Layout(), labels: .none).sha256
        }
        #expect(sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}

/// What `data/README.md` promises about the data in this repository.
@Suite struct RepositoryDataTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../data").standardizedFileURL

    struct Language: Sendable, CustomTestStringConvertible {
        let folder: String
        let counts: [(file: String, count: Int)]
        let byCharacter: Bool
        var testDescription: String { folder }

        func load() throws -> [[Example]] {
            try counts.map { file, _ in
                let path = RepositoryDataTests.folder.appending(path: "\(folder)/\(file).tsv").path
                return try Dataset(contentsOf: path, layout: Layout(), labels: .one).examples
            }
        }

        /// The trigrams of words, or of characters.
        func trigrams(_ text: String) -> Set<[String]> {
            let units =
                byCharacter
                ? text.filter { !$0.isWhitespace }.map(String.init)
                : text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "'" }.map(String.init)
            return Set(units.indices.dropLast(2).map { Array(units[$0..<($0 + 3)]) })
        }
    }

    static let languages = [
        Language(folder: "reviews", counts: [("train", 1000), ("dev", 150), ("test", 250)], byCharacter: false),
        Language(folder: "reviews-zh", counts: [("train", 300), ("dev", 50), ("test", 100)], byCharacter: true),
    ]

    @Test(arguments: languages) func countsAndLabels(_ language: Language) throws {
        for ((_, count), examples) in zip(language.counts, try language.load()) {
            #expect(examples.count == count)
            #expect(examples.count { $0.label == "positive" } == count / 2)
            #expect(examples.count { $0.label == "negative" } == count / 2)
        }
    }

    /// No text stands twice, and no two share more than 60 % of the trigrams of the shorter.
    @Test(arguments: languages) func noNearDuplicates(_ language: Language) throws {
        let texts = try language.load().joined().map(\.text)
        #expect(Set(texts).count == texts.count)
        let trigrams = texts.map(language.trigrams)
        // Only texts that share a trigram at all are compared.
        var holders: [[String]: [Int]] = [:]
        for (index, set) in trigrams.enumerated() { for trigram in set { holders[trigram, default: []].append(index) } }
        var shared: [[Int]: Int] = [:]
        for indices in holders.values {
            for (position, a) in indices.enumerated() {
                for b in indices[..<position] { shared[[b, a], default: 0] += 1 }
            }
        }
        for (pair, count) in shared {
            let share = Double(count) / Double(min(trigrams[pair[0]].count, trigrams[pair[1]].count))
            #expect(share <= 0.6, "'\(texts[pair[0]])' and '\(texts[pair[1]])'")
        }
    }
}
