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
}
