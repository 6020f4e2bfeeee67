import Foundation
import Testing

@Suite struct ExplainTests {
    @Test func explanations() async throws {
        try await Program.use { program in
            #expect(try program.train().status == 0)
            let text = "a wonderful <b>film</b> & \"room\", awful"
            let table = try program.run("explain", "--model", "model", "--text", text, "--text", "")
            #expect(table.status == 0 && table.output.contains("word") && !table.output.contains("\u{1B}"))
            #expect(table.output.contains("\nmost important: '") && table.output.contains("' by leave-one-out, '"))
            #expect(table.output.hasSuffix("\nno words\n"))

            let json = try program.run(
                "explain", "--model", "model", "--json", "--max-length", "5", "--output", "page.html", "--text", text)
            let answer = try #require(try json.json as? [String: Any])
            #expect(Set(answer.keys) == ["text", "label", "confidence", "probabilities", "agree", "words"])
            let words = try #require(answer["words"] as? [[String: Any]])
            #expect(words.allSatisfy { Set($0.keys) == ["word", "start", "end", "gradient", "leave_one_out"] })
            #expect(words[1]["word"] as? String == "wonderful" && words[1]["start"] as? Int == 2)
            #expect(words[1]["leave_one_out"] is Double && words.last?["leave_one_out"] is NSNull)
            #expect(json.errors.contains("1 of 1 texts have more than 5 tokens"))
            let page = try String(contentsOf: program.folder.appending(path: "page.html"), encoding: .utf8)
            #expect(page.contains("&lt;") && page.contains("&quot;") && !page.contains("<b>"))
            #expect(page.contains("title=\"not read\"") && !page.contains("http"))

            // A mark before or after a bracket is one Character with it.
            let hostile = "\u{0600}<svg/onload=alert(1)> <\u{0301}b \"\u{0301}"
            _ = try program.run("explain", "--model", "model", "--output", "page.html", "--text", hostile)
            let escaped = try String(contentsOf: program.folder.appending(path: "page.html"), encoding: .utf8)
            #expect(!escaped.unicodeScalars.split(separator: "<").contains { $0.starts(with: "svg".unicodeScalars) })
            #expect(!escaped.unicodeScalars.split(separator: "<").contains { $0.first == "\u{0301}" })

            let other = try program.run(
                "explain", "--model", "model", "--label", "negative", "--method", "gradient", "--text", "wonderful food"
            )
            #expect(other.output.hasPrefix("negative 0.") && other.output.contains("(predicted: positive 0."))
            #expect(other.output.contains("word       gradient  leave-one-out"))
            let unknown = try program.run("explain", "--model", "model", "--label", "meh", "--text", "x")
            #expect(unknown.status == 64 && unknown.errors.contains("no label 'meh'; it has 'negative', 'positive'"))
            let nowhere = try program.run("explain", "--model", "model", "--output", "nowhere/p.html", "--text", "x")
            #expect(nowhere.status == 1 && nowhere.errors.contains("nowhere/p.html: cannot be written"))
        }
    }
}
