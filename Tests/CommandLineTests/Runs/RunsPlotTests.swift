import Foundation
import Testing

/// `addnorm runs plot` and `addnorm runs report`.
@Suite struct RunsPlotTests {
    /// Calls `body` with a program that has trained the runs `one` and `two`, and evaluated the first on `test.tsv`.
    private func withRuns(_ body: (Program) throws -> Void) async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "one").status == 0)
            try program.write("wonderful\tpositive\nawful\tpositive\nboring\tnegative\n", to: "test.tsv")
            #expect(try program.run("evaluate", "--model", "model", "test.tsv").status == 0)
            #expect(try program.train("--name", "two", "--overwrite", "--seed", "2").status == 0)
            try body(program)
        }
    }

    @Test func aPlotFitsANarrowTerminalAndHasNoColoursInAPipe() async throws {
        try await withRuns { program in
            let plot = try program.run("runs", "plot", "one", "two", "one")
            #expect(plot.status == 0 && plot.output.hasPrefix("Loss\n") && !plot.output.contains("\u{1B}"))
            #expect(plot.output.contains("o─ one   x─ two"))
            #expect(plot.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
        }
    }

    @Test func theDocumentHasASeriesForEachGroupWithItsBand() async throws {
        try await withRuns { program in
            let json = try program.run(
                "runs", "plot", "one", "two", "--metric", "macro_f1", "--json", "--group-by", "layers"
            ).object
            #expect(Set(json.keys) == ["metric", "x", "series"])
            let series = try #require(json["series"] as? [[String: Any]])
            #expect(series.count == 1 && series[0]["name"] as? String == "layers 1")
            #expect(series[0]["runs"] as? [Int] == [1, 2])
            let point = try #require((series[0]["points"] as? [[String: Any]])?.first)
            #expect(Set(point.keys) == ["x", "y", "low", "high"])
        }
    }

    @Test func aPictureIsWrittenToAFile() async throws {
        try await withRuns { program in
            #expect(try program.run("runs", "plot", "one", "--metric", "batch_loss", "--output", "b.svg").status == 0)
            let svg = try program.text(of: "b.svg")
            #expect(svg.hasPrefix("<svg") && svg.contains("loss (nats)"))
        }
    }

    @Test func aReportIsAPageAboutRunsAndTheirMistakes() async throws {
        try await withRuns { program in
            let report = try program.run("runs", "report", "one", "two", "--output", "r.html")
            #expect(report.status == 0 && report.output.isEmpty)
            let page = try program.text(of: "r.html")
            #expect(page.contains("<h1>one, two</h1>") && page.contains("on test.tsv") && page.contains("awful"))
        }
    }

    @Test func whatCannotBeDrawnIsRefused() async throws {
        try await withRuns { program in
            for (arguments, status, message) in [
                (["plot", "one", "--output", "x.png"], Int32(64), "must end in .svg or .html"),
                (["report", "one", "--output", "x"], 64, "must end in .html"),
                (["plot", "one", "--metric", "speed"], 1, "no such metric: 'speed'; there are accuracy, batch_loss"),
                (["plot", "three"], 1, "no run has the id or name 'three'"),
                (["plot", "one", "--group-by", "colour"], 1, "no run has the parameter 'colour'"),
                (["report", "one", "--output", "nowhere/r.html"], 1, "nowhere/r.html: cannot be written"),
            ] {
                let failed = try program.run(["runs"] + arguments)
                #expect(failed.status == status && failed.errors.contains(message), "\(failed.errors)")
            }
        }
    }
}
