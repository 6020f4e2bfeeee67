import Plots
import Reports
import Testing

/// What is built once and rendered as text and as a page.
@Suite struct ReportTests {
    private struct Row {
        let name: String
        let count: Int
        var share: Double?
        var remark: String?
    }

    private static let rows = [Row(name: "很 <b>", count: 1234, share: -0.5), Row(name: "c", count: 7)]
    private static var facts: [Fact<Row>] {
        [
            .text("name", \.name), .count("texts", \.count), .figure("share", \.share), .text("remark", \.remark).ifAny,
        ]
    }

    @Test func columnsAreAsWideAsTheirCellsAndNumbersStandToTheRight() {
        #expect(
            ReportTable(Self.rows, Self.facts).text == """
                name    texts    share
                很 <b>   1234  -0.5000
                c           7

                """)
    }

    @Test func aColumnThatHasNothingIsLeftOutOnlyIfItMayBe() {
        let remarked = Row(name: "d", count: 1, remark: "odd")
        #expect(ReportTable(Self.rows, Self.facts).header == ["name", "texts", "share"])
        #expect(ReportTable(Self.rows + [remarked], Self.facts).header == ["name", "texts", "share", "remark"])
        #expect(ReportTable([Row](), [.text("name", \.name)]).text == "name\n")
    }

    @Test func factsStandBesideEachOtherOrInAList() {
        let table = ReportTable(Self.facts, of: Self.rows, named: ["A", "B"], .number)
        #expect(
            table.text == """
                             A  B
                name    很 <b>  c
                texts     1234  7
                share  -0.5000

                """)
        let list = ReportTable(list: Self.facts, of: Self.rows[1])
        #expect(list.rows == [[.text("name"), .text("c")], [.text("texts"), .count(7)]])
    }

    @Test func aPageHasTheSameForABrowser() {
        let parts = [
            Report.Part(heading: "A & B", [.sentence("a < b"), .table(ReportTable(Self.rows, Self.facts))]),
            Report.Part([.note("how to read it")]),
        ]
        #expect(parts.text.hasPrefix("A & B\na < b\nname") && parts.text.hasSuffix("\n\nhow to read it\n"))
        let page = Report("R", [Report.Section("S", parts), Report.Section("empty", [])]).html
        for text in [
            "<h2>S</h2>", "<h3>A &amp; B</h3>", "<p>a &lt; b</p>", "很 &lt;b&gt;", ">1,234<", ">−0.5000<", ">–<",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(!page.contains("empty"))
    }
}
