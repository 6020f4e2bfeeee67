import Datasets
import Testing

@Suite struct JSONLinesTests {
    static func read(_ text: String, layout: Layout = Layout(), labels: LabelReading = .one) throws -> [Example] {
        try ReadingTests.read(text, name: "d.jsonl", layout: layout, labels: labels)
    }

    @Test func values() throws {
        let examples = try Self.read(
            """
            {"label": 1, "review": "a\\n\\"b\\"\\ud83d\\ude00", "more": {"x": [null, {"y": 1e400}]}}\r

            {"label": 0.5, "review": 12}
              {"review": true, "label": "pos", "unknown": []}
            {"review": "\u{2028}", "label": false}
            {"review": "x", "label": 1.0}
            """)
        #expect(
            ReadingTests.pairs(examples) == [
                ["a\n\"b\"😀", "1"], ["12", "0.5"], ["true", "pos"], ["\u{2028}", "false"], ["x", "1"],
            ])
        #expect(examples.map(\.line) == [1, 3, 4, 5, 6])
    }

    @Test func keys() throws {
        let layout = Layout(
            textColumns: [.name("title"), .name("body")], labelColumn: .name("stars"), groupColumn: .name("shop"))
        let examples = try Self.read(#"{"stars": 5, "body": "B", "title": "A", "shop": 7}"#, layout: layout)
        #expect(ReadingTests.pairs(examples) == [["A B", "5"]] && examples[0].group == "7")
        #expect(try Self.read(#"{"Content": "x"}"#, labels: .none).map(\.text) == ["x"])
        #expect(try Self.read(#"{"content": "x", "text": "y"}"#, labels: .none).map(\.text) == ["y"])
    }

    @Test func pairs() throws {
        let pair = #"{"text": "x", "text_pair": "y", "premise": "z"}"#
        #expect(try Self.read(pair, labels: .none)[0].textPair == "y")
        let layout = Layout(textPairColumn: .name("premise"))
        #expect(try Self.read(pair, layout: layout, labels: .none)[0].textPair == "z")
        #expect(try Self.read(#"{"text_pair": "y", "sentence": "x"}"#, labels: .none)[0].text == "x")
        // Of several, always the same; of none, none.
        let several = #"{"text": "x", "text_pair": "y", "Text_Pair": "z"}"#
        #expect(try (0..<8).allSatisfy { _ in try Self.read(several, labels: .none)[0].textPair == "z" })
        let none = #"{"text": "x", "text_pair": null}"#
        #expect(try Self.read("\(none)\n\(none)", labels: .none).allSatisfy { $0.textPair == nil })
        var ignoring = Layout()
        ignoring.secondText = .ignored
        #expect(try Self.read("\(none)\n\(pair)", layout: ignoring, labels: .none).allSatisfy { $0.textPair == nil })
        let own = Layout(textColumns: [.name("text_pair")])
        #expect(try Self.read(pair, layout: own, labels: .none).map { [$0.text, $0.textPair] } == [["y", nil]])
    }

    @Test(arguments: [
        (#"{"text": "x", "label": "a"}\#n{"text": "x", "text_pair": "y", "label": "a"}"#, ":2: has a 'text_pair'"),
        (#"{"text": "x", "text_pair": "y", "label": "a"}\#n{"text": "x", "label": "a"}"#, ":2: the key 'text_pair' is"),
        (
            #"{"text": "x", "text_pair": 1, "label": "a"}\#n{"text": "x", "text_pair": null, "label": "a"}"#,
            ":2: the value of"
        ),
        (#"{"text": "x", "label": "a"}\#n{"text": "x", "Text_Pair": "y", "label": "a"}"#, ":2: has a 'Text_Pair'"),
        (#"{"text": "x", "label": "a"}\#n{"label": "a"}"#, "d.jsonl:2: the key 'text' is missing"),
        (#"{"text": {"x": 1}, "label": "a"}"#, ":1: the value of 'text' is an object"),
        (#"{"text": null, "label": "a"}"#, ":1: the value of 'text' is null"),
        (#"{"text": "x", "label": ["a"]}"#, ":1: the label is an array"),
        (#"{"text": "x", "label": null}"#, ":1: the label is empty"),
        (#"{"text": "x", "label": {}}"#, ":1: the label is an object"),
        (#"["x", "a"]"#, ":1: the line is no JSON object"),
        (#"{"text": "x", "label": "a""#, ":1: not valid JSON"),
        (#"{"text": "\ud800", "label": "a"}"#, ":1: the value of 'text' is unreadable"),
        (#"{"text": "x", "label": 1e400}"#, ":1: the label is unreadable"),
        (String(repeating: "[", count: 100_000), ":1: not valid JSON"),
        (#"{"tweet": "x", "stars": 1}"#, "the keys are 'stars', 'tweet'; name one of them with --text-column"),
        ("\n", "the file is empty"),
    ])
    func badRows(_ text: String, _ message: String) {
        let error = #expect(throws: DatasetError.self) { try Self.read(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func numbersAsColumns() {
        let error = #expect(throws: DatasetError.self) {
            try Self.read(#"{"text": "x"}"#, layout: Layout(textColumns: [.number(2)]), labels: .none)
        }
        #expect(error?.description.contains("the keys of JSON objects have no numbers") == true)
    }
}
