import Foundation
import Testing

/// Databases of several jobs that become one.
@Suite struct RunsMergeTests {
    @Test func theRunsOfJobsComeTogetherAndTheModelsStayTheirs() async throws {
        try await Program.use { program in
            for job in ["a", "b"] {
                #expect(try program.train("--output", job, "--db", job + ".sqlite", "--epochs", "1").status == 0)
                #expect(try program.run("evaluate", "--model", job, "--db", job + ".sqlite", "train.tsv").status == 0)
            }
            let before = try Data(contentsOf: program.url("a.sqlite"))
            let merged = try program.run("runs", "merge", "a.sqlite", "b.sqlite", "--db", "all.sqlite")
            #expect(
                merged.output == """
                    database  new runs  updated  as before  new evaluations
                    a.sqlite         1        0          0                1
                    b.sqlite         1        0          0                1

                    database  what  name there  name here
                    b.sqlite  run   run-1       run-1-1

                    """)
            #expect(try Data(contentsOf: program.url("a.sqlite")) == before)
            let again = try program.run("runs", "merge", "b.sqlite", "--db", "all.sqlite", "--json").object
            let first = try #require((again["merged"] as? [[String: Any]])?.first)
            #expect(first["database"] as? String == "b.sqlite" && (first["renamed"] as? [Any])?.isEmpty == true)
            #expect(first["added"] as? Int == 0 && first["unchanged"] as? Int == 1 && first["evaluations"] as? Int == 0)
            // A run stands for its model, and an evaluation goes to the run that has written it.
            let evaluated = try program.run("evaluate", "--model", "run-1-1", "--db", "all.sqlite", "train.tsv")
            #expect(evaluated.status == 0)
            let shown = try program.run("runs", "show", "run-1-1", "--db", "all.sqlite", "--json").object
            #expect((shown["evaluations"] as? [Any])?.count == 2)
        }
    }

    @Test func whatCannotBeMergedIsSaidBeforeAnythingIsChanged() async throws {
        try await Program.use { program in
            #expect(try program.train("--epochs", "1").status == 0)
            try program.write("no database", to: "text")
            try FileManager.default.createSymbolicLink(
                atPath: program.url("link").path, withDestinationPath: "addnorm.sqlite")
            for (other, status, message) in [
                ("text", 1, "not a SQLite database"), ("nowhere", 1, "no such database"),
                ("link", 64, "is the database itself"),
            ] {
                let merged = try program.run(
                    "runs", "merge", "addnorm.sqlite", other, "--db", other == "link" ? "link" : "all")
                #expect(merged.status == status && merged.errors.contains(message), "\(merged.errors)")
            }
            #expect(!program.exists("all") && !program.exists("nowhere"))
        }
    }
}
