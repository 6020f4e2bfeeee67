import Foundation
import Testing

@Suite struct DataTests {
    /// Calls `body` with a program in a folder with a training file that has a contradiction and a bad row, and with a dev file
    /// that has a text of the training file.
    private func withData(_ body: (Program) throws -> Void) async throws {
        try await Program.use { program in
            try program.write(Program.rows + "a GREAT book\tnegative\nno label\n", to: "train.tsv")
            try program.write("An awful   film\tnegative\n", to: "dev.tsv")
            try body(program)
        }
    }

    @Test func aBadRowIsAnErrorWithItsLine() async throws {
        try await withData { program in
            let refused = try program.run("data", "train.tsv", "dev.tsv")
            #expect(refused.status == 1 && refused.errors.contains("train.tsv:10: "))
        }
    }

    @Test func labelsContradictionsAndLeaksAreReported() async throws {
        try await withData { program in
            let report = try program.run("data", "--on-bad-row", "skip", "train.tsv", "dev.tsv")
            #expect(report.status == 0)
            for part in [
                "train.tsv: 9 texts", "negative 5 (55.6 %), positive 4 (44.4 %)", "bad rows       1 skipped",
                "contradictions 1 text with different labels, in 2 rows",
                "train.tsv:4 positive, train.tsv:9 negative: a great book",
                "1 text stands both in train.tsv and in dev.tsv", "train.tsv:5, dev.tsv:1: an awful film",
            ] {
                #expect(report.output.contains(part), "\(part) in:\n\(report.output)")
            }
            let json = try program.run("data", "--json", "--on-bad-row", "skip", "train.tsv", "dev.tsv").object
            #expect((json["leaks"] as? [[String: Any]])?.first?["texts"] as? Int == 1)
            #expect((json["files"] as? [[String: Any]])?.map { $0["examples"] as? Int } == [9, 1])
        }
    }

    @Test func asManySuspectsAreNamedAsWereAskedFor() async throws {
        try await withData { program in
            let suspects = try program.run(
                ["data", "--on-bad-row", "skip", "--suspects", "2", "--json", "--epochs", "2", "train.tsv"]
                    + Program.smallShape)
            let found = try suspects.object
            #expect((found["suspects"] as? [[String: Any]])?.count == 2 && found["examples"] as? Int == 9)
            #expect(suspects.errors.contains("train.tsv: 1 bad row was skipped"))
            #expect(try program.run("data", "--suspects", "2", "--train-layers", "head", "train.tsv").status == 64)
        }
    }

    /// By a bag of words and by vectors, as text and as JSON, from files and from standard input.
    @Test func whatToLabelNextIsShown() async throws {
        try await Program.withModel { program in
            try program.write(Program.rows, to: "train.tsv")
            try program.write("a great book\na film\nthe  book\nA Film\n\n", to: "texts.txt")
            let command = ["data", "train.tsv", "--next", "2", "--unlabelled", "texts.txt"]
            for model in [[], ["--model", "model"]] {
                let text = try program.run(command + model)
                let lines = text.output.split(separator: "\n").map { $0.split(separator: "\t") }
                #expect(Set(lines.map { $0[1] }) == ["texts.txt:2", "texts.txt:3"], "\(text.output)\(text.errors)")
                let json = try program.run(command.dropLast() + ["-", "--json"] + model, input: "a film\n")
                let object = try json.object
                #expect(object["text"] as? String == "a film" && object["line"] as? Int == 1)
                #expect((object["uncertainty"] as? Double).map((0...1).contains) == true)
                #expect(json.errors.contains("there are only 1 of 2 texts"))
            }
            let vectors = ["--model", "model", "--embeddings", "e.npy"]
            #expect(try program.run("embed", "--model", "model", "texts.txt", "--output", "e.npy").status == 0)
            let known = try program.run(command + vectors)
            #expect(known.output == (try program.run(command + ["--model", "model"]).output), "\(known.errors)")
            let other = try program.run(command + ["--unlabelled", "train.tsv"] + vectors)
            #expect(other.status == 1 && other.errors.contains("e.npy: has 5 vectors"), "\(other.errors)")
        }
    }

    @Test func whatCannotBeLabelledNextIsSaid() async throws {
        try await withData { program in
            let known = try program.run(
                "data", "--on-bad-row", "skip", "train.tsv", "--next", "2", "--unlabelled", "dev.tsv")
            #expect(known.status == 1 && known.errors.contains("dev.tsv: has no text that is not labelled already"))
            try program.write("a film\tpositive\na book\tpositive\n", to: "one.tsv")
            let one = try program.run("data", "one.tsv", "--next", "2", "--unlabelled", "dev.tsv")
            #expect(one.status == 1 && one.errors.contains("one.tsv: every text has the label 'positive'"))
            for (options, reason) in [
                (["--next", "2"], "--next and --unlabelled belong together"),
                (["--unlabelled", "dev.tsv"], "--next and --unlabelled belong together"),
                (["--next", "2", "--unlabelled", "-", "--unlabelled", "-"], "Standard input can be read once"),
                (["--next", "2", "--unlabelled", "dev.tsv", "--suspects", "2"], "only one of"),
                (["--next", "2", "--unlabelled", "dev.tsv", "--epochs", "2"], "--epochs has no meaning with --next"),
                (
                    ["--next", "2", "--unlabelled", "dev.tsv", "--embeddings", "e.npy"],
                    "--embeddings is for --next with"
                ),
                (["--next", "0", "--unlabelled", "dev.tsv"], "--next must be at least 1"),
            ] {
                let refused = try program.run(["data", "train.tsv"] + options)
                #expect(refused.status == 64 && refused.errors.contains(reason), "\(options): \(refused.errors)")
            }
        }
    }
}
