import Escaping
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

    @Test func sqlTakesTextsAndNamesLiterally() {
        #expect("it's".sqlLiteral == "'it''s'")
        #expect("a \"b\"".sqlIdentifier == "\"a \"\"b\"\"\"")
    }

    @Test func fieldsOfARowAreQuotedWhereNecessary() {
        #expect(["a b", "a,b", "say \"a\"", "a\nb", ""].csvRow == "a b,\"a,b\",\"say \"\"a\"\"\",\"a\nb\",\r\n")
    }

    /// A quote or a bracket with a combining mark is one Character, which is not equal to the quote alone.
    @Test func noQuoteHidesBehindACombiningMark() {
        #expect("<\u{301}".escaped.unicodeScalars.first == "&")
        #expect(Array("'\u{301}".sqlLiteral.unicodeScalars) == ["'", "'", "'", "\u{301}", "'"])
        #expect(Array("\"\u{301}".sqlIdentifier.unicodeScalars) == ["\"", "\"", "\"", "\u{301}", "\""])
        #expect(Array("'\u{301}".shellLiteral.unicodeScalars) == ["'", "'", "\\", "'", "'", "\u{301}", "'"])
        #expect(["\"\u{301}"].csvRow.unicodeScalars.prefix(3).elementsEqual(["\"", "\"", "\""]))
        #expect(Array(":\u{301}".zshCompletion.unicodeScalars) == ["\\", ":", "\u{301}"])
    }
}
