import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

import Plots

@Suite struct PlotsTests {
    private static func figure(_ values: [Double?], name: String = "run", note: String? = nil) -> Figure {
        Figure(
            "Loss", note: note, x: .init("epoch", isInteger: true), y: .init("loss (nats)"),
            [Figure.Series(name, color: 0, values.enumerated().map { Figure.Point(Double($0 + 1), $1) })])
    }

    /// Text without the sequences that colour it.
    private static func plain(_ text: String) -> String { text.replacing(/\u{1B}\[[0-9;]*m/, with: "") }

    @Test(arguments: [
        (0.0, 1.0, 6, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]), (0.68, 0.8062, 5, ["0.70", "0.75", "0.80"]),
        (0, 3e-4, 4, ["0", "0.0001", "0.0002", "0.0003"]), (0, 2e-5, 3, ["0", "1e-5", "2e-5"]),
        (0, 100_000, 3, ["0", "50,000", "100,000"]), (-5, 5, 3, ["−5", "0", "5"]),
        (0, 2_500_000, 3, ["0", "1e6", "2e6"]),
    ])
    func ticksAreRoundNumbers(low: Double, high: Double, count: Int, labels: [String]) {
        let scale = Scale([low, high], .init(""))
        #expect(scale.ticks(atMost: count).map(\.label) == labels)
        #expect(scale.ticks(atMost: count).allSatisfy { scale.range.contains($0.value) })
    }

