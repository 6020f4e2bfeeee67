import Foundation
import Testing

@Suite struct EmbedTests {
    private struct Line: Decodable {
        let text: String
        let embedding: [Float]
    }

    private static func lines(_ text: String) throws -> [Line] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    /// NumPy's header and the numbers, and the same numbers as JSON.
    @Test func writesWhatNumPyReads() async throws {
        try await Program.withModel { program in
            try program.write("a great book\n\nawful food\n", to: "texts.txt")
            let command = ["embed", "--model", "model", "texts.txt"]
            let lines = try Self.lines(try program.run(command).output)
            #expect(lines.map(\.text) == ["a great book", "", "awful food"])
            #expect(try program.run(command + ["--output", "e.npy"]).status == 0)
            let data = try Data(contentsOf: program.folder.appending(path: "e.npy"))
            #expect(data.prefix(8) == Data([0x93] + Array("NUMPY".utf8) + [1, 0]))
            let hidden = lines[0].embedding.count
            let header = String(decoding: data[10..<128], as: UTF8.self)
            #expect(header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (3, \(hidden)), }"))
            #expect(header.hasSuffix("\n") && Int(data[8]) + 256 * Int(data[9]) == 118)
            let values = data[128...].withUnsafeBytes { bytes in
                (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            #expect(values == lines.flatMap(\.embedding))
        }
    }

    @Test func normalizesWhereItIsAskedTo() async throws {
        try await Program.withModel { program in
            let command = ["embed", "--model", "model", "--text", "a great book"]
            let plain = try Self.lines(try program.run(command + ["--no-normalize"]).output)[0].embedding
            let norm = plain.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let unit = try Self.lines(try program.run(command + ["--normalize"]).output)[0].embedding
            #expect(zip(plain, unit).allSatisfy { abs($0 / norm - $1) < 1e-6 })
            // The folder decides where nobody says anything.
            try program.write(
                #"[{"type": "x.Transformer"}, {"type": "x.Pooling"}, {"type": "x.Normalize"}]"#,
                to: "model/modules.json")
            #expect(try Self.lines(try program.run(command).output)[0].embedding == unit)
            try program.write(#"[{"type": "x.Transformer"}, {"type": "x.Dense"}]"#, to: "model/modules.json")
            let refused = try program.run(command)
            #expect(refused.status == 1 && refused.errors.contains("'x.Dense', is not computed here"))
        }
    }

    @Test func leavesNothingBehindWhereItFails() async throws {
        try await Program.withModel { program in
            let missing = try program.run(["embed", "--model", "model", "missing.txt", "--output", "e.npy"])
            #expect(missing.status == 1)
            #expect(try program.run(["embed", "--model", "model", "--text", "a", "--output", "e.csv"]).status == 64)
            let names = try FileManager.default.contentsOfDirectory(atPath: program.folder.path)
            #expect(!names.contains { $0.hasPrefix("e.npy") })
        }
    }

    /// Neither what is read nor a way that is not there.
    @Test func refusesWhatCannotBeMeant() async throws {
        try await Program.withModel { program in
            try program.write("a great book\n", to: "texts.npy")
            let replacing = try program.run("embed", "--model", "model", "texts.npy", "--output", "texts.npy")
            #expect(replacing.status == 1 && replacing.errors.contains("would replace what is read from texts.npy"))
            #expect(try program.text(of: "texts.npy") == "a great book\n")
            let pooling = try program.run("embed", "--model", "model", "texts.npy", "--pooling", "weightedmean")
            #expect(pooling.status == 64 && pooling.errors.contains("'cls', 'mean' or 'max'"))
            let both = try program.run("search", "--model", "model", "texts.npy", "--query", "a", "--queries", "q.txt")
            #expect(both.status == 64 && both.errors.contains("--queries FILE"))
            let top = try program.run("search", "--model", "model", "texts.npy", "--duplicates", "--top", "3")
            #expect(top.status == 64 && top.errors.contains("--top is for"))
            let input = try program.run("search", "--model", "model", "-", "--queries", "-")
            #expect(input.status == 64 && input.errors.contains("Standard input"))
            try program.write("", to: "none.txt")
            let none = try program.run("search", "--model", "model", "texts.npy", "--queries", "none.txt")
            #expect(none.status == 1 && none.errors.contains("none.txt: has no texts to look for"))
        }
    }

    /// The largest numbers are not the mean, and texts that were cut off are said.
    @Test func readsAsItIsTold() async throws {
        try await Program.withModel { program in
            let command = ["embed", "--model", "model", "--text", "a great book, and a good film"]
            let largest = try program.run(command + ["--pooling", "max"])
            let mean = try program.run(command + ["--pooling", "mean", "--max-length", "4"])
            let (first, second) = (
                try Self.lines(largest.output)[0].embedding, try Self.lines(mean.output)[0].embedding
            )
            #expect(first.count == second.count && first != second)
            #expect(largest.errors.isEmpty && mean.errors.contains("1 of 1 texts have more than 4 tokens"))
        }
    }

    /// Each text of a file is looked for, from standard input as well; of texts that are equally near, the first ones are found.
    @Test func looksForTheTextsOfAFile() async throws {
        try await Program.withModel { program in
            try program.write("a great book\nawful food\na great book\n", to: "texts.txt")
            try program.write("text,id\nawful food,7\n\"a great book\",8\n", to: "queries.csv")
            let found = try program.run(
                "search", "--model", "model", "texts.txt", "--queries", "queries.csv", "--top", "1")
            #expect(
                found.output
                    == "awful food\t1.0000\ttexts.txt:2\tawful food\na great book\t1.0000\ttexts.txt:1\ta great book\n",
                "\(found.errors)")
            let piped = try program.run(
                "search", "--model", "model", "texts.txt", "--queries", "-", "--threshold", "0.9999", "--json",
                input: "a great book\n")
            let lines = try piped.output.split(separator: "\n").map {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
            #expect(lines.map { $0?["line"] as? Int } == [1, 3], "\(piped.errors)")
        }
    }

    /// Vectors that were made before give the same answers; those of other texts are refused.
    @Test func knowsVectorsThatWereMadeBefore() async throws {
        try await Program.withModel { program in
            try program.write("a great book\nawful food\na great book\n", to: "texts.txt")
            try program.write("awful food\n", to: "other.txt")
            #expect(try program.run("embed", "--model", "model", "texts.txt", "--output", "e.npy").status == 0)
            for what in [["--query", "awful food"], ["--duplicates", "--threshold", "0.5"]] {
                let command = ["search", "--model", "model", "texts.txt"] + what
                let known = try program.run(command + ["--embeddings", "e.npy"])
                #expect(known.output == (try program.run(command).output), "\(known.errors)")
            }
            for files in [["other.txt"], ["texts.txt", "other.txt"]] {
                let command = ["search", "--model", "model"] + files + ["--duplicates", "--embeddings", "e.npy"]
                let refused = try program.run(command)
                #expect(refused.status == 1 && refused.errors.contains("e.npy: has 3 vectors"), "\(refused.errors)")
            }
        }
    }

    @Test func findsWhatIsNear() async throws {
        try await Program.withModel { program in
            try program.write("a great book\nawful food\na great book\n", to: "texts.txt")
            let nearest = try program.run(
                "search", "--model", "model", "texts.txt", "--query", "awful food", "--top", "1")
            #expect(nearest.output == "1.0000\ttexts.txt:2\tawful food\n", "\(nearest.errors)")
            let pairs = try program.run(
                "search", "--model", "model", "texts.txt", "--duplicates", "--threshold", "0.9999")
            #expect(pairs.output == "1.0000\ttexts.txt:1\ttexts.txt:3\n")
            let object = try program.run(
                "search", "--model", "model", "texts.txt", "--query", "awful food", "--top", "1", "--json"
            ).object
            #expect(object["line"] as? Int == 2 && object["file"] as? String == "texts.txt")
            #expect(try program.run("search", "--model", "model", "texts.txt").status == 64)
            #expect(try program.run("search", "--model", "model", "missing.txt", "--duplicates").status == 1)
        }
    }
}
