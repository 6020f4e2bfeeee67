import JSON
import Testing

@Suite struct JSONValueTests {
    @Test func readsEveryKindOfValue() {
        let value = JSONValue(parsing: Array(#" {"a": [true, false, null], "b": {"c": "x", "d": -2}} "#.utf8))
        #expect(value?["a"].array?.map(\.bool) == [true, false, nil])
        #expect(value?["a"].array?[2].isNull == true)
        #expect(value?["b"]["c"].string == "x")
        #expect(value?["b"]["d"].int == -2)
        #expect(value?["b"].object?.map(\.key) == ["c", "d"])
    }

    @Test func aKeyThatIsMissingIsNull() {
        let value = JSONValue(parsing: Array("{}".utf8))
        #expect(value?["a"]["b"].isNull == true)
    }

    @Test func ofEqualKeysTheLastCounts() {
        #expect(JSONValue(parsing: Array(#"{"a": 1, "a": 2}"#.utf8))?["a"].int == 2)
    }

    @Test func readsEscapeSequences() {
        let value = JSONValue(parsing: Array(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#.utf8))
        #expect(value?.string == "\"\\/\u{8}\u{C}\n\r\t\u{E9}\u{1F600}")
    }

    @Test func keepsNumbersAsTheyAreWritten() {
        let numbers = ["0", "-1.50", "1e400", "18446744073709551615"]
        for number in numbers {
            guard case .number(number)? = JSONValue(parsing: Array(number.utf8)) else {
                Issue.record("\(number)")
                continue
            }
        }
    }

    @Test(arguments: [("7", 7), ("-2", -2), ("1.0", 1), ("1e3", 1000), ("0.5", nil), ("1e400", nil)])
    func wholeNumbersAreIntegersHoweverTheyAreWritten(_ text: String, _ int: Int?) {
        #expect(JSONValue(parsing: Array(text.utf8))?.int == int)
    }

    @Test(arguments: [#""\ud800""#, #""\ud800\u0041""#, #""\x""#, #""\u12""#, "\"\t\"", "01", "1."])
    func aLenientReaderKeepsUnreadableValuesApart(_ text: String) {
        let value = JSONValue(parsing: "[\(text), 1]".utf8, isLenient: true)
        guard case .unreadable? = value?.array?.first else {
            Issue.record("\(String(describing: value))")
            return
        }
        #expect(value?.array?.last?.int == 1)
        #expect(JSONValue(parsing: "[\(text), 1]".utf8) == nil)
    }

    @Test func aLenientReaderTakesACommaAfterTheLastElement() {
        #expect(JSONValue(parsing: #"{"a": [1, 2,],}"#.utf8, isLenient: true)?["a"].array?.map(\.int) == [1, 2])
        #expect(JSONValue(parsing: "[,]".utf8, isLenient: true) == nil)
    }

    /// Swift takes strings for equal that differ in how their accents are composed.
    @Test func keepsTheBytesOfKeys() {
        let value = JSONValue(parsing: Array(#"{"\u00e9": 1, "e\u0301": 2}"#.utf8))
        #expect(value?.object?.map { Array($0.key.unicodeScalars.map(\.value)) } == [[0xE9], [0x65, 0x301]])
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\" 1}", "{\"a\": 1,}", "nul", "1 2", "\"x", "\"\n\"", #""\x""#, #""\ud800""#,
        #""\ud800\u0041""#,
        #""\u12g4""#, #""\udc00""#, "x", "01", "+1", "1.", ".5", "-", "1e", "NaN",
    ])
    func refusesWhatIsNotJSON(_ text: String) {
        #expect(JSONValue(parsing: Array(text.utf8)) == nil)
    }

    @Test func refusesBytesThatAreNotUTF8() {
        #expect(JSONValue(parsing: [0x22, 0xE9, 0x22]) == nil)
    }

    @Test func refusesDocumentsThatAreTooDeep() {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(JSONValue(parsing: nested(512)) != nil)
        #expect(JSONValue(parsing: nested(100_000)) == nil)
    }
}
