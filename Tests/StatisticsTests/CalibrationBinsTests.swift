import Statistics
import Testing

@Suite struct CalibrationBinsTests {
    @Test func anUpperLimitBelongsToTheBinBelowIt() {
        let bins = CalibrationBins([0, 1.0 / 15, 0.0667, 0.5, 0.999, 1].map { ($0, $0 < 0.99) }).bins
        #expect(bins.count == CalibrationBins.count)
        let filled = bins.indices.filter { bins[$0].count > 0 }
        #expect(filled == [0, 1, 7, 14])
        #expect(filled.map { bins[$0].count } == [2, 1, 1, 2] && filled.map { bins[$0].right } == [2, 1, 1, 0])
        #expect(bins[14].accuracy == 0 && bins[3].confidence == nil && bins[3].accuracy == nil)
    }

    @Test func theExpectedErrorIsTheMeanDistanceFromTheDiagonal() {
        // Three answers of confidence 0.7 of which two are right, and one of confidence 0.2 that is wrong.
        let answers = [(0.7, true), (0.7, true), (0.7, false), (0.2, false)]
        let bins = CalibrationBins(answers.map { (confidence: $0.0, isRight: $0.1) })
        #expect(abs(bins.expectedError - (3 * (0.7 - 2.0 / 3) + 0.2) / 4) < 1e-12)
        #expect(CalibrationBins([]).expectedError == 0)
    }
}