    @Test(arguments: [
        (1e-3, 1e3, 8, ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]),
        (1e-12, 1, 4, ["1e-12", "1e-8", "0.0001", "1"]),
        (0.3, 40, 5, ["1", "10"]), (2, 7, 5, ["2", "5"]), (1e5, 1e8, 4, ["100,000", "1e6", "1e7", "1e8"]),
        // Where there are not even two such numbers, others that are round; and always the ends of few decades.
        (0.7, 0.8, 3, ["0.70", "0.75", "0.80"]), (10, 1000, 2, ["10", "1000"]), (1, 1, 5, ["0.5", "1", "2"]),
    ])
    func logarithmicTicksArePowersOfTen(low: Double, high: Double, count: Int, labels: [String]) {
        let scale = Scale([low, high], .init("", isLogarithmic: true))
        #expect(scale.ticks(atMost: count).map(\.label) == labels)
    }

    @Test func equalFactorsAreEqualDistancesAndZeroHasNoPlace() {
        let scale = Scale([1e-4, 1, 1e4], .init("", isLogarithmic: true))
        #expect(
            abs(scale.place(1) - 0.5) < 1e-9
                && abs(scale.place(100) - scale.place(1) - scale.place(1) + scale.place(0.01)) < 1e-9)
        let figure = Figure(
            "g", x: .init("x"), y: .init("y", isLogarithmic: true),
            [
                .init(
                    "a", color: 0,
                    [.init(1, 1e-3), .init(2, 0), .init(3, -1), .init(4, .nan), .init(5, 10, low: -2, high: 1e9)])
            ])
        #expect(figure.series[0].points.map { $0.y != nil } == [true, false, false, false, true])
        #expect(!figure.svg().contains("nan") && !figure.terminal(columns: 60, rows: 12, color: false).contains("nan"))
    }

    @Test func anIntervalThatReachesZeroEndsAtTheEdgeOfALogarithmicAxis() {
        func ticks(low: Double) -> [String] {
            let points = [Figure.Point(1, 1e-3, low: low, high: 1e-2), Figure.Point(2, 10)]
            let figure = Figure("g", x: .init("x"), y: .init("y", isLogarithmic: true), [.init("a", color: 0, points)])
            return figure.svg().matches(of: /end" [^>]*>([^<]*)</).map { String($0.1) }
        }
        #expect(ticks(low: 0) == ["0.001", "0.01", "0.1", "1", "10"] && ticks(low: -2) == ticks(low: 0))
    }

    @Test func logarithmicAxesHaveLimitsAndWholeNumbersToo() {
        #expect(Scale([0.5, 1], .init("", limits: 0...1, isLogarithmic: true)).place(1) == 1)
        #expect(
            Scale([1, 1], .init("", isInteger: true, isLogarithmic: true)).ticks(atMost: 5).map(\.label) == ["1", "2"])
        // Of 99 points in the first two of four decades; columns of equal width would leave four.
        let x = Axis("", isLogarithmic: true)
        let series = Figure.Series("", color: 0, (1...10_000).map { Figure.Point(Double($0), sin(Double($0))) })
        #expect(series.thinned(to: 100, on: x).filter { $0.x < 100 }.count > 50)
    }

    @Test func aGridTellsKindsApartWithoutColours() throws {
        let grid = OutcomeGrid(
            "What <trains>", note: "a note", columnsTitle: "rate", columns: ["0.1", "0.01"],
            kinds: [.init("trained", mark: "●", color: 2), .init("stuck", mark: "–", color: nil)],
            groups: [.init("post & pre", [.init("2 layers <b>", [0, nil]), .init("3 layers", [1, 0])])])
        for svg in [grid.svg(), grid.svg(width: 350, isFile: true)] {
            let parser = XMLParser(data: Data(svg.utf8))
            #expect(parser.parse(), "\(svg)")
            #expect(svg.contains("2 layers &lt;b&gt;") && svg.contains("What &lt;trains&gt;"))
            // A square for each kind in the legend and for each cell that was tried.
            #expect(svg.matches(of: /<rect class="cell/).count == 5)
        }
        #expect(
            grid.text == """
                What <trains>: ● trained, – stuck
                              0.1  0.01
                post & pre
                2 layers <b>  ●
                3 layers      –    ●

                """)
    }

    @Test func axesFitTheirValues() {
        // Epochs are whole, a share is never more than 1, and what is all the same has room around it.
        #expect(Scale([1, 2], .init("", isInteger: true)).ticks(atMost: 9).map(\.label) == ["1", "2"])
        #expect(Scale([0.5, 1], .init("", limits: 0...1)).range.upperBound == 1)
        let same = Scale([0.7, 0.7], .init(""))
        #expect(same.place(0.7) == 0.5 && !same.ticks(atMost: 5).isEmpty)
        #expect(Scale([1e299, -1e299], .init("")).ticks(atMost: 5).count > 1)
        #expect(Scale([1, 1 + 1e-12], .init("")).ticks(atMost: 5).count > 1)
        #expect(Scale([.leastNonzeroMagnitude, 3 * .leastNonzeroMagnitude], .init("")).ticks(atMost: 5).count < 6)
    }

    @Test func sparklinesHaveACharacterForEachValue() {
        #expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█")
        #expect(sparkline([1, nil, .nan, 0, .infinity]) == "█  ▁ ")
        #expect(sparkline([0.5, 0.5]) == "▄▄" && sparkline([nil]) == " " && sparkline([]) == "")
    }

    static let hard: [[Double?]] = [
        [], [nil, .nan], [1], [0, 0, 0], [1, nil, 2, .infinity, 3], [1e308, -1e308], [-1e-300, 1e-300], [5, 5 + 1e-13],
        [0.5, 0.4, 0.3], (0..<700).map { sin(Double($0) / 50) },
    ]

    @Test(arguments: hard)
    func noLineIsLongerThanTheTerminal(values: [Double?]) {
        let names = [
            "很长的名字很长的名字很长的名字", "a name that is longer than any terminal is wide, or nearly so", "b", "c\u{1B}[31m",
        ]
        let one = Self.figure(values, note: "solid: dev data, dashed: train data; band: 95 % interval of the mean")
        let several = Figure(
            one.title, note: one.note, x: one.x, y: one.y,
            (0..<9).map {
                Figure.Series(names[$0 % 4], $0 % 2 == 0 ? .solid : .dashed, color: $0, one.series[0].points)
            })
        for columns in [1, 2, 7, 20, 40, 80, 250] {
            for (figure, color) in [(one, false), (several, false), (several, true)] {
                let text = figure.terminal(columns: columns, rows: 20, color: color)
                #expect(text.split(separator: "\n").allSatisfy { Self.plain(String($0)).columns <= columns })
                #expect(color || !text.contains("\u{1B}"))
            }
        }
    }

    @Test func aTerminalShowsCurvesAndGaps() {
        let text = Self.figure([3, 2, nil, 1, 1]).terminal(columns: 40, rows: 14, color: false)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.count == 15 && lines[0] == "Loss" && lines[1] == "loss (nats)")
        #expect(lines[2...].contains { $0.hasPrefix("3 ┤") } && lines[10].hasPrefix("  └"))
        #expect(lines[11].split(separator: " ") == ["1", "2", "3", "4", "5"])
        #expect(lines[13] == "── run")
        // Nothing is drawn across the gap, and the last values are low.
        #expect(lines.filter { $0.contains("┤") || $0.contains("│") }.count == 8)
        #expect(lines[2...8].allSatisfy { $0.dropFirst(25).allSatisfy { $0 == " " } })
        #expect(Self.figure([]).terminal(columns: 40, rows: 14, color: true) == "Loss\nno values\n")
    }

    @Test(arguments: hard)
    func svgIsXMLWhateverItSays(values: [Double?]) throws {
        let name = "</title><script>\"'&\u{7}\u{FFFF}\u{301}<"
        let points = values.enumerated().map { Figure.Point(Double($0), $1, low: $1, high: 9, count: 3) }
        let figure = Figure(
            name, note: name, x: .init(name), y: .init(name, limits: 0...1),
            [Figure.Series(name, color: 7, points), Figure.Series(name, .points, color: nil, points)]
                + (0..<30).map { Figure.Series(name, .dashed, color: $0, points) })
        for isFile in [false, true] {
            let parser = XMLParser(data: Data(figure.svg(width: 350, isFile: isFile).utf8))
            #expect(parser.parse(), "\(String(describing: parser.parserError))")
        }
        #expect(!figure.svg().contains("nan") && !figure.svg().contains("inf"))
    }

    /// What several pictures in one page could fight about.
    @Test func severalPicturesFitIntoOnePage() {
        let svg = Self.figure([1, 2]).svg()
        #expect(!svg.contains(" id=") && !svg.contains("http://www.w3.org/1999") && !svg.contains("<script"))
    }

    @Test func thinningKeepsSpikes() {
        var values: [Double?] = (0..<10_000).map { sin(Double($0) / 500) }
        (values[7777], values[3333]) = (50, -50)
        for place in 5000..<5100 { values[place] = nil }
        let figure = Self.figure(values)
        let series = figure.series[0]
        let thinned = series.thinned(to: 300, on: figure.x)
        #expect(thinned.count <= 1500 && thinned.first == series.points.first && thinned.last == series.points.last)
        #expect(thinned.contains { $0.y == 50 } && thinned.contains { $0.y == -50 } && thinned.contains { $0.y == nil })
        #expect(thinned.map(\.x) == thinned.map(\.x).sorted())
    }

    /// However many there are: curves of as many values are thinned, and have no points.
    @Test func everyPointOfAScatterIsDrawn() {
        let points = (0..<3000).map { Figure.Point(Double($0 % 100), Double($0 / 100)) }
        let figure = Figure("s", x: .init("x"), y: .init("y"), [Figure.Series("s", .scatter, color: 0, points)])
        #expect(figure.svg().split(separator: "<circle").count >= 3001)
        let dots = figure.terminal(columns: 80, rows: 20, color: false).unicodeScalars.count {
            (0x2801...0x28FF).contains($0.value)
        }
        #expect(dots > 500)
    }
}
