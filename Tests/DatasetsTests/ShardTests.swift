import Datasets
import Foundation
import TestSupport
import Testing

/// Files and folders that several processes read.
@Suite struct ShardTests {
    private static func texts(_ pieces: [Piece], _ layout: Layout) throws -> [String] {
        var texts: [String] = []
        for piece in pieces {
            var stream = try ExampleStream(piece, layout: layout)
            while let next = try stream.next() { texts += next.map { "\($0.group ?? "") \($0.text) \($0.kept)" } }
        }
        return texts
    }

    /// All shards together have each row once, and in order.
    private static func check(_ paths: [String], _ layout: Layout, counts: [Int]) throws {
        let whole = try texts(paths.map { Piece(path: $0) }, layout)
        for count in counts {
            var parts: [String] = []
            var pieces: [Piece] = []
            for index in 0..<count {
                let own = try layout.input(of: try #require(Shard(index, of: count)), in: paths).pieces
                parts += try texts(own, layout)
                pieces += own
            }
            #expect(parts == whole, "\(count) shards")
            // Nothing is read twice.
            for (source, size) in try layout.input(of: .whole, in: paths).sizes.enumerated() {
                let ranges = pieces.filter { $0.source == source }.map { $0.range ?? 0..<size }
                #expect(ranges.reduce(0) { $0 + $1.count } == size, "\(paths[source])")
            }
        }
    }

    @Test func rowsOfCSVWithLineBreaksInQuotes() throws {
        let fields = ["\"", ",", "\n", "\r\n", "a", " b", "\"\"", "\n\n", "x,y\n", ""]
        var random = Generator()
        try withFolder { folder in
            for rows in [1, 3, 40, 400] {
                let text = (0..<rows).map { row in
                    let parts = (0..<random.below(12)).map { _ in fields[random.below(fields.count)] }.joined()
                    let isPlain = !parts.utf8.contains { "\",\r\n".utf8.contains($0) }
                    let field = isPlain ? parts : "\"" + parts.replacing("\"", with: "\"\"") + "\""
                    return "\(row),\(field),kept \(row)"
                }.joined(separator: random.below(2) == 0 ? "\n" : "\r\n")
                let file = folder.appending(path: "\(rows).csv")
                try Data("\u{FEFF}id,text,more\n\(text)".utf8).write(to: file)
                var layout = Layout(groupColumn: .name("id"))
                layout.keptColumns = [.name("more"), .number(1)]
                try Self.check([file.path], layout, counts: [1, 2, 3, 7, 50])
            }
        }
    }

    /// Quotes that tell nothing for long: what is inside of them looks like rows.
    @Test func aFieldThatLooksLikeRows() throws {
        try withFolder { folder in
            let rows = (0..<200).map { "\($0),text" }.joined(separator: "\n")
            let file = folder.appending(path: "rows.csv")
            try Data("id,text\n1,\"\(rows)\"\n2,\"\(rows)\"\n3,end\n".utf8).write(to: file)
            try Self.check([file.path], Layout(), counts: [2, 5, 30])
        }
    }

    /// They tell wrong things about quotes, and must not be counted elsewhere.
    @Test(arguments: [true, false]) func rowsThatAreWrong(_ hasQuotes: Bool) throws {
        try withFolder { folder in
            let rows = (0..<60).map {
                $0 % 9 == 7 ? "\($0),a,b" : hasQuotes && $0 % 4 == 0 ? "\($0),\"x\ny\"" : "\($0),text"
            }
            let file = folder.appending(path: "rows.csv")
            try Data("id,text\n\(rows.joined(separator: "\n"))\n".utf8).write(to: file)
            try Self.check([file.path], Layout(onBadRow: .skip), counts: [1, 2, 3, 5, 6, 40])
        }
    }

    @Test func severalFilesOfAllFormats() throws {
        try withFolder { folder in
            let names = ["a.tsv", "b.jsonl", "c.txt", "d.csv"]
            func path(_ name: String) -> String { folder.appending(path: name).path }
            try Data("text\tmore\n\((0..<30).map { "\($0)\tm\n" }.joined())".utf8).write(
                to: URL(filePath: path("a.tsv")))
            try Data("\((0..<30).map { "{\"text\": \"é\($0)\"}\n\n" }.joined())".utf8).write(
                to: URL(filePath: path("b.jsonl")))
            try Data("one\n\ntwo\r\nthree".utf8).write(to: URL(filePath: path("c.txt")))
            try Data("".utf8).write(to: URL(filePath: path("e.txt")))
            try Data("text\nx\n".utf8).write(to: URL(filePath: path("d.csv")))
            for (label, count) in [("good", 5), ("bad", 3)] {
                let texts = folder.appending(path: "f/\(label)")
                try FileManager.default.createDirectory(at: texts, withIntermediateDirectories: true)
                for index in 0..<count {
                    try Data("\(label) \(index)".utf8).write(to: texts.appending(path: "\(index).txt"))
                }
            }
            try Self.check(names.map(path) + [path("e.txt"), path("f")], Layout(), counts: [1, 2, 3, 8, 100])
        }
    }

    @Test func whatCannotBeDividedIsRefused() throws {
        let shard = try #require(Shard(0, of: 2))
        #expect(throws: DatasetError.self) { try Layout().input(of: shard, in: ["-"]) }
        #expect(throws: DatasetError.self) { try Layout(format: .lines).input(of: shard, in: ["/dev/null"]) }
        for (index, count) in [(-1, 2), (2, 2), (0, 0), (0, Shard.most + 1)] { #expect(Shard(index, of: count) == nil) }
    }

    /// A row that is wrong has the place of its piece.
    @Test func errorsNameTheirPiece() throws {
        try withFolder { folder in
            let file = folder.appending(path: "a.tsv")
            try Data("text\tmore\n1\tm\n2\tm\n3\tm\n4\n".utf8).write(to: file)
            let pieces = try Layout().input(of: try #require(Shard(1, of: 2)), in: [file.path]).pieces
            let error = #expect(throws: DatasetError.self) { try Self.texts(pieces, Layout()) }
            #expect(
                error?.description.contains("a.tsv from 14 to 24:3: the row has 1 columns, and the header 2") == true,
                "\(error?.description ?? "")")
        }
    }
}

/// Numbers that are always the same.
private struct Generator {
    private var state: UInt64 = 1

    mutating func below(_ count: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % count
    }
}
