import Escaping
import Foundation
import GRDB
import Testing

@Suite struct EscapingTests {
    @Test func aPageTakesTextsLiterally() {
        #expect("<a href=\"x\">'&\n\u{1B}".escaped == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;  ")
    }

    @Test func aTerminalGetsNoControlCharacters() {
        #expect("a\u{1B}[31mb\u{9B}c\r\n".printable == "a [31mb c  ")
        #expect("a\tb\r\nc".oneLine == "a b  c")
    }

    @Test func aShellTakesWordsLiterally() {
        #expect(["a", "", "b c", "it's", "$(x)"].shellQuoted == "a '' 'b c' 'it'\\''s' '$(x)'")
        #expect("a:b\\c".zshCompletion == "a\\:b\\\\c")
    }

    /// What has to come through each language as it is: quotes with combining marks, commands, line breaks, marks that turn the direction.
    static let hostile = [
        "a'\u{301}$(touch x)'\u{301}", "\"\u{308}`touch x`\"", "\\", "\\'\u{20DD}", "a\nb\r\nc\td", "!x", "~", "*", "-",
        "--",
        "$HOME", "#", "\u{1B}[31m", "\u{202E}abc\u{2069}", "\u{2028}", "👩‍👩‍👧", "e\u{301}é", "';DROP TABLE t;--",
        "\u{FEFF}x",
        "<b>&amp;\"'</b>", "]]>", "<\u{338}script>", "\u{85}\u{9B}31m", "'", "''", "\"", "%s%n", "a b", "",
    ]

    @Test func shellsTakeHostileWordsLiterally() throws {
        for shell in ["sh", "bash"] {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [shell, "-c", "printf '%s\\0' " + Self.hostile.shellQuoted]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let data = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            let words = data.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { Array($0) }
            #expect(words == Self.hostile.map { Array($0.utf8) })
        }
    }

    @Test func sqlTakesHostileTextsLiterally() throws {
        try DatabaseQueue().write { db in
            for text in Self.hostile + ["a\0b", "\0'"] {
                let result = try String.fetchOne(db, sql: "SELECT hex(CAST(\(text.sqlLiteral) AS BLOB))")
                #expect(result == text.utf8.map { String(format: "%02X", $0) }.joined())
                guard !text.contains("\0"), !text.isEmpty else { continue }
                let columns = try Row.fetchOne(db, sql: "SELECT 1 AS \(text.sqlIdentifier)")?.columnNames
                #expect(columns.map { Array($0.first!.utf8) } == Array(text.utf8))
            }
        }
    }

    @Test func pagesAndTerminalsGetNothingThatTheyObey() {
        for text in Self.hostile {
            let scalars = text.escaped.unicodeScalars
            #expect(!scalars.contains { "<>\"'".unicodeScalars.contains($0) }, "\(text)")
            #expect(
                !scalars.split(separator: "&").dropFirst(text.unicodeScalars.first == "&" ? 0 : 1).contains {
                    !$0.contains(";")
                })
            for shown in [text.escaped, text.printable] {
                #expect(
                    !shown.unicodeScalars.contains { $0.properties.generalCategory == .control || $0.value == 0x202E })
            }
        }
        #expect("a\u{1B}\nb\u{202E}".printableLines == "a \nb ")
        // The remedy stands at the end.
        let long = "file.tsv:1: the label '" + String(repeating: "x", count: 1_000_000) + "' is unknown; do this"
        #expect(long.printableLines.count < 2010 && long.printableLines.hasSuffix("' is unknown; do this"))
        // Joiners belong to words and signs.
        #expect("👩‍👩‍👧 می‌خواهم".printable == "👩‍👩‍👧 می‌خواهم")
    }

    @Test func sqlTakesTextsAndNamesLiterally() {
        #expect("it's".sqlLiteral == "('it''s')")
        #expect("a \"b\"".sqlIdentifier == "\"a \"\"b\"\"\"")
    }

    @Test func fieldsOfARowAreQuotedWhereNecessary() {
        #expect(["a b", "a,b", "say \"a\"", "a\nb", ""].csvRow == "a b,\"a,b\",\"say \"\"a\"\"\",\"a\nb\",\r\n")
    }

    /// A quote or a bracket with a combining mark is one Character, which is not equal to the quote alone.
    @Test func noQuoteHidesBehindACombiningMark() {
        #expect("<\u{301}".escaped.unicodeScalars.first == "&")
        #expect(Array("'\u{301}".sqlLiteral.unicodeScalars) == ["(", "'", "'", "'", "\u{301}", "'", ")"])
        #expect(Array("\"\u{301}".sqlIdentifier.unicodeScalars) == ["\"", "\"", "\"", "\u{301}", "\""])
        #expect(Array("'\u{301}".shellLiteral.unicodeScalars) == ["'", "'", "\\", "'", "'", "\u{301}", "'"])
        #expect(["\"\u{301}"].csvRow.unicodeScalars.prefix(3).elementsEqual(["\"", "\"", "\""]))
        #expect(Array(":\u{301}".zshCompletion.unicodeScalars) == ["\\", ":", "\u{301}"])
    }
}
