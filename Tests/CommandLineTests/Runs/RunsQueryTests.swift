import Foundation
import Testing

@Suite struct RunsQueryTests {
    @Test func anAnswerIsATableOrCSV() async throws {
        try await Program.use { program in
            #expect(try program.train("--name", "first").status == 0)
            let table = try program.run("runs", "query", "SELECT name, 7 AS n FROM runs")
            #expect(table.output == "name   n\nfirst  7\n")
            let csv = try program.run(
                "runs", "query", "--csv", "SELECT 1 AS a, 'x, \"y\"' AS b, NULL AS c, 'two' || char(10) || 'lines' AS d"
            )
            #expect(csv.output == "a,b,c,d\r\n1,\"x, \"\"y\"\"\",,\"two\nlines\"\r\n")
        }
    }

    @Test func theQueriesOfTheDocumentationFindSomething() async throws {
        let queries = try Documentation.blocks(of: "sql")
        #expect(queries.count >= 8)
        try await Program.use { program in
            #expect(try program.train("--seeds", "1,2", "--name", "s").status == 0)
            try program.write(Program.rows + "boring\tpositive\nwonderful\tnegative\n", to: "test.tsv")
            for seed in 1...2 {
                #expect(try program.run("evaluate", "--model", "model/seed-\(seed)", "test.tsv").status == 0)
            }
            try program.makeExperiment(of: ["s-seed-1"])
            for query in queries {
                let result = try program.run("runs", "query", "--json", query)
                #expect(result.status == 0, "\(query)\(result.errors)")
                #expect(try !result.objects.isEmpty, "\(query) finds nothing")
            }
        }
    }
}
