import Foundation
import Testing

@Suite struct ExplainTests {
    static let text = "a wonderful <b>film</b> & \"room\", awful"

    @Test func theTableNamesTheWordsForAndAgainstByEitherMethod() async throws {
        try await Program.withModel { program in
            let table = try program.run("explain", "--model", "model", "--text", Self.text, "--text", "")
            #expect(table.status == 0 && table.output.contains("word") && !table.output.contains("\u{1B}"))
            #expect(table.output.contains("\nleave-one-out: for ") && table.output.contains("; against: "))
            #expect(table.output.hasSuffix("\nno words\n"))
        }
    }

    @Test func everyWordHasItsPlaceInTheTextAndTwoFigures() async throws {
        try await Program.withModel { program in
            let json = try program.run(
                "explain", "--model", "model", "--json", "--max-length", "5", "--text", Self.text)
            let answer = try json.object
            #expect(Set(answer.keys) == ["text", "label", "confidence", "probabilities", "agree", "words"])
            let words = try #require(answer["words"] as? [[String: Any]])
            #expect(words.allSatisfy { Set($0.keys) == ["word", "start", "end", "gradient", "leave_one_out"] })
            #expect(words[1]["word"] as? String == "wonderful" && words[1]["start"] as? Int == 2)
            #expect(words[1]["leave_one_out"] is Double && words.last?["leave_one_out"] is NSNull)
            #expect(json.errors.contains("1 of 1 texts have more than 5 tokens"))
        }
    }

    @Test func aPageShowsATextAndNeverRunsIt() async throws {
        try await Program.withModel { program in
            func page(_ text: String) throws -> String {
                let result = try program.run(
                    "explain", "--model", "model", "--max-length", "5", "--output", "page.html", "--text", text)
                #expect(result.status == 0, "\(result.errors)")
                return try program.text(of: "page.html")
            }
            let plain = try page(Self.text)
            #expect(plain.contains("&lt;") && plain.contains("&quot;") && !plain.contains("<b>"))
            #expect(plain.contains("title=\"not read\"") && !plain.contains("http"))

            // A mark before or after a bracket is one Character with it.
            let tags = try page("\u{0600}<svg/onload=alert(1)> <\u{0301}b \"\u{0301}").unicodeScalars.split(
                separator: "<")
            #expect(!tags.contains { $0.starts(with: "svg".unicodeScalars) })
            #expect(!tags.contains { $0.first == "\u{0301}" })
        }
    }

    @Test func anotherLabelOrMethodIsExplainedWhereAsked() async throws {
        try await Program.withModel { program in
            let other = try program.run(
                "explain", "--model", "model", "--label", "negative", "--method", "gradient", "--text", "wonderful food"
            )
            #expect(other.output.hasPrefix("negative 0.") && other.output.contains("(predicted: positive 0."))
            #expect(other.output.contains("word       gradient  leave-one-out"))
        }
    }

    @Test func unknownLabelsAndFilesThatCannotBeWrittenAreRefused() async throws {
        try await Program.withModel { program in
            let unknown = try program.run("explain", "--model", "model", "--label", "meh", "--text", "x")
            #expect(unknown.status == 64 && unknown.errors.contains("no label 'meh'; it has 'negative', 'positive'"))
            let nowhere = try program.run("explain", "--model", "model", "--output", "nowhere/p.html", "--text", "x")
            #expect(nowhere.status == 1 && nowhere.errors.contains("nowhere/p.html: cannot be written"))
        }
    }
}
