import Testing
import Transformer

/// Texts that are longer than what is read at a time.
@Suite struct LongTextsTests {
    @Test(arguments: [
        (LongTexts(maximumLength: 6), [[0, 1, 2, 3, 4, 99]]),
        (LongTexts(.headTail, maximumLength: 6), [[0, 1, 8, 9, 10, 99]]),
        (
            LongTexts(.windows, maximumLength: 6),
            [[0, 1, 2, 3, 4, 99], [0, 3, 4, 5, 6, 99], [0, 5, 6, 7, 8, 99], [0, 7, 8, 9, 10, 99]]
        ),
        (
            LongTexts(.windows, maximumLength: 6, stride: 4),
            [[0, 1, 2, 3, 4, 99], [0, 5, 6, 7, 8, 99], [0, 7, 8, 9, 10, 99]]
        ),
        // A stride that would leave tokens out is shortened.
        (
            LongTexts(.windows, maximumLength: 8, stride: 100),
            [[0, 1, 2, 3, 4, 5, 6, 99], [0, 5, 6, 7, 8, 9, 10, 99]]
        ),
        (LongTexts(.windows, maximumLength: 12), [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99]]),
        (LongTexts(.windows, maximumLength: 2), [[0, 99]]),
    ])
    func areReadAsTheirMethodSays(_ longTexts: LongTexts, expected: [[Int]]) {
        #expect(longTexts.sequences(of: Array(0...10) + [99], tokens: 1..<11) == expected)
    }
}
